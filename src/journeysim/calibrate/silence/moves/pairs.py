"""Compiled: a link's dwell is tried with how it and another link divide what they have."""

from __future__ import annotations

import math

import numpy as np

from journeysim.calibrate.numerics.compiled import lean_inner
from journeysim.calibrate.numerics.sums import log_sum
from journeysim.calibrate.silence.moves.division import Division, draw_odds, log_ratio, part_of, put_divided, put_peak
from journeysim.calibrate.silence.moves.room import Room
from journeysim.calibrate.silence.moves.state import Chain, Known, Shelf, log_of, put
from journeysim.model.quantity import Floats


@lean_inner
def divide(
    known: Known, shelf: Shelf, j: int, other: int, row: int, gain: float, room: Room, rng: np.random.Generator
) -> None:
    """Try a new dwell of link j with a new division of what it and another link have; `gain` is the dwell's own."""
    put_division(known, shelf, j, other, room.now, room.here)
    put_weights_of_pair(known, room.now.weights, j, other, room.there)
    put_pair(known, shelf, room.now.shares, j, other, row, room.there.x)
    gained = new_odds(known, j, other, room, rng)
    if math.log(rng.random()) < gain + gained:
        room.now.rows[j] = row
        take(j, other, room)


@lean_inner
def new_odds(known: Known, j: int, other: int, room: Room, rng: np.random.Generator) -> float:
    """Write new log odds of a pair, and what follows for open spells; return the log of density over proposal.

    That is: of these odds in the division there, over those of now in the division here.
    """
    now, to, odds = room.now, room.to, room.odds
    put_peak(room.there, known.first, known.sizes, odds, room.logs)
    draw_odds(room.there, odds, rng)
    put_divided(room.there, odds.new, known.first, to.waiting)
    to.height[0] = log_sum(known.sizes, to.waiting, room.logs)
    gain = float(to.height[0] - now.height[0]) + log_ratio(room.there, odds, odds.new)
    for g in range(len(odds.now)):
        odds.now[g] = log_of(now.shares[g, j]) - log_of(now.shares[g, other])
    put_peak(room.here, known.first, known.sizes, odds, room.logs)
    return gain - log_ratio(room.here, odds, odds.now)


@lean_inner
def take(j: int, other: int, room: Room) -> None:
    """Divide what a pair has by the new log odds."""
    now = room.now
    for g in range(len(now.shares)):
        whole, part = now.shares[g, j] + now.shares[g, other], part_of(room.odds.new[g])
        now.shares[g, j], now.shares[g, other] = whole * part, whole * (1.0 - part)
    put(now.waiting, room.to.waiting)
    now.height[0] = room.to.height[0]


@lean_inner
def put_division(known: Known, shelf: Shelf, j: int, other: int, now: Chain, out: Division) -> None:
    """Write what two links divide, where dwells stand in these rows."""
    put_weights_of_pair(known, now.weights, j, other, out)
    put_pair(known, shelf, now.shares, j, other, now.rows[j], out.x)
    put_pair(known, shelf, now.shares, j, other, now.rows[other], out.y)
    for g in range(len(now.shares)):
        out.late[g], out.both[g] = known.spread[g, j], known.spread[g, j] + known.spread[g, other]
        here = out.rest[known.first[g] : known.first[g + 1]]
        for s in range(len(here)):
            here[s] = 0.0
        for i in range(len(now.rows)):
            if i not in (j, other):
                there, share = shelf.still[now.rows[i], known.first[g] : known.first[g + 1]], now.shares[g, i]
                for s in range(len(here)):
                    here[s] += share * there[s]


@lean_inner
def put_weights_of_pair(known: Known, weights: Floats, j: int, other: int, out: Division) -> None:
    """Write weights of the prior and completed moves of a pair."""
    for g in range(len(out.a)):
        out.a[g], out.b[g] = weights[g, j] + known.taken[g, j], weights[g, other] + known.taken[g, other]


@lean_inner
def put_pair(known: Known, shelf: Shelf, shares: Floats, j: int, other: int, row: int, out: Floats) -> None:
    """Write what would still be there of every spell, had a dwell all that a pair has."""
    for g in range(len(shares)):
        here, whole = slice(known.first[g], known.first[g + 1]), shares[g, j] + shares[g, other]
        to, still = out[here], shelf.still[row, here]
        for s in range(len(to)):
            to[s] = whole * still[s]
