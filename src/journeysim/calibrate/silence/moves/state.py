"""Compiled: what a chain of silent exits is, what is known, and sums over either.

A sweep of one chain takes tens of microseconds, and memory asked for in each move took a third of that: what moves try is written
into rooms that are made once for all sweeps.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from journeysim.calibrate.numerics.compiled import lean, lean_inner
from journeysim.calibrate.numerics.sums import dot, log_sum
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

LEAST: Final = 1e-300


class Known(NamedTuple):
    """Open spells, and what is known of the rows, as in `rows.Rows`.

    Spells stand persona by persona, those of persona g from `first[g]` to `first[g + 1]`; `sizes` are how many.
    """

    first: Ints
    sizes: Floats
    alpha: Floats
    tilt: Floats
    taken: Floats
    spread: Floats
    factor: float
    theta: Floats
    kappa: Floats
    root: Floats


class Shelf(NamedTuple):
    """Dwells to take: P(longer than each open spell) by row, drawn ones and then the chains' own, and what they leave out.

    Link `position[k]` may take the `size[k]` rows from `first[k]` on.
    """

    still: Floats  # (row, spell)
    left: Floats  # (row,)
    position: Ints
    first: Ints
    size: Ints


class Plan(NamedTuple):
    """Pairs (learned link, other link) to move together with their cumulative chances, and (silent link, other) to scale.

    `places` (scaled, place, 2) are log kappa and log odds of theta where chains were, `roots` of their spread; without any, no
    pool.
    """

    pairs: Ints
    upto: Floats
    scaled: Ints
    places: Floats
    roots: Floats


class Chain(NamedTuple):
    """Where a chain is, or would be, and what follows from that; `rows` are the rows of the shelf that its dwells stand in."""

    theta: Floats  # (link,)
    kappa: Floats  # (1,)
    shares: Floats  # (persona, link)
    rows: Ints  # (link,)
    weights: Floats  # (persona, link) kappa t
    waiting: Floats  # (spell,) P(still there after t)
    height: Floats  # (1,) the log likelihood of the open spells
    spread: Floats  # (persona, link) how many open spells count for each link; known while all shares are drawn anew


def room_for_chain(known: Known, rows: Ints) -> Chain:
    """Return room for a chain with these rows."""
    spells, (personas, links) = len(known.sizes), known.taken.shape
    shares, weights, spread = np.empty((personas, links)), np.empty((personas, links)), np.empty((personas, links))
    return Chain(np.empty(links), np.empty(1), shares, rows, weights, np.empty(spells), np.empty(1), spread)


@lean_inner
def enter(chain: Chain, theta: Floats, kappa: float, shares: Floats, rows: Ints) -> None:
    """Put a chain somewhere."""
    put(chain.theta, theta)
    chain.kappa[0] = kappa
    put_rows(chain.shares, shares)
    for j in range(len(rows)):
        chain.rows[j] = rows[j]


@lean_inner
def leave(chain: Chain, theta: Floats, shares: Floats, rows: Ints) -> float:
    """Write where a chain is; return kappa."""
    put(theta, chain.theta)
    put_rows(shares, chain.shares)
    for j in range(len(rows)):
        rows[j] = chain.rows[j]
    return float(chain.kappa[0])


@lean_inner
def look(known: Known, shelf: Shelf, chain: Chain, logs: Floats) -> None:
    """Write what follows from where a chain is, but for `spread`; `logs` is room for the spells."""
    put_weights(known, chain)
    put_waiting(known, shelf, chain, logs)


@lean_inner
def put_waiting(known: Known, shelf: Shelf, chain: Chain, logs: Floats) -> None:
    """Write P(still there after t) of every spell, and their log likelihood; a loop a persona, so that several run at once."""
    for g in range(len(chain.shares)):
        here = chain.waiting[known.first[g] : known.first[g + 1]]
        for s in range(len(here)):
            here[s] = 0.0
        for j in range(len(chain.rows)):
            there = shelf.still[chain.rows[j], known.first[g] : known.first[g + 1]]
            share = chain.shares[g, j]
            for s in range(len(here)):
                here[s] += share * there[s]
        for s in range(len(here)):
            here[s] = max(LEAST, here[s])
    chain.height[0] = log_sum(known.sizes, chain.waiting, logs)


@lean_inner
def put_weights(known: Known, chain: Chain) -> None:
    """Write kappa t of every persona, (persona, link); with one persona the prior's weights."""
    theta, kappa, out = chain.theta, chain.kappa[0], chain.weights
    personas, links = known.tilt.shape
    if personas == 1:
        put(out[0], known.alpha)
        return
    for g in range(personas):
        whole = 0.0
        for j in range(links):
            out[g, j] = theta[j] * known.tilt[g, j]
            whole += out[g, j]
        for j in range(links):
            out[g, j] *= kappa / whole


@lean_inner
def put(to: Floats, values: Floats) -> None:
    """Write values into a row, one by one: assigned whole, all that numba says of shapes that differ is compiled with it."""
    for i in range(len(to)):
        to[i] = values[i]


@lean_inner
def put_rows(to: Floats, values: Floats) -> None:
    """Write rows likewise."""
    for g in range(to.shape[0]):
        for j in range(to.shape[1]):
            to[g, j] = values[g, j]


@lean_inner
def log_of(x: float) -> float:
    """Return the log, of 0 a very small one."""
    return math.log(max(x, LEAST))


@lean_inner
def log_prior(known: Known, theta: Floats, kappa: float) -> float:
    """Return the log prior of log theta and log kappa, up to a constant."""
    score = (math.log(kappa) - math.log(KAPPA_MEDIAN)) / KAPPA_SPREAD
    total = -0.5 * score * score
    for j in range(len(theta)):
        total += known.alpha[j] * log_of(theta[j])
    return total


@lean_inner
def put_spread(known: Known, shelf: Shelf, chain: Chain, each: Floats) -> None:
    """Write how many open spells count for each link; `each` is room for the spells."""
    for s in range(len(each)):
        each[s] = known.sizes[s] / chain.waiting[s]
    for g in range(len(chain.shares)):
        here = each[known.first[g] : known.first[g + 1]]
        for j in range(len(chain.rows)):
            there = shelf.still[chain.rows[j], known.first[g] : known.first[g + 1]]
            chain.spread[g, j] = chain.shares[g, j] * dot(here, there)


@lean
def log_polya(counts: Floats, weights: Floats) -> float:
    """Return the log of the Dirichlet-multinomial of counts, summed over personas, up to a constant."""
    total = 0.0
    for g in range(weights.shape[0]):
        whole, size = 0.0, 0.0
        for j in range(weights.shape[1]):
            if weights[g, j] > 0:
                whole += weights[g, j]
                size += counts[g, j]
                total += math.lgamma(weights[g, j] + counts[g, j]) - math.lgamma(weights[g, j])
        total += math.lgamma(whole) - math.lgamma(whole + size)
    return total
