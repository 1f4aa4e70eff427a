"""What both service engines share, in compiled code: one step of a life, one visit's clocks, one record of a trace."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.service.blueprint import Blueprint
from journeysim.simulate.streams import FEELING, compiled, compiled_both, compiled_into, uniform_at
from journeysim.simulate.walk.feelings import begin_moods, move_mood
from journeysim.simulate.walk.kernel import begin_lives, next_arrivals
from journeysim.simulate.walk.lanes import CUSTOMER, KEY, VISIT_NUMBER, Carried, Lanes
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.quantiles import Z_NODES, exp_of, fill_gamma, gamma_of, log_of, normal_of
from journeysim.simulate.walk.truth import Truth

#: In place of a link: the customer entered, or left a queue unserved.
ENTERED, GAVE_UP = -1, -2
#: Columns of `Trace.place`: who (position among `People`), where, and the link taken, ENTERED or GAVE_UP.
WHO, WHERE, LINK = range(3)
#: Columns of `Trace.time`: days since entry, and how long they had waited at the touchpoint left for this place.
DAY, WAIT = range(2)

#: Columns of what customers carry along, see `take_up`.
BEFORE, SCORE, MOOD, MOOD_TODAY = range(4)
_FIXED: Final = int(Family.FIXED)
EXPONENTIAL: Final = int(Family.EXPONENTIAL)
_GAMMA: Final = int(Family.GAMMA)
_WEIBULL: Final = int(Family.WEIBULL)
_LOGNORMAL: Final = int(Family.LOGNORMAL)
_LOGLOGISTIC: Final = int(Family.LOGLOGISTIC)


class Clocks(NamedTuple):
    """Service times and patiences of one draw, see `Blueprint`; 2 n of them, era by era."""

    kind: NDArray[np.int32]  # (E 2 n, 2) family, and position among the gamma clocks
    number: Floats  # (E 2 n, 2) scale and shape
    table: Floats  # (E 2 n, K)
    gamma: Floats  # (1, gamma clocks, 2, Z_NODES)


class Trace(NamedTuple):
    """Arrivals as they were found: a customer's own are in order, those of different customers are not."""

    place: NDArray[np.int32]  # (records, 3)
    time: Floats  # (records, 2)
    size: Ints  # (1,) how many there are, recorded or not
    about: Ints  # (2,) the first customer whose arrivals are recorded, and the first after these whose are not


def new_trace(room: int) -> Trace:
    """Return an empty trace with room for so many records, about everybody."""
    whole = np.array([0, np.iinfo(np.int64).max])
    return Trace(np.zeros((room, 3), dtype=np.int32), np.zeros((room, 2)), np.zeros(1, dtype=np.int64), whole)


def new_clocks(blueprint: Blueprint) -> Clocks:
    """Return room for one draw's clocks."""
    gammas = int((blueprint.family == _GAMMA).sum())
    eras = (len(blueprint.eras), 1)
    kind = np.tile(np.column_stack([blueprint.family.astype(np.int32), blueprint.gamma_place]), eras)
    return Clocks(
        np.ascontiguousarray(kind), np.zeros((len(kind), 2)), np.tile(blueprint.table, eras),
        np.zeros((1, gammas, 2, Z_NODES)),
    )  # fmt: skip


def fill_clocks(blueprint: Blueprint, row: int, clocks: Clocks) -> None:
    """Make one draw's clocks ready."""
    clocks.number[:, 0] = blueprint.scale[row].ravel()
    clocks.number[:, 1] = np.tile(blueprint.shape[row], len(blueprint.eras))
    for k in np.flatnonzero(blueprint.family == _GAMMA):
        fill_gamma(blueprint.shape[row, k], blueprint.gamma_grid, clocks.gamma[0, blueprint.gamma_place[k]])


@compiled_into
def first_clock(eras: Floats, now: float, touchpoints: int) -> int:
    """Return the first clock of the era that holds now."""
    era = 0
    while era + 1 < eras.size and eras[era + 1] <= now:
        era += 1
    return era * 2 * touchpoints


