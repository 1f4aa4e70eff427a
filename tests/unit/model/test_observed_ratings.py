"""What is counted of ratings: which touchpoint and which wait they are about, bins, weights, and what is no scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint, link_id, links_of
from journeysim.model.observations import observe
from journeysim.model.observed.ratings import Ratings
from journeysim.model.quantity import Fixed

DAY = Dwell(Family.EXPONENTIAL, Fixed(1.0))
JOURNEY = JourneyMap(
    "orders",
    (
        Touchpoint("order", (Link("delivery", Fixed(0.8), DAY), Link("survey", Fixed(0.1), DAY), Link("end", None, DAY))),
        Touchpoint("delivery", (Link("survey", Fixed(0.6), DAY), Link("end", None, DAY))),
        Touchpoint("survey", (Link("delivery", Fixed(0.1), DAY), Link("end", None, DAY))),
    ),
    (Outcome("end"),),
    (("order", Fixed(1.0)),),
    personas=(Persona("small", Fixed(0.6)), Persona("large", Fixed(0.4))),
)  # fmt: skip
NAN = np.nan
#: customer, touchpoint, day, rating, days late, persona
ROWS = (
    ("a", "order", 0, NAN, NAN, "small"),
    ("a", "delivery", 8, NAN, 3.0, "small"),
    ("a", "survey", 9, 2.0, NAN, "small"),  # about the delivery, eight days, three late
    ("b", "order", 0, NAN, NAN, "large"),
    ("b", "survey", 5, 1.0, NAN, "large"),  # about the delivery to come
    ("b", "delivery", 9, NAN, 4.0, "large"),
    ("c", "order", 0, 5.0, NAN, "small"),  # the first contact: nothing was awaited
    ("d", "order", 0, NAN, NAN, "small"),
    ("d", "survey", 2, 4.0, NAN, "small"),  # no promise known: about the move into the survey
    ("d", "end", 3, NAN, NAN, "small"),
    ("d", "survey", 4, 5.0, NAN, "small"),  # after the outcome
)


def log_of(rows=ROWS, **more) -> EventLog:
    customer, touchpoint, day, rating, late, persona = zip(*rows, strict=True)
    start = np.datetime64("2026-03-01T08:00", "us")
    return EventLog(
        Names.of(customer), Names.of(touchpoint), start + np.array(day, dtype="timedelta64[D]"),
        start + np.timedelta64(20, "D"), persona=Names.of(persona), rating=np.array(rating), late=np.array(late), **more,
    )  # fmt: skip


def ratings(log: EventLog) -> Ratings:
    found = observe(log, JOURNEY).ratings
    assert found is not None
    return found


def described(found: Ratings) -> set[tuple[object, ...]]:
    links = [*(link_id(tp.name, link.target) for tp, link in links_of(JOURNEY)), ""]
    return {
        (JOURNEY.place_names[place], links[link], round(float(wait), 6), round(float(late), 6), float(found.levels[row.argmax()]))
        for place, link, wait, late, row in zip(found.place, found.link, found.wait, found.late, found.count, strict=True)
    }  # fmt: skip


def test_a_rating_is_about_the_promised_move_before_or_after_it_else_about_its_own():
    found = ratings(log_of())
    told = {tuple("-" if part != part else part for part in row) for row in described(found)}  # noqa: PLR0124  NaN
    assert told == {
        ("survey", "order -> delivery", 8.0, 3.0, 2.0),
        ("survey", "survey -> delivery", 4.0, 4.0, 1.0),
        ("order", "", "-", "-", 5.0),
        ("survey", "order -> survey", 2.0, "-", 4.0),
    }
    assert [(item.reason, item.rows) for item in found.set_aside] == [("rating on a row that was set aside", 1)]


def test_on_time_to_the_second_is_not_late():
    rows = [(str(i), "delivery", 0, 3.0, late, "small") for i, late in enumerate((0.0, 1e-6, -1e-6))]
    found = ratings(log_of(rows))
    assert sorted(found.late[found.late > 0]) == [pytest.approx(1e-6)]
    assert found.count.sum() == 3


def test_more_than_a_scale_of_answers_is_not_learned_from_but_counted():
    rows = [(str(i), "order", 0, float(i), NAN, "small") for i in range(30)]
    found = ratings(log_of(rows))
    assert len(found.levels) == 0
    assert (found.set_aside[0].rows, "30 different values" in found.set_aside[0].reason) == (30, True)


def test_weights_stand_for_customers():
    rows = [(str(i), "order", 0, rating, NAN, "small") for i, rating in enumerate((1.0, 5.0, 5.0))]
    found = ratings(log_of(rows, weight=np.array([1.5, 10.0, NAN])))
    assert found.count.tolist() == [[1.5, 11.0]]
    assert found.squares.tolist() == [103.25]


def test_ten_times_the_customers_leave_a_table_of_nearly_the_same_size():
    rng, sizes = np.random.default_rng(3), []
    for n in (4_000, 40_000):
        late = rng.normal(0.0, 5.0, n).clip(-9, 9).tolist()
        rows = [(str(i), "delivery", 0, float(i % 5 + 1), late[i], "small") for i in range(n)]
        sizes.append(len(ratings(log_of(rows)).wait))
    assert sizes[1] < 1.1 * sizes[0]


def test_without_ratings_there_is_no_table():
    assert observe(replace(log_of(), rating=None), JOURNEY).ratings is None
    assert observe(replace(log_of(), rating=np.full(len(ROWS), NAN)), JOURNEY).ratings is None
