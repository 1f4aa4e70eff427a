"""Compiled: shares of links that nobody was seen to take, by factors, and together with what pools the personas."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled, compiled_inner, compiled_into
from journeysim.calibrate.silence.moves.pairs import division_of, new_odds, take, with_weights
from journeysim.calibrate.silence.moves.state import (
    LEAST,
    Known,
    Plan,
    Shelf,
    log_of,
    log_prior,
    log_waiting,
    put,
    put_rows,
    waiting_of,
    weights_of,
)
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: Steps of `scale`: sds of the common factor's log, and of what every persona adds to it.
_COMMON: Final = (0.5, 3.0)
_OWN: Final = (0.0, 0.3, 1.5)
#: Of the density around places: degrees of freedom, the two widths, and how often the wide one.
_DEGREES, _WIDTHS, _RARELY = 5.0, (0.5, 2.0), 0.25


@compiled_into
def scale(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, j: int, theta: Floats, kappa: float, shares: Floats, rows: Ints, waiting: Floats,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try the share of link j, pooled and of every persona, multiplied."""
    common = rng.standard_normal() * _COMMON[rng.integers(0, len(_COMMON))]
    width = _OWN[rng.integers(0, len(_OWN))]
    to_theta, to_shares = theta.copy(), shares.copy()
    if len(shares) > 1:
        _multiply(to_theta, j, common)
    for g in range(len(shares)):
        _multiply(to_shares[g], j, common + width * rng.standard_normal())
    then = waiting_of(known, shelf, to_shares, rows)
    gain = _scaled(known, to_theta, weights_of(known, to_theta, kappa), to_shares, then, j)
    gain -= _scaled(known, theta, weights_of(known, theta, kappa), shares, waiting, j)
    if math.log(rng.random()) < gain:
        put(theta, to_theta)
        put_rows(shares, to_shares)
        put(waiting, then)


@compiled_inner
def _multiply(shares: Floats, j: int, by: float) -> None:
    """Multiply the odds of link j by exp(by), the others staying in proportion."""
    rest = max(1.0 - shares[j], 1e-12)
    odds = shares[j] / rest * math.exp(by)
    for i in range(len(shares)):
        shares[i] /= rest * (1.0 + odds)
    shares[j] = odds / (1.0 + odds)


@compiled_inner
def _log_measure(shares: Floats, j: int) -> float:
    """Return the log of d shares / d (log odds of j, proportions of the others): P_j (1 - P_j)^(J - 1)."""
    return log_of(shares[j]) + (len(shares) - 1) * log_of(1.0 - shares[j])


@compiled_inner
def _scaled(known: Known, theta: Floats, weights: Floats, shares: Floats, waiting: Floats, j: int) -> float:
    """Return the log posterior on the scale of log odds of link j, the other shares in proportion."""
    total = log_waiting(known, waiting)
    for g in range(shares.shape[0]):
        total += _log_measure(shares[g], j)
        for i in range(shares.shape[1]):
            if weights[g, i] > 0:
                total += (weights[g, i] + known.taken[g, i] - 1.0) * log_of(shares[g, i])
    return total + _pooling(known, theta, weights, j) if len(shares) > 1 else total


@compiled_inner
def _pooling(known: Known, theta: Floats, weights: Floats, j: int) -> float:
    """Return what normalises the rows of personas, and the log prior of theta on the scale of log odds of link j."""
    total = _log_measure(theta, j)
    for i in range(len(theta)):
        total += (known.alpha[i] - 1.0) * log_of(theta[i])
    for g in range(weights.shape[0]):
        total += math.lgamma(weights[g].sum())
        for i in range(weights.shape[1]):
            if weights[g, i] > 0:
                total -= math.lgamma(weights[g, i])
    return total


@compiled_into
def pool(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, plan: Plan, q: int, theta: Floats, kappa: float, shares: Floats, rows: Ints,
    waiting: Floats, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Try kappa, theta of a link, and its shares beside another link's, all anew; return kappa."""
    j, other = plan.scaled[q, 0], plan.scaled[q, 1]
    new = _near_place(plan.places[q], plan.roots[q], rng)
    now = np.array([math.log(kappa), log_of(theta[j]) - log_of(1.0 - theta[j])])
    to_kappa, to_theta = math.exp(new[0]), theta.copy()
    _multiply(to_theta, j, new[1] - now[1])
    to, at = weights_of(known, to_theta, to_kappa), weights_of(known, theta, kappa)
    here = division_of(known, shelf, at, j, other, shares, rows)
    there = with_weights(known, here, to, j, other)
    u, gain = new_odds(known, there, here, shares, j, other, rng)
    gain += _pool_density(known, to_theta, to_kappa, to, shares, j, other)
    gain -= _pool_density(known, theta, kappa, at, shares, j, other)
    gain += log_places(plan.places[q], plan.roots[q], now) - log_places(plan.places[q], plan.roots[q], new)
    if math.log(rng.random()) >= gain:
        return kappa
    put(theta, to_theta)
    take(known, there, u, j, other, shares, waiting)
    return to_kappa


@compiled_inner
def _pool_density(
    known: Known, theta: Floats, kappa: float, weights: Floats, shares: Floats, j: int, other: int
) -> float:
    """Return the log density of log kappa, theta's log odds and the shares, but for how the pair divides its own."""
    total = log_prior(known, theta, kappa) + _log_measure(theta, j)
    for i in range(len(theta)):
        total -= log_of(theta[i])
    for g in range(weights.shape[0]):
        whole = log_of(shares[g, j] + shares[g, other])
        total += math.lgamma(weights[g].sum())
        for i in range(weights.shape[1]):
            total += weights[g, i] * (whole if i in (j, other) else log_of(shares[g, i]))
            total -= math.lgamma(max(weights[g, i], LEAST))
    return total


@compiled_into
def _near_place(places: Floats, root: Floats, rng: np.random.Generator) -> Floats:
    width = _WIDTHS[1] if rng.random() < _RARELY else _WIDTHS[0]
    width /= math.sqrt(2.0 * rng.standard_gamma(_DEGREES / 2.0) / _DEGREES)
    place, first, second = places[rng.integers(0, len(places))], rng.standard_normal(), rng.standard_normal()
    return np.array(
        [place[0] + width * root[0, 0] * first, place[1] + width * (root[1, 0] * first + root[1, 1] * second)]
    )


@compiled
def log_places(places: Floats, root: Floats, at: Floats) -> float:
    """Return the log density around places, two coordinates, up to a constant; as `proposals.Places` has it."""
    total = 0.0
    for p in range(len(places)):
        first = (at[0] - places[p, 0]) * (1.0 / root[0, 0])
        second = (at[1] - places[p, 1] - root[1, 0] * first) * (1.0 / root[1, 1])
        square = first * first + second * second
        near = 1.0 / (1.0 + square * (1.0 / (_DEGREES * _WIDTHS[0] ** 2)))
        far = 1.0 / (1.0 + square * (1.0 / (_DEGREES * _WIDTHS[1] ** 2)))
        # the density falls with the power (5 + 2) / 2
        total += (1.0 - _RARELY) / _WIDTHS[0] ** 2 * (near * near * near * math.sqrt(near))
        total += _RARELY / _WIDTHS[1] ** 2 * (far * far * far * math.sqrt(far))
    return math.log(total)