@compiled
def clock_time(clocks: Clocks, k: int, u: float) -> float:  # noqa: PLR0911 - one return per family
    """Return the quantile of clock k at u, in days."""
    family, scale, shape = clocks.kind[k, 0], clocks.number[k, 0], clocks.number[k, 1]
    if family == _FIXED:
        return float(scale)
    if family == EXPONENTIAL:
        return float(-scale * log_of(1.0 - u))
    if family == _WEIBULL:
        return float(scale * exp_of(log_of(-log_of(1.0 - u)) / shape))
    if family == _LOGNORMAL:
        return float(scale * exp_of(shape * normal_of(u)))
    if family == _LOGLOGISTIC:
        return float(scale * exp_of(log_of(u / (1.0 - u)) / shape))
    if family == _GAMMA:
        return float(scale * exp_of(gamma_of(normal_of(u), clocks.gamma, 0, clocks.kind[k, 1])))
    position = u * (clocks.table.shape[1] - 1)
    node = np.int64(position)
    left = clocks.table[k, node]
    return float(scale * (left + (position - node) * (clocks.table[k, node + 1] - left)))


def new_kept(customers: int) -> Floats:
    """Return room for what so many customers carry along, by customer; see `take_up`."""
    return np.zeros((customers, 4))


@compiled_both
def begin_life(
    layout: Layout, parameters: Parameters, row: int, draw: np.uint64, number: np.uint32, persona: int, carried: Carried,
    lanes: Lanes,
) -> None:  # fmt: skip
    """Fill what a customer carries along from entry on, in the first slot."""
    lanes.words[CUSTOMER] = number
    begin_lives(1, layout, draw, lanes.words, carried, lanes)
    if layout.felt.on:
        lanes.link[0] = persona
        begin_moods(1, parameters, row, lanes.link, carried)


@compiled_both
def feel_visit(
    layout: Layout, parameters: Parameters, row: int, draw: np.uint64, number: np.uint32, place: int, cell: int,
    visit: np.uint32, day: float, lowered: float, carried: Carried,
) -> None:  # fmt: skip
    """Let the customer in the first slot feel the visit they are about to leave, lowered by their wait there."""
    if layout.felt.on and day <= layout.horizon and (layout.felt.at[place] or layout.felt.today[place]):
        key = layout.place_key[place]
        u = uniform_at(layout.seed_low, layout.seed_high, draw, number, key, visit, FEELING)[0]
        carried.lowered[0] = lowered
        move_mood(layout.felt, parameters, row, cell, place, normal_of(u), 0, carried)


@compiled_into
def take_up(kept: Floats, who: int, carried: Carried) -> None:
    """Put what a customer carries along into the first slot, where the walk's functions look for it."""
    carried.before[0] = np.int32(kept[who, BEFORE])
    carried.score[0] = kept[who, SCORE]
    carried.mood[0, 0] = kept[who, MOOD]
    carried.mood[1, 0] = kept[who, MOOD_TODAY]


@compiled_into
def put_back(kept: Floats, who: int, carried: Carried) -> None:
    """Keep what the customer in the first slot carries along."""
    kept[who, BEFORE] = carried.before[0]
    kept[who, SCORE] = carried.score[0]
    kept[who, MOOD] = carried.mood[0, 0]
    kept[who, MOOD_TODAY] = carried.mood[1, 0]


@compiled_both
def take_step(
    layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth, carried: Carried,
    number: np.uint32, place: int, cell: int, visit: np.uint32, day: float, lanes: Lanes,
) -> None:  # fmt: skip
    """Find where a customer goes from a touchpoint whose dwell starts at `day`, in the first lane: the walk's step."""
    lanes.slot[0] = 0
    lanes.words[CUSTOMER] = number
    lanes.words[KEY] = layout.place_key[place]
    lanes.words[VISIT_NUMBER] = visit
    lanes.place[0] = place
    lanes.cell[0] = cell
    lanes.day[0] = day
    one = int(np.int64(1))  # a 1 that is no constant: the walk's step is compiled for any number once, not for it alone
    next_arrivals(one, layout, parameters, row, draw, truth, carried, lanes)


@compiled_into
def record(trace: Trace, who: int, place: int, link: int, day: float, wait: float) -> bool:
    """Add an arrival of a customer whom the trace is about; False where there is no room (it is counted all the same)."""
    if who < trace.about[0] or who >= trace.about[1]:
        return True
    at = trace.size[0]
    trace.size[0] = at + 1
    if at >= trace.place.shape[0]:
        return False
    trace.place[at, WHO] = who
    trace.place[at, WHERE] = place
    trace.place[at, LINK] = link
    trace.time[at, DAY] = day
    trace.time[at, WAIT] = wait
    return True
