"""The predictive simulator against the exact engine, and customers already on the way against those followed from entry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cohorts import run
from journeysim.calibrate import stated_draws
from journeysim.calibrate.predict import Start, predictor_of, steps
from maps import shop

pytestmark = pytest.mark.statistical
N, HORIZON = 60_000, 6.0


def walked(start: Start, end: float, seed: int = 1):
    model = predictor_of(shop(), stated_draws(shop()).data, frozenset())
    return steps(model, start, np.zeros(start.size, dtype=np.int64), end=end, rng=np.random.default_rng(seed))


def entering(persona: int, count: int = N) -> Start:
    who = np.full(count, persona, dtype=np.int64)
    place = np.where(np.arange(count) < 0.9 * count, 0, 2)
    return Start.entering(who, place, np.zeros(count), 3)


@pytest.mark.parametrize("persona", [0, 1])
def test_ends_and_visits_are_the_exact_engines(persona: int):
    """Outcomes within 4.5 binomial sd, visits within 4.5 Poisson-like sd; 8 figures a persona, false alarm 1e-4."""
    tally = run(shop(), horizon=HORIZON).today.tallies[0]
    visits = np.bincount(entering(persona).place, minlength=5).astype(float)
    for step in walked(entering(persona), HORIZON):
        visits += np.bincount(step.target, minlength=5)
    expected = tally.visits[0, persona]
    np.testing.assert_array_less(np.abs(visits / N - expected), 4.5 * np.sqrt(np.maximum(expected, 0.01) * 2 / N))
    ends = expected[3:]
    np.testing.assert_array_less(np.abs(visits[3:] / N - ends), 4.5 * np.sqrt(ends * (1 - ends) / N))


def test_continuing_from_a_cut_is_the_same_as_never_having_cut():
    """Cut at day 2, continue everyone still on the way from what was seen: ends by day 6 as in one go (1e-4 each)."""
    start = entering(0)
    place, arrived, previous = start.place.copy(), start.arrived.copy(), start.previous.copy()
    for step in walked(start, 2.0):
        place[step.customer], arrived[step.customer] = step.target, step.day
        previous[step.customer] = step.source
    going = place < 3
    cut = replace(start.take(going), place=place[going], arrived=arrived[going], silent=2.0 - arrived[going],
                  previous=previous[going])  # fmt: skip
    ends = np.bincount(place[~going], minlength=5)
    for step in walked(cut, HORIZON, seed=2):
        assert step.day.min() >= 2.0
        ends += np.where(np.arange(5) >= 3, np.bincount(step.target, minlength=5), 0)
    whole = run(shop(), horizon=HORIZON).today.tallies[0].visits[0, 0, 3:]
    for seen, expected in zip(ends[3:], whole, strict=True):
        assert stats.binomtest(int(seen), N, float(expected)).pvalue > 1e-4
