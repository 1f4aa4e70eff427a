"""Compiled: a link's dwell is tried with how it and another link divide what they have."""

from __future__ import annotations

import math

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled_inner
from journeysim.calibrate.silence.moves.division import Division, divided, draw_odds, log_ratio, parts_of, peak
from journeysim.calibrate.silence.moves.state import Known, Shelf, add_still, log_of, put, row_of
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats


@compiled_inner
def divide(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, weights: Floats, j: int, other: int, row: int, gain: float,
    shares: Floats, rows: Ints, waiting: Floats, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try a new dwell of link j with a new division of what it and another link have; `gain` is the dwell's own."""
    here = division_of(known, shelf, weights, j, other, shares, rows)
    there = with_dwell(known, here, shares[:, j] + shares[:, other], row_of(shelf, row))
    u, gained = new_odds(known, there, here, shares, j, other, rng)
    if math.log(rng.random()) < gain + gained:
        rows[j] = row
        take(known, there, u, j, other, shares, waiting)


@compiled_inner
def new_odds(
    known: Known, there: Division, here: Division, shares: Floats, j: int, other: int, rng: np.random.Generator
) -> tuple[Floats, float]:
    """Return new log odds of a pair by persona, and the log of density over proposal, of these over those of now."""
    mode, sd = peak(there, known.first, known.sizes)
    u = draw_odds(there, mode, sd, rng)
    gain = log_ratio(there, mode, sd, u, known.first, known.sizes)
    now = np.empty(len(u))
    for g in range(len(u)):
        now[g] = log_of(shares[g, j]) - log_of(shares[g, other])
    mode, sd = peak(here, known.first, known.sizes)
    return u, gain - log_ratio(here, mode, sd, now, known.first, known.sizes)


@compiled_inner
def take(known: Known, parts: Division, u: Floats, j: int, other: int, shares: Floats, waiting: Floats) -> None:
    """Divide what a pair has by log odds."""
    part = parts_of(u)
    for g in range(len(u)):
        whole = shares[g, j] + shares[g, other]
        shares[g, j], shares[g, other] = whole * part[g], whole * (1.0 - part[g])
    put(waiting, divided(parts, part, known.first))


@compiled_inner
def division_of(
    known: Known, shelf: Shelf, weights: Floats, j: int, other: int, shares: Floats, rows: Ints
) -> Division:
    """Return what two links divide, where dwells stand in these rows."""
    spells = len(known.sizes)
    rest, x, y = np.zeros(spells), np.zeros(spells), np.zeros(spells)
    for i in range(len(rows)):
        if i not in (j, other):
            add_still(known, rest, shares[:, i], row_of(shelf, rows[i]))
    whole = shares[:, j] + shares[:, other]
    add_still(known, x, whole, row_of(shelf, rows[j]))
    add_still(known, y, whole, row_of(shelf, rows[other]))
    late = known.spread[:, j].copy()
    bare = Division(late, late, late, late + known.spread[:, other], rest, x, y)
    return with_weights(known, bare, weights, j, other)


@compiled_inner
def with_weights(known: Known, parts: Division, weights: Floats, j: int, other: int) -> Division:
    """Return the division with other weights of the prior."""
    a, b = weights[:, j] + known.taken[:, j], weights[:, other] + known.taken[:, other]
    return Division(a, b, parts.late, parts.both, parts.rest, parts.x, parts.y)


@compiled_inner
def with_dwell(known: Known, parts: Division, whole: Floats, still: Floats) -> Division:
    """Return the division with another dwell of the first link; `whole` (persona,) is what the pair has."""
    x = np.zeros(len(still))
    add_still(known, x, whole, still)
    return Division(parts.a, parts.b, parts.late, parts.both, parts.rest, x, parts.y)
