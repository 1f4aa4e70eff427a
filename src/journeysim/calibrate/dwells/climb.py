"""Compiled: where prior and likelihood of a dwell agree best, by Newton steps on a stencil, two coordinates at most."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.dwells.tails import log_likelihood_at
from journeysim.calibrate.numerics.compiled import compiled, compiled_inner
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

_EXPONENTIAL, _GAMMA, _WEIBULL = int(Family.EXPONENTIAL), int(Family.GAMMA), int(Family.WEIBULL)
_ONE_LESS_EULER: Final = float(1.0 - np.euler_gamma)
_STEPS: Final = 40
#: Halves of a step that are tried; the last try is not to move at all.
_HALVES: Final = 8


@compiled_inner
def scale_and_shape(family: int, location: float, log_shape: float) -> tuple[float, float]:
    """Return (a, b) of a family's coordinates, as `families.to_scale_shape` has them."""
    x, b = min(max(location, -60.0), 60.0), math.exp(min(max(log_shape, -4.0), 6.0))
    if family == _EXPONENTIAL:
        return math.exp(x), 1.0
    if family == _GAMMA:
        return math.exp(x) / b, b
    return (math.exp(x - _ONE_LESS_EULER / b) if family == _WEIBULL else math.exp(x)), b


@compiled
def climb(  # noqa: PLR0913, PLR0917  the data, array by array
    family: int, mean: Floats, precision: Floats, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats,
    start: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return the mode uphill of a start, shape (k,), and the curvature there, (k, k).

    A step goes uphill where the density curves the wrong way too (absolute eigenvalues), and only as far as it climbs.
    Coordinate by coordinate: what numba makes of expressions on whole arrays takes it longer to compile than all else here.
    """
    k = len(mean)
    at, step, tried, move, sd, gradient = start.copy(), np.empty(k), np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    bend, curvature = np.zeros((k, k)), np.zeros((k, k))
    for i in range(k):
        step[i] = 0.05
    for _ in range(_STEPS):
        _derive(family, mean, precision, low, high, done, times, still, at, step, tried, gradient, bend)
        _newton(gradient, bend, move, sd, curvature)
        part = _farthest(family, mean, precision, low, high, done, times, still, at, move, tried)
        arrived = True
        for i in range(k):
            at[i] += part * move[i]
            step[i] = min(max(0.3 * sd[i], 1e-4), 0.2)
            arrived = arrived and abs(move[i]) < 0.02 * sd[i]
        if arrived:
            break
    return at, curvature


@compiled_inner
def _farthest(  # noqa: PLR0913, PLR0917
    family: int, mean: Floats, precision: Floats, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats,
    at: Floats, move: Floats, tried: Floats,
) -> float:  # fmt: skip
    """Return the part of a move that climbs highest, of a whole one, a half and so on, and none."""
    best, highest, part = 0.0, 0.0, 1.0
    for turn in range(_HALVES + 1):
        part = 0.0 if turn == _HALVES else part
        for i in range(len(at)):
            tried[i] = at[i] + part * move[i]
        height = _height(family, mean, precision, low, high, done, times, still, tried)
        if turn == 0 or height > highest:
            best, highest = part, height
        part *= 0.5
    return best


@compiled_inner
def _newton(gradient: Floats, bend: Floats, move: Floats, sd: Floats, curvature: Floats) -> None:
    """Write Newton's step, the sds, and the curvature with its eigenvalues made positive."""
    k = len(gradient)
    values, c, s = _axes(bend)
    least = 1e-2 * max(abs(values[0]), abs(values[k - 1]), 1e-6)
    for i in range(k):
        move[i], sd[i] = 0.0, 0.0
        for j in range(k):
            curvature[i, j] = 0.0
    for m in range(k):
        value = max(abs(values[m]), least)
        axis = (c, s) if m == 0 else (-s, c)
        along = 0.0
        for i in range(k):
            along += axis[i] * gradient[i]
        for i in range(k):
            move[i] += axis[i] * along / value
            sd[i] += axis[i] ** 2 / value
            for j in range(k):
                curvature[i, j] += axis[i] * value * axis[j]
    for i in range(k):
        move[i], sd[i] = min(max(move[i], -1.0), 1.0), math.sqrt(sd[i])


@compiled_inner
def _height(  # noqa: PLR0913, PLR0917
    family: int, mean: Floats, precision: Floats, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats,
    at: Floats,
) -> float:  # fmt: skip
    """Return the log of prior x likelihood, up to a constant."""
    a, b = scale_and_shape(family, at[0], at[1] if len(at) > 1 else 0.0)
    total = log_likelihood_at(family, a, b, low, high, done, times, still)
    for i in range(len(at)):
        for j in range(len(at)):
            total -= 0.5 * (at[i] - mean[i]) * precision[i, j] * (at[j] - mean[j])
    return total


@compiled_inner
def _derive(  # noqa: PLR0913, PLR0917
    family: int, mean: Floats, precision: Floats, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats,
    at: Floats, step: Floats, tried: Floats, gradient: Floats, bend: Floats,
) -> None:  # fmt: skip
    """Write gradient and negative curvature by central differences, on a stencil of 3^k points."""
    k = len(at)
    here = _height(family, mean, precision, low, high, done, times, still, at)
    for i in range(k):
        for n in range(k):
            tried[n] = at[n]
        tried[i] = at[i] + step[i]
        up = _height(family, mean, precision, low, high, done, times, still, tried)
        tried[i] = at[i] - step[i]
        down = _height(family, mean, precision, low, high, done, times, still, tried)
        gradient[i] = (up - down) / (2.0 * step[i])
        bend[i, i] = -(up - 2.0 * here + down) / step[i] ** 2
    if k > 1:
        mixed = 0.0
        for first in (-1.0, 1.0):
            for second in (-1.0, 1.0):
                tried[0], tried[1] = at[0] + first * step[0], at[1] + second * step[1]
                mixed += first * second * _height(family, mean, precision, low, high, done, times, still, tried)
        bend[0, 1] = bend[1, 0] = -mixed / (4.0 * step[0] * step[1])


@compiled_inner
def _axes(matrix: Floats) -> tuple[tuple[float, float], float, float]:
    """Return eigenvalues of a symmetric matrix of one or two rows, and c and s: eigenvectors are (c, s) and (-s, c)."""
    if len(matrix) == 1:
        return (matrix[0, 0], matrix[0, 0]), 1.0, 0.0
    middle, half = (matrix[0, 0] + matrix[1, 1]) / 2.0, (matrix[0, 0] - matrix[1, 1]) / 2.0
    far, angle = math.hypot(half, matrix[0, 1]), 0.5 * math.atan2(matrix[0, 1], half)
    return (middle + far, middle - far), math.cos(angle), math.sin(angle)
