import numpy as np
import pytest
from scipy import integrate, special

from journeysim.model import dwell
from journeysim.model.dwell import Family
from journeysim.simulate.exact.weights import limited_means, lower_gamma, split

SHAPES = [
    (Family.EXPONENTIAL, 5.0, 1.0),
    (Family.GAMMA, 2.0, 0.6),
    (Family.GAMMA, 2.0, 4.0),
    (Family.WEIBULL, 6.0, 0.7),
    (Family.WEIBULL, 6.0, 3.0),
    (Family.LOGNORMAL, 4.0, 1.2),
    (Family.LOGLOGISTIC, 4.0, 0.8),
    (Family.LOGLOGISTIC, 4.0, 6.0),
]
NO_TABLE = np.empty((0, 2))


def masses(family, a, b, step, steps, tables=NO_TABLE):
    reverse, scratch = np.zeros(steps + 1), np.zeros(steps + 2)
    last = split(int(family), a, b, tables, step, scratch, reverse)
    return reverse[::-1], last


@pytest.mark.parametrize("shape", [0.2, 1.0, 3.7, 40.0])
def test_lower_gamma_matches_scipy(shape):
    x = np.geomspace(1e-6, 300.0, 60)
    ours = np.array([lower_gamma(shape, value) for value in x])
    np.testing.assert_allclose(ours, special.gammainc(shape, x), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(("family", "a", "b"), SHAPES)
def test_limited_means_are_integrals_of_the_survival_function(family, a, b):
    step, means = 0.75, np.zeros(30)
    limited_means(int(family), a, b, NO_TABLE, step, means)
    for k in (1, 2, 7, 29):
        # in the logarithm of time the integrand is smooth also near 0
        expected, _ = integrate.quad(
            lambda v: (1 - float(dwell.cdf(family, a, b, np.exp(v)))) * np.exp(v), -40, np.log(k * step), epsabs=1e-13
        )
        assert means[k] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("family", "a", "b"), [case for case in SHAPES if case[0] is not Family.LOGLOGISTIC])
@pytest.mark.parametrize("step", [0.3, 40.0])
def test_split_keeps_mass_and_mean_even_when_the_step_is_far_longer_than_the_dwell(family, a, b, step):
    weights, _ = masses(family, a, b, step, 6_000)
    assert weights.sum() == pytest.approx(1.0, abs=2e-7)
    assert weights @ (step * np.arange(6_001)) == pytest.approx(float(dwell.mean(family, a, b)), rel=1e-4)


def test_split_stops_where_nothing_is_left():
    weights, last = masses(Family.EXPONENTIAL, 2.0, 1.0, 0.5, 4_000)
    assert last < 150
    assert weights[last + 1 :].sum() == 0.0
    assert weights.sum() == pytest.approx(1.0, abs=1e-11)


@pytest.mark.parametrize(("days", "expected"), [(0.0, {0: 1.0}), (1.5, {3: 1.0}), (1.6, {3: 0.8, 4: 0.2}), (99.0, {})])
def test_fixed_dwell_sits_on_its_point_or_on_its_two_neighbours(days, expected):
    weights, _ = masses(Family.FIXED, days, 1.0, 0.5, 10)
    wanted = np.zeros(11)
    wanted[list(expected)] = list(expected.values())
    np.testing.assert_allclose(weights, wanted, atol=1e-9)


def test_empirical_dwell_is_a_mixture_of_uniform_pieces():
    table = np.array([1.0, 3.0, 3.0, 7.0])
    weights, _ = masses(Family.EMPIRICAL, 2.0, 1.0, 0.25, 80, np.stack([table[::-1], table]))
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert weights @ (0.25 * np.arange(81)) == pytest.approx(2.0 * (2.0 + 3.0 + 5.0) / 3, rel=1e-12)
    assert weights[24] == pytest.approx(1 / 3 + 0.5 * 0.25 / 4 / 3 + 0.5 * 0.25 / 8 / 3)
