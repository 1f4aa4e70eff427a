"""Compiled: the mass of a dwell on the points of a uniform grid, split so that its mean is kept.

A dwell between two grid points is shared between them in proportion to closeness, so point k receives
E[max(0, 1 - |T - k h| / h)]. With the limited mean m(t) = E[min(T, t)] this is
(2 m(kh) - m(kh - h) - m(kh + h)) / h for k >= 1 and 1 - m(h) / h for k = 0 (Klugman, Panjer & Willmot, Loss Models,
"method of local moment matching" with one moment), so only limited means are needed, and those are closed forms.
"""

from __future__ import annotations

import math

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.exact._compiled import lean

EXPONENTIAL, GAMMA, WEIBULL, LOGNORMAL, LOGLOGISTIC, EMPIRICAL = 1, 2, 3, 4, 5, 6
TAIL = 1e-12
SNAP = 1e-9
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_FAR_NODES, _FAR_WEIGHTS = np.polynomial.legendre.leggauss(4)
_FAR = 512
#: log(k - 1 + x) for the four nodes x of the interval from point k - 1 to point k, the first one unused
_FAR_LOGS = np.log(np.maximum(np.arange(_FAR)[:, None] - 1.0 + 0.5 * (_FAR_NODES + 1.0), 1e-3))
_ROOT_HALF = math.sqrt(0.5)


