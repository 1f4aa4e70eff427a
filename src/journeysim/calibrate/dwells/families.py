"""Dwell families on coordinates that fitting likes: a location on the log scale and the log of the shape.

| family      | location                | why                                                        |
|-------------|-------------------------|------------------------------------------------------------|
| exponential | log mean                | (no shape)                                                 |
| gamma       | log mean                | orthogonal to the shape in the Fisher information          |
| weibull     | log a + (1 - gamma) / b | orthogonal (gamma: Euler's constant)                       |
| lognormal   | log median              | orthogonal                                                 |
| loglogistic | log median              | orthogonal                                                 |

Cox and Reid (1987), Parameter orthogonality and approximate conditional inference.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.likelihood import log_likelihoods
from journeysim.calibrate.dwells.tails import gamma_above
from journeysim.model.dwell import Family, by_family, cdf
from journeysim.model.quantity import Floats

CANDIDATES: Final = (Family.EXPONENTIAL, Family.GAMMA, Family.WEIBULL, Family.LOGNORMAL, Family.LOGLOGISTIC)
_ONE_LESS_EULER: Final = float(1.0 - np.euler_gamma)
_LEAST: Final = 1e-300
_SHAPE_LOGS: Final = (-4.0, 6.0)


def dimensions(family: Family) -> int:
    """Return how many coordinates a family has."""
    return 1 if family is Family.EXPONENTIAL else 2


def to_scale_shape(family: Family, location: ArrayLike, log_shape: ArrayLike) -> tuple[Floats, Floats]:
    """Return (a, b) as `model.dwell` knows them."""
    x, b = np.asarray(location, dtype=np.float64), np.exp(np.clip(log_shape, *_SHAPE_LOGS))
    x = np.clip(x, -60.0, 60.0)
    if family is Family.EXPONENTIAL:
        return np.exp(x), np.ones_like(x)
    if family is Family.GAMMA:
        return np.exp(x) / b, b
    return np.exp(x - _ONE_LESS_EULER / b) if family is Family.WEIBULL else np.exp(x), b


def to_location(family: Family, a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    """Return (location, log shape) of (a, b): the inverse of `to_scale_shape`."""
    x, shape = np.log(np.asarray(a, dtype=np.float64)), np.asarray(b, dtype=np.float64)
    if family is Family.EXPONENTIAL:
        return x, np.zeros_like(x)
    if family is Family.GAMMA:
        return x + np.log(shape), np.log(shape)
    return (x + _ONE_LESS_EULER / shape if family is Family.WEIBULL else x), np.log(shape)


def from_log_moments(family: Family, mean_log: float, sd_log: float) -> tuple[float, float]:
    """Return (location, log shape) of the member of a family whose log dwell has this mean and standard deviation."""
    euler = float(np.euler_gamma)
    match family:
        case Family.EXPONENTIAL:
            return mean_log + euler, 0.0
        case Family.GAMMA:
            b = _inverse_trigamma(sd_log**2)
            return mean_log - float(special.digamma(b)) + np.log(b), np.log(b)
        case Family.WEIBULL:
            b = np.pi / (sd_log * np.sqrt(6))
            return mean_log + euler / b + _ONE_LESS_EULER / b, np.log(b)
        case Family.LOGNORMAL:
            return mean_log, np.log(sd_log)
        case _:
            return mean_log, np.log(np.pi / (sd_log * np.sqrt(3)))


def _inverse_trigamma(value: float) -> float:
    """Return b with trigamma(b) = value, by Newton steps on 1 / trigamma (Smyth 2004, limma, appendix)."""
    b = 0.5 + 1.0 / value
    for _ in range(50):
        tri = float(special.polygamma(1, b))
        step = tri * (1 - tri / value) / float(special.polygamma(2, b))
        b += step
        if abs(step) < 1e-10 * b:
            break
    return b


def survival(  # noqa: PLR0911  one line per family
    family: Family, a: ArrayLike, b: ArrayLike, t: ArrayLike, tables: Floats | None = None
) -> Floats:
    """Return P(dwell > t), without cancellation in the tail; `tables` (row, probability) are those of empirical dwells."""
    a, b, t = (np.asarray(x, dtype=np.float64) for x in (a, b, t))
    if family is Family.FIXED:
        return 1.0 - cdf(family, a, b, t)
    if tables is not None and family is Family.EMPIRICAL:
        return _empirical_survival(a, b, t, tables)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        ratio = np.maximum(t, 0.0) / a
        match family:
            case Family.EXPONENTIAL:
                return np.exp(-ratio) + 0.0 * b
            case Family.GAMMA:
                shape = np.broadcast_shapes(b.shape, ratio.shape)
                return gamma_above(_flat(b, shape), _flat(ratio, shape)).reshape(shape)
            case Family.WEIBULL:
                return np.exp(-(ratio**b))
            case Family.LOGNORMAL:
                return np.asarray(special.ndtr(-np.log(ratio) / b))
            case Family.LOGLOGISTIC:
                return np.asarray(special.expit(-b * np.log(ratio)))
    message = "an empirical dwell needs its table of quantiles"
    raise ValueError(message)


def _flat(x: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return an array as compiled functions take it: flat, and its own."""
    return np.array(np.broadcast_to(x, shape), dtype=np.float64).ravel()


