"""Compiled: what dwells say at the points where the density of silent exits needs them (`density`): tails and bins.

Normal scores are read from `dwells.scores`' tables by cubic splines along the shape and the scaled log time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from journeysim.calibrate.dwells.scores import LEAST_SHAPE, LEFT, NODES, SHAPE_STEP, SHAPES, STEP
from journeysim.calibrate.numerics.compiled import compiled_inner
from journeysim.model.event_log import Bools, Ints
from journeysim.model.quantity import Floats

#: A normal score beyond this is as good as infinite; no likelihood is below the least.
FARTHEST = 37.0
LEAST = 1e-300
_MOST_SHAPE = LEAST_SHAPE + SHAPE_STEP * (SHAPES - 1)
_ROOT_HALF = math.sqrt(0.5)


class Told(NamedTuple):
    """What dwells say at points: normal scores with their derivatives and heights, both tails, and the gradient of bins.

    Tails and gradient begin with the two entries for "never longer" and "always longer".
    """

    score: Floats
    by_location: Floats
    by_shape: Floats
    height: Floats
    still: Floats
    over: Floats
    by_still: Floats


@compiled_inner
def nothing(points: int) -> Told:
    """Return room for so many points, with what "never longer" and "always longer" say."""
    still, over = np.zeros(points + 2), np.zeros(points + 2)
    over[0], still[1] = 1.0, 1.0
    return Told(
        np.zeros(points), np.zeros(points), np.zeros(points), np.zeros(points), still, over, np.zeros(points + 2)
    )


@compiled_inner
def coordinates(at: Floats, personas: int, links: int, learned: int) -> Floats:
    """Return locations and log shapes, (2, persona, learned)."""
    return np.asarray(at[links * (personas + 1) :].copy().reshape((2, personas, learned)))


@compiled_inner
def tell(  # noqa: PLR0913, PLR0917
    phi: Floats, tables: Floats, row: Ints, stride: Ints, form: Floats, link: Ints, time: Floats,
    low: Ints, high: Ints, in_bin: Floats, moved: Bools, before: Told,
) -> tuple[Told, float]:  # fmt: skip
    """Return what dwells say, and the log likelihood of the bins of those that moved; the others say what they did."""
    told = Told(
        before.score.copy(), before.by_location.copy(), before.by_shape.copy(), before.height.copy(),
        before.still.copy(), before.over.copy(), before.by_still.copy(),
    )  # fmt: skip
    _scores(phi, tables, row, stride, form, link, time, moved, told)
    for p in range(len(link)):
        if moved[link[p]]:
            tail = 0.5 * math.erfc(min(abs(told.score[p]), FARTHEST) * _ROOT_HALF)
            later = told.score[p] > 0
            told.still[p + 2], told.over[p + 2] = (tail, 1.0 - tail) if later else (1.0 - tail, tail)
            told.height[p], told.by_still[p + 2] = math.exp(-0.5 * told.score[p] ** 2), 0.0
    return told, _bins(told, low, high, in_bin, link, moved)


@compiled_inner
def _scores(  # noqa: PLR0913, PLR0917
    phi: Floats, tables: Floats, row: Ints, stride: Ints, form: Floats, link: Ints, time: Floats,
    moved: Bools, told: Told,
) -> None:  # fmt: skip
    """Write the normal score of the points of dwells that moved, and its derivatives by location and by log shape."""
    learned = len(row)
    w, dw = np.empty(4), np.empty(4)
    slopes, by_slopes, lines, v, dv = _shapes(phi[1], form)
    for p in range(len(time)):
        if not moved[link[p]]:
            continue
        g, j = divmod(link[p], learned)
        slope, apart = slopes[g, j], time[p] - phi[0, g, j]
        at, inside = _taps((apart * slope + form[3, j] - LEFT) / STEP, NODES, w, dw)
        value, by_y, along = 0.0, 0.0, 0.0
        for a in range(4 if stride[j] else 1):
            line = tables[row[j] + stride[j] * (lines[g, j] + a)]
            part, part_y = 0.0, 0.0
            for b in range(4):
                part += w[b] * line[at + b]
                part_y += dw[b] * line[at + b]
            value += part * (v[g, j, a] if stride[j] else 1.0)
            by_y += part_y * (v[g, j, a] if stride[j] else 1.0)
            along += part * (dv[g, j, a] if stride[j] else 0.0)
        by_y *= inside / STEP
        told.score[p] = value
        told.by_location[p] = -by_y * slope
        free = LEAST_SHAPE <= phi[1, g, j] <= _MOST_SHAPE
        told.by_shape[p] = (by_y * apart * by_slopes[g, j] + along / SHAPE_STEP) if free else 0.0


@compiled_inner
def _shapes(shapes: Floats, form: Floats) -> tuple[Floats, Floats, Ints, Floats, Floats]:
    """Return what points of a location share, (persona, learned): slope, its derivative, first line and taps of the shape."""
    slopes, by_slopes = np.empty(shapes.shape), np.empty(shapes.shape)
    lines, v, dv = np.zeros(shapes.shape, dtype=np.int64), np.empty((*shapes.shape, 4)), np.empty((*shapes.shape, 4))
    for g in range(shapes.shape[0]):
        for j in range(shapes.shape[1]):
            shape = min(max(shapes[g, j], LEAST_SHAPE), _MOST_SHAPE)
            bent = math.exp(form[1, j] * shape)
            base = form[0, j] + bent
            slopes[g, j] = base ** form[2, j]
            by_slopes[g, j] = slopes[g, j] / base * form[2, j] * form[1, j] * bent
            lines[g, j], _ = _taps((shape - LEAST_SHAPE) / SHAPE_STEP, SHAPES, v[g, j], dv[g, j])
    return slopes, by_slopes, lines, v, dv


@compiled_inner
def _taps(at: float, count: int, weights: Floats, slopes: Floats) -> tuple[int, float]:
    """Write the four weights of the cubic B-spline and their derivatives; return the first node, and 0 if off the grid."""
    inside = 1.0 if 0.0 <= at <= count - 1.0 else 0.0
    at = min(max(at, 0.0), count - 1.0)
    node = min(int(at), count - 2)
    f = at - node
    weights[0], slopes[0] = (1 - f) ** 3 / 6, -((1 - f) ** 2) / 2
    weights[1], slopes[1] = (3 * f**3 - 6 * f**2 + 4) / 6, (3 * f**2 - 4 * f) / 2
    weights[2], slopes[2] = (-3 * f**3 + 3 * f**2 + 3 * f + 1) / 6, (-3 * f**2 + 2 * f + 1) / 2
    weights[3], slopes[3] = f**3 / 6, f**2 / 2
    return node, inside


@compiled_inner
def _bins(told: Told, low: Ints, high: Ints, count: Floats, link: Ints, moved: Bools) -> float:
    """Return the log likelihood of completed moves in bins, differences taken in the nearer tail; add its gradient."""
    total = 0.0
    for b in range(len(low)):
        lo, hi = low[b], high[b]
        if moved[link[hi - 2]]:
            inside = told.still[lo] - told.still[hi] if told.still[lo] < 0.5 else told.over[hi] - told.over[lo]
            if inside > LEAST:
                told.by_still[lo] += count[b] / inside
                told.by_still[hi] -= count[b] / inside
            total += count[b] * math.log(max(inside, LEAST))
    return total
