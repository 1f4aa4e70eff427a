"""What is counted of values: stays, blanks, zeros, refunds, rows set aside, weights, and customers who come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.observed.rows import visit_of_rows
from journeysim.model.observed.values import AMOUNT_RATIO, Values
from journeysim.model.quantity import Fixed
from journeysim.model.visits import visits_of

DAY = Dwell(Family.EXPONENTIAL, Fixed(1.0))
JOURNEY = JourneyMap(
    "shop",
    (
        Touchpoint("look", (Link("order", Fixed(0.5), DAY), Link("end", None, DAY))),
        Touchpoint("order", (Link("order", Fixed(0.3), DAY), Link("look", Fixed(0.2), DAY), Link("end", None, DAY))),
    ),
    (Outcome("end"),),
    (("look", Fixed(1.0)),),
    personas=(Persona("small", Fixed(0.6)), Persona("large", Fixed(0.4))),
)
NAN = np.nan
#: customer, touchpoint, day, value, persona
ROWS = (
    ("a", "look", 0, NAN, "small"),
    ("a", "look", 1, 5.0, "small"),  # the same stay: looking brought 5 - 2
    ("a", "look", 2, -2.0, "small"),
    ("a", "order", 3, 40.0, "small"),
    ("a", "order", 4, 10.0, "small"),  # orders follow orders: a visit of its own
    ("a", "end", 5, 7.0, "small"),
    ("a", "order", 6, 99.0, "small"),  # after the outcome
    ("b", "order", 0, 0.0, "large"),
    ("b", "order", 1, -30.0, "large"),
    ("b", "order", 2, np.inf, "large"),
    ("b", "order", 3, 120.0, "large"),
    ("b", "order", 30, 500.0, "large"),  # after the cut-off
)


def log_of(rows=ROWS, **more) -> EventLog:
    customer, touchpoint, day, value, persona = zip(*rows, strict=True)
    start = np.datetime64("2026-03-01T08:00", "us")
    return EventLog(
        Names.of(customer), Names.of(touchpoint), start + np.array(day, dtype="timedelta64[D]"),
        start + np.timedelta64(10, "D"), persona=Names.of(persona), value=np.array(value), **more,
    )  # fmt: skip


def values(log: EventLog) -> Values:
    found = observe(log, JOURNEY).values
    assert found is not None
    return found


def test_each_row_belongs_to_its_stay():
    log = log_of()
    visits = visits_of(log, JOURNEY)
    at = visit_of_rows(visits, log, JOURNEY)
    assert at.tolist() == [0, 0, 0, 1, 2, 3, -1, 4, 5, 6, 7, -1]


def test_a_row_that_names_the_outcome_belongs_to_the_touchpoint_before_it():
    rows = (("a", "order", 0, 4.0, "small"), ("a", "look", 1, 6.0, "small"), ("a", "look", 1, 3.0, "small"))
    found = values(log_of(rows, outcome=Names.of(["", "", "end"])))
    assert found.sums[0, :, 1].tolist() == [9.0, 4.0, 0.0]


def test_a_stay_sums_up_blanks_say_nothing_and_refunds_are_counted_apart():
    found = values(log_of())
    assert found.visits.tolist() == [[1, 2, 1], [0, 4, 0]]
    assert found.told.tolist() == [[1, 2, 1], [0, 3, 0]]
    assert found.zeros[1, 1] == 1
    assert (found.refunds[1, 1], found.refunded[1, 1]) == (1, 30.0)
    assert found.sums[0, 1] == pytest.approx([2, 50, np.log(400), np.log(40) ** 2 + np.log(10) ** 2])
    assert found.sums[0, 0, 1] == pytest.approx(3.0)
    assert [(item.reason[:21], item.rows) for item in found.set_aside] == [
        ("value is not a finite", 1), ("value on a row that w", 2),
    ]  # fmt: skip


def test_amounts_lie_in_their_bins():
    found = values(log_of()).amounts
    assert np.all(found.high / found.low == pytest.approx(AMOUNT_RATIO))
    for amount in (3.0, 40.0, 10.0, 7.0, 120.0):
        assert np.sum((found.low <= amount) & (amount < found.high)) == 1
    assert found.count.sum() == 5


def test_customers_who_come_back_are_counted_by_number_and_mean():
    repeats = values(log_of()).repeats
    at = (repeats.persona == 0) & (repeats.place == 1)
    assert (repeats.visits[at], repeats.mean[at], repeats.customers[at]) == (2.0, 25.0, 1.0)


def test_weights_count_customers_and_are_worth_as_many_as_they_are():
    """Kish: weights 4.5 and 0.5 are worth 25 / 20.5 customers; whole ones are copies, and worth their number."""
    rows = (("a", "order", 0, 4.0, "small"), ("b", "order", 0, 6.0, "small"))
    found = values(log_of(rows, weight=np.array([4.5, 0.5])))
    assert found.sums[0, 1, :2].tolist() == [5.0, 21.0]
    assert found.told[0, 1] * found.worth[0, 1] == pytest.approx(25 / 20.5)
    copies = values(log_of(rows, weight=np.array([9.0, 1.0])))
    assert copies.told[0, 1] * copies.worth[0, 1] == 10.0


def test_ten_times_the_customers_leave_tables_of_the_same_size():
    rng = np.random.default_rng(3)
    sizes = []
    for n in (3_000, 30_000):
        amount = np.exp(rng.normal(4.0, 0.3, n).clip(3.2, 4.8))
        rows = [(str(i), "order", 0, float(amount[i]), "small") for i in range(n)]
        found = values(log_of(rows))
        sizes.append(len(found.amounts.count) + len(found.repeats.mean))
    assert sizes[1] < 1.1 * sizes[0]


def test_without_values_there_is_no_table():
    assert observe(replace(log_of(), value=None), JOURNEY).values is None
    assert observe(replace(log_of(), value=np.full(len(ROWS), NAN)), JOURNEY).values is None
