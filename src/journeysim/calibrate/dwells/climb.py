"""Compiled: where prior and likelihood of a dwell agree best, by Newton steps on a stencil, two coordinates at most."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.dwells.tails import log_likelihood_at
from journeysim.calibrate.numerics.compiled import compiled
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

_EXPONENTIAL, _GAMMA, _WEIBULL = int(Family.EXPONENTIAL), int(Family.GAMMA), int(Family.WEIBULL)
_ONE_LESS_EULER: Final = float(1.0 - np.euler_gamma)
_STEPS: Final = 40
#: Parts of a step that are tried; the last is not to move at all.
_SHORTER: Final = np.append(0.5 ** np.arange(8), 0.0)


@compiled
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
    """
    at, step, curvature = start.copy(), np.full(len(mean), 0.05), np.zeros((len(mean), len(mean)))
    for _ in range(_STEPS):
        gradient, bend = _derivatives(family, mean, precision, low, high, done, times, still, at, step)
        move, sd, curvature = _newton(gradient, bend)
        heights = np.array(
            [_height(family, mean, precision, low, high, done, times, still, at + part * move) for part in _SHORTER]
        )
        at += _SHORTER[np.argmax(heights)] * move
        step = np.minimum(np.maximum(0.3 * sd, 1e-4), 0.2)
        if np.all(np.abs(move) < 0.02 * sd):
            break
    return at, curvature


@compiled
def _newton(gradient: Floats, bend: Floats) -> tuple[Floats, Floats, Floats]:
    """Return Newton's step, the sds, and the curvature with its eigenvalues made positive."""
    values, axes = _axes(bend)
    values = np.abs(values)
    values = np.maximum(values, 1e-2 * max(values.max(), 1e-6))
    k = len(gradient)
    move, variance, curvature = np.zeros(k), np.zeros(k), np.zeros((k, k))
    for m in range(k):
        along = (axes[:, m] * gradient).sum()
        for i in range(k):
            move[i] += axes[i, m] * along / values[m]
            variance[i] += axes[i, m] ** 2 / values[m]
            for j in range(k):
                curvature[i, j] += axes[i, m] * values[m] * axes[j, m]
    return np.minimum(np.maximum(move, -1.0), 1.0), np.sqrt(variance), curvature


@compiled
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


@compiled
def _derivatives(  # noqa: PLR0913, PLR0917
    family: int, mean: Floats, precision: Floats, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats,
    at: Floats, step: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return gradient and negative curvature by central differences."""
    k = len(at)
    gradient, bend = np.zeros(k), np.zeros((k, k))
    here = _height(family, mean, precision, low, high, done, times, still, at)
    for i in range(k):
        off = np.zeros(k)
        off[i] = step[i]
        up = _height(family, mean, precision, low, high, done, times, still, at + off)
        down = _height(family, mean, precision, low, high, done, times, still, at - off)
        gradient[i] = (up - down) / (2.0 * step[i])
        bend[i, i] = -(up - 2.0 * here + down) / step[i] ** 2
    if k > 1:
        mixed = 0.0
        for first in (-1.0, 1.0):
            for second in (-1.0, 1.0):
                corner = at + np.array([first * step[0], second * step[1]])
                mixed += first * second * _height(family, mean, precision, low, high, done, times, still, corner)
        bend[0, 1] = bend[1, 0] = -mixed / (4.0 * step[0] * step[1])
    return gradient, bend


@compiled
def _axes(matrix: Floats) -> tuple[Floats, Floats]:
    """Return eigenvalues and eigenvectors (in columns) of a symmetric matrix of one or two rows."""
    if len(matrix) == 1:
        return np.array([matrix[0, 0]]), np.ones((1, 1))
    middle, half = (matrix[0, 0] + matrix[1, 1]) / 2.0, (matrix[0, 0] - matrix[1, 1]) / 2.0
    far, angle = math.hypot(half, matrix[0, 1]), 0.5 * math.atan2(matrix[0, 1], half)
    c, s = math.cos(angle), math.sin(angle)
    return np.array([middle + far, middle - far]), np.array([[c, -s], [s, c]])
