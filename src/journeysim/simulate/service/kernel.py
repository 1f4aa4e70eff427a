"""The service engine, compiled: one draw's customers and resources through a heap of events.

Customers who are where nobody serves them touch nobody else, so they are followed at once to the next staffed
touchpoint, their end, or the end of the run; only what happens at resources goes through the heap.
"""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.service.blueprint import NOBODY, Blueprint
from journeysim.simulate.service.desks import (
    AT_WORK,
    CALLED_BACK,
    CAME,
    GAVE_UP_WAITING,
    IN_LINE,
    LAST_SPAN,
    LIST,
    NONE,
    OPEN,
    QUEUED,
    ROOM,
    SPAN,
    TURNED_AWAY,
    WAITED,
    Desks,
    Lines,
    bring_up_to,
    dequeue,
    enqueue,
    next_of,
    takes,
)
from journeysim.simulate.service.heap import (
    ARRIVAL,
    FREE,
    PATIENCE,
    SHIFT,
    Heap,
    code_of,
    kind_of,
    pop,
    push,
    resource_of,
    who_of,
)
from journeysim.simulate.service.people import People
from journeysim.simulate.service.steps import (
    ENTERED,
    GAVE_UP,
    Clocks,
    Trace,
    begin_life,
    clock_time,
    feel_visit,
    leave_unserved,
    put_back,
    record,
    take_step,
    take_up,
)
from journeysim.simulate.streams import STAFF, compiled, compiled_inner, compiled_into, uniform_at
from journeysim.simulate.walk.kernel import MOST_MOVES
from journeysim.simulate.walk.lanes import Carried, Lanes, period_of
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.truth import Truth

#: What becomes of a customer by an event: they stay where they are, ask for staff, are served, leave unserved, or go on.
STAYS, ASKS, SERVED, UNSERVED, GOES_ON = range(5)
#: Columns of `Customers.at` and `Customers.time`.
PLACE, CELL, MOVES = range(3)
SINCE_ENTRY, SERVICE, PATIENT_FOR, GIVES_UP_AT, CALL, WAITED_FOR = range(6)
#: Columns of `Points.rule` and `Points.limit`.
RESOURCE, HOLDS, PATIENT, TARGET = range(4)
BALK_SHARE, BALK_FROM, CALL_SHARE, WAIT_FEELS = range(4)
DONE, SHORT_OF_EVENTS, SHORT_OF_RECORDS, RUNAWAY = range(4)


class Customers(NamedTuple):
    """Where everybody stands; A customers, s places."""

    at: NDArray[np.int32]  # (A, 3) where they arrived last, with which parameters, how many moves they made
    time: Floats  # (A, 6) days since entry on arrival there; of the visit: clocks, when they give up, wait
    seen: NDArray[np.uint32]  # (A * s,) earlier visits
    kept: Floats  # (A, …) what they carry along, see `steps.take_up`


class Points(NamedTuple):
    """The staffed touchpoints' rules, see `Blueprint`."""

    rule: NDArray[np.int32]  # (n, 4)
    limit: Floats  # (n, 4)
    level: NDArray[np.int32]  # (G, n)
    spans: Floats  # (S, 2)


def points_of(blueprint: Blueprint) -> Points:
    """Return the rules of touchpoints as the kernel takes them."""
    rule = [blueprint.resource, blueprint.holds, blueprint.patient, blueprint.gives_up_to]
    limit = [blueprint.balk_share, blueprint.balk_from, blueprint.called_back, blueprint.waiting_feels]
    return Points(
        np.ascontiguousarray(np.column_stack(rule).astype(np.int32)),
        np.ascontiguousarray(np.column_stack(limit)),
        blueprint.level,
        blueprint.spans,
    )


