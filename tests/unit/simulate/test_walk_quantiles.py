"""The walk's own quantile functions against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from journeysim.simulate.walk.quantiles import (
    Z_NODES,
    exp_of,
    fill_gamma,
    gamma_grid,
    gamma_of,
    log_of,
    normal_of,
)


def uniforms_with_tails(count: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    ends = (np.arange(20) + 0.5) / 2**32
    return np.concatenate([ends, 1 - ends, (rng.integers(0, 2**32, count) + 0.5) / 2**32])


def test_logarithm_and_exponential_are_good_to_the_last_places():
    rng = np.random.default_rng(1)
    x, y = np.exp(rng.uniform(-300, 300, 2000)), rng.uniform(-700, 700, 2000)
    np.testing.assert_allclose([log_of(value) for value in x], np.log(x), rtol=5e-16)
    np.testing.assert_allclose([exp_of(value) for value in y], np.exp(y), rtol=5e-16)


def test_exponential_of_zero_is_exactly_one():
    assert exp_of(0.0) == 1.0


def test_normal_quantiles_are_right_into_the_tails():
    u = uniforms_with_tails(5000)
    np.testing.assert_allclose([normal_of(value) for value in u], special.ndtri(u), rtol=2e-15, atol=1e-15)


@pytest.mark.parametrize("shape", [1e-3, 0.02, 0.11, 0.37, 0.5, 1.0, 1.7, 3.3, 12.0, 47.0, 333.0, 4040.0, 9e5, 2e6])
def test_gamma_quantiles_are_right_into_the_tails(shape):
    u = uniforms_with_tails(2000)
    tables = np.empty((1, 1, 2, Z_NODES))
    fill_gamma(shape, gamma_grid(), tables[0, 0])
    found = np.exp([gamma_of(z, tables, 0, 0) for z in special.ndtri(u)])
    expected = np.where(u < 0.5, special.gammaincinv(shape, u), special.gammainccinv(shape, 1 - u))
    told = expected > 1e-250
    np.testing.assert_allclose(found[told], expected[told], rtol=1e-6 if shape > 0.01 else 5e-6)


def test_gamma_of_shape_one_is_exponential():
    u = uniforms_with_tails(1000)
    tables = np.empty((1, 1, 2, Z_NODES))
    fill_gamma(1.0, gamma_grid(), tables[0, 0])
    found = np.exp([gamma_of(z, tables, 0, 0) for z in special.ndtri(u)])
    np.testing.assert_allclose(found, -np.log1p(-u), rtol=1e-6)
