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

from journeysim.calibrate.numerics.compiled import compiled, compiled_inner, compiled_into
from journeysim.calibrate.numerics.elementary import erfc_above, exp, power_parts
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

_EXPONENTIAL, _GAMMA, _WEIBULL, _LOGNORMAL = (
    int(family) for family in (Family.EXPONENTIAL, Family.GAMMA, Family.WEIBULL, Family.LOGNORMAL)
)
_LEAST: Final = 1e-300
_BEFORE_ALL: Final = -1e300
#: What `elementary.exp` makes of that, or less: small shapes tell it from 0. No dwell and no scale is as far apart.
_NO_TIME: Final = 1e-307
_EPSILON: Final = 1e-16
#: The smallest shape that Stirling's series is used for, and the most terms of either expansion.
_LARGE: Final = 10.0
_TERMS: Final = 2000
_ROOT_HALF: Final = math.sqrt(0.5)
_LOG_TWO_PI: Final = math.log(2.0 * math.pi)


@compiled_into
def log_time(t: float) -> float:
    """Return the log of a time; of none at all a number so low that in every family nobody moves before it."""
    return math.log(t) if t > 0.0 else _BEFORE_ALL


@compiled_into
def scoring(family: int, b: float) -> float:
    """Return the factor that makes a score of log(t / a): what the tails of a family with shape b depend on."""
    if family == _LOGNORMAL:
        return _ROOT_HALF / b
    return 1.0 if family in (_EXPONENTIAL, _GAMMA) else b


@compiled_into
def write_tails(family: int, b: Floats, size: int, scores: Floats, above: Floats, below: Floats) -> None:
    """Write P(dwell > t) and P(dwell <= t) by the scores of times, `size` of them to each shape; scores are written over."""
    if family == _LOGNORMAL:
        for k in range(size * len(b)):
            nearer, later = 0.5 * erfc_above(abs(scores[k])), scores[k] > 0.0
            above[k], below[k] = nearer if later else 1.0 - nearer, 1.0 - nearer if later else nearer
        return
    for k in range(size * len(b)):
        scores[k] = exp(scores[k])
    if family == _GAMMA:
        _write_gamma(b, size, scores, above, below)
    elif family in (_EXPONENTIAL, _WEIBULL):
        for k in range(size * len(b)):
            power, p = power_parts(-scores[k])
            above[k], below[k] = power + power * p, (1.0 - power) - power * p
    else:
        for k in range(size * len(b)):
            above[k], below[k] = 1.0 / (1.0 + scores[k]), scores[k] / (1.0 + scores[k])


@compiled_inner
def _write_gamma(b: Floats, size: int, x: Floats, above: Floats, below: Floats) -> None:
    for i in range(len(b)):
        of_shape = _of_shape(b[i])
        for k in range(i * size, (i + 1) * size):
            above[k], below[k] = _gamma_tails(b[i], x[k] if x[k] > _NO_TIME else 0.0, of_shape)


@compiled
def tails(family: int, a: float, b: float, times: Floats) -> tuple[Floats, Floats]:
    """Return P(dwell > t) and P(dwell <= t) of a family with scale a and shape b."""
    scores, above, below = np.empty(len(times)), np.empty(len(times)), np.empty(len(times))
    for k in range(len(times)):
        scores[k] = scoring(family, b) * (log_time(times[k]) - math.log(a))
    write_tails(family, np.full(1, b), len(times), scores, above, below)
    return above, below


@compiled
def gamma_tails(b: float, x: float) -> tuple[float, float]:
    """Return the regularised incomplete gamma functions Q(b, x) and P(b, x)."""
    return _gamma_tails(b, x, _of_shape(b))


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
def _of_shape(b: float) -> tuple[float, float]:
    """Return what a gamma's `_front` needs of the shape alone: log Gamma(b), or log (b / 2 pi) / 2 and Stirling's series."""
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
