from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate import Calibration, calibrate
from journeysim.calibrate.silence.booking import percentile
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import ENTER, OPEN
from maps import days, exponential
from unit.calibrate.test_open_spells import table

LATE = [("a", OPEN, 90.0, 91.0, 40.0)]
MOVES = [("a", "bought", 1.0, 2.0, 40.0), ("a", "bought", 3.0, 4.0, 20.0)]
NEW = [("a", OPEN, 0.01, 0.02, 10.0)]


def journey(*, gone: Link | None = None, silent: bool = True) -> JourneyMap:
    links = (Link("bought", Fixed(0.5), exponential(2.0)), gone or Link("gone", Fixed(0.5)))
    outcomes = (Outcome("bought"), Outcome("gone", silent=silent))
    return JourneyMap("one", (Touchpoint("a", links, seen=2.0),), outcomes, (("a", Fixed(1.0)),))


def entered(*rows: tuple[str, str, float, float, float]) -> list[tuple[str, str, float, float, float]]:
    return [(ENTER, "a", np.nan, np.nan, sum(row[4] for row in rows)), *rows]


def share(found: Calibration, target: str = "gone") -> np.ndarray:
    return found.draws.values("share")[:, 0, 0, found.draws.links.index(f"a -> {target}")]


def test_long_silence_counts_as_left_and_a_new_arrival_does_not():
    """Those silent for 90 days have left, those of an hour ago say nothing: the share is Beta(1 + 40, 1 + 60)."""
    found = calibrate(journey(), table(*entered(*MOVES, *LATE, *NEW)), seed=1, draws=4000)
    assert found.failed == ()
    assert share(found).mean() == pytest.approx(41 / 102, abs=4 * stats.beta.std(41, 61) / np.sqrt(3000))
    assert share(found).std() == pytest.approx(stats.beta.std(41, 61), rel=0.06)


def test_an_outcome_with_events_is_not_silent():
    seen = [*MOVES, ("a", "gone", 1.0, 2.0, 20.0)]
    marked = calibrate(journey(gone=Link("gone", Fixed(0.5), exponential(2.0))), table(*entered(*seen)), seed=1)
    assert share(marked).mean() == pytest.approx(21 / 82, abs=0.01)
    assert any("marked silent, but customers were seen" in note for note in marked.notes)


def test_a_silent_exit_is_booked_when_most_other_moves_would_be_over():
    found = calibrate(journey(), table(*entered(*MOVES, *LATE)), seed=1)
    at = found.draws.links.index("a -> gone")
    booked = found.draws.values("dwell_a")[:, 0, 0, at]
    assert np.ptp(booked) == 0
    assert booked[0] == pytest.approx(percentile(found.draws.data, ["a -> bought"], 0.95), rel=1e-9)
    assert 3.0 < booked[0] < 12.0
    assert np.all(found.draws.data["family"].values[:, at] == Family.FIXED)
    assert not any(assumption.name == "dwell: a -> gone" for assumption in found.draws.assumptions)


@pytest.mark.parametrize("dwell", [days(7.0), exponential(7.0)])
def test_a_stated_dwell_of_a_silent_exit_stays(dwell):
    link = Link("gone", Fixed(0.5), dwell)
    found = calibrate(journey(gone=link), table(*entered(*MOVES, *LATE)), seed=1)
    at = found.draws.links.index("a -> gone")
    assert np.all(found.draws.data["family"].values[:, at] == dwell.family)
    assert np.median(found.draws.values("dwell_a")[:, 0, 0, at]) == pytest.approx(7.0, rel=0.2)


def test_a_percentile_of_an_exponential_is_its_own():
    from journeysim.calibrate import stated_draws

    data = stated_draws(journey()).data
    assert percentile(data, ["a -> bought"], 0.95) == pytest.approx(-2.0 * np.log(0.05), rel=1e-9)


def test_only_open_spells_are_evidence_too():
    found = calibrate(journey(), table(*entered(*LATE)), seed=1)
    assert share(found).mean() > 0.9
    assert not any("posterior = prior" in note for note in found.notes)


def test_how_many_have_left_is_told():
    found = calibrate(journey(), table(*entered(*MOVES, *LATE, *NEW)), seed=1)
    told = next(note for note in found.notes if "have left silently (90 %" in note)
    left = float(told.split("since, ")[1].split(" have")[0])
    assert 40 <= left <= 47


def test_the_names_of_two_silent_outcomes_share_what_is_known_of_both():
    """The log cannot tell two silent outcomes apart: together they are learned, between them the map decides."""
    both = journey()
    touchpoint = replace(both.touchpoints[0], links=(*both.touchpoints[0].links, Link("asleep", Fixed(0.5))))
    both = replace(both, touchpoints=(touchpoint,), outcomes=(*both.outcomes, Outcome("asleep", silent=True)))
    found = calibrate(both, table(*entered(*MOVES, *LATE)), seed=1, draws=2000)
    together = share(found) + share(found, "asleep")
    assert together.mean() == pytest.approx(0.41, abs=0.02)
    assert together.std() < 0.06 < share(found).std()
