"""Compiled sums against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate.numerics.sums import dot, dots, log_sum, put_logs

RNG = np.random.default_rng(5)


def test_logs_are_right_to_the_last_digits():
    """Everywhere from 1e-300 to 1e300, beside powers of two and of the root of two, and beside 1, where logs are 0."""
    ends = np.array([1e-300, 1e300, 1.0, 2.0, 0.5, np.sqrt(2.0), np.sqrt(0.5)])
    near = 1.0 + RNG.normal(size=1000) * 10.0 ** RNG.uniform(-15, -1, 1000)
    values = np.concatenate([ends, np.nextafter(ends, 0.0)[1:], near, 10.0 ** RNG.uniform(-300, 300, 10_000)])
    exact = np.log(values)
    found = np.empty(len(values))
    put_logs(found, values)
    np.testing.assert_allclose(found, exact, rtol=1e-15, atol=2e-17)
    put_logs(found, np.ones(len(values)))
    assert np.all(found == 0.0)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 87])
def test_sums_of_any_length(size: int):
    counts, values = RNG.poisson(3.0, size).astype(float), RNG.uniform(0.1, 1.0, size)
    assert dot(counts, values) == pytest.approx(float(counts @ values), rel=1e-14)
    assert dots(counts, values) == pytest.approx((dot(counts, values), dot(counts, values**2)), rel=1e-14)
    assert log_sum(counts, values, np.empty(size)) == pytest.approx(float(counts @ np.log(values)), rel=1e-14)
