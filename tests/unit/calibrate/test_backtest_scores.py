"""Scores against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate.backtest.scores import chance_of_coverage, fair_crps, held, held_if_right


@pytest.mark.parametrize("y", [-1.5, 0.0, 0.3, 2.0])
def test_the_score_of_normal_draws_is_the_closed_form(y: float):
    """Gneiting and Raftery 2007: y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi)."""
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert fair_crps(draws, y) == pytest.approx(exact, abs=2e-4)


def test_the_score_of_an_exponential_is_the_closed_form():
    """Jordan, Krueger and Lerch 2019: y - 2 F(y) + 1/2 for rate 1."""
    draws = stats.expon.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert fair_crps(draws, 1.7) == pytest.approx(1.7 - 2 * (1 - np.exp(-1.7)) + 0.5, abs=5e-4)


def test_one_value_scores_its_absolute_error():
    assert fair_crps(np.array([3.0]), 5.0) == 2.0


def test_the_expected_score_does_not_depend_on_how_many_draws_there_are():
    """Means over 20,000 tiny ensembles of 3 and of 30 draws agree within 4.5 standard errors."""
    rng = np.random.default_rng(1)
    few = np.array([fair_crps(rng.normal(size=3), 0.4) for _ in range(8_000)])
    many = np.array([fair_crps(rng.normal(size=30), 0.4) for _ in range(8_000)])
    assert abs(few.mean() - many.mean()) < 4.5 * np.hypot(few.std(), many.std()) / np.sqrt(8_000)


@pytest.mark.parametrize("kind", ["normal", "counts"])
def test_intervals_hold_their_level_on_average_for_counts_too(kind: str):
    """An actual value drawn as the 19 draws are: each level within 4.5 standard errors of at most 0.5 / root of 20,000."""
    rng = np.random.default_rng(2)
    drawn = rng.normal(size=(8_000, 20)) if kind == "normal" else rng.poisson(0.7, (8_000, 20)).astype(float)
    found = np.array([held(row[1:], row[0]) for row in drawn])
    np.testing.assert_allclose(found.mean(axis=0), [0.5, 0.8, 0.9], atol=4.5 * 0.5 / np.sqrt(8_000))


def test_far_outside_nothing_is_held_and_in_the_middle_all():
    draws = np.arange(99.0)
    assert held(draws, 1e6).tolist() == [0, 0, 0]
    assert held(draws, 49.5).tolist() == [1, 1, 1]


def test_each_draw_among_all_scores_the_level_on_average():
    cells = np.random.default_rng(3).poisson(3.0, (5, 200)).astype(float)
    np.testing.assert_allclose(held_if_right(cells).mean(axis=1) / 5, [0.5, 0.8, 0.9], atol=1e-9)


def test_chances_know_that_cells_hang_together():
    """Twenty copies of one cell: none held in one period is luck, in five periods is not."""
    cells = np.repeat(np.random.default_rng(4).normal(size=(1, 200)), 20, axis=0)
    world = held_if_right(cells)
    rng = np.random.default_rng(5)
    once = chance_of_coverage(np.zeros(3), [world], rng, trials=4000)
    five = chance_of_coverage(np.zeros(3), [world] * 5, rng, trials=4000)
    assert once[2] == pytest.approx(0.2, abs=0.05)
    assert five[2] < 0.01
