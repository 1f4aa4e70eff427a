"""Compiled: both tails of a dwell at a time, and the log likelihood of dwells in bins.

The nearer tail is computed and the other is 1 minus it, so neither loses digits. Of the gamma family it is the power
series below shape + 1 and the continued fraction above (Abramowitz & Stegun 6.5.29, 6.5.31); what stands before either,
x^b e^-x / Gamma(b), is taken around x = b for large shapes, with Stirling's series (6.1.41), where logs of gamma
functions would cost digits.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled, compiled_inner
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

_EXPONENTIAL, _GAMMA, _WEIBULL, _LOGNORMAL = (
    int(family) for family in (Family.EXPONENTIAL, Family.GAMMA, Family.WEIBULL, Family.LOGNORMAL)
)
_LEAST: Final = 1e-300
_EPSILON: Final = 1e-16
#: The smallest shape that Stirling's series is used for, and the most terms of either expansion.
_LARGE: Final = 10.0
_TERMS: Final = 2000
_ROOT_HALF: Final = math.sqrt(0.5)
_LOG_TWO_PI: Final = math.log(2.0 * math.pi)
_LOG_TWO: Final = math.log(2.0)


@compiled_inner
def _tails(family: int, a: float, b: float, t: float, of_shape: tuple[float, float]) -> tuple[float, float]:
    """Return P(dwell > t) and P(dwell <= t) of a family with scale a and shape b, and what `_of_shape` says of b."""
    if t <= 0.0:
        return 1.0, 0.0
    if family == _GAMMA:
        return _gamma_tails(b, t / a, of_shape)
    if family == _LOGNORMAL:
        z = math.log(t / a) / b
        nearer, later = 0.5 * math.erfc(abs(z) * _ROOT_HALF), z > 0.0
    elif family in (_EXPONENTIAL, _WEIBULL):
        hazard = t / a if family == _EXPONENTIAL else math.exp(b * math.log(t / a))
        later = hazard > _LOG_TWO
        nearer = math.exp(-hazard) if later else -math.expm1(-hazard)
    else:
        y = b * math.log(t / a)
        e, later = math.exp(-abs(y)), y > 0.0
        nearer = e / (1.0 + e)
    return (nearer, 1.0 - nearer) if later else (1.0 - nearer, nearer)


@compiled
def tails(family: int, a: float, b: float, t: float) -> tuple[float, float]:
    """Return P(dwell > t) and P(dwell <= t) of a family with scale a and shape b."""
    return _tails(family, a, b, t, _of_shape(family, b))


@compiled
def gamma_tails(b: float, x: float) -> tuple[float, float]:
    """Return the regularised incomplete gamma functions Q(b, x) and P(b, x)."""
    return _gamma_tails(b, x, _of_shape(_GAMMA, b))


@compiled_inner
def _gamma_tails(b: float, x: float, of_shape: tuple[float, float]) -> tuple[float, float]:
    if x <= 0.0:
        return 1.0, 0.0
    front = _front(b, x, of_shape)
    if x < b + 1.0:
        below = min(front * _series(b, x), 1.0)
        return 1.0 - below, below
    above = min(front * _fraction(b, x), 1.0)
    return above, 1.0 - above


@compiled_inner
def _of_shape(family: int, b: float) -> tuple[float, float]:
    """Return what a gamma's `_front` needs of the shape alone: log Gamma(b), or log (b / 2 pi) / 2 and Stirling's series."""
    if family != _GAMMA:
        return 0.0, 0.0
    if b < _LARGE:
        return math.lgamma(b), 0.0
    r = 1.0 / (b * b)
    stirling = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / b
    return 0.5 * (math.log(b) - _LOG_TWO_PI), stirling


@compiled_inner
def _front(b: float, x: float, of_shape: tuple[float, float]) -> float:
    """Return x^b e^-x / Gamma(b)."""
    if b < _LARGE:
        return math.exp(b * math.log(x) - x - of_shape[0])
    off = (x - b) / b
    bent = (math.log1p(off) - off) * b if off > -0.5 else b * math.log(x / b) - x + b
    return math.exp(bent + of_shape[0] - of_shape[1])


@compiled_inner
def _series(b: float, x: float) -> float:
    """Return P(b, x) over what stands before it."""
    term = total = 1.0 / b
    for n in range(1, _TERMS):
        term *= x / (b + n)
        total += term
        if term < total * _EPSILON:
            break
    return total


@compiled_inner
def _fraction(b: float, x: float) -> float:
    """Return Q(b, x) over what stands before it, by Lentz's method in its modified form."""
    level = x + 1.0 - b
    c, d = 1.0 / _LEAST, 1.0 / level
    total = d
    for n in range(1, _TERMS):
        step = n * (b - n)
        level += 2.0
        d = 1.0 / (step * d + level)
        c = level + step / c
        factor = c * d
        total *= factor
        if abs(factor - 1.0) < 2.0 * _EPSILON:
            break
    return total


@compiled
def gamma_above(b: Floats, x: Floats) -> Floats:
    """Return Q(b, x), shape by shape."""
    out = np.empty(len(x))
    for i in range(len(x)):
        out[i] = gamma_tails(b[i], x[i])[0]
    return out


@compiled
def log_likelihoods(
    family: int, a: Floats, b: Floats, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats
) -> Floats:
    """Return the log likelihood of bins with so many completed dwells, and of open spells, at every (a, b)."""
    out = np.empty(len(a))
    for i in range(len(a)):
        out[i] = log_likelihood_at(family, a[i], b[i], low, high, done, times, still)
    return out


@compiled_inner
def log_likelihood_at(
    family: int, a: float, b: float, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats
) -> float:
    """Return the same at one (a, b); bins that follow each other share an edge."""
    total, longer, over, edge, of_shape = 0.0, 1.0, 0.0, -1.0, _of_shape(family, b)
    for k in range(len(low)):
        if low[k] != edge:
            longer, over = _tails(family, a, b, low[k], of_shape)
        then, gone = _tails(family, a, b, high[k], of_shape)
        inside = longer - then if longer < 0.5 else gone - over
        total += done[k] * math.log(max(inside, _LEAST))
        longer, over, edge = then, gone, high[k]
    for s in range(len(times)):
        total += still[s] * math.log(max(_tails(family, a, b, times[s], of_shape)[0], _LEAST))
    return total