@lean
def lower_gamma(shape: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function P(shape, x) (Abramowitz & Stegun 6.5.29, 6.5.31)."""
    if x <= 0.0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if front == 0.0:
        return 1.0 if x > shape else 0.0
    if x < shape + 1.0:
        term, total, up = 1.0 / shape, 1.0 / shape, shape
        while term > total * 1e-17:
            up += 1.0
            term *= x / up
            total += term
        return front * total
    # Lentz's continued fraction, which converges fast exactly where the series does not
    b = x + 1.0 - shape
    c, d = 1e300, 1.0 / b
    value = d
    for i in range(1, 10_000):
        an = -i * (i - shape)
        b += 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        step = c * d
        value *= step
        if abs(step - 1.0) < 1e-16:
            break
    return 1.0 - front * value


@lean
def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z * _ROOT_HALF)


@lean
def limited_mean(family: int, a: float, b: float, mean: float, t: float) -> float:
    """Return E[min(T, t)] where it has a closed form; `mean` is E[T], handed over so that it is found once."""
    if family == EXPONENTIAL:
        return -a * math.expm1(-t / a)
    if family == GAMMA:
        x = t / a
        below = lower_gamma(b, x)
        # P(b + 1, x) = P(b, x) - x^b e^-x / Gamma(b + 1)
        step = math.exp(b * math.log(x) - x - math.lgamma(b + 1.0))
        return mean * (below - step) + t * (1.0 - below)
    if family == WEIBULL:
        z = (t / a) ** b
        return mean if z > 700.0 else mean * lower_gamma(1.0 + 1.0 / b, z) + t * math.exp(-z)
    z = math.log(t / a) / b
    return mean * _normal_cdf(z - b) + t * _normal_cdf(-z)


@lean
def mean_of(family: int, a: float, b: float) -> float:
    """Return E[T] of the families whose limited mean has a closed form."""
    if family == GAMMA:
        return a * b
    if family == WEIBULL:
        return a * math.gamma(1.0 + 1.0 / b)
    if family == LOGNORMAL:
        return a * math.exp(0.5 * b * b)
    return a


@lean
def _loglogistic_piece(a: float, b: float, low: float, high: float) -> float:
    """Return the integral of 1 / (1 + (t / a)^b) over [low, high], low > 0, by Gauss-Legendre in log time.

    In log time the nearest poles lie pi / b away, so panels of width 1 / b are good to rounding.
    """
    width = math.log(high / low)
    panels = math.ceil(b * width) + 1
    half = 0.5 * width / panels
    total = 0.0
    for panel in range(panels):
        centre = math.log(low) + (2 * panel + 1) * half
        for node in range(8):
            t = math.exp(centre + half * _NODES[node])
            total += _WEIGHTS[node] * half * t / (1.0 + (t / a) ** b)
    return total


@lean
def _far_piece(b: float, shift: float, k: int) -> float:
    """Return the mean of 1 / (1 + (t / a)^b) from point k - 1 to k, with shift = log(step / a).

    Four nodes are good to 1e-12 where the interval is short against its distance from 0 (k > 2 b + 6): the poles lie
    pi / b away in log time, and the interval is 1 / k wide there.
    """
    total = 0.0
    for node in range(4):
        total += _FAR_WEIGHTS[node] / (1.0 + math.exp(b * (_FAR_LOGS[k, node] + shift)))
    return 0.5 * total


@lean
def loglogistic_means(a: float, b: float, step: float, means: Floats) -> None:
    """Fill E[min(T, k step)] for k = 0, 1, …; near 0 by the alternating series of 1 / (1 + z)."""
    start = min(step, a * 0.2 ** (1.0 / b))
    z, power, total = (start / a) ** b, 1.0, 0.0
    for term in range(40):
        total += power / (term * b + 1.0)
        power *= -z
    means[0], means[1] = 0.0, start * total
    if start < step:
        means[1] += _loglogistic_piece(a, b, start, step)
    shift = math.log(step / a)
    for k in range(2, len(means)):
        if k < _FAR and k > 2.0 * b + 6.0:
            means[k] = means[k - 1] + step * _far_piece(b, shift, k)
        else:
            means[k] = means[k - 1] + _loglogistic_piece(a, b, (k - 1) * step, k * step)


@lean
def _empirical_means(a: float, table: Floats, step: float, means: Floats) -> None:
    """Fill E[min(T, k step)] of quantiles at equally spaced probabilities, joined by straight lines.

    Quantiles rise, so at any time the pieces below it are whole, those above it untouched, and one lies across.
    """
    pieces, piece, below = len(table) - 1, 0, 0.0
    means[0] = 0.0
    for k in range(1, len(means)):
        t = k * step
        while piece < pieces and a * table[piece + 1] <= t:
            below += 0.5 * a * (table[piece] + table[piece + 1])
            piece += 1
        inside = below + (pieces - piece) * t
        if piece < pieces and a * table[piece] < t:
            low, high = a * table[piece], a * table[piece + 1]
            inside -= 0.5 * (t - low) ** 2 / (high - low)
        means[k] = inside / pieces


@lean
def table_moments(tables: Floats, moments: Floats) -> None:
    """Fill moments (order, T) with E[T^k], k = 1 …, of each table: every piece is uniform, E[T^k] = sum l^j h^(k-j) / (k + 1)."""
    pieces = tables.shape[1] - 1
    moments[:] = 0.0
    for row in range(len(tables)):
        for piece in range(pieces):
            low, high = tables[row, piece], tables[row, piece + 1]
            total, power = 1.0, 1.0
            for k in range(len(moments)):
                power *= high
                total = total * low + power
                moments[k, row] += total / (k + 2) / pieces


@lean
def limited_means(family: int, a: float, b: float, tables: Floats, step: float, means: Floats) -> None:
    """Fill means[k] = E[min(T, k step)], k = 0 … len(means) - 1, for every family but fixed."""
    if family == LOGLOGISTIC:
        loglogistic_means(a, b, step, means)
    elif family == EMPIRICAL:
        _empirical_means(a, tables[int(b)], step, means)
    else:
        mean = mean_of(family, a, b)
        means[0] = 0.0
        for k in range(1, len(means)):
            # nearly nobody is left: the rest of the points would only repeat the mean
            if k > 1 and mean - means[k - 1] < 1e-15 * mean:
                means[k] = means[k - 1]
            else:
                means[k] = limited_mean(family, a, b, mean, k * step)


@lean
def fixed_points(family: int, a: float, b: float, step: float) -> int:
    """Return how many grid points a dwell that cannot vary sits on, 1 or 2; 0 for a dwell that varies."""
    if family != 0 and a > 0.0 and (family != LOGNORMAL or b > 0.0):
        return 0
    at = max(a, 0.0) / step
    return 1 if at - math.floor(at + SNAP) < SNAP else 2


@lean
def split(family: int, a: float, b: float, tables: Floats, step: float, means: Floats, reverse: Floats) -> int:
    """Fill reverse[K - u] with the mass of the dwell at u grid steps, u = 0 … K; return the last u that matters.

    `means` is scratch of length K + 2. Beyond the returned u less than 1e-12 of the mass is left (or u = K). A dwell
    that cannot vary (fixed, a scale of 0, a log-normal with sd 0) sits on one grid point or on two neighbours.
    """
    last = len(reverse) - 1
    reverse[:] = 0.0
    points = fixed_points(family, a, b, step)
    if points > 0:
        at = max(a, 0.0) / step
        point = math.floor(at + SNAP)
        part = at - point if points == 2 else 0.0
        if point <= last:
            reverse[last - point] = 1.0 - part
        if point + 1 <= last and part > 0.0:
            reverse[last - point - 1] = part
        return min(last, point + points - 1)
    limited_means(family, a, b, tables, step, means)
    reverse[last] = max(0.0, 1.0 - means[1] / step)
    left = 1.0 - reverse[last]
    for u in range(1, last + 1):
        if left < TAIL:
            return u - 1
        mass = max(0.0, (2.0 * means[u] - means[u - 1] - means[u + 1]) / step)
        reverse[last - u] = mass
        left -= mass
    return last
