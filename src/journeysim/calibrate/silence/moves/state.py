"""Compiled: what a chain of silent exits is, what is known, and sums over either."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled, compiled_inner
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
    own: Floats  # (row, spell)
    left: Floats  # (row + own row,)
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


@compiled_inner
def row_of(shelf: Shelf, row: int) -> Floats:
    """Return a row of the shelf, P(longer than each open spell)."""
    drawn = len(shelf.still)
    return np.asarray(shelf.still[row] if row < drawn else shelf.own[row - drawn])


@compiled_inner
def waiting_of(known: Known, shelf: Shelf, shares: Floats, rows: Ints) -> Floats:
    """Return P(still there after t) of every spell."""
    out = np.zeros(len(known.sizes))
    for j in range(len(rows)):
        add_still(known, out, shares[:, j], row_of(shelf, rows[j]))
    return np.maximum(out, LEAST)


@compiled_inner
def add_still(known: Known, out: Floats, shares: Floats, still: Floats) -> None:
    """Add the part of every spell that a link's shares (persona,) have; a loop a persona, so that several run at once."""
    for g in range(len(shares)):
        here, there, share = (
            out[known.first[g] : known.first[g + 1]],
            still[known.first[g] : known.first[g + 1]],
            shares[g],
        )
        for s in range(len(here)):
            here[s] += share * there[s]


@compiled_inner
def weights_of(known: Known, theta: Floats, kappa: float) -> Floats:
    """Return kappa t of every persona, (persona, link); with one persona the prior's weights."""
    personas, links = known.tilt.shape
    out = np.empty((personas, links))
    if personas == 1:
        put(out[0], known.alpha)
        return out
    for g in range(personas):
        whole = 0.0
        for j in range(links):
            out[g, j] = theta[j] * known.tilt[g, j]
            whole += out[g, j]
        for j in range(links):
            out[g, j] *= kappa / whole
    return out


@compiled_inner
def put(to: Floats, values: Floats) -> None:
    """Write values into a row, one by one: assigned whole, all that numba says of shapes that differ is compiled with it."""
    for i in range(len(to)):
        to[i] = values[i]


@compiled_inner
def put_rows(to: Floats, values: Floats) -> None:
    """Write rows likewise."""
    for g in range(to.shape[0]):
        for j in range(to.shape[1]):
            to[g, j] = values[g, j]


@compiled_inner
def log_of(x: float) -> float:
    """Return the log, of 0 a very small one."""
    return math.log(max(x, LEAST))


@compiled_inner
def log_waiting(known: Known, waiting: Floats) -> float:
    """Return the log likelihood of the open spells."""
    return log_sum(known.sizes, waiting)


@compiled_inner
def log_prior(known: Known, theta: Floats, kappa: float) -> float:
    """Return the log prior of log theta and log kappa, up to a constant."""
    score = (math.log(kappa) - math.log(KAPPA_MEDIAN)) / KAPPA_SPREAD
    total = -0.5 * score * score
    for j in range(len(theta)):
        total += known.alpha[j] * log_of(theta[j])
    return total


@compiled_inner
def spread_of(known: Known, shelf: Shelf, shares: Floats, rows: Ints, waiting: Floats) -> Floats:
    """Return how many open spells count for each link, shape (persona, link)."""
    out, each = np.zeros(shares.shape), known.sizes / waiting
    for j in range(len(rows)):
        still = row_of(shelf, rows[j])
        for g in range(len(shares)):
            here = slice(known.first[g], known.first[g + 1])
            out[g, j] = shares[g, j] * dot(each[here], still[here])
    return out


@compiled
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
