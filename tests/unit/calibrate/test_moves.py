"""Pieces of the compiled moves of chains, against the same formulas in NumPy and SciPy; the moves themselves: test_chains."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from journeysim.calibrate.numerics.sums import log_sum
from journeysim.calibrate.silence.moves.division import (
    Division,
    draw_odds,
    log_ratio,
    put_divided,
    put_peak,
    room_to_divide,
)
from journeysim.calibrate.silence.moves.small import log_places
from journeysim.calibrate.silence.moves.state import log_polya
from journeysim.calibrate.silence.proposals import Places

RNG = np.random.default_rng(3)


def test_the_polya_likelihood_is_a_ratio_of_dirichlet_constants():
    weights, counts = RNG.gamma(2.0, size=(2, 4)), RNG.poisson(3.0, (2, 4)).astype(float)
    weights[1, 2] = counts[1, 2] = 0.0  # a link that a persona does not have

    def constant(w: np.ndarray) -> float:
        return float(special.gammaln(w[w > 0]).sum() - special.gammaln(w.sum()))

    exact = sum(constant(w + n) - constant(w) for w, n in zip(weights, counts, strict=True))
    assert log_polya(counts, weights) == pytest.approx(exact, rel=1e-12)


def test_the_density_around_places_is_that_of_the_proposal():
    places = Places.of(RNG.normal(size=(60, 2)) @ np.array([[1.0, 0.6], [0.0, 0.3]]), RNG)
    at = RNG.normal(size=(5, 2))
    found = np.array([log_places(places.at, places.root, *point) for point in at])
    np.testing.assert_allclose(np.diff(found), np.diff(places.log_density(at)), rtol=1e-9)


def drawn_odds(parts: Division, first: np.ndarray, count: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the mode, 4,000 draws of one persona's log odds, and their weights: density over proposal."""
    odds, still = room_to_divide(1, len(count))[2], np.empty(len(count))
    put_peak(parts, first, count, odds, np.empty(len(count)))
    drawn, logs = np.empty(4000), np.empty(4000)
    for i in range(len(drawn)):
        draw_odds(parts, odds, RNG)
        put_divided(parts, odds.new, first, still)
        logs[i] = log_ratio(parts, odds, odds.new) + log_sum(count, still, np.empty(len(count)))
        drawn[i] = odds.new[0]
    return float(odds.mode[0]), drawn, special.softmax(logs)


def test_a_division_is_drawn_near_its_density():
    """Draws weighted by `log_ratio` have the mean and sd that quadrature gives: within 5 errors of 4,000 draws."""
    first, count = np.array([0, 5]), np.array([3.0, 10.0, 4.0, 8.0, 2.0])
    rest, x, y = RNG.uniform(0.1, 0.2, 5), RNG.uniform(0.0, 0.9, 5), RNG.uniform(0.0, 0.3, 5)
    parts = Division(np.array([0.4]), np.array([20.0]), np.array([9.0]), np.array([15.0]), rest, x, y)
    mode, drawn, weights = drawn_odds(parts, first, count)
    grid = np.linspace(-60, 20, 40_001)
    p = special.expit(grid)[:, None]
    logs = 0.4 * special.log_expit(grid) + 20 * special.log_expit(-grid) + np.log(rest + p * x + (1 - p) * y) @ count
    exact = special.softmax(logs)
    mean = float(exact @ grid)
    spread = float(np.sqrt(exact @ (grid - mean) ** 2))
    size = 1 / np.sum(weights**2)
    assert size > 2000
    assert weights @ drawn == pytest.approx(mean, abs=5 * spread / np.sqrt(size))
    assert np.sqrt(weights @ (drawn - mean) ** 2) == pytest.approx(spread, rel=10 / np.sqrt(size))
    assert mode == pytest.approx(grid[np.argmax(logs)], abs=0.05)


def test_a_pair_without_open_spells_divides_as_a_beta():
    """Kolmogorov and Smirnov at 1e-4 on resampled draws: notices a shift of a distribution function by 0.05."""
    none, nobody = np.empty(0), np.zeros(2, dtype=np.int64)
    parts = Division(np.array([2.5]), np.array([7.0]), np.array([0.0]), np.array([0.0]), none, none, none)
    _, drawn, weights = drawn_odds(parts, nobody, none)
    chosen = RNG.choice(drawn, 2000, p=weights)
    assert stats.kstest(special.expit(chosen), stats.beta(2.5, 7.0).cdf).pvalue > 1e-4
