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

from journeysim.calibrate.numerics.compiled import compiled, compiled_inner
from journeysim.calibrate.numerics.sums import dot, log_sum
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


@compiled_inner
def parts_of(u: Floats) -> Floats:
    """Return the first link's part of what the pair has, by persona: expit(u)."""
    return np.asarray(1.0 / (1.0 + np.exp(-u)))


@compiled
def peak(parts: Division, first: Ints, count: Floats) -> tuple[Floats, Floats]:
    """Return mode and sd of u by persona, after a few of Newton's steps from a start that hangs on the division alone."""
    mode, sd = np.empty(len(parts.a)), np.empty(len(parts.a))
    for g in range(len(mode)):
        here = slice(first[g], first[g + 1])
        both, off, n = parts.rest[here] + parts.y[here], parts.x[here] - parts.y[here], count[here]
        a, b, pull = parts.a[g], parts.b[g], np.empty(len(off))
        u = math.log((a + parts.late[g]) / (b + parts.both[g] - parts.late[g]))
        for _ in range(_STEPS):
            p = 1.0 / (1.0 + math.exp(-u))
            for s in range(len(off)):
                waiting = both[s] + p * off[s]
                pull[s] = off[s] / (max(_LEAST, waiting))
            slope, bent = dot(n, pull), dot(n, pull * pull)
            v = p * (1.0 - p)
            bend = max((a + b) * v + v * v * bent - v * (1.0 - 2.0 * p) * slope, 0.1 * (a + b) * v)
            step = min(max((a * (1.0 - p) - b * p + v * slope) / bend, -1.5), 1.5)
            u += step
            sd[g] = 1.0 / math.sqrt(bend)
            if step * step * bend < _SETTLED:
                break
        mode[g] = u
    return mode, sd


@compiled
def draw_odds(parts: Division, mode: Floats, sd: Floats, rng: np.random.Generator) -> Floats:
    """Return log odds by persona."""
    u = np.empty(len(mode))
    for g in range(len(mode)):
        if rng.random() < 0.5:
            u[g] = mode[g] + sd[g] * rng.standard_t(_DEGREES)
        else:
            up, down = rng.standard_gamma(parts.a[g]), rng.standard_gamma(parts.b[g] + parts.both[g])
            u[g] = math.log(max(up, _LEAST)) - math.log(max(down, _LEAST))
    return u


@compiled_inner
def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@compiled_inner
def divided(parts: Division, part: Floats, first: Ints) -> Floats:
    """Return P(still there after t) of every spell, where the first link has this part of what the pair has, by persona."""
    out = np.empty(len(parts.rest))
    for g in range(len(part)):
        here, p = slice(first[g], first[g + 1]), part[g]
        to, rest, x, y = out[here], parts.rest[here], parts.x[here], parts.y[here]
        for s in range(len(to)):
            waiting = rest[s] + p * x[s] + (1.0 - p) * y[s]
            to[s] = max(_LEAST, waiting)
    return out


@compiled
def log_ratio(parts: Division, mode: Floats, sd: Floats, u: Floats, first: Ints, count: Floats) -> float:
    """Return the log of the density over that of the proposal."""
    total = 0.0
    for g in range(len(mode)):
        took, left = -_softplus(-u[g]), -_softplus(u[g])
        near = _STUDENT - math.log(sd[g]) - 3.0 * math.log1p(((u[g] - mode[g]) / sd[g]) ** 2 / _DEGREES)
        later = parts.b[g] + parts.both[g]
        height = math.lgamma(parts.a[g] + later) - math.lgamma(parts.a[g]) - math.lgamma(later)
        small = parts.a[g] * took + later * left + height
        top = max(near, small)
        mixed = top + math.log(math.exp(near - top) + math.exp(small - top))
        total += parts.a[g] * took + parts.b[g] * left - mixed
    return total + log_sum(count, divided(parts, parts_of(u), first))
