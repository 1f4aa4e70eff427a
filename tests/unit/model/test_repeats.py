from __future__ import annotations

import numpy as np
import pytest

from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.observed import repeats as module
from journeysim.model.observed.repeats import Repeats, repeated
from journeysim.model.quantity import Fixed
from logs import event_log

ALL = Fixed(1.0)


def journey(*, silent: bool = True, extra: tuple[Link, ...] = ()) -> JourneyMap:
    touchpoints = (
        Touchpoint("first", (Link("again", ALL),)),
        Touchpoint("again", (Link("again", Fixed(0.7)), Link("gone", Fixed(0.3)), *extra)),
        Touchpoint("help", (Link("again", Fixed(0.5)), Link("gone", Fixed(0.5)))),
    )
    return JourneyMap("shop", touchpoints, (Outcome("gone", silent=silent),), (("first", ALL),))


def rows(repeats: Repeats | None) -> list[tuple[float, ...]]:
    assert repeats is not None
    columns = (repeats.repeats, repeats.chances, repeats.last, repeats.age, repeats.customers)
    return sorted(tuple(float(value) for value in row) for row in zip(*columns, strict=True))


def test_only_touchpoints_left_for_themselves_or_in_silence():
    assert repeated(journey()) == {"again": ("first",)}
    assert repeated(journey(silent=False)) == {}
    assert repeated(journey(extra=(Link("help", Fixed(0.1)),))) == {}


def test_repeats_are_counted_from_the_first_arrival_on():
    """x has no chance to leave before the first repeat; y, who starts at "again", has; z came in over help."""
    events = [("x", "first", 0.0), ("x", "again", 3.0), ("x", "again", 10.0), ("w", "first", 5.0), ("y", "again", 1.0),
              ("y", "again", 4.0), ("z", "help", 0.0), ("z", "again", 2.0)]  # fmt: skip
    found = observe(event_log(events, cut_off=30.0), journey()).repeats
    assert rows(found) == [
        (0.0, 0.0, 0.0, 25.0, 1.0), (0.0, 1.0, 0.0, 28.0, 1.0), (1.0, 2.0, 3.0, 29.0, 1.0), (2.0, 2.0, 10.0, 30.0, 1.0),
    ]  # fmt: skip


def test_of_a_customer_with_thousands_of_repeats_the_first_are_counted():
    events = [("x", "first", 0.0), *(("x", "again", 1.0 + k / 4) for k in range(3000))]
    found = observe(event_log(events, cut_off=2000.0), journey()).repeats
    last = 1.0 + (module.MOST_REPEATS - 1) / 4
    assert rows(found) == [(module.MOST_REPEATS, module.MOST_REPEATS, last, last, 1.0)]


def test_times_are_rounded_where_rows_are_many(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(1)
    events = [(f"c{k}", "first", float(day)) for k, day in enumerate(rng.uniform(0, 100, 500))]
    whole = observe(event_log(events, cut_off=100.0), journey()).repeats
    monkeypatch.setattr(module, "MOST_ROWS", 300)
    coarse = observe(event_log(events, cut_off=100.0), journey()).repeats
    assert whole is not None
    assert coarse is not None
    assert (len(whole.age), len(coarse.age)) == (500, pytest.approx(160, abs=60))
    assert coarse.customers.sum() == 500
    assert coarse.age @ coarse.customers == pytest.approx(whole.age.sum(), rel=2e-3)
    assert np.all(coarse.last <= coarse.age)
