"""Compiled: a dwell is swapped, or all shares are drawn anew."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.numerics.bounded import pick, write_product
from journeysim.calibrate.numerics.compiled import compiled_into, lean_inner
from journeysim.calibrate.numerics.sums import log_sum
from journeysim.calibrate.silence.moves.room import Room
from journeysim.calibrate.silence.moves.state import (
    LEAST,
    Known,
    Shelf,
    log_of,
    log_polya,
    log_prior,
    put,
    put_rows,
    put_spread,
    put_waiting,
    put_weights,
)
from journeysim.model.quantity import Floats

#: The smallest gamma variate: shares are never quite 0.
_SMALL: Final = 1e-290
#: Where the theta and kappa of new shares come from: as they are, a step away, or a draw of the surrogate.
NOW, NEAR, SURROGATE = 0, 1, 2
#: Lengths of the steps of theta and kappa from where they are.
_POOLED: Final = (0.3, 1.0)
_KAPPA_STEP: Final = 1.5


@compiled_into
def swap(known: Known, shelf: Shelf, k: int, room: Room, rng: np.random.Generator) -> None:
    """Try another dwell of learned link k."""
    now, j = room.now, shelf.position[k]
    row = shelf.first[k] + pick(rng, shelf.size[k])
    for g in range(len(now.shares)):
        here, to, share = slice(known.first[g], known.first[g + 1]), room.to.waiting, now.shares[g, j]
        then, waiting, new, old = to[here], now.waiting[here], shelf.still[row, here], shelf.still[now.rows[j], here]
        for s in range(len(then)):
            still = waiting[s] + share * (new[s] - old[s])
            then[s] = max(LEAST, still)
    height = log_sum(known.sizes, room.to.waiting, room.logs)
    if math.log(rng.random()) < shelf.left[row] - shelf.left[now.rows[j]] + height - now.height[0]:
        now.rows[j] = row
        put(now.waiting, room.to.waiting)
        now.height[0] = height


@compiled_into
def renew(known: Known, shelf: Shelf, source: int, room: Room, rng: np.random.Generator) -> None:
    """Try new shares, with theta and kappa from a source."""
    now, to = room.now, room.to
    gain = _pooled(known, source, room, rng)
    put_weights(known, to)
    _count(known, now.spread, room.counts)
    _put_dirichlet(to.weights, room.counts, to.shares, rng)
    put_waiting(known, shelf, to, room.logs)
    gain += to.height[0] + _kept(room.counts, to.weights, to.shares, now.spread)
    put_spread(known, shelf, to, room.logs)
    _count(known, to.spread, room.counts)
    gain -= now.height[0] + _kept(room.counts, now.weights, now.shares, to.spread)
    if math.log(rng.random()) < gain:
        put(now.theta, to.theta)
        put_rows(now.shares, to.shares)
        put_rows(now.weights, to.weights)
        put(now.waiting, to.waiting)
        put_rows(now.spread, to.spread)
        now.kappa[0], now.height[0] = to.kappa[0], to.height[0]


@compiled_into
def _pooled(known: Known, source: int, room: Room, rng: np.random.Generator) -> float:
    """Write theta and kappa; return the log of prior over proposal, of these over those of now."""
    now, to = room.now, room.to
    put(to.theta, now.theta)
    to.kappa[0] = now.kappa[0]
    if source == NOW or len(known.taken) == 1:
        return 0.0
    if source == SURROGATE:
        drawn = pick(rng, len(known.kappa))
        put(to.theta, known.theta[drawn])
        to.kappa[0] = known.kappa[drawn]
        put_weights(known, to)
        return log_polya(room.seen, now.weights) - log_polya(room.seen, to.weights)
    length = _POOLED[pick(rng, len(_POOLED))]
    if rng.random() < 0.5:
        to.kappa[0] = now.kappa[0] * math.exp(_KAPPA_STEP * length * rng.standard_normal())
    else:
        _step(known, length, to.theta, room, rng)
    return log_prior(known, to.theta, to.kappa[0]) - log_prior(known, now.theta, now.kappa[0])


@compiled_into
def _step(known: Known, length: float, theta: Floats, room: Room, rng: np.random.Generator) -> None:
    """Move theta by a draw of the surrogate's covariance of its logs."""
    links = len(theta)
    for j in range(links):
        room.normal[j] = rng.standard_normal()
    write_product(known.root, room.normal, room.step)
    top = -np.inf
    for j in range(links):
        theta[j] = log_of(theta[j]) + length * room.step[j]
        top = max(top, theta[j])
    whole = 0.0
    for j in range(links):
        theta[j] = math.exp(theta[j] - top)
        whole += theta[j]
    for j in range(links):
        theta[j] /= whole


@lean_inner
def _count(known: Known, spread: Floats, out: Floats) -> None:
    """Write completed moves and the open spells that count for each link."""
    for g in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[g, j] = known.taken[g, j] + spread[g, j]


@compiled_into
def _put_dirichlet(weights: Floats, counts: Floats, out: Floats, rng: np.random.Generator) -> None:
    for g in range(weights.shape[0]):
        whole = 0.0
        for j in range(weights.shape[1]):
            out[g, j] = max(rng.standard_gamma(weights[g, j] + counts[g, j]), _SMALL) if weights[g, j] > 0 else 0.0
            whole += out[g, j]
        for j in range(weights.shape[1]):
            out[g, j] /= whole


@lean_inner
def _kept(counts: Floats, weights: Floats, shares: Floats, spread: Floats) -> float:
    """Return the log of the prior of the shares over Dirichlet(weights + counts), up to a constant and completed moves."""
    total = log_polya(counts, weights)
    for g in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            if weights[g, j] > 0:
                total -= spread[g, j] * log_of(shares[g, j])
    return total
