"""Customers walked on days that differ, against the survival and shares that factors on hazards imply."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from journeysim.calibrate import stated_draws
from journeysim.calibrate.predict import Predictor, Start, predictor_of, steps
from journeysim.calibrate.predict.swings import ahead, bounds, daily_factors
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from maps import days, exponential

N = 40_000
GAMMA = Dwell(Family.GAMMA, Fixed(4.0), Fixed(2.0))


def model(*links: Link) -> Predictor:
    ends = tuple(Outcome(link.target, silent=link.target == "gone") for link in links)
    journey = JourneyMap("one", (Touchpoint("a", links),), ends, (("a", Fixed(1.0)),))
    return predictor_of(journey, stated_draws(journey).data, frozenset({"gone"}))


def moved(found: Predictor, factors: list[list[float]], *, silent: float = 0.0, end: float = 21.0):
    zeros = np.zeros(N, dtype=np.int64)
    start = Start(zeros, zeros, np.full(N, -silent), np.full(N, -silent), np.full(N, silent), zeros + 1)
    made = np.repeat(np.array(factors)[None], 7, axis=2)
    walk = steps(found, start, zeros, end=end, rng=np.random.default_rng(1), factors=made)
    return next(walk)


def test_survival_is_that_of_the_hazard_times_the_factors():
    """Factors 0.4, 2.6 and 1 in three weeks on a gamma dwell that began 3 days ago: S(t)^m week by week; 1e-4."""
    found = moved(model(Link("x", Fixed(1.0), GAMMA)), [[0.4, 2.6, 1.0]], silent=3.0)
    age = 3.0 + 7.0 * np.arange(4)
    step = np.diff(-stats.gamma(2.0, scale=4.0).logsf(age)) * np.array([0.4, 2.6, 1.0])
    left = np.exp(-np.concatenate([[0.0], np.cumsum(step)]))
    came = np.append(np.bincount((found.day // 7).astype(int), minlength=3), 0)
    came[3] = N - came.sum()
    assert stats.chisquare(came, N * np.append(-np.diff(left), left[-1])).pvalue > 1e-4
    first = found.day[found.day < 7] + 3.0
    own = stats.gamma(2.0, scale=4.0)
    whole = 1 - (own.sf(10.0) / own.sf(3.0)) ** 0.4
    assert stats.kstest(first, lambda t: (1 - (own.sf(t) / own.sf(3.0)) ** 0.4) / whole).pvalue > 1e-4


def test_on_a_day_of_factor_nothing_nobody_moves():
    """Exponential of 2 days, factors 1, 0 and 3 on three days: uniform within its reach; chi-square at 1e-4."""
    found = model(Link("x", Fixed(1.0), exponential(2.0)))
    zeros = np.zeros(N, dtype=np.int64)
    start = Start.entering(zeros, zeros, np.zeros(N), 1)
    day = next(
        steps(found, start, zeros, end=3.0, rng=np.random.default_rng(1), factors=np.array([[[1.0, 0, 3.0]]]))
    ).day
    left = np.exp(-np.array([0.0, 0.5, 0.5, 2.0]))
    came = np.append(np.bincount(day.astype(int), minlength=3), N - len(day))
    assert came[1] == 0
    assert stats.chisquare(came[[0, 2, 3]], N * np.append(-np.diff(left), left[-1])[[0, 2, 3]]).pvalue > 1e-4


def test_a_factor_on_one_link_shifts_shares():
    """Two exponential links of one mean: shares in proportion to share x factor, hazard their sum; 1e-4."""
    links = (Link("x", Fixed(0.3), exponential(2.0)), Link("y", Fixed(0.7), exponential(2.0)))
    found = moved(model(*links), [[2.0, 1.0], [0.5, 1.0]], end=7.0)
    rate = np.array([0.6, 0.35]) / 2.0
    assert stats.kstest(found.day, lambda t: np.expm1(-rate.sum() * t) / np.expm1(-rate.sum() * 7.0)).pvalue > 1e-4
    taken = np.bincount(found.target, minlength=3)[1:]
    assert stats.chisquare(taken, taken.sum() * rate / rate.sum()).pvalue > 1e-4


def test_a_silent_exit_is_kept_from_where_all_hazards_are_halved():
    """0.4 leave silently: the chance of no event in a week is (0.4 + 0.6 exp(-7/2))^0.5; 1e-4."""
    found = moved(model(Link("x", Fixed(0.6), exponential(2.0)), Link("gone", Fixed(0.4))), [[0.5], [1.0]], end=7.0)
    still = (0.4 + 0.6 * np.exp(-3.5)) ** 0.5
    assert stats.binomtest(len(found.customer), N, 1 - still).pvalue > 1e-4


def test_who_takes_a_fixed_link_does_not_depend_on_the_week():
    """0.5 leave at once whatever the factor; the others' hazard is doubled: binomial and Kolmogorov-Smirnov at 1e-4."""
    links = (Link("x", Fixed(0.5), exponential(2.0)), Link("at once", Fixed(0.5), days(0.0)))
    found = moved(model(*links), [[2.0], [2.0]], end=7.0)
    at_once = found.day == 0.0
    assert stats.binomtest(int(at_once.sum()), N, 0.5).pvalue > 1e-4
    slow = found.day[~at_once]
    assert stats.kstest(slow, lambda t: np.expm1(-t) / np.expm1(-7.0)).pvalue > 1e-4
    assert stats.binomtest(len(slow), N, -0.5 * np.expm1(-7.0)).pvalue > 1e-4


