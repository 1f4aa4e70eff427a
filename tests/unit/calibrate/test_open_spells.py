"""Open spells against the exact posterior of a touchpoint with two links, on a grid."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate import calibrate
from journeysim.model.dwell import Family
from journeysim.model.event_log import Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import ENTER, OPEN, Transitions
from maps import exponential

SEEN = 2.0


def table(*rows: tuple[str, str, float, float, float]) -> Transitions:
    source, target, low, high, count = zip(*rows, strict=True)
    return Transitions(
        Names.of(["all customers"] * len(rows)), Names.of(source), Names.of(target),
        np.array(low), np.array(high), np.array(count),
    )  # fmt: skip


def two_ways() -> JourneyMap:
    links = (Link("fast", Fixed(0.5), exponential(1.0)), Link("slow", Fixed(0.5), exponential(10.0)))
    return JourneyMap(
        "two ways", (Touchpoint("a", links, seen=SEEN),), (Outcome("fast"), Outcome("slow")), (("a", Fixed(1.0)),)
    )


def observed(cut: float, customers: int) -> tuple[Transitions, np.ndarray, np.ndarray]:
    """Return a table cut off after `cut` days, and who took which link after how long; 60 % take the slow one."""
    rng = np.random.default_rng(7)
    slow = rng.uniform(size=customers) < 0.6
    dwell = np.where(slow, rng.exponential(10.0, customers), rng.exponential(1.0, customers))
    edges = np.linspace(0.0, cut, 33)
    rows = [(ENTER, "a", np.nan, np.nan, float(customers))]
    for name, chosen in (("fast", ~slow), ("slow", slow)):
        counts = np.histogram(dwell[chosen], edges)[0]
        rows += [("a", name, lo, hi, float(n)) for lo, hi, n in zip(edges, edges[1:], counts, strict=False) if n]
    rows.append(("a", OPEN, cut * (1 - 1e-9), cut * (1 + 1e-9), float(np.sum(dwell >= cut))))
    return table(*rows), slow, dwell


def exact(slow: np.ndarray, dwell: np.ndarray, cut: float) -> tuple[float, float]:
    """Return mean and sd of the slow link's share by quadrature over (share, two means), under the same prior."""
    done = dwell < cut
    p = np.linspace(0.2, 0.95, 301)[:, None, None]
    fast, late = np.linspace(-1, 1, 121)[None, :, None], np.linspace(0.5, 5, 151)[None, None, :]
    counts = np.sum(done & ~slow), np.sum(done & slow), np.sum(~done)
    sums = dwell[done & ~slow].sum(), dwell[done & slow].sum()
    logs = counts[0] * (np.log1p(-p) - fast) - sums[0] * np.exp(-fast) + counts[1] * (np.log(p) - late)
    logs = (
        logs
        - sums[1] * np.exp(-late)
        + counts[2] * np.log((1 - p) * np.exp(-cut * np.exp(-fast)) + p * np.exp(-cut * np.exp(-late)))
    )
    spread = np.pi / np.sqrt(6)
    logs = logs - 0.5 * (fast / spread) ** 2 - 0.5 * ((late - np.log(10.0)) / spread) ** 2
    logs = logs + (SEEN / 2 - 1) * (np.log(p) + np.log1p(-p))
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    mean = float(np.sum(weights * p))
    return mean, float(np.sqrt(np.sum(weights * (p - mean) ** 2)))


def test_shares_take_into_account_that_slow_links_are_still_open():
    transitions, slow, dwell = observed(6.0, 3000)
    found = calibrate(two_ways(), transitions, seed=1, draws=2000)
    share = found.draws.values("share")[:, 0, 0, 1]
    assert np.sum(slow & (dwell < 6)) / np.sum(dwell < 6) < 0.46
    assert share.mean() == pytest.approx(0.6, abs=3.5 * share.std())
    assert np.sum(dwell >= 6) == found.touchpoints[0].open
    assert "still on the way" in " ".join(found.notes)
    assert found.failed == ()


@pytest.mark.parametrize(("cut", "customers"), [(3.0, 400), (1.5, 2000)])
def test_the_posterior_is_the_exact_one(cut: float, customers: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("journeysim.calibrate.touchpoint_fit.POSSIBLE", (Family.EXPONENTIAL,))
    transitions, slow, dwell = observed(cut, customers)
    found = calibrate(two_ways(), transitions, seed=1, draws=4000)
    share = found.draws.values("share")[:, 0, 0, 1]
    mean, sd = exact(slow, dwell, cut)
    size = min(gate.value for gate in found.gates if gate.wanted == "at least")
    assert found.failed == ()
    assert share.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(size))
    assert share.std() == pytest.approx(sd, rel=4 / np.sqrt(2 * size))
