"""Dwell: the time a move takes, as a distribution with a scale `a` (days) and a shape `b`.

| family      | a                | b                     | F(t)                                  |
|-------------|------------------|-----------------------|---------------------------------------|
| fixed       | the value        | not used              | t >= a                                |
| exponential | mean             | not used              | 1 - exp(-t/a)                         |
| gamma       | scale            | shape                 | P(b, t/a), regularised lower gamma    |
| weibull     | scale            | shape                 | 1 - exp(-(t/a)^b)                     |
| lognormal   | median           | sd of the log         | Phi(log(t/a)/b)                       |
| loglogistic | median           | shape                 | 1 / (1 + (t/a)^-b)                    |
| empirical   | factor on quantiles | row of its table   | inverse of the piecewise linear table |

All functions broadcast `a`, `b` and `t` or `u` against each other and return float64 arrays in days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from journeysim.model.quantity import Fixed, Floats, Quantity


class Family(IntEnum):
    """Dwell families; the number is what the compiled engines switch on."""

    FIXED = 0
    EXPONENTIAL = 1
    GAMMA = 2
    WEIBULL = 3
    LOGNORMAL = 4
    LOGLOGISTIC = 5
    EMPIRICAL = 6


@final
@dataclass(frozen=True, slots=True)
class Dwell:
    """What people believe about the time of a move: a family, its scale (days) and its shape, each maybe uncertain.

    `quantiles` (empirical only) are (probability, days) pairs from 0 to 1, strictly increasing in probability.
    """

    family: Family
    scale: Quantity
    shape: Quantity = Fixed(1.0)
    quantiles: tuple[tuple[float, float], ...] = ()


INSTANT = Dwell(Family.FIXED, Fixed(0.0))


def by_family(families: NDArray[np.int8]) -> Iterator[tuple[Family, NDArray[np.intp]]]:
    """Yield each family of an array of codes, with the positions on the first axis where it holds."""
    for code in np.unique(families):
        yield Family(int(code)), np.flatnonzero(families == code)


def cdf(family: Family, a: ArrayLike, b: ArrayLike, t: ArrayLike) -> Floats:
    """Return P(dwell <= t) for a parametric family; 0 for negative t."""
    a, b, t = (np.asarray(x, dtype=np.float64) for x in (a, b, t))
    if family is Family.FIXED:
        return (t >= a).astype(np.float64)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        ratio = np.maximum(t, 0.0) / a
        match family:
            case Family.EXPONENTIAL:
                return -np.expm1(-ratio)
            case Family.GAMMA:
                return np.asarray(special.gammainc(b, ratio))
            case Family.WEIBULL:
                return -np.expm1(-(ratio**b))
            case Family.LOGNORMAL:
                return np.asarray(special.ndtr(np.log(ratio) / b))
            case Family.LOGLOGISTIC:
                return np.asarray(special.expit(b * np.log(ratio)))
    raise ValueError(f"{family.name.lower()} dwell has no parametric distribution function; use its quantile table")


def ppf(family: Family, a: ArrayLike, b: ArrayLike, u: ArrayLike) -> Floats:
    """Return the dwell in days at probability u in (0, 1) for a parametric family."""
    a, b, u = (np.asarray(x, dtype=np.float64) for x in (a, b, u))
    match family:
        case Family.FIXED:
            return a + 0.0 * u
        case Family.EXPONENTIAL:
            return -a * np.log1p(-u)
        case Family.GAMMA:
            return np.asarray(a * special.gammaincinv(b, u))
        case Family.WEIBULL:
            return a * (-np.log1p(-u)) ** (1 / b)
        case Family.LOGNORMAL:
            return np.asarray(a * np.exp(b * special.ndtri(u)))
        case Family.LOGLOGISTIC:
            return a * (u / (1 - u)) ** (1 / b)
    raise ValueError(f"{family.name.lower()} dwell has no parametric quantile function; use its quantile table")


def mean(family: Family, a: ArrayLike, b: ArrayLike) -> Floats:
    """Return the expected dwell in days for a parametric family; infinite for a log-logistic shape <= 1."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    match family:
        case Family.FIXED | Family.EXPONENTIAL:
            return a.copy()
        case Family.GAMMA:
            return np.asarray(a * b)
        case Family.WEIBULL:
            return np.asarray(a * special.gamma(1 + 1 / b))
        case Family.LOGNORMAL:
            return a * np.exp(b**2 / 2)
        case Family.LOGLOGISTIC:
            angle = np.pi / np.where(b > 1, b, 2.0)
            return np.where(b > 1, a * angle / np.sin(angle), np.inf)
    raise ValueError(f"{family.name.lower()} dwell has no parametric mean; use its quantile table")


