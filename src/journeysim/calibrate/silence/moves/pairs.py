"""Compiled: a link's dwell is tried with how it and another link divide what they have."""

from __future__ import annotations

import math

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled
from journeysim.calibrate.silence.moves.division import Division, draw_odds, log_ratio, parts_of, peak
from journeysim.calibrate.silence.moves.state import LEAST, Known, Shelf, log_of, row_of
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats


@compiled
def divide(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, weights: Floats, j: int, other: int, row: int, gain: float,
    shares: Floats, rows: Ints, waiting: Floats, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try a new dwell of link j with a new division of what it and another link have; `gain` is the dwell's own."""
    here = division_of(known, shelf, weights, j, other, shares, rows)
    then = rows.copy()
    then[j] = row
    there = division_of(known, shelf, weights, j, other, shares, then)
    u, gained = new_odds(known, there, here, shares, j, other, rng)
    if math.log(rng.random()) < gain + gained:
        rows[j] = row
        take(known, there, u, j, other, shares, waiting)


@compiled
def new_odds(
    known: Known, there: Division, here: Division, shares: Floats, j: int, other: int, rng: np.random.Generator
) -> tuple[Floats, float]:
    """Return new log odds of a pair by persona, and the log of density over proposal, of these over those of now."""
    mode, sd = peak(there, known.who, known.sizes)
    u = draw_odds(there, mode, sd, rng)
    gain = log_ratio(there, mode, sd, u, known.who, known.sizes)
    now = np.empty(len(u))
    for g in range(len(u)):
        now[g] = log_of(shares[g, j]) - log_of(shares[g, other])
    mode, sd = peak(here, known.who, known.sizes)
    return u, gain - log_ratio(here, mode, sd, now, known.who, known.sizes)


@compiled
def take(known: Known, parts: Division, u: Floats, j: int, other: int, shares: Floats, waiting: Floats) -> None:
    """Divide what a pair has by log odds."""
    part = parts_of(u)
    for g in range(len(u)):
        whole = shares[g, j] + shares[g, other]
        shares[g, j], shares[g, other] = whole * part[g], whole * (1.0 - part[g])
    for s in range(len(waiting)):
        p = part[known.who[s]]
        waiting[s] = max(parts.rest[s] + p * parts.x[s] + (1.0 - p) * parts.y[s], LEAST)


@compiled
def division_of(
    known: Known, shelf: Shelf, weights: Floats, j: int, other: int, shares: Floats, rows: Ints
) -> Division:
    """Return what two links divide, where dwells stand in these rows."""
    spells = len(known.who)
    rest, x, y = np.zeros(spells), np.empty(spells), np.empty(spells)
    for i in range(len(rows)):
        if i not in (j, other):
            still = row_of(shelf, rows[i])
            for s in range(spells):
                rest[s] += shares[known.who[s], i] * still[s]
    one, two = row_of(shelf, rows[j]), row_of(shelf, rows[other])
    for s in range(spells):
        whole = shares[known.who[s], j] + shares[known.who[s], other]
        x[s], y[s] = whole * one[s], whole * two[s]
    a, b = weights[:, j] + known.taken[:, j], weights[:, other] + known.taken[:, other]
    late = known.spread[:, j].copy()
    return Division(a, b, late, late + known.spread[:, other], rest, x, y)
