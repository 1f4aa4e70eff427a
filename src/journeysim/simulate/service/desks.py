"""Resources while a run goes on: who is there, who waits, and what they add up to.

Waiting customers stand in order of joining in doubly linked lists, one per resource and level of priority.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.service.blueprint import FIRST_COME, LAST_COME, PRIORITY, Blueprint
from journeysim.simulate.streams import PICK, Words, compiled_inner, compiled_into, uniform_at

NONE: Final = -1
#: Columns of `Desks.now`.
OPEN, AT_WORK, IN_LINE, PICKS, SPAN, LAST_SPAN, DISCIPLINE = range(7)
#: Columns of `Desks.limit`.
STAFF, ROOM, SINCE = range(3)
#: Columns of `Desks.visits`: who came to the resource in the measured days, and what became of them.
CAME, QUEUED, WAITED, GAVE_UP_WAITING, TURNED_AWAY, CALLED_BACK = range(6)
COUNTS: Final = 6
#: Columns of `Desks.area`: days of staff there, at work while open, at work while closed
#: or beyond those who are there; customers waiting.
STAFFED, BUSY, OVERTIME, WAITING = range(4)
AREAS: Final = 4
#: Columns of `Lines.link`.
LIST, AFTER, BEFORE = range(3)


class Desks(NamedTuple):
    """R resources, G personas."""

    now: Ints  # (R, 7) how they stand
    there: Floats  # (S,) staff who are there while each of the resources' spans is open
    limit: Floats  # (R, 3) staff, room for waiting customers, and until when the integrals reach
    key: Words  # (R,)
    visits: Floats  # (R, G, COUNTS); WAITED is in days, the others are numbers of visits
    area: Floats  # (R, AREAS)


class Lines(NamedTuple):
    """The lists: their ends by resource and level, their links by customer; NONE where there is none."""

    end: NDArray[np.int32]  # (R * levels, 2) first and last
    link: NDArray[np.int32]  # (A, 3) the list a customer waits in, who is after them, who before


def new_desks(blueprint: Blueprint, personas: int) -> Desks:
    """Return desks as a run starts: closed and empty."""
    resources = len(blueprint.key)
    now = np.zeros((resources, 7), dtype=np.int64)
    now[:, DISCIPLINE] = blueprint.discipline
    limit = np.zeros((resources, 3))
    limit[:, ROOM] = blueprint.room
    visits = np.zeros((resources, personas, COUNTS))
    return Desks(now, np.zeros(len(blueprint.spans)), limit, blueprint.key, visits, np.zeros((resources, AREAS)))


def new_lines(blueprint: Blueprint, customers: int) -> Lines:
    """Return empty lists."""
    ends = len(blueprint.key) * blueprint.levels
    return Lines(np.full((ends, 2), NONE, dtype=np.int32), np.full((customers, 3), NONE, dtype=np.int32))


def reset_desks(desks: Desks, lines: Lines, blueprint: Blueprint, row: int) -> None:
    """Make desks ready for a draw: closed, empty, nothing counted; measuring starts at day 0."""
    desks.now[:, : LAST_SPAN + 1] = 0
    desks.now[:, SPAN], desks.now[:, LAST_SPAN] = blueprint.span_from[:-1], blueprint.span_from[1:]
    desks.there[:] = blueprint.there(row)
    desks.limit[:, STAFF], desks.limit[:, SINCE] = blueprint.staff[row, 0], 0.0
    desks.visits[:], desks.area[:] = 0.0, 0.0
    lines.end[:], lines.link[:] = NONE, NONE


@compiled_into
def takes(desks: Desks, r: int) -> bool:
    """Return whether a resource could serve somebody now."""
    return bool(desks.now[r, OPEN] == 1 and desks.now[r, AT_WORK] < desks.limit[r, STAFF])


@compiled_inner
def bring_up_to(desks: Desks, r: int, now: float, window: float) -> None:
    """Add what went on at a resource since the last change, as far as it lies in the measured days [0, window)."""
    until = min(now, window)
    days = until - desks.limit[r, SINCE]
    if days > 0.0:
        if desks.now[r, OPEN] == 1:
            desks.area[r, STAFFED] += desks.limit[r, STAFF] * days
            at_work = float(desks.now[r, AT_WORK])
            if at_work > desks.limit[r, STAFF]:
                desks.area[r, OVERTIME] += (at_work - desks.limit[r, STAFF]) * days
                at_work = desks.limit[r, STAFF]
            desks.area[r, BUSY] += at_work * days
        else:
            desks.area[r, OVERTIME] += desks.now[r, AT_WORK] * days
        desks.area[r, WAITING] += desks.now[r, IN_LINE] * days
        desks.limit[r, SINCE] = until


@compiled_inner
def enqueue(desks: Desks, lines: Lines, r: int, at: int, who: int) -> None:
    """Put a customer at the end of list `at`, one of resource r's."""
    tail = lines.end[at, 1]
    lines.link[who, LIST] = at
    lines.link[who, BEFORE] = tail
    lines.link[who, AFTER] = NONE
    if tail == NONE:
        lines.end[at, 0] = who
    else:
        lines.link[tail, AFTER] = who
    lines.end[at, 1] = who
    desks.now[r, IN_LINE] += 1


@compiled_inner
def dequeue(desks: Desks, lines: Lines, r: int, who: int) -> None:
    """Take a customer out, wherever they stand."""
    at, before, after = lines.link[who, LIST], lines.link[who, BEFORE], lines.link[who, AFTER]
    if before == NONE:
        lines.end[at, 0] = after
    else:
        lines.link[before, AFTER] = after
    if after == NONE:
        lines.end[at, 1] = before
    else:
        lines.link[after, BEFORE] = before
    lines.link[who, LIST] = NONE
    desks.now[r, IN_LINE] -= 1


@compiled_inner
def next_of(desks: Desks, lines: Lines, r: int, levels: int, low: np.uint64, high: np.uint64, draw: np.uint64) -> int:
    """Return who is next of those who wait for a resource, by its discipline; at least one does."""
    at, discipline = r * levels, desks.now[r, DISCIPLINE]
    if discipline == FIRST_COME:
        return int(lines.end[at, 0])
    if discipline == LAST_COME:
        return int(lines.end[at, 1])
    if discipline == PRIORITY:
        while lines.end[at, 0] == NONE:
            at += 1
        return int(lines.end[at, 0])
    number = np.uint32(desks.now[r, PICKS])
    desks.now[r, PICKS] += 1
    u = uniform_at(low, high, draw, number, desks.key[r], np.uint32(0), PICK)[0]
    who = lines.end[at, 0]
    for _ in range(int(u * desks.now[r, IN_LINE])):
        who = lines.link[who, AFTER]
    return int(who)