def variance(family: Family, a: ArrayLike, b: ArrayLike) -> Floats:
    """Return the variance of the dwell in days squared for a parametric family; infinite for a log-logistic shape <= 2."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    match family:
        case Family.FIXED:
            return np.zeros_like(a)
        case Family.EXPONENTIAL:
            return np.asarray(a**2)
        case Family.GAMMA:
            return np.asarray(a**2 * b)
        case Family.WEIBULL:
            return np.asarray(a**2 * (special.gamma(1 + 2 / b) - special.gamma(1 + 1 / b) ** 2))
        case Family.LOGNORMAL:
            return np.asarray(a**2 * np.exp(b**2) * np.expm1(b**2))
        case Family.LOGLOGISTIC:
            angle = np.pi / np.where(b > 2, b, 3.0)
            squares = 2 * angle / np.sin(2 * angle)
            return np.where(b > 2, a**2 * (squares - (angle / np.sin(angle)) ** 2), np.inf)
    raise ValueError(f"{family.name.lower()} dwell has no parametric variance; use its quantile table")


def scale_for_mean(family: Family, shape: float) -> float:
    """Return the scale that gives a mean of one day at this shape."""
    return float(1.0 / mean(family, 1.0, shape))


def quantile_by_draw(families: NDArray[np.int8], a: Floats, b: Floats, u: Floats, tables: Floats) -> Floats:
    """Return the dwell at probability u where every draw has its own family.

    The first axis of `a` and `b` is the draw's, `u` has none; `tables` are those of empirical dwells.
    """
    days = np.empty(np.broadcast_shapes(a.shape, b.shape, u.shape))
    for family, rows in by_family(families):
        empirical = family is Family.EMPIRICAL
        days[rows] = a[rows] * from_tables(tables, b[rows], u) if empirical else ppf(family, a[rows], b[rows], u)
    return days


def cdf_by_draw(families: NDArray[np.int8], a: Floats, b: Floats, t: float, tables: Floats) -> Floats:
    """Return P(dwell <= t) of links (…, L) where every draw has its own family (D, L); `tables` are the empirical ones'."""
    below = np.empty(a.shape)
    for link in range(a.shape[-1]):
        for family, rows in by_family(families[:, link]):
            scale, shape = a[rows, ..., link], b[rows, ..., link]
            empirical = family is Family.EMPIRICAL
            below[rows, ..., link] = _below(tables, scale, shape, t) if empirical else cdf(family, scale, shape, t)
    return below


def _below(tables: Floats, scale: Floats, row: Floats, t: float) -> Floats:
    """Return P(scale x quantiles of a table's row <= t)."""
    levels = np.linspace(0.0, 1.0, tables.shape[1])
    pairs = zip(scale.ravel(), row.ravel().astype(np.intp), strict=True)
    found = [np.interp(t, factor * tables[k], levels, right=1.0) for factor, k in pairs]
    return np.array(found).reshape(scale.shape)


def from_tables(tables: Floats, row: Floats, u: Floats) -> Floats:
    """Return the quantile at probability u of the tables in these rows."""
    place, at = u * (tables.shape[1] - 1), row.astype(np.intp)
    node = np.minimum(place.astype(np.intp), tables.shape[1] - 2)
    low = tables[at, node]
    return np.asarray(low + (place - node) * (tables[at, node + 1] - low))


def quantile_table(dwell: Dwell, size: int) -> Floats:
    """Return an empirical dwell's quantiles (days) at `size` equally spaced probabilities from 0 to 1."""
    probabilities, days = zip(*dwell.quantiles, strict=True)
    return np.asarray(np.interp(np.linspace(0.0, 1.0, size), probabilities, days), dtype=np.float64)
