"""Compiled: shares of links that nobody was seen to take, by factors, and together with what pools the personas."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.numerics.bounded import pick
from journeysim.calibrate.numerics.compiled import compiled_into, lean, lean_inner
from journeysim.calibrate.silence.moves.pairs import new_odds, put_division, put_weights_of_pair, take
from journeysim.calibrate.silence.moves.room import Room
from journeysim.calibrate.silence.moves.state import (
    LEAST,
    Chain,
    Known,
    Plan,
    Shelf,
    log_of,
    log_prior,
    look,
    put,
    put_rows,
    put_weights,
)
from journeysim.model.quantity import Floats

#: Steps of `scale`: sds of the common factor's log, and of what every persona adds to it.
_COMMON: Final = (0.5, 3.0)
_OWN: Final = (0.0, 0.3, 1.5)
#: Of the density around places: degrees of freedom, the two widths, and how often the wide one.
_DEGREES, _WIDTHS, _RARELY = 5.0, (0.5, 2.0), 0.25


@compiled_into
def scale(known: Known, shelf: Shelf, j: int, room: Room, rng: np.random.Generator) -> None:
    """Try the share of link j, pooled and of every persona, multiplied."""
    now, to = room.now, room.to
    common = rng.standard_normal() * _COMMON[pick(rng, len(_COMMON))]
    width = _OWN[pick(rng, len(_OWN))]
    put(to.theta, now.theta)
    put_rows(to.shares, now.shares)
    to.kappa[0] = now.kappa[0]
    if len(to.shares) > 1:
        _multiply(to.theta, j, common)
    for g in range(len(to.shares)):
        _multiply(to.shares[g], j, common + width * rng.standard_normal())
    look(known, shelf, to, room.logs)
    if math.log(rng.random()) < _scaled(known, to, j) - _scaled(known, now, j):
        put(now.theta, to.theta)
        put_rows(now.shares, to.shares)
        put_rows(now.weights, to.weights)
        put(now.waiting, to.waiting)
        now.height[0] = to.height[0]


@lean_inner
def _multiply(shares: Floats, j: int, by: float) -> None:
    """Multiply the odds of link j by exp(by), the others staying in proportion."""
    rest = max(1.0 - shares[j], 1e-12)
    odds = shares[j] / rest * math.exp(by)
    for i in range(len(shares)):
        shares[i] /= rest * (1.0 + odds)
    shares[j] = odds / (1.0 + odds)


@lean_inner
def _log_measure(shares: Floats, j: int) -> float:
    """Return the log of d shares / d (log odds of j, proportions of the others): P_j (1 - P_j)^(J - 1)."""
    return log_of(shares[j]) + (len(shares) - 1) * log_of(1.0 - shares[j])


@lean_inner
def _scaled(known: Known, chain: Chain, j: int) -> float:
    """Return the log posterior on the scale of log odds of link j, the other shares in proportion."""
    total, shares, weights = float(chain.height[0]), chain.shares, chain.weights
    for g in range(shares.shape[0]):
        total += _log_measure(shares[g], j)
        for i in range(shares.shape[1]):
            if weights[g, i] > 0:
                total += (weights[g, i] + known.taken[g, i] - 1.0) * log_of(shares[g, i])
    return total + _pooling(known, chain.theta, weights, j) if len(shares) > 1 else total


@lean_inner
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
def pool(known: Known, shelf: Shelf, plan: Plan, q: int, room: Room, rng: np.random.Generator) -> None:
    """Try kappa, theta of a link, and its shares beside another link's, all anew."""
    j, other, now, to = plan.scaled[q, 0], plan.scaled[q, 1], room.now, room.to
    places, root = plan.places[q], plan.roots[q]
    new_kappa, new_odds_of_j = _near_place(places, root, rng)
    kappa, odds = math.log(now.kappa[0]), log_of(now.theta[j]) - log_of(1.0 - now.theta[j])
    put(to.theta, now.theta)
    to.kappa[0] = math.exp(new_kappa)
    _multiply(to.theta, j, new_odds_of_j - odds)
    put_weights(known, to)
    put_division(known, shelf, j, other, now, room.here)
    put_weights_of_pair(known, to.weights, j, other, room.there)
    put(room.there.x, room.here.x)
    gain = new_odds(known, j, other, room, rng)
    gain += _pool_density(known, to, now.shares, j, other) - _pool_density(known, now, now.shares, j, other)
    gain += log_places(places, root, kappa, odds) - log_places(places, root, new_kappa, new_odds_of_j)
    if math.log(rng.random()) < gain:
        put(now.theta, to.theta)
        put_rows(now.weights, to.weights)
        now.kappa[0] = to.kappa[0]
        take(j, other, room)


@lean_inner
def _pool_density(known: Known, chain: Chain, shares: Floats, j: int, other: int) -> float:
    """Return the log density of log kappa, theta's log odds and the shares, but for how the pair divides its own."""
    theta, weights = chain.theta, chain.weights
    total = log_prior(known, theta, chain.kappa[0]) + _log_measure(theta, j)
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
def _near_place(places: Floats, root: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Return log kappa and log odds near one of the places."""
    width = _WIDTHS[1] if rng.random() < _RARELY else _WIDTHS[0]
    width /= math.sqrt(2.0 * rng.standard_gamma(_DEGREES / 2.0) / _DEGREES)
    place, first, second = places[pick(rng, len(places))], rng.standard_normal(), rng.standard_normal()
    return place[0] + width * root[0, 0] * first, place[1] + width * (root[1, 0] * first + root[1, 1] * second)


@lean
def log_places(places: Floats, root: Floats, kappa: float, odds: float) -> float:
    """Return the log density of log kappa and log odds around places, up to a constant; as `proposals.Places` has it."""
    total = 0.0
    for p in range(len(places)):
        first = (kappa - places[p, 0]) * (1.0 / root[0, 0])
        second = (odds - places[p, 1] - root[1, 0] * first) * (1.0 / root[1, 1])
        square = first * first + second * second
        near = 1.0 / (1.0 + square * (1.0 / (_DEGREES * _WIDTHS[0] ** 2)))
        far = 1.0 / (1.0 + square * (1.0 / (_DEGREES * _WIDTHS[1] ** 2)))
        # the density falls with the power (5 + 2) / 2
        total += (1.0 - _RARELY) / _WIDTHS[0] ** 2 * (near * near * near * math.sqrt(near))
        total += _RARELY / _WIDTHS[1] ** 2 * (far * far * far * math.sqrt(far))
    return math.log(total)
