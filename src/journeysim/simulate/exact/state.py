"""What the compiled recursion works on: few tuples of few arrays, because each array handed over costs time.

Tables of one shape stand in one array, whose columns have names here. Arrivals are kept in three classes, because a
count up to a time t on the grid means something else for each: mass exactly at a point (AT) counts, mass just after
a point (AFTER: it came by dwells far below the step) does not yet, and mass spread around a point counts by half.
ALL is the three together; where AT and AFTER are handled apart it stands for spread mass.

Customers are carried in layers. Layer 0 is everybody; where a touchpoint can convert, layer 1 is those who have not
converted. For paths two more carry what these have done so far (touches, effort), and then comes one per set of places
of interest: those who have not been there, as far as they can still come, and come back, there.
"""

from __future__ import annotations

from typing import NamedTuple

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Ints

ALL, AT, AFTER = 0, 1, 2
SOURCE, TARGET, USED = 0, 1, 2
FIRST, LAST, OFFSET = 0, 1, 2
NOW, LOWEST, HIGHEST = 0, 1, 2
LOW, HIGH, POINTS = 0, 1, 2
EFFORT = 5  # among the terms of a visit
SHORT = 0.9
ROUNDING = 1e-14


class Plan(NamedTuple):
    """What all worlds of a run share."""

    links: Ints  # (L, 3) source, target, whether it has a positive share anywhere
    marks: Bools  # (s, 3) converts, churns, after conversion
    kernel: Ints  # (P, L) number of the dwell
    table: Floats  # (T, K) as in Chain
    slots: Ints  # (P, 3) first, last, offset as in Grid
    points: Ints  # (steps + 1, 3) at, lowest, highest as in Grid
    part: Floats  # (slots,) as in Grid
    step: float
    touchpoints: int
    layers: int
    fates: int  # layers 0 … fates - 1 tell fates
    carried: int  # the next ones carry touches and effort: 2 where paths are asked for, else 0
    blocked: Bools  # (layers, s) who comes here leaves the layer
    wanted: Bools  # (layers, s) … and is counted as having been there
    copied: Bools  # (layers, L) moves of everybody that bring customers into the layer


class Rows(NamedTuple):
    """The parameters of all worlds; names and shapes as in Chain."""

    share: Floats
    dwell_a: Floats
    dwell_b: Floats
    family: Ints
    entry: Floats
    visit_value: Floats
    visit_cost: Floats
    effort: Floats
    value_per_day: Floats
    cost_per_day: Floats
    link_value: Floats
    link_cost: Floats


class Kernels(NamedTuple):
    """The dwells of a world on the grid; kept from world to world while their parameters stay."""

    reverse: Floats  # (kernels, steps + 1) mass at u steps stands at steps - u
    known: Floats  # (kernels, 3) scale, shape and family
    reach: Ints  # (kernels, 3) least u, greatest u, number of points a fixed dwell sits on (0 for other dwells)
    means: Floats  # (steps + 2,) room for limited means while a dwell is placed


class World(NamedTuple):
    """One world's rows and where its customers have been."""

    share: Floats  # (P, L)
    move_terms: Floats  # (P, L, 5) 1, link value, link cost, and the daily value and cost that end at the source
    visit_terms: Floats  # (P, s, 6) 1, visit value, visit cost, daily value and cost that begin, effort
    entering: Floats  # (s,) who enters now
    arrived: Floats  # (layers, n, slots) all classes together
    sharp: Floats  # (layers, 3, n, steps + 1) classes AT and AFTER
    seen: Bools  # (layers, n)
    moved: Floats  # (layers, L, 3, 5) what completed moves add at this point, by class
    base: Floats  # (layers, 3, s) arrivals at this point, by class
    inverse: Floats  # (3, layers, n, n) same-step visits by class; class ALL is for spread mass
    ready: Ints  # (3,) period whose rows the inverse is for, -1 for none
    moving: Bools  # (3, 2) whether same-step moves exist: between touchpoints within the class, of any kind
    landed: Floats  # (s,) this step's arrivals of one class and period
    scratch: Floats  # (n,)
    booked: Floats  # (s, 3, 6) what this step's arrivals add, by class
