"""Compiled: where prior and likelihood of a dwell agree best, by Newton steps on a stencil, two coordinates at most."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.dwells.likelihood import in_a_row, write_log_likelihoods
from journeysim.calibrate.numerics.compiled import compiled, compiled_inner, compiled_into
from journeysim.model.dwell import Family
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_EXPONENTIAL, _GAMMA, _WEIBULL = int(Family.EXPONENTIAL), int(Family.GAMMA), int(Family.WEIBULL)
_ONE_LESS_EULER: Final = float(1.0 - np.euler_gamma)
_STEPS: Final = 40
#: Halves of a step that are tried; the last try is not to move at all.
_HALVES: Final = 8


@compiled_into
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
    edges, begins, counts = in_a_row(low, high, done, times, still)
    at, step, move, sd, gradient = start.copy(), np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    bend, curvature = np.zeros((k, k)), np.zeros((k, k))
    for i in range(k):
        step[i] = 0.05
    for _ in range(_STEPS):
        _derive(_heights(family, mean, precision, edges, begins, counts, _stencil(at, step)), step, gradient, bend)
        _newton(gradient, bend, move, sd, curvature)
        part = _part(_highest(_heights(family, mean, precision, edges, begins, counts, _along(at, move))))
        arrived = True
        for i in range(k):
            at[i] += part * move[i]
            step[i] = min(max(0.3 * sd[i], 1e-4), 0.2)
            arrived = arrived and abs(move[i]) < 0.02 * sd[i]
        if arrived:
            break
    return at, curvature


@compiled_into
def _highest(heights: Floats) -> int:
    """Return where the highest is, the first of several."""
    found = 0
    for n in range(len(heights)):
        found = n if heights[n] > heights[found] else found
    return found


@compiled_into
def _part(turn: int) -> float:
    """Return the part of a move that is tried: a whole one, a half and so on, and none."""
    return 0.0 if turn == _HALVES else 0.5**turn


@compiled_into
def _along(at: Floats, move: Floats) -> Floats:
    """Return where the parts of a move lead, shape (part, k)."""
    found = np.empty((_HALVES + 1, len(at)))
    for turn in range(_HALVES + 1):
        for i in range(len(at)):
            found[turn, i] = at[i] + _part(turn) * move[i]
    return found


@compiled_into
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
def _heights(
    family: int, mean: Floats, precision: Floats, edges: Floats, begins: Ints, counts: Floats, at: Floats
) -> Floats:
    """Return the log of prior x likelihood, up to a constant, at points (point, k)."""
    a, b, out = np.empty(len(at)), np.empty(len(at)), np.empty(len(at))
    for n in range(len(at)):
        a[n], b[n] = scale_and_shape(family, at[n, 0], at[n, 1] if at.shape[1] > 1 else 0.0)
        out[n] = 0.0
    write_log_likelihoods(family, a, b, edges, begins, counts, out)
    for n in range(len(at)):
        for i in range(len(mean)):
            for j in range(len(mean)):
                out[n] -= 0.5 * (at[n, i] - mean[i]) * precision[i, j] * (at[n, j] - mean[j])
    return out


@compiled_into
def _stencil(at: Floats, step: Floats) -> Floats:
    """Return 3^k points, (point, k): the middle, up and down each coordinate, and the corners of two."""
    k = len(at)
    found = np.empty((3**k, k))
    for n in range(len(found)):
        for i in range(k):
            found[n, i] = at[i]
    for i in range(k):
        found[1 + 2 * i, i] += step[i]
        found[2 + 2 * i, i] -= step[i]
    for corner in range(5, len(found)):
        found[corner, 0] += step[0] if corner < 7 else -step[0]
        found[corner, 1] += step[1] if corner % 2 else -step[1]
    return found


@compiled_into
def _derive(heights: Floats, step: Floats, gradient: Floats, bend: Floats) -> None:
    """Write gradient and negative curvature by central differences of heights on the stencil."""
    for i in range(len(step)):
        up, down = heights[1 + 2 * i], heights[2 + 2 * i]
        gradient[i] = (up - down) / (2.0 * step[i])
        bend[i, i] = -(up - 2.0 * heights[0] + down) / step[i] ** 2
    if len(step) > 1:
        mixed = heights[5] - heights[6] - heights[7] + heights[8]
        bend[0, 1] = bend[1, 0] = -mixed / (4.0 * step[0] * step[1])


@compiled_into
def _axes(matrix: Floats) -> tuple[tuple[float, float], float, float]:
    """Return eigenvalues of a symmetric matrix of one or two rows, and c and s: eigenvectors are (c, s) and (-s, c)."""
    if len(matrix) == 1:
        return (matrix[0, 0], matrix[0, 0]), 1.0, 0.0
    middle, half = (matrix[0, 0] + matrix[1, 1]) / 2.0, (matrix[0, 0] - matrix[1, 1]) / 2.0
    far, angle = math.hypot(half, matrix[0, 1]), 0.5 * math.atan2(matrix[0, 1], half)
    return (middle + far, middle - far), math.cos(angle), math.sin(angle)
