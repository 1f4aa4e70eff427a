"""Exponentials and the normal's tail for many values at once, against NumPy's and SciPy's."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import special

from journeysim.calibrate.numerics.elementary import erfc_above, exp, log, power_parts
from journeysim.model.quantity import Floats


@njit
def _all(values: Floats) -> Floats:
    found = np.empty((4, len(values)))
    for i in range(len(values)):
        power, p = power_parts(values[i])
        found[0, i], found[1, i], found[2, i] = exp(values[i]), power * p + (power - 1.0), erfc_above(abs(values[i]))
        found[3, i] = log(max(abs(values[i]), 1e-307))
    return found


def test_exponentials_and_the_normals_tail_are_those_of_the_libraries() -> None:
    # 2e-16 of log, or 5e-16 of it; 7e-16 of exp, 9e-16 of exp - 1, near 0 too; 3e-15 of erfc to x = 5; x^2 less beyond.
    rng = np.random.default_rng(3)
    near, far = (
        np.concatenate([rng.uniform(-5, 5, 20000), 10 ** rng.uniform(-18, 0, 9999), [0.0]]),
        rng.uniform(-26, 26, 20000),
    )
    powers, less_one, tail, logs = _all(near)
    np.testing.assert_allclose(logs, np.log(np.maximum(np.abs(near), 1e-307)), rtol=5e-16, atol=2e-16)
    np.testing.assert_allclose(powers, np.exp(near), rtol=7e-16)
    np.testing.assert_allclose(less_one, np.expm1(near), rtol=9e-16)
    np.testing.assert_allclose(tail, special.erfc(np.abs(near)), rtol=3e-15)
    np.testing.assert_allclose(_all(far)[2], special.erfc(np.abs(far)), rtol=2e-13)
    np.testing.assert_allclose(_all(20 * far)[0], np.exp(20 * far), rtol=7e-16)


def test_what_lies_beyond_the_floats_is_taken_for_their_ends() -> None:
    ends = _all(np.array([-708.0, 708.0]))
    assert np.array_equal(_all(np.array([-1e300, 1e300]))[:2], ends[:2])
    np.testing.assert_allclose(ends[0], np.exp([-708.0, 708.0]), rtol=7e-16)
    assert _all(np.array([1e300]))[2, 0] == 0.0
