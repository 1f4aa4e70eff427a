"""Dwell families: distribution function, quantiles and mean are one distribution."""

import numpy as np
import pytest

from journeysim.model.dwell import Dwell, Family, cdf, mean, ppf, quantile_table, scale_for_mean
from journeysim.model.quantity import Fixed

PARAMETRIC = [
    (Family.EXPONENTIAL, 1.0),
    (Family.GAMMA, 4.0),
    (Family.GAMMA, 0.4),
    (Family.WEIBULL, 0.7),
    (Family.LOGNORMAL, 1.3),
    (Family.LOGLOGISTIC, 2.5),
]


@pytest.mark.parametrize(("family", "shape"), PARAMETRIC)
def test_quantiles_invert_the_distribution_function(family, shape):
    u = np.linspace(0.001, 0.999, 201)
    assert cdf(family, 3.0, shape, ppf(family, 3.0, shape, u)) == pytest.approx(u, abs=1e-12)


@pytest.mark.parametrize(("family", "shape"), PARAMETRIC)
def test_the_mean_is_the_integral_of_survival(family, shape):
    t = np.concatenate([[0.0], np.geomspace(1e-9, 1e7, 400_000)])
    survival = 1 - cdf(family, 3.0, shape, t)
    area = ((survival[1:] + survival[:-1]) / 2 * np.diff(t)).sum()
    assert mean(family, 3.0, shape) == pytest.approx(area, rel=2e-3)


@pytest.mark.parametrize(("family", "shape"), PARAMETRIC)
def test_a_scale_for_mean_one_gives_mean_one(family, shape):
    assert mean(family, scale_for_mean(family, shape), shape) == pytest.approx(1.0)


def test_nothing_happens_before_time_zero_and_a_fixed_dwell_is_a_step():
    assert cdf(Family.WEIBULL, 2.0, 0.5, -1.0) == 0.0
    assert cdf(Family.FIXED, 2.0, 1.0, [1.999, 2.0]).tolist() == [0.0, 1.0]
    assert ppf(Family.FIXED, 2.0, 1.0, [0.1, 0.9]).tolist() == [2.0, 2.0]


def test_a_heavy_tail_has_no_mean():
    assert np.isinf(mean(Family.LOGLOGISTIC, 1.0, 0.9))


def test_a_quantile_table_passes_through_what_was_stated():
    stated = Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=((0.0, 0.0), (0.5, 1.0), (1.0, 9.0)))
    table = quantile_table(stated, 257)
    assert table[[0, 128, 256]] == pytest.approx([0.0, 1.0, 9.0])


def test_a_table_has_no_closed_form():
    for function in (
        lambda: cdf(Family.EMPIRICAL, 1, 1, 1),
        lambda: ppf(Family.EMPIRICAL, 1, 1, 0.5),
        lambda: mean(Family.EMPIRICAL, 1, 1),
    ):
        with pytest.raises(ValueError, match="quantile table"):
            function()
