"""Compiled: a dwell is swapped, or all shares are drawn anew."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled_inner, compiled_into
from journeysim.calibrate.numerics.sums import log_sum
from journeysim.calibrate.silence.moves.state import (
    LEAST,
    Known,
    Shelf,
    add_still,
    log_of,
    log_polya,
    log_prior,
    log_waiting,
    put,
    put_rows,
    row_of,
    spread_of,
    waiting_of,
    weights_of,
)
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: The smallest gamma variate: shares are never quite 0.
_SMALL: Final = 1e-290
#: Where the theta and kappa of new shares come from: as they are, a step away, or a draw of the surrogate.
NOW, NEAR, SURROGATE = 0, 1, 2
#: Lengths of the steps of theta and kappa from where they are.
_POOLED: Final = (0.3, 1.0)
_KAPPA_STEP: Final = 1.5


@compiled_into
def swap(
    known: Known, shelf: Shelf, k: int, shares: Floats, rows: Ints, waiting: Floats, rng: np.random.Generator
) -> None:
    """Try another dwell of learned link k."""
    j = shelf.position[k]
    row = shelf.first[k] + rng.integers(0, shelf.size[k])
    new, old = row_of(shelf, row), row_of(shelf, rows[j])
    then = waiting.copy()
    add_still(known, then, shares[:, j], new - old)
    then = np.maximum(then, LEAST)
    gain = shelf.left[row] - shelf.left[rows[j]] + log_sum(known.sizes, then / waiting)
    if math.log(rng.random()) < gain:
        rows[j] = row
        put(waiting, then)


@compiled_into
def renew(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, source: int, theta: Floats, kappa: float, shares: Floats, rows: Ints, waiting: Floats,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Try new shares, with theta and kappa from a source; return kappa."""
    to_theta, to_kappa, gain = _pooled(known, source, theta, kappa, rng)
    old, new = weights_of(known, theta, kappa), weights_of(known, to_theta, to_kappa)
    there = spread_of(known, shelf, shares, rows, waiting)
    to_shares = _dirichlet(new, known.taken + there, rng)
    then = waiting_of(known, shelf, to_shares, rows)
    back = spread_of(known, shelf, to_shares, rows, then)
    gain += _kept(known, new, to_shares, then, there) - _kept(known, old, shares, waiting, back)
    if math.log(rng.random()) >= gain:
        return kappa
    put(theta, to_theta)
    put_rows(shares, to_shares)
    put(waiting, then)
    return to_kappa


@compiled_into
def _pooled(
    known: Known, source: int, theta: Floats, kappa: float, rng: np.random.Generator
) -> tuple[Floats, float, float]:
    """Return theta, kappa, and the log of prior over proposal, of these over those of now."""
    if source == NOW or len(known.taken) == 1:
        return theta.copy(), kappa, 0.0
    if source == SURROGATE:
        pick = rng.integers(0, len(known.kappa))
        counts = known.factor * (known.taken + known.spread)
        new = weights_of(known, known.theta[pick], known.kappa[pick])
        gain = log_polya(counts, weights_of(known, theta, kappa)) - log_polya(counts, new)
        return known.theta[pick].copy(), known.kappa[pick], gain
    length = _POOLED[rng.integers(0, len(_POOLED))]
    to_theta, to_kappa = theta.copy(), kappa
    if rng.random() < 0.5:
        to_kappa = kappa * math.exp(_KAPPA_STEP * length * rng.standard_normal())
    else:
        links = len(theta)
        z = np.empty(links)
        for j in range(links):
            z[j] = rng.standard_normal()
        logs = np.log(np.maximum(theta, LEAST)) + length * np.dot(known.root, z)
        to_theta = np.exp(logs - logs.max())
        to_theta /= to_theta.sum()
    return to_theta, to_kappa, log_prior(known, to_theta, to_kappa) - log_prior(known, theta, kappa)


@compiled_into
def _dirichlet(weights: Floats, counts: Floats, rng: np.random.Generator) -> Floats:
    out = np.zeros(weights.shape)
    for g in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            if weights[g, j] > 0:
                out[g, j] = max(rng.standard_gamma(weights[g, j] + counts[g, j]), _SMALL)
        whole = out[g].sum()
        for j in range(weights.shape[1]):
            out[g, j] /= whole
    return out


@compiled_inner
def _kept(known: Known, weights: Floats, shares: Floats, waiting: Floats, spread: Floats) -> float:
    """Return the log of the posterior of the shares over Dirichlet(weights + counts + spread), up to a constant."""
    total = log_polya(known.taken + spread, weights) + log_waiting(known, waiting)
    for g in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            if weights[g, j] > 0:
                total -= spread[g, j] * log_of(shares[g, j])
    return total
