"""What happens at resources: a customer asks for staff, is called, or loses patience; staff come free, open and close."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.service.blueprint import NOBODY
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
    STAFF,
    TURNED_AWAY,
    WAITED,
    Desks,
    Lines,
    bring_up_to,
    dequeue,
    enqueue,
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
    push,
    resource_of,
    slot_of,
    who_of,
)
from journeysim.simulate.service.kernel.plans import plan_visit
from journeysim.simulate.service.kernel.state import (
    ASKS,
    BALK_FROM,
    BALK_SHARE,
    CALL_SHARE,
    ENTRY_DAY,
    GIVES_UP_AT,
    PATIENCE_FOR,
    PATIENT_FOR,
    PERSONA,
    PLACE,
    PLANNED,
    RESOURCE,
    SERVED,
    SHORT_OF_EVENTS,
    SINCE_ENTRY,
    STAYS,
    STEP,
    UNSERVED,
    WAITED_FOR,
    WHO,
    Customers,
    Plans,
    Points,
    place_of,
)
from journeysim.simulate.service.people import People
from journeysim.simulate.service.steps import Clocks
from journeysim.simulate.streams import STAFF as OF_STAFF
from journeysim.simulate.streams import compiled, compiled_inner, compiled_into, uniform_at, unit
from journeysim.simulate.walk.layout import Layout


@compiled_into
def schedule(time: float, code: int, end: float, heap: Heap, status: Ints) -> bool:
    """Put an event on the heap, unless it lies beyond the run: False."""
    if time > end:
        return False
    if not push(heap, time, code):
        status[0] = SHORT_OF_EVENTS
    return True


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
        schedule(spans[span, desks.now[r, OPEN]], code_of(SHIFT, r, 0, 0), end, heap, status)


@compiled_into
def desk_changes(
    code: int, now: float, window: float, end: float, spans: Floats, desks: Desks, heap: Heap, status: Ints
) -> int:
    """Let staff come free, or a resource open or close; return which resource that was."""
    kind, r = kind_of(code), resource_of(code)
    if kind == FREE:
        bring_up_to(desks, r, now, window)
        desks.now[r, AT_WORK] -= 1
    elif kind == SHIFT:
        bring_up_to(desks, r, now, window)
        if desks.now[r, OPEN] == 0:
            desks.limit[r, STAFF] = desks.there[desks.now[r, SPAN]]
        desks.now[r, SPAN] += desks.now[r, OPEN]
        desks.now[r, OPEN] = 1 - desks.now[r, OPEN]
        _schedule_shift(r, end, spans, desks, heap, status)
    else:
        return NOBODY
    return r


@compiled_into
def customer_changes(
    code: int, now: float, window: float, points: Points, customers: Customers, plans: Plans, desks: Desks,
    lines: Lines,
) -> int:  # fmt: skip
    """Let a customer arrive at a staffed touchpoint, or lose patience if they still wait; return what becomes of them.

    Whoever waits in the slot of an old event may be somebody else by now.
    """
    kind, slot = kind_of(code), slot_of(code)
    if kind == ARRIVAL:
        return ASKS
    if (
        kind == PATIENCE
        and lines.link[slot, LIST] != NONE
        and customers.time[slot, GIVES_UP_AT] == now
        and customers.at[slot, WHO] == who_of(code)
    ):
        return _lose_patience(slot, resource_of(code), now, window, points, customers, plans, desks, lines)
    return STAYS


@compiled_into
def ask(
    slot: int, now: float, window: float, end: float, levels: int, layout: Layout, draw: np.uint64, points: Points,
    clocks: Clocks, people: People, customers: Customers, plans: Plans, desks: Desks, lines: Lines, heap: Heap, status: Ints,
) -> int:  # fmt: skip
    """Let a customer who is at a staffed touchpoint ask for its staff; return what becomes of them."""
    place, who, step = place_of(customers, slot), customers.at[slot, WHO], customers.at[slot, STEP]
    r, persona = points.rule[place, RESOURCE], customers.at[slot, PERSONA]
    if step == PLANNED:
        plan_visit(slot, now, layout, draw, points, clocks, people.number[who], customers, plans)
    measured = 0.0 <= customers.time[slot, ENTRY_DAY] + customers.time[slot, SINCE_ENTRY] < window
    desks.visits[r, persona, CAME] += measured
    customers.time[slot, WAITED_FOR] = 0.0
    if takes(desks, r):
        bring_up_to(desks, r, now, window)
        desks.now[r, AT_WORK] += 1
        return SERVED
    waiting = desks.now[r, IN_LINE]
    balks = waiting >= points.limit[place, BALK_FROM] and _balks(
        people.number[who], place, customers.seen[slot * layout.place_key.size + place], points.limit[place, BALK_SHARE],
        layout, draw,
    )  # fmt: skip
    if balks or waiting >= desks.limit[r, ROOM]:
        desks.visits[r, persona, TURNED_AWAY] += measured
        return UNSERVED
    desks.visits[r, persona, QUEUED] += measured
    patience = plans.time[step, slot, PATIENCE_FOR]
    customers.time[slot, PATIENT_FOR] = patience
    customers.time[slot, GIVES_UP_AT] = now + patience
    bring_up_to(desks, r, now, window)
    enqueue(desks, lines, r, r * levels + points.level[persona, place], slot)
    schedule(now + patience, code_of(PATIENCE, r, who, slot), end, heap, status)
    return STAYS


@compiled_inner
def _balks(number: np.uint32, place: int, visit: np.uint32, share: float, layout: Layout, draw: np.uint64) -> bool:
    """Return whether a customer who finds too many waiting balks."""
    u = uniform_at(layout.seed_low, layout.seed_high, draw, number, layout.place_key[place], visit, OF_STAFF)
    return u[2] < share


@compiled_into
def call(slot: int, r: int, now: float, window: float, customers: Customers, desks: Desks, lines: Lines) -> int:
    """Take a waiting customer to their service."""
    bring_up_to(desks, r, now, window)
    dequeue(desks, lines, r, slot)
    desks.now[r, AT_WORK] += 1
    since = customers.time[slot, ENTRY_DAY] + customers.time[slot, SINCE_ENTRY]
    if 0.0 <= since < window:
        desks.visits[r, customers.at[slot, PERSONA], WAITED] += now - since
    customers.time[slot, WAITED_FOR] = now - since
    return SERVED


@compiled_inner
def _lose_patience(
    slot: int, r: int, now: float, window: float, points: Points, customers: Customers, plans: Plans, desks: Desks,
    lines: Lines,
) -> int:  # fmt: skip
    """Let a customer whose patience is over leave their number, or the queue; return which."""
    persona, place = customers.at[slot, PERSONA], customers.at[slot, PLACE]
    measured = 0.0 <= customers.time[slot, ENTRY_DAY] + customers.time[slot, SINCE_ENTRY] < window
    if unit(plans.call[customers.at[slot, STEP], slot]) < points.limit[place, CALL_SHARE]:
        customers.time[slot, GIVES_UP_AT] = np.inf
        desks.visits[r, persona, CALLED_BACK] += measured
        return STAYS
    customers.time[slot, WAITED_FOR] = customers.time[slot, PATIENT_FOR]
    bring_up_to(desks, r, now, window)
    dequeue(desks, lines, r, slot)
    if measured:
        desks.visits[r, persona, WAITED] += customers.time[slot, PATIENT_FOR]
        desks.visits[r, persona, GAVE_UP_WAITING] += 1.0
    return UNSERVED


@compiled
def close_books(window: float, end: float, levels: int, customers: Customers, desks: Desks, lines: Lines) -> None:
    """Add the waits of those who still wait, and bring the integrals to the end."""
    for slot in range(lines.link.shape[0]):
        since = customers.time[slot, ENTRY_DAY] + customers.time[slot, SINCE_ENTRY]
        if lines.link[slot, LIST] != NONE and 0.0 <= since < window:
            persona = customers.at[slot, PERSONA]
            desks.visits[lines.link[slot, LIST] // levels, persona, WAITED] += end - since
    for r in range(desks.key.size):
        bring_up_to(desks, r, end, window)
