"""Compiled: a dwell on the grid by half hats, what comes just before a point apart from what comes just after it.

What is still to come has a jump where time runs out: an arrival at the horizon counts, one just after it does not. A cell
between two points is therefore shared between the value just after its first and just before its last point, in
proportion to closeness, so that integrals against a function that is straight within cells are exact, jumps at points
included. With the limited mean m and S = 1 - F the half hat below point u is, by parts,
E[(T - (u - 1) h) / h; T in the cell] = (m(uh) - m(uh - h)) / h - S(uh); the other half is the rest of the whole hat (`weights`).
The square of a straight function is not straight: between values that lie d apart at the ends of a cell it is less than the
straight line by d^2 x (1 - x), x the part of the cell. E[x (1 - x); T in the cell] is kept for the first cells, which hold
dwells far shorter than the step; farther on it is of the same order as what halving the step takes off.
"""

from __future__ import annotations

import math

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.exact._compiled import lean
from journeysim.simulate.exact.money_state import NEAR, Halves
from journeysim.simulate.exact.state import HIGH, LOW, POINTS, USED, Plan
from journeysim.simulate.exact.weights import (
    EMPIRICAL,
    EXPONENTIAL,
    GAMMA,
    LOGLOGISTIC,
    LOGNORMAL,
    SNAP,
    WEIBULL,
    fixed_points,
    limited_mean,
    loglogistic_means,
    lower_gamma,
    mean_of,
    split,
)

_ROOT_HALF = math.sqrt(0.5)


@lean
def _share_above(table: Floats, at: float) -> float:
    """Return P(T > at) of quantiles at equally spaced probabilities, joined by straight lines."""
    pieces = len(table) - 1
    if at < table[0]:
        return 1.0
    low, high = 0, pieces
    while low < high:
        middle = (low + high + 1) // 2
        if table[middle] <= at:
            low = middle
        else:
            high = middle - 1
    if low == pieces:
        return 0.0
    return 1.0 - (low + float((at - table[low]) / (table[low + 1] - table[low]))) / pieces


@lean
def survival(family: int, a: float, b: float, tables: Floats, t: float) -> float:
    """Return P(T > t) at t >= 0 of every family but fixed."""
    if family == EMPIRICAL:
        return _share_above(tables[int(b)], t / a)
    found = 1.0
    if t > 0.0:
        if family == EXPONENTIAL:
            found = math.exp(-t / a)
        elif family == GAMMA:
            found = 1.0 - lower_gamma(b, t / a)
        elif family == WEIBULL:
            found = math.exp(-((t / a) ** b))
        elif family == LOGNORMAL:
            found = 0.5 * math.erfc(math.log(t / a) / b * _ROOT_HALF)
        else:
            found = 1.0 / (1.0 + (t / a) ** b)
    return found


@lean
def place_halves(plan: Plan, families: Ints, a: Floats, b: Floats, halves: Halves) -> None:
    """Place each dwell on the grid, unless the world before had the same dwell."""
    for p in range(a.shape[0]):
        for link in range(a.shape[1]):
            q, family, scale, shape = plan.kernel[p, link], families[link], a[p, link], b[p, link]
            known = halves.known[q, 0] == scale and (halves.known[q, 1] == shape or np.isnan(shape))
            if plan.links[link, USED] == 0 or (known and halves.known[q, 2] == family):
                continue
            halves.known[q, 0], halves.known[q, 1], halves.known[q, 2] = scale, shape, family
            halves.reach[q, POINTS] = fixed_points(family, scale, shape, plan.step)
            if halves.reach[q, POINTS] > 0:
                at = max(scale, 0.0) / plan.step
                halves.reach[q, LOW] = min(math.floor(at + SNAP), float(len(plan.points)))
                halves.beyond[q] = at - halves.reach[q, LOW] if halves.reach[q, POINTS] == 2 else 0.0
                halves.bent[q, 0] = halves.beyond[q] * (1.0 - halves.beyond[q])
            else:
                _place(q, family, scale, shape, plan.table, plan.step, halves)


@lean
def _place(q: int, family: int, a: float, b: float, tables: Floats, step: float, halves: Halves) -> None:
    last, means = len(halves.reverse) - 1, halves.means
    halves.reach[q, HIGH] = split(family, a, b, tables, step, means, halves.reverse)
    for u in range(last + 1):
        halves.hat[q, u] = halves.reverse[last - u]
        halves.alive[q, u] = survival(family, a, b, tables, u * step)
        below = (means[u] - means[u - 1]) / step - halves.alive[q, u] if u > 0 else 0.0
        halves.below[q, u] = min(max(below, 0.0), halves.hat[q, u])
    before = 0.0
    for u in range(min(NEAR, last)):
        mass, within = halves.alive[q, u] - halves.alive[q, u + 1], halves.below[q, u + 1]
        square = limited_square(family, a, b, tables, (u + 1) * step, means) / (step * step)
        own = square - before - (u + 1.0) ** 2 * halves.alive[q, u + 1] + u**2 * halves.alive[q, u]
        halves.bent[q, u] = max(0.0, within - (own - u * (u * mass + 2.0 * within)))
        before = square


@lean
def limited_square(family: int, a: float, b: float, tables: Floats, t: float, scratch: Floats) -> float:
    """Return E[min(T, t)^2] of every family but fixed; overwrites the first two places of `scratch`.

    It is the limited mean of T^2 at t^2, and the square of a dwell is of the same family but for gamma and empirical dwells.
    """
    if family == EMPIRICAL:
        return _table_square(tables[int(b)], t / a) * a * a
    if family == GAMMA:
        x = t / a
        return a * a * b * (b + 1.0) * lower_gamma(b + 2.0, x) + t * t * (1.0 - lower_gamma(b, x))
    if family == LOGLOGISTIC:
        loglogistic_means(a * a, 0.5 * b, t * t, scratch[:2])
        return float(scratch[1])
    kind = LOGNORMAL if family == LOGNORMAL else WEIBULL
    shape = 2.0 * b if family == LOGNORMAL else 0.5 * (1.0 if family == EXPONENTIAL else b)
    return limited_mean(kind, a * a, shape, mean_of(kind, a * a, shape), t * t)


@lean
def _table_square(table: Floats, t: float) -> float:
    """Return E[min(T, t)^2] of quantiles at equally spaced probabilities, joined by straight lines."""
    total = 0.0
    for piece in range(len(table) - 1):
        low, high = table[piece], table[piece + 1]
        if high <= t:
            total += (low * low + low * high + high * high) / 3.0
        elif low >= t:
            total += t * t
        else:
            total += ((t**3 - low**3) / 3.0 + t * t * (high - t)) / (high - low)
    return total / (len(table) - 1)
