from __future__ import annotations

import numpy as np
import pytest

from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.observed import patterns as module
from journeysim.model.observed.patterns import Patterns
from journeysim.model.quantity import Fixed
from logs import event_log


def journey(*personas: str) -> JourneyMap:
    half = Fixed(0.5)
    touchpoints = (
        Touchpoint("a", (Link("a", half), Link("b", half), Link("out", half))),
        Touchpoint("b", (Link("a", half), Link("out", half))),
    )
    people = tuple(Persona(name, half) for name in personas or ("all customers",))
    return JourneyMap("loop", touchpoints, (Outcome("out"),), (("a", Fixed(1.0)),), personas=people)


def walk(customer: str, places: str) -> list[tuple[str, str, float]]:
    """Return one event a day; "o" is the outcome."""
    return [(customer, "out" if place == "o" else place, float(day)) for day, place in enumerate(places)]


def rows(patterns: Patterns) -> set[tuple[int, int, tuple[int, ...], bool, float]]:
    columns = (patterns.persona, patterns.touchpoint, patterns.taken, patterns.still_from, patterns.customers)
    return {
        (int(g), int(i), tuple(map(int, n)), not np.isnan(low), float(k))
        for g, i, n, low, k in zip(*columns, strict=True)
    }


def test_patterns_count_links_by_customer_and_say_who_is_still_there():
    events = [*walk("x", "aabao"), *walk("y", "aabao"), *walk("z", "ao"), *walk("w", "abaa")]
    found = observe(event_log(events, cut_off=10.0), journey()).patterns
    assert found is not None
    assert rows(found) == {
        (0, 0, (1, 1, 1), False, 2.0), (0, 0, (0, 0, 1), False, 1.0), (0, 0, (1, 1, 0), True, 1.0),
    }  # fmt: skip
    assert list(found.first_visits) == [module.MOST_VISITS, 0]  # nobody left b twice
    still = ~np.isnan(found.still_from)
    assert np.all(found.still_from[still] <= 7.0)
    assert np.all(found.still_to[still] > 7.0)


def test_personas_are_kept_apart():
    events = [*walk("x", "aao"), *walk("y", "aao")]
    found = observe(event_log(events, personas={"x": "p", "y": "q"}), journey("p", "q")).patterns
    assert found is not None
    assert rows(found) == {(0, 0, (1, 0, 1), False, 1.0), (1, 0, (1, 0, 1), False, 1.0)}


def test_moves_that_the_map_lacks_count_nowhere():
    short = JourneyMap("loop", (Touchpoint("a", (Link("a", None),)), Touchpoint("b", (Link("out", None),))),
                       (Outcome("out"),), (("a", Fixed(1.0)),))  # fmt: skip
    found = observe(event_log(walk("x", "aaabo")), short).patterns
    assert found is not None
    assert rows(found) == {(0, 0, (2, 0, 0)[: found.taken.shape[1]], False, 1.0)}


def test_of_a_customer_with_thousands_of_visits_the_first_are_counted():
    found = observe(event_log([*walk("x", "a" * 3000), *walk("y", "ao")], cut_off=3000.0), journey()).patterns
    assert found is not None
    assert rows(found) == {(0, 0, (module.MOST_VISITS, 0, 0), False, 1.0), (0, 0, (0, 0, 1), False, 1.0)}


def test_with_too_many_patterns_fewer_visits_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_PATTERNS", 10)
    events = [event for k in range(40) for event in walk(f"c{k}", "a" * (k + 1) + "o")]
    found = observe(event_log(events), journey()).patterns
    assert found is not None
    assert found.first_visits[0] == 8
    assert len(found.customers) <= 10
    assert found.customers.sum() == 40


def test_no_loops_no_patterns():
    found = observe(event_log([*walk("x", "abo"), *walk("y", "ao")]), journey()).patterns
    assert found is not None
    assert len(found.customers) == 0