def test_factors_of_one_leave_the_walk_as_it_is():
    found = model(Link("x", Fixed(1.0), GAMMA))
    zeros = np.zeros(100, dtype=np.int64)
    start = Start.entering(zeros, zeros, np.zeros(100), 1)
    plain = next(steps(found, start, zeros, end=1e6, rng=np.random.default_rng(1)))
    ones = next(steps(found, start, zeros, end=1e6, rng=np.random.default_rng(1), factors=np.ones((1, 1, 2))))
    np.testing.assert_array_equal(plain.day, ones.day)


def test_weeks_ahead_have_the_spread_and_the_memory_of_their_state():
    """100,000 states: mean and variance of what lasts, an AR(1), and of a week's own, a t of twice its scale squared."""
    state = np.tile([0.1, 0.5, 0.3, 0.6, 0.2], (100_000, 1))
    found = ahead(state, 3, np.random.default_rng(1)) - 0.1
    assert found.mean(axis=0) == pytest.approx(0.5 * 0.6 ** np.arange(1, 4), abs=0.005)
    assert found.var(axis=0) == pytest.approx(0.08 + 0.09 * (1 - 0.36 ** np.arange(1, 4)), rel=0.1)
    assert np.cov(found.T)[0, 1] == pytest.approx(0.6 * 0.09 * (1 - 0.36), rel=0.05)
    assert ahead(np.full((2, 5), np.nan), 2, np.random.default_rng(1)).tolist() == [[0, 0], [0, 0]]


def test_days_repeat_every_week_under_the_factor_of_their_week():
    """Two draws of one link; a state without spread is a constant factor, held at 8 with the day's."""
    states = np.array([[[0.5, 0, 0, 0, 0]], [[np.nan] * 5]])
    days = np.stack([np.full((1, 7), 0.5), np.array([[1, 1, 1, 1, 1, 0.2, 30.0]])])
    data = xr.Dataset(
        {"swing_move": (("draw", "link", "swing"), states), "swing_day": (("draw", "link", "day_ahead"), days)}
    )
    found = daily_factors(data, 10, np.random.default_rng(1))
    assert found is not None
    assert found[0, 0] == pytest.approx(np.full(10, 0.5 * np.exp(0.5)))
    assert found[1, 0] == pytest.approx([1, 1, 1, 1, 1, 0.2, 8.0, 1, 1, 1])


def test_as_many_candidates_race_as_the_largest_factor_rounded_up():
    factors = np.array([[[0.2, 1.0], [1.0, 2.1], [0.3, 0.3]]])
    assert bounds(factors, np.array([0, 0, 1]), 3).tolist() == [[3, 1, 1]]