@compiled
def serve(
    count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth, carried: Carried,
    levels: int, window: float, end: float, points: Points, clocks: Clocks, people: People, customers: Customers,
    desks: Desks, lines: Lines, heap: Heap, trace: Trace, lanes: Lanes, status: Ints,
) -> None:  # fmt: skip
    """Let the first `count` customers come, move, wait and be served until the run ends.

    Fills `trace` with every arrival, `desks` with what the resources did, and `status` with DONE or what went wrong,
    and whose case it was. Long because it is the order of the events, and the step of the walk may stand only once.
    """
    came = 0
    while status[0] == DONE:
        r = NOBODY
        if _enters_next(came, count, people.time, heap):
            who, now = came, people.time[came]
            came += 1
            begin_life(layout, parameters, row, draw, people.number[who], people.persona[who], carried, lanes)
            put_back(customers.kept, who, carried)
            fate = _enter(who, layout, people, points.rule, customers, end, trace, status)
        elif heap.size[0] > 0:
            now, code = heap.time[0], heap.code[0]
            pop(heap)
            who = who_of(code)
            r = _desk_changes(code, now, window, end, points.spans, desks, heap, status)
            fate = _customer_changes(code, now, window, points, people, customers, desks, lines)
        else:
            break
        if fate == ASKS:
            fate = _ask(
                who, now, window, end, levels, layout, draw, points, clocks, people, customers, desks, lines, heap,
                status,
            )  # fmt: skip
        while status[0] == DONE:
            if r != NOBODY:
                if not (takes(desks, r) and desks.now[r, IN_LINE] > 0):
                    break
                who = next_of(desks, lines, r, levels, layout.seed_low, layout.seed_high, draw)
                fate = _call(who, r, now, window, people, customers, desks, lines)
            if fate != STAYS:
                _go_on(
                    who, fate, now, end, layout, parameters, row, draw, truth, carried, points.rule, points.limit, people,
                    customers, heap, trace, lanes, status,
                )  # fmt: skip
            if r == NOBODY:
                break


@compiled_into
def _go_on(
    who: int, fate: int, now: float, end: float, layout: Layout, parameters: Parameters, row: int, draw: np.uint64,
    truth: Truth, carried: Carried, rule: NDArray[np.int32], limit: Floats, people: People, customers: Customers, heap: Heap,
    trace: Trace, lanes: Lanes, status: Ints,
) -> None:  # fmt: skip
    """Follow a customer to where staff are asked for, to their end, or to the end of the run."""
    entered, served = people.time[who], fate == SERVED
    take_up(customers.kept, who, carried)
    if fate == UNSERVED:
        place, wait = customers.at[who, PLACE], customers.time[who, WAITED_FOR]
        feel_visit(
            layout, parameters, row, draw, people.number[who], place, customers.at[who, CELL],
            customers.seen[who * layout.place_key.size + place], customers.time[who, SINCE_ENTRY],
            wait * limit[place, WAIT_FEELS], carried,
        )  # fmt: skip
        leave_unserved(layout, place, carried)
        _give_up(who, layout, rule, entered, end, customers, trace, status)
    while status[0] == DONE and customers.at[who, PLACE] < layout.touchpoints:
        place, day, wait = customers.at[who, PLACE], customers.time[who, SINCE_ENTRY], 0.0
        if served:
            wait = customers.time[who, WAITED_FOR]
        elif rule[place, RESOURCE] != NOBODY:
            _schedule(entered + day, code_of(ARRIVAL, 0, who), end, heap, status)
            break
        elif entered + day > end:
            break
        seen = who * layout.place_key.size + place
        feel_visit(
            layout, parameters, row, draw, people.number[who], place, customers.at[who, CELL], customers.seen[seen], day,
            wait * limit[place, WAIT_FEELS], carried,
        )  # fmt: skip
        take_step(
            layout, parameters, row, draw, truth, carried, people.number[who], place, customers.at[who, CELL],
            customers.seen[seen], day + wait, lanes,
        )  # fmt: skip
        customers.seen[seen] += np.uint32(1)
        day = lanes.arrival[0]
        _arrive(
            who, lanes.next_place[0], lanes.next_cell[0], lanes.link[0], day, wait, entered, end,
            customers, trace, status,
        )  # fmt: skip
        if served:
            free = entered + day if rule[place, HOLDS] else now + customers.time[who, SERVICE]
            _schedule(free, code_of(FREE, rule[place, RESOURCE], who), end, heap, status)
            served = False
    put_back(customers.kept, who, carried)


@compiled_inner
def _desk_changes(
    code: int, now: float, window: float, end: float, spans: Floats, desks: Desks, heap: Heap, status: Ints
) -> int:
    """Let staff come free, or a resource open or close; return which resource that was."""
    kind, r = kind_of(code), resource_of(code)
    if kind == FREE:
        bring_up_to(desks, r, now, window)
        desks.now[r, AT_WORK] -= 1
    elif kind == SHIFT:
        bring_up_to(desks, r, now, window)
        desks.now[r, SPAN] += desks.now[r, OPEN]
        desks.now[r, OPEN] = 1 - desks.now[r, OPEN]
        _schedule_shift(r, end, spans, desks, heap, status)
    else:
        return NOBODY
    return r