def _empirical_survival(a: Floats, b: Floats, t: Floats, tables: Floats) -> Floats:
    """Return P(dwell > t) by the tables in rows `b`."""
    ratio, row = np.broadcast_arrays(t / np.maximum(a, _LEAST), b)
    row, last = row.astype(np.intp), tables.shape[1] - 1
    low, high = np.zeros(row.shape, dtype=np.intp), np.full(row.shape, last)  # a bisection in all tables at once
    for _ in range(last.bit_length()):
        middle = (low + high) // 2
        below = tables[row, middle] <= ratio
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    part, begun, over = np.linspace(0.0, 1.0, last + 1), tables[row, low], tables[row, high]
    slope = (part[high] - part[low]) / np.maximum(over - begun, _LEAST)
    gone = np.where(ratio < begun, 0.0, np.where(ratio >= over, 1.0, slope * (ratio - begun) + part[low]))
    return np.asarray(1.0 - gone)


def survival_by_draw(families: NDArray[np.int8], a: Floats, b: Floats, t: Floats, tables: Floats) -> Floats:
    """Return P(dwell > t) where every draw has its own family; the first axis of `a` and `b` is the draw's, `t` has none."""
    still = np.empty(np.broadcast_shapes(a.shape, b.shape, t.shape))
    for family, rows in by_family(families):
        still[rows] = survival(family, a[rows], b[rows], t, tables)
    return still


def bin_probability(
    family: Family, a: Floats, b: Floats, low: Floats, high: Floats, tables: Floats | None = None
) -> Floats:
    """Return P(low <= dwell < high), shape (…, bins) for a and b of shape (…); differences taken in the nearer tail."""
    edges, where = np.unique(np.concatenate([low, high]), return_inverse=True)
    a, b = a[..., None], b[..., None]
    above = survival(family, a, b, edges, tables)
    lo, hi = where[: len(low)], where[len(low) :]
    upper = above[..., lo] - above[..., hi]
    if family is Family.EMPIRICAL:
        return upper
    below = cdf(family, a, b, edges)
    return np.where(above[..., lo] < 0.5, upper, below[..., hi] - below[..., lo])


def log_likelihood(family: Family, a: Floats, b: Floats, done: Bins, silent: Bins) -> Floats:
    """Return the log likelihood of completed dwells and of (weighted) open spells, same shape as `a`."""
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    flat = [_flat(x, shape) for x in (a, b)]
    bins = [np.ascontiguousarray(x) for x in (done.low, done.high, done.count, silent.middle, silent.count)]
    return log_likelihoods(int(family), *flat, *bins).reshape(shape)
