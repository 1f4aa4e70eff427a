"""Compiled: how two links divide what they have, given everything else, drawn afresh near its most likely value.

For persona g the log odds u of the first of the two have the log density

    a log p + b log(1 - p) + sum over open spells n log(rest + x p + y (1 - p)),      p = expit(u)

with a and b their prior weights and completed moves, and what others (rest), the first (x) or the second (y) would still
have of an open spell. It is drawn from, half and half, a Student t at its mode and the logit of Beta(a, b + the open
spells that the surrogate counts for either), which has its tail for small p.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from scipy import special

from journeysim.calibrate.numerics.compiled import lean, lean_inner
from journeysim.calibrate.numerics.sums import dots
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: The most of Newton's steps, and the square of a step in sds that is the last.
_STEPS: Final = 6
_SETTLED: Final = 1e-4
_LEAST: Final = 1e-300
_DEGREES: Final = 5.0
_STUDENT: Final = float(special.gammaln(3.0) - special.gammaln(2.5) - 0.5 * np.log(_DEGREES * np.pi))


class Division(NamedTuple):
    """A division: by persona a, b, the surrogate's open spells of either and of both; by spell rest, x and y."""

    a: Floats
    b: Floats
    late: Floats
    both: Floats
    rest: Floats
    x: Floats
    y: Floats


class Odds(NamedTuple):
    """By persona: mode and sd of u, u as it would be and as it is."""

    mode: Floats
    sd: Floats
    new: Floats
    now: Floats


def room_to_divide(personas: int, spells: int) -> tuple[Division, Division, Odds]:
    """Return room for a division, for one with another dwell of the first link or other weights, and for their odds."""
    here = Division(
        np.empty(personas), np.empty(personas), np.empty(personas), np.empty(personas),
        np.empty(spells), np.empty(spells), np.empty(spells),
    )  # fmt: skip
    # what the others and the second link leave is the same in both
    there = Division(np.empty(personas), np.empty(personas), here.late, here.both, here.rest, np.empty(spells), here.y)
    return here, there, Odds(np.empty(personas), np.empty(personas), np.empty(personas), np.empty(personas))


@lean_inner
def part_of(u: float) -> float:
    """Return the first link's part of what the pair has: expit(u)."""
    return 1.0 / (1.0 + math.exp(-u))


@lean
def put_peak(parts: Division, first: Ints, count: Floats, odds: Odds, pull: Floats) -> None:
    """Write mode and sd of u, after a few of Newton's steps from a start that hangs on the division alone."""
    for g in range(len(odds.mode)):
        here = slice(first[g], first[g + 1])
        rest, x, y, n, to = parts.rest[here], parts.x[here], parts.y[here], count[here], pull[here]
        a, b = parts.a[g], parts.b[g]
        u = math.log((a + parts.late[g]) / (b + parts.both[g] - parts.late[g]))
        for _ in range(_STEPS):
            p = part_of(u)
            for s in range(len(to)):
                off = x[s] - y[s]
                waiting = rest[s] + y[s] + p * off
                to[s] = off / (max(_LEAST, waiting))
            slope, bent = dots(n, to)
            v = p * (1.0 - p)
            bend = max((a + b) * v + v * v * bent - v * (1.0 - 2.0 * p) * slope, 0.1 * (a + b) * v)
            step = min(max((a * (1.0 - p) - b * p + v * slope) / bend, -1.5), 1.5)
            u += step
            odds.sd[g] = 1.0 / math.sqrt(bend)
            if step * step * bend < _SETTLED:
                break
        odds.mode[g] = u


@lean
def draw_odds(parts: Division, odds: Odds, rng: np.random.Generator) -> None:
    """Write new log odds."""
    for g in range(len(odds.mode)):
        if rng.random() < 0.5:
            odds.new[g] = odds.mode[g] + odds.sd[g] * rng.standard_t(_DEGREES)
        else:
            up, down = rng.standard_gamma(parts.a[g]), rng.standard_gamma(parts.b[g] + parts.both[g])
            odds.new[g] = math.log(max(up, _LEAST)) - math.log(max(down, _LEAST))


@lean_inner
def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@lean
def put_divided(parts: Division, u: Floats, first: Ints, out: Floats) -> None:
    """Write P(still there after t) of every spell, where log odds say how the pair divides what it has."""
    for g in range(len(u)):
        here, p = slice(first[g], first[g + 1]), part_of(u[g])
        to, rest, x, y = out[here], parts.rest[here], parts.x[here], parts.y[here]
        for s in range(len(to)):
            waiting = rest[s] + p * x[s] + (1.0 - p) * y[s]
            to[s] = max(_LEAST, waiting)


@lean
def log_ratio(parts: Division, odds: Odds, u: Floats) -> float:
    """Return the log of the density over that of the proposal, but for the open spells."""
    total = 0.0
    for g in range(len(u)):
        took, left = -_softplus(-u[g]), -_softplus(u[g])
        near = _STUDENT - math.log(odds.sd[g]) - 3.0 * math.log1p(((u[g] - odds.mode[g]) / odds.sd[g]) ** 2 / _DEGREES)
        later = parts.b[g] + parts.both[g]
        height = math.lgamma(parts.a[g] + later) - math.lgamma(parts.a[g]) - math.lgamma(later)
        small = parts.a[g] * took + later * left + height
        top = max(near, small)
        mixed = top + math.log(math.exp(near - top) + math.exp(small - top))
        total += parts.a[g] * took + parts.b[g] * left - mixed
    return total