@compiled_inner
def _customer_changes(
    code: int, now: float, window: float, points: Points, people: People, customers: Customers, desks: Desks,
    lines: Lines,
) -> int:  # fmt: skip
    """Let a customer arrive at a staffed touchpoint, or lose patience if they still wait; return what becomes of them."""
    kind, who = kind_of(code), who_of(code)
    if kind == ARRIVAL:
        return ASKS
    if kind == PATIENCE and lines.link[who, LIST] != NONE and customers.time[who, GIVES_UP_AT] == now:
        return _lose_patience(who, resource_of(code), now, window, points, people, customers, desks, lines)
    return STAYS


@compiled_into
def _enters_next(came: int, count: int, time: Floats, heap: Heap) -> bool:
    """Return whether the next thing to happen is that a customer enters."""
    if came >= count or heap.size[0] == 0:
        return came < count
    if time[came] == heap.time[0]:
        return bool(code_of(ARRIVAL, 0, came) < heap.code[0])
    return bool(time[came] < heap.time[0])


@compiled
def schedule_shifts(end: float, spans: Floats, desks: Desks, heap: Heap, status: Ints) -> None:
    """Schedule when each resource opens first."""
    for r in range(desks.key.size):
        _schedule_shift(r, end, spans, desks, heap, status)


@compiled_inner
def _schedule_shift(r: int, end: float, spans: Floats, desks: Desks, heap: Heap, status: Ints) -> None:
    """Schedule the next opening or closing of a resource."""
    span = desks.now[r, SPAN]
    if span < desks.now[r, LAST_SPAN]:
        _schedule(spans[span, desks.now[r, OPEN]], code_of(SHIFT, r, 0), end, heap, status)


@compiled_inner
def _schedule(time: float, code: int, end: float, heap: Heap, status: Ints) -> None:
    """Put an event on the heap, unless it lies beyond the run."""
    if time <= end and not push(heap, time, code):
        status[0] = SHORT_OF_EVENTS


@compiled_inner
def _enter(
    who: int, layout: Layout, people: People, rule: NDArray[np.int32], customers: Customers, end: float, trace: Trace,
    status: Ints,
) -> int:  # fmt: skip
    """Let a customer enter; return whether they ask for staff or go on."""
    place = people.place[who]
    cell = people.persona[who] * layout.periods + period_of(layout.period_end, 0.0)
    customers.at[who, MOVES] = 0
    seen = who * layout.place_key.size
    customers.seen[seen : seen + layout.place_key.size] = 0
    _arrive(who, place, cell, ENTERED, 0.0, 0.0, people.time[who], end, customers, trace, status)
    return ASKS if place < layout.touchpoints and rule[place, RESOURCE] != NOBODY else GOES_ON


@compiled_inner
def _ask(
    who: int, now: float, window: float, end: float, levels: int, layout: Layout, draw: np.uint64, points: Points,
    clocks: Clocks, people: People, customers: Customers, desks: Desks, lines: Lines, heap: Heap, status: Ints,
) -> int:  # fmt: skip
    """Let a customer who is at a staffed touchpoint ask for its staff; return what becomes of them."""
    place = customers.at[who, PLACE]
    r, persona = points.rule[place, RESOURCE], people.persona[who]
    visit = customers.seen[who * layout.place_key.size + place]
    u = uniform_at(layout.seed_low, layout.seed_high, draw, people.number[who], layout.place_key[place], visit, STAFF)
    customers.time[who, SERVICE] = clock_time(clocks, place, u[0])
    measured = 0.0 <= people.time[who] + customers.time[who, SINCE_ENTRY] < window
    desks.visits[r, persona, CAME] += measured
    customers.time[who, WAITED_FOR] = 0.0
    waiting = desks.now[r, IN_LINE]
    if takes(desks, r):
        bring_up_to(desks, r, now, window)
        desks.now[r, AT_WORK] += 1
        return SERVED
    balks = waiting >= points.limit[place, BALK_FROM] and u[2] < points.limit[place, BALK_SHARE]
    if balks or waiting >= desks.limit[r, ROOM]:
        desks.visits[r, persona, TURNED_AWAY] += measured
        return UNSERVED
    desks.visits[r, persona, QUEUED] += measured
    patience = np.inf if points.rule[place, PATIENT] else clock_time(clocks, layout.touchpoints + place, u[1])
    customers.time[who, PATIENT_FOR] = patience
    customers.time[who, GIVES_UP_AT] = now + patience
    customers.time[who, CALL] = u[3]
    bring_up_to(desks, r, now, window)
    enqueue(desks, lines, r, r * levels + points.level[persona, place], who)
    _schedule(now + patience, code_of(PATIENCE, r, who), end, heap, status)
    return STAYS


