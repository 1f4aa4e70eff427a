"""Entries by day: partial first and last days, weekdays, weights, and how long it has been quiet."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.observed.arrivals import Arrivals
from journeysim.model.quantity import Fixed

DAY = Dwell(Family.EXPONENTIAL, Fixed(1.0))
JOURNEY = JourneyMap(
    "shop", (Touchpoint("look", (Link("end", None, DAY),)),), (Outcome("end"),), (("look", Fixed(1.0)),)
)


def arrivals(times: list[str], cut_off: str, **more) -> Arrivals:
    names = Names.of([str(i) for i in range(len(times))])
    log = EventLog(
        names, Names.of(["look"] * len(times)), np.array(times, dtype="datetime64[us]"), np.datetime64(cut_off, "us"), **more
    )  # fmt: skip
    found = observe(log, JOURNEY).arrivals
    assert found is not None
    return found


TIMES = ["2026-03-04T18:00", "2026-03-04T20:00", "2026-03-06T10:00", "2026-03-06T11:00", "2026-03-07T01:00"]


def test_first_and_last_day_are_covered_in_part_and_the_first_event_is_not_counted():
    found = arrivals(TIMES, "2026-03-08T06:00")
    assert found.count.tolist() == [1, 0, 2, 1, 0]
    assert found.covered == pytest.approx([0.25, 1, 1, 1, 0.25])
    assert found.quiet == pytest.approx(29 / 24)


def test_monday_is_the_first_day_of_the_week():
    """4 March 2026 is a Wednesday."""
    assert arrivals(TIMES, "2026-03-08T06:00").weekday.tolist() == [2, 3, 4, 5, 6]


def test_a_log_within_one_day_is_covered_once():
    found = arrivals(["2026-03-04T06:00", "2026-03-04T12:00"], "2026-03-04T18:00")
    assert (found.count.tolist(), found.covered.tolist()) == ([1.0], [0.5])


def test_weights_stand_for_customers():
    found = arrivals(TIMES, "2026-03-08T06:00", weight=np.array([0.5, 1.5, 1.5, 0.5, 1.5]))
    assert found.count.tolist() == [1.5, 0, 2, 1.5, 0]
    assert found.worth == pytest.approx(7.25 / 5.5)
    copies = arrivals(TIMES, "2026-03-08T06:00", weight=np.array([1.0, 3.0, 3.0, 1.0, 3.0]))
    assert (copies.count.tolist(), copies.worth) == ([3, 0, 4, 3, 0], 1.0)
