"""Means and Laplace transforms of dwells: how much of a payment at the end of a dwell is left after discounting."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import special

from journeysim.model import dwell
from journeysim.model.dwell import Family, by_family
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_REACH: Final = 8.2  # standard normal scores; beyond them lies less than 1e-15 of the mass
_CLOSE: Final = 1e-12
_SOON: Final = 0.03
_MOST_PANELS: Final = 1_024


def mean_dwells(chain: Chain) -> Floats:
    """Return the expected dwell of each link in days; same shape as `chain.dwell_a`."""
    means, (of_table,) = np.empty_like(chain.dwell_a), _table_moments(chain.dwell_table, 1)
    for link in range(len(chain.links)):
        for family, rows in by_family(chain.family[:, link]):
            a, b = chain.dwell_a[rows, ..., link], chain.dwell_b[rows, ..., link]
            empirical = family is Family.EMPIRICAL
            means[rows, ..., link] = a * of_table[b.astype(np.intp)] if empirical else dwell.mean(family, a, b)
    return means


def dwell_variances(chain: Chain) -> Floats:
    """Return the variance of each link's dwell in days squared, infinite where there is none; shape of `chain.dwell_a`."""
    found, (first, second) = np.empty_like(chain.dwell_a), _table_moments(chain.dwell_table, 2)
    of_table = second - first**2
    for link in range(len(chain.links)):
        for family, rows in by_family(chain.family[:, link]):
            a, b = chain.dwell_a[rows, ..., link], chain.dwell_b[rows, ..., link]
            empirical = family is Family.EMPIRICAL
            found[rows, ..., link] = a**2 * of_table[b.astype(np.intp)] if empirical else dwell.variance(family, a, b)
    return found


def lost_to_discounting(chain: Chain, force: float) -> Floats:
    """Return 1 - E[exp(-force * dwell)] of each link, precise also for a tiny force (per day)."""
    lost, moments = np.empty_like(chain.dwell_a), _table_moments(chain.dwell_table, 4)
    for link in range(len(chain.links)):
        for family, rows in by_family(chain.family[:, link]):
            a, b = chain.dwell_a[rows, ..., link], chain.dwell_b[rows, ..., link]
            if family is Family.EMPIRICAL and _soon(a, b, chain.dwell_table, force):
                lost[rows, ..., link] = _lost_soon(force * a, [moment[b.astype(np.intp)] for moment in moments])
            else:
                lost[rows, ..., link] = _lost(family, a, b, chain.dwell_table, force)
    return lost


def _table_moments(tables: Floats, most: int) -> Floats:
    """Return the first moments of each table's dwell, (most, T)."""
    from journeysim.simulate.exact.weights import table_moments

    moments = np.empty((most, len(tables)))
    table_moments(np.ascontiguousarray(tables, dtype=np.float64), moments)
    return moments


def _soon(a: Floats, b: Floats, tables: Floats, force: float) -> bool:
    """Say whether all of these dwells end while discounting has taken 3 % at most."""
    return bool((force * a * tables[:, -1][b.astype(np.intp)]).max(initial=0.0) <= _SOON)


def _lost_soon(force: Floats, moments: list[Floats]) -> Floats:
    """Return 1 - E[exp(-force T)] by its series; the first term left out is a hundred-millionth of it."""
    first, second, third, fourth = moments
    return np.asarray(force * (first - force * (second / 2 - force * (third / 6 - force * fourth / 24))))


def _lost(family: Family, a: Floats, b: Floats, tables: Floats, force: float) -> Floats:
    match family:
        case Family.FIXED:
            return np.asarray(-np.expm1(-force * a))
        case Family.EXPONENTIAL:
            return np.asarray(force * a / (1 + force * a))
        case Family.GAMMA:
            return np.asarray(-np.expm1(-b * np.log1p(force * a)))
        case Family.EMPIRICAL:
            return _lost_empirical(a, tables[b.astype(np.intp)], force)
    return _lost_by_quadrature(family, a, b, force)


def _lost_empirical(a: Floats, table: Floats, force: float) -> Floats:
    """Return the transform's complement of a mixture of uniform distributions, one per piece of the quantile table."""
    low, width = force * a[..., None] * table[..., :-1], force * a[..., None] * np.diff(table)
    inside = np.where(width > 0, -np.expm1(-width) / np.where(width > 0, width, 1.0), 1.0)
    short = np.where(width < 1e-3, width / 2 - width**2 / 6 + width**3 / 24, 1.0 - inside)
    return np.asarray((-np.expm1(-low) + np.exp(-low) * short).mean(axis=-1))


def _lost_by_quadrature(family: Family, a: Floats, b: Floats, force: float) -> Floats:
    """Return the integral of 1 - exp(-force Q(u)) over u, by Gauss-Legendre in normal scores of u.

    Panels are doubled until the answer stays the same, which for these smooth quantile functions takes a few rounds.
    """
    panels, old = 8, np.full(a.shape, np.inf)
    while True:
        new = _panels(family, a, b, force, panels)
        if panels >= _MOST_PANELS or bool((np.abs(new - old) <= _CLOSE * new).all()):
            return new
        panels, old = 2 * panels, new


def _panels(family: Family, a: Floats, b: Floats, force: float, panels: int) -> Floats:
    edges = np.linspace(-_REACH, _REACH, panels + 1)
    half = np.diff(edges)[:, None] / 2
    z = ((edges[:-1] + edges[1:])[:, None] / 2 + half * _NODES).ravel()
    weight = (half * _WEIGHTS).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    total = np.zeros(a.shape)
    for score, part in zip(z, weight, strict=True):
        total -= part * np.expm1(-force * _quantile(family, a, b, float(score)))
    return total


def _quantile(family: Family, a: Floats, b: Floats, score: float) -> Floats:
    """Return the dwell whose probability has this normal score, precise in both tails."""
    below, above = special.log_ndtr(score), special.log_ndtr(-score)
    if family is Family.LOGNORMAL:
        return np.asarray(a * np.exp(b * score))
    if family is Family.WEIBULL:
        return np.asarray(a * (-above) ** (1 / b))
    return np.asarray(a * np.exp((below - above) / b))
