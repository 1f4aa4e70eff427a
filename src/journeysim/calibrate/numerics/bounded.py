"""Compiled: what numba makes an array for, though a number or an array at hand would do; so lean code calls it."""

from __future__ import annotations

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled_inner
from journeysim.model.quantity import Floats


@compiled_inner
def pick(rng: np.random.Generator, size: int) -> int:
    """Return a position among so many, each as likely."""
    return int(rng.integers(0, size))


@compiled_inner
def write_product(matrix: Floats, vector: Floats, out: Floats) -> None:
    """Write the product of a matrix and a vector."""
    np.dot(matrix, vector, out)
