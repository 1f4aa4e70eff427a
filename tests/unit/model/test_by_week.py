"""Weeks and days of a log: who entered, who moved, and how long customers were there, against counts made one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observed.by_week import DAYS, MOST_WEEKS, ByWeek, by_week_of
from journeysim.model.quantity import Fixed
from journeysim.model.visits import visits_of
from logs import event_log
from maps import exponential

JOURNEY = JourneyMap(
    "shop",
    (
        Touchpoint("look", (Link("ask", Fixed(0.5), exponential(2.0)), Link("end", None, exponential(2.0)))),
        Touchpoint("ask", (Link("end", None, exponential(2.0)),)),
    ),
    (Outcome("end"),),
    (("look", Fixed(1.0)),),
)


def counted(log: EventLog) -> ByWeek:
    found = by_week_of(visits_of(log, JOURNEY), log, JOURNEY)
    assert found is not None
    return found


def stays(customers: int, days: float, seed: int) -> list[tuple[str, str, float]]:
    """Return customers who look for a while, half of them until the end of the log."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        start, stay = rng.uniform(0, days), rng.exponential(6.0)
        rows.append((f"c{i}", "look", start))
        if start + stay < days and rng.uniform() < 0.5:
            rows.append((f"c{i}", "end", start + stay))
    return rows


def test_time_spent_on_each_day_is_that_of_a_count_customer_by_customer():
    """With L(age) = age the sum is customer-days. Bins are 15 % wide, ages at midnight are off by at most an hour: weeks 2 %.

    A day has few ends and beginnings, so that bins do not even out: a quarter of a day's sum at most.
    """
    rows = stays(400, 33.0, 1)
    found = counted(event_log(rows, cut_off=33.0))
    assert found.weeks == 4
    ended = {name: day for name, place, day in rows if place == "end"}
    edges = 33.0 - np.arange(28.0, -1.0, -1.0)
    true = np.zeros(28)
    for name, place, day in rows:
        if place == "look":
            true += np.clip(np.minimum(ended.get(name, 33.0), edges[1:]) - np.maximum(day, edges[:-1]), 0, None)
    table = found.exposed
    spent = np.bincount(table.day, weights=table.count * found.ages[table.age], minlength=28)
    assert spent.reshape(4, DAYS).sum(axis=1) == pytest.approx(true.reshape(4, DAYS).sum(axis=1), rel=0.02)
    assert spent == pytest.approx(true, rel=0.25)


def test_a_short_stay_over_midnight_is_as_old_then_as_it_is():
    """Forty minutes from half an hour before midnight at the earliest: whoever may leave after 35 does so on the next day.

    With arrivals taken by the hour, who came at 23:40 was an hour old at midnight, and the next day was owed less than nothing.
    """
    arrived = 14.0 - np.linspace(1.0, 30.0, 50) / 1440.0
    rows = [row for k, day in enumerate(arrived) for row in ((f"c{k}", "look", day), (f"c{k}", "end", day + 40 / 1440))]
    found = counted(event_log([("first", "look", 0.0), ("first", "end", 0.01), *rows], cut_off=21.0))
    table = found.exposed
    may_leave = found.ages[table.age] >= 35.0 / 1440.0
    assert np.bincount(table.day, weights=table.count * may_leave, minlength=21).nonzero()[0].tolist() == [14]


def test_entries_are_counted_in_their_week_moves_on_their_day_and_the_cut_off_in_the_last():
    rows = [("a", "look", 0.0), ("a", "ask", 8.0), ("a", "end", 21.0), ("b", "look", 13.9), ("b", "end", 14.0),
            ("c", "look", 20.0)]  # fmt: skip
    found = counted(event_log(rows, cut_off=21.0))
    assert found.entered.tolist() == [1, 1, 1]
    assert [tuple(row) for row in np.argwhere(found.moved > 0)] == [(0, 1, 8), (0, 2, 14), (1, 2, 20)]
    assert found.moved.sum() == 3


def test_what_lies_before_the_first_whole_week_begins_exposures_and_is_not_counted():
    rows = [("a", "look", 0.0), ("a", "end", 12.0), ("b", "look", 1.0), ("b", "end", 2.0)]
    found = counted(event_log(rows, cut_off=17.0))
    assert found.weeks == 2
    assert found.entered.tolist() == [0, 0]
    assert np.flatnonzero(found.moved[0, 2]).tolist() == [9]
    spent = np.bincount(
        found.exposed.day // DAYS, weights=found.exposed.count * found.ages[found.exposed.age], minlength=2
    )
    assert spent == pytest.approx([7.0, 2.0], abs=0.8)  # half a bin at 10 days


def test_the_table_does_not_grow_with_the_customers():
    log = event_log(stays(300, 60.0, 2), cut_off=60.0)
    more = [Names(np.tile(log.customer.codes, 5) + np.repeat(np.arange(5), len(log.time)) * len(log.customer.labels),
                  tuple(f"{name} {k}" for k in range(5) for name in log.customer.labels)),
            Names(np.tile(log.touchpoint.codes, 5), log.touchpoint.labels)]  # fmt: skip
    times = replace(log, customer=more[0], touchpoint=more[1], time=np.tile(log.time, 5))
    one, five = counted(log), counted(times)
    assert np.array_equal(five.exposed.age, one.exposed.age)
    assert np.array_equal(five.exposed.count, 5 * one.exposed.count)
    assert np.array_equal(five.moved, 5 * one.moved)


def test_a_log_of_days_has_no_weeks_and_one_of_years_the_latest():
    assert by_week_of(visits_of(event_log([("a", "look", 0.0)], cut_off=6.9), JOURNEY), event_log([("a", "look", 0.0)]),
                      JOURNEY) is None  # fmt: skip
    assert counted(event_log([("a", "look", 0.0), ("b", "look", 700.0)], cut_off=720.0)).weeks == MOST_WEEKS