@compiled_inner
def _call(
    who: int, r: int, now: float, window: float, people: People, customers: Customers, desks: Desks, lines: Lines
) -> int:
    """Take a waiting customer to their service."""
    bring_up_to(desks, r, now, window)
    dequeue(desks, lines, r, who)
    desks.now[r, AT_WORK] += 1
    since = people.time[who] + customers.time[who, SINCE_ENTRY]
    if 0.0 <= since < window:
        desks.visits[r, people.persona[who], WAITED] += now - since
    customers.time[who, WAITED_FOR] = now - since
    return SERVED


@compiled_inner
def _lose_patience(
    who: int, r: int, now: float, window: float, points: Points, people: People, customers: Customers, desks: Desks,
    lines: Lines,
) -> int:  # fmt: skip
    """Let a customer whose patience is over leave their number, or the queue; return which."""
    persona, place = people.persona[who], customers.at[who, PLACE]
    measured = 0.0 <= people.time[who] + customers.time[who, SINCE_ENTRY] < window
    if customers.time[who, CALL] < points.limit[place, CALL_SHARE]:
        customers.time[who, GIVES_UP_AT] = np.inf
        desks.visits[r, persona, CALLED_BACK] += measured
        return STAYS
    customers.time[who, WAITED_FOR] = customers.time[who, PATIENT_FOR]
    bring_up_to(desks, r, now, window)
    dequeue(desks, lines, r, who)
    if measured:
        desks.visits[r, persona, WAITED] += customers.time[who, PATIENT_FOR]
        desks.visits[r, persona, GAVE_UP_WAITING] += 1.0
    return UNSERVED


@compiled_inner
def _give_up(
    who: int, layout: Layout, rule: NDArray[np.int32], entered: float, end: float,
    customers: Customers, trace: Trace, status: Ints,
) -> None:  # fmt: skip
    """Send an unserved customer where those go who give up."""
    place, waited = customers.at[who, PLACE], customers.time[who, WAITED_FOR]
    day = customers.time[who, SINCE_ENTRY] + waited
    customers.seen[who * layout.place_key.size + place] += np.uint32(1)
    cell = customers.at[who, CELL] // layout.periods * layout.periods + period_of(layout.period_end, day)
    _arrive(who, rule[place, TARGET], cell, GAVE_UP, day, waited, entered, end, customers, trace, status)


@compiled_inner
def _arrive(
    who: int, place: int, cell: int, link: int, day: float, wait: float, entered: float, end: float,
    customers: Customers, trace: Trace, status: Ints,
) -> None:  # fmt: skip
    """Put a customer where they arrive; on record if it is within the run."""
    customers.at[who, PLACE] = place
    customers.at[who, CELL] = cell
    customers.at[who, MOVES] += 1
    customers.time[who, SINCE_ENTRY] = day
    if customers.at[who, MOVES] > MOST_MOVES:
        status[0], status[1] = RUNAWAY, who
    elif entered + day <= end and not record(trace, who, place, link, day, wait):
        status[0] = SHORT_OF_RECORDS


@compiled
def close_books(
    count: int, levels: int, window: float, end: float, people: People, customers: Customers, desks: Desks,
    lines: Lines,
) -> None:  # fmt: skip
    """Add the waits of those who still wait, and bring the integrals to the end."""
    for who in range(count):
        since = people.time[who] + customers.time[who, SINCE_ENTRY]
        if lines.link[who, LIST] != NONE and 0.0 <= since < window:
            desks.visits[lines.link[who, LIST] // levels, people.persona[who], WAITED] += end - since
    for r in range(desks.key.size):
        bring_up_to(desks, r, end, window)
