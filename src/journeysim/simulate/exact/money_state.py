"""What the moments of one customer's money by the horizon are worked out from, and in what room (`remaining`, `halves`).

Moments come in fives: E[v], E[c], E[v^2], E[v c], E[c^2], with v the value and c the cost; first undiscounted, then
discounted. Each place has three values at a point: arriving just BEFORE it, exactly AT it, or just AFTER it.
"""

from __future__ import annotations

from typing import NamedTuple

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Ints
from journeysim.simulate.exact.state import Plan

BEFORE, AT, AFTER = 0, 1, 2
VALUE, COST = 0, 1
FIVE = 5
#: Cells whose squares are put right: beyond them it is below 0.3 % of the variance of a dwell that goes so far.
NEAR = 8


class Halves(NamedTuple):
    """The dwells of a world on the grid; kept from world to world while their parameters stay."""

    hat: Floats  # (kernels, steps + 1) mass around u steps
    below: Floats  # (kernels, steps + 1) its part from the cell that ends at u steps, the end included
    alive: Floats  # (kernels, steps + 1) P(T > u steps)
    bent: Floats  # (kernels, NEAR) E[x (1 - x)] of dwells that end in the cell from u steps on, x the part of the cell
    known: Floats  # (kernels, 3) scale, shape and family
    reach: Ints  # (kernels, 3) least u, greatest u, number of points a fixed dwell sits on (0 for other dwells)
    beyond: Floats  # (kernels,) how far past its least point a fixed dwell lies, in steps
    means: Floats  # (steps + 2,) room for limited means
    reverse: Floats  # (steps + 1,) room for hats


class Clock(NamedTuple):
    """How money counts: first undiscounted, then (where `pairs` is 2) discounted; value, then cost."""

    pairs: int
    factor: Floats  # (2, 2, steps + 1) a sum at each point
    accrued: Floats  # (2, 2, steps + 1) a rate per day from entry up to each point
    whole: Floats  # (2, 2) … up to the horizon


class Terms(NamedTuple):
    """One world's rows."""

    share: Floats  # (P, L)
    visit: Floats  # (P, s, 2) value and cost of a visit
    varied: Floats  # (P, s) variance of its value
    daily: Floats  # (P, s, 2)
    link: Floats  # (P, L, 2)
    entry: Floats  # (s,)
    row_start: Ints  # (n + 1,)
    parts: Floats  # (2, slots) part of the half hat before and after the point that falls in the period


class Given(NamedTuple):
    """One world and its grid."""

    plan: Plan
    clock: Clock
    halves: Halves
    terms: Terms


class Room(NamedTuple):
    """What is overwritten from world to world; ten moments (undiscounted five, discounted five) stand before points."""

    place: Floats  # (3, s, 10, steps + 1) what an arrival still brings, by class
    now: Floats  # (3, s, 10) the same at this point with the rows of one period
    stay: Floats  # (n, 10) of stay and all after it, by moves that take longer than the step
    found: Floats  # (n, 10) by all moves
    ahead: Floats  # (3, L, 10, steps + 1) what a move brings that arrives at a point, by class
    cut: Floats  # (n, 10) what a stay brings that the horizon cuts
    jumps: Ints  # (s, steps + 1) points at which arriving just before and just after differ, latest first
    known: Ints  # (s,) how many
    built: Ints  # (n,) period whose terms `ahead` and `cut` have, -1 for none
    lowest: Ints  # (n,) lowest point that `ahead` is known at
    inverse: Floats  # (2, n, n) same-step visits: of mass around a point; of moves that take no time
    moving: Bools  # (2,) whether there are any
    ready: Ints  # (1,) period that these are of
    scratch: Floats  # (n,)
    sums: Floats  # (W, 10) the result, by world
