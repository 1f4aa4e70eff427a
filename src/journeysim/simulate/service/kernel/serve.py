"""The order of events: one draw's customers and resources through a heap.

Customers who are where nobody serves them touch nobody else, so they are followed at once to the next staffed
touchpoint, their end, or the end of the run; only what happens at resources goes through the heap.
"""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.service.blueprint import NOBODY
from journeysim.simulate.service.desks import IN_LINE, Desks, Lines, next_of, takes
from journeysim.simulate.service.heap import ARRIVAL, FREE, Heap, code_of, key_of, pop, slot_of, time_of
from journeysim.simulate.service.kernel.plans import can_plan, plan_block
from journeysim.simulate.service.kernel.state import (
    AHEAD,
    ASKS,
    CELL,
    DONE,
    DWELL_FOR,
    ENTRY_DAY,
    GOES_ON,
    HOLDS,
    MOVES,
    PERSONA,
    PLACE,
    PLANNED,
    RESOURCE,
    RUNAWAY,
    SERVED,
    SERVICE,
    SHORT_OF_RECORDS,
    SHORT_OF_SLOTS,
    SINCE_ENTRY,
    STAYS,
    STEP,
    TARGET,
    UNSERVED,
    WAIT_FEELS,
    WAITED_FOR,
    WHO,
    Customers,
    Planner,
    Plans,
    Points,
    place_of,
)
from journeysim.simulate.service.kernel.visits import ask, call, customer_changes, desk_changes, schedule
from journeysim.simulate.service.people import People
from journeysim.simulate.service.steps import (
    BEFORE,
    ENTERED,
    GAVE_UP,
    Clocks,
    Trace,
    begin_life,
    feel_visit,
    put_back,
    record,
    take_step,
    take_up,
)
from journeysim.simulate.service.ways import Ways, always_alike, cell_on, phase_of
from journeysim.simulate.streams import compiled, compiled_inner, compiled_into
from journeysim.simulate.walk.kernel import MOST_MOVES
from journeysim.simulate.walk.lanes import Carried, Lanes, period_of
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.truth import Truth


@compiled
def serve(
    count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth, carried: Carried,
    levels: int, window: float, end: float, points: Points, clocks: Clocks, people: People, customers: Customers,
    plans: Plans, planner: Planner, desks: Desks, lines: Lines, heap: Heap, trace: Trace, lanes: Lanes, status: Ints,
) -> None:  # fmt: skip
    """Let the first `count` customers come, move, wait and be served until the run ends.

    Fills `trace` with the arrivals of those it is about, `desks` with what the resources did, and `status` with DONE or
    what went wrong, and with whom and where. Long because it is the order of the events, and the step of the walk may
    stand only once.
    """
    came = ready = count - count  # a 0 that is no constant: what is called with one is compiled for it, and again
    slot = 0
    while status[0] == DONE:
        r = NOBODY
        if _enters_next(came, count, people.time, heap):
            if came == ready:
                ready = _prepare(
                    came, count, layout, parameters, row, draw, truth, points, clocks, people, customers, plans, planner,
                    carried, lanes, status,
                )  # fmt: skip
            slot, now = slot_of(planner.slot[came % AHEAD]), people.time[came]
            fate = _enter(came, slot, layout, points, people, customers, end, trace, status)
            came += 1
        elif heap.size[0] > 0:
            now, code = time_of(heap.key[0]), heap.code[0]
            pop(heap)
            slot = slot_of(code)
            r = desk_changes(code, now, window, end, points.spans, desks, heap, status)
            fate = STAYS
            if r == NOBODY:
                fate = customer_changes(code, now, window, points, customers, plans, desks, lines)
        else:
            break
        if fate == ASKS:
            fate = ask(
                slot, now, window, end, levels, layout, draw, points, clocks, people, customers, plans, desks, lines, heap,
                status,
            )  # fmt: skip
        _follow(
            slot, r, fate, now, window, end, levels, layout, parameters, row, draw, truth, carried, points, people, customers,
            plans, desks, lines, heap, trace, lanes, status,
        )  # fmt: skip


@compiled_into
def _follow(
    slot: int, r: int, fate: int, now: float, window: float, end: float, levels: int, layout: Layout,
    parameters: Parameters, row: int, draw: np.uint64, truth: Truth, carried: Carried, points: Points, people: People,
    customers: Customers, plans: Plans, desks: Desks, lines: Lines, heap: Heap, trace: Trace, lanes: Lanes, status: Ints,
) -> None:  # fmt: skip
    """Follow the customer whose event it was, or those whom a resource takes now, one after the other."""
    while status[0] == DONE:
        if r != NOBODY:
            if not (desks.now[r, IN_LINE] > 0 and takes(desks, r)):
                break
            slot = slot_of(next_of(desks, lines, r, levels, layout.seed_low, layout.seed_high, draw))
            fate = call(slot, r, now, window, customers, desks, lines)
        if fate != STAYS:
            _go_on(
                slot, fate, now, end, layout, parameters, row, draw, truth, carried, points, people, customers, plans,
                heap, trace, lanes, status,
            )  # fmt: skip
        if r == NOBODY:
            break


@compiled_into
def _enters_next(came: int, count: int, time: Floats, heap: Heap) -> bool:
    """Return whether the next thing to happen is that a customer enters."""
    if came >= count or heap.size[0] == 0:
        return came < count
    key = key_of(time[came])
    if key == heap.key[0]:
        return bool(code_of(ARRIVAL, 0, came, 0) < heap.code[0])
    return bool(key < heap.key[0])


@compiled_inner
def _prepare(
    first: int, count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth, points: Points,
    clocks: Clocks, people: People, customers: Customers, plans: Plans, planner: Planner, carried: Carried, lanes: Lanes,
    status: Ints,
) -> int:  # fmt: skip
    """Give the next block of customers their slots, plan their visits where that can be, and return where it ends."""
    size = min(AHEAD - first % AHEAD, count - first)
    if customers.left[0] < size:
        status[0] = SHORT_OF_SLOTS
        return first
    planned, alike, first_period = (
        can_plan(layout, points),
        always_alike(layout, points.ways),
        period_of(layout.period_end, 0.0),
    )
    for k in range(size):
        customers.left[0] -= 1
        slot = slot_of(customers.free[customers.left[0]])
        planner.slot[k] = slot
        customers.at[slot, WHO] = first + k
        customers.at[slot, PERSONA] = people.persona[first + k]
        customers.at[slot, CELL] = people.persona[first + k] * layout.periods + first_period
        if not alike:
            customers.at[slot, CELL] = cell_on(
                layout, points.ways, people.group[first + k], people.persona[first + k], people.time[first + k], 0.0
            )
        customers.at[slot, MOVES] = 0
        customers.at[slot, STEP] = 0 if planned else PLANNED
        customers.time[slot, ENTRY_DAY] = people.time[first + k]
        if layout.own.order2:
            customers.kept[slot, BEFORE] = layout.touchpoints
        seen = slot * layout.place_key.size
        for place in range(layout.place_key.size):
            customers.seen[seen + place] = np.uint32(0)
        if not planned:
            number, persona = people.number[first + k], people.persona[first + k]
            begin_life(layout, parameters, row, draw, number, persona, carried, lanes)
            put_back(customers.kept, slot, carried)
    if planned:
        plan_block(
            first, size, layout, parameters, row, draw, truth, points, clocks, people, plans, planner, lanes
        )  # fmt: skip
    return first + size


@compiled_into
def _enter(
    who: int, slot: int, layout: Layout, points: Points, people: People, customers: Customers, end: float, trace: Trace,
    status: Ints,
) -> int:  # fmt: skip
    """Let a customer enter; return whether they ask for staff or go on."""
    place = people.place[who]
    _arrive(slot, place, ENTERED, 0.0, 0.0, end, customers, trace, status)
    return ASKS if place < layout.touchpoints and points.rule[place, RESOURCE] != NOBODY else GOES_ON


@compiled_into
def _go_on(
    slot: int, fate: int, now: float, end: float, layout: Layout, parameters: Parameters, row: int, draw: np.uint64,
    truth: Truth, carried: Carried, points: Points, people: People, customers: Customers, plans: Plans, heap: Heap,
    trace: Trace, lanes: Lanes, status: Ints,
) -> None:  # fmt: skip
    """Follow a customer to where staff are asked for, to their end, or to the end of the run; then their slot is free."""
    who, entered, served, stays = customers.at[slot, WHO], customers.time[slot, ENTRY_DAY], fate == SERVED, False
    if fate == UNSERVED:
        _give_up(
            slot, layout, parameters, row, draw, carried, points, people, end, customers, trace, status
        )  # fmt: skip
    while status[0] == DONE and customers.at[slot, PLACE] < layout.touchpoints:
        place, day, wait = place_of(customers, slot), customers.time[slot, SINCE_ENTRY], 0.0
        if served:
            wait = customers.time[slot, WAITED_FOR]
        elif points.rule[place, RESOURCE] != NOBODY:
            stays = schedule(entered + day, code_of(ARRIVAL, 0, who, slot), end, heap, status)
            break
        elif entered + day > end:
            break
        step = customers.at[slot, STEP]
        if step < PLANNED:
            link, service = plans.link[step, slot], plans.time[step, slot, SERVICE]
            day = (day + wait) + plans.time[step, slot, DWELL_FOR]
            customers.at[slot, STEP] = step + 1
            if layout.own.order2 and not layout.own.passed[place]:
                customers.kept[slot, BEFORE] = place
            goes_to = layout.target[link]
        else:
            service = plans.time[PLANNED, slot, SERVICE]
            _step_alone(
                slot, wait, layout, parameters, row, draw, truth, carried, points, people, customers, lanes
            )  # fmt: skip
            link, day, goes_to = lanes.link[0], lanes.arrival[0], lanes.next_place[0]
        customers.seen[slot * layout.place_key.size + place] += np.uint32(1)
        _arrive(slot, goes_to, link, day, wait, end, customers, trace, status)
        if served:
            free = entered + day if points.rule[place, HOLDS] else now + service
            schedule(free, code_of(FREE, points.rule[place, RESOURCE], who, 0), end, heap, status)
            served = False
    if not stays:
        customers.free[customers.left[0]] = slot
        customers.left[0] += 1


@compiled_inner
def _cell_of(slot: int, day: float, layout: Layout, ways: Ways, people: People, customers: Customers) -> int:
    """Return which parameters hold for a customer on a day since entry."""
    group, persona = people.group[customers.at[slot, WHO]], customers.at[slot, PERSONA]
    return cell_on(layout, ways, group, persona, customers.time[slot, ENTRY_DAY], day)


@compiled_inner
def _step_alone(
    slot: int, wait: float, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth,
    carried: Carried, points: Points, people: People, customers: Customers, lanes: Lanes,
) -> None:  # fmt: skip
    """Find where a customer goes from a visit that was not planned, in the first lane; put them on what holds there."""
    place, cell, day = customers.at[slot, PLACE], customers.at[slot, CELL], customers.time[slot, SINCE_ENTRY]
    seen, number = customers.seen[slot * layout.place_key.size + place], people.number[customers.at[slot, WHO]]
    take_up(customers.kept, slot, carried)
    if layout.felt.acts:
        lowered = wait * points.limit[place, WAIT_FEELS]
        feel_visit(layout, parameters, row, draw, number, place, cell, seen, day, lowered, carried)
    take_step(layout, parameters, row, draw, truth, carried, number, place, cell, seen, day + wait, lanes)
    put_back(customers.kept, slot, carried)
    customers.at[slot, CELL] = lanes.next_cell[0]
    if points.ways.turn.shape[1] > 0 or layout.seasons > 1:
        customers.at[slot, CELL] = _cell_of(slot, lanes.arrival[0], layout, points.ways, people, customers)


@compiled_inner
def _give_up(
    slot: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, carried: Carried, points: Points,
    people: People, end: float, customers: Customers, trace: Trace, status: Ints,
) -> None:  # fmt: skip
    """Send an unserved customer where those go who give up; what was planned for them holds no more."""
    place, cell, waited = customers.at[slot, PLACE], customers.at[slot, CELL], customers.time[slot, WAITED_FOR]
    seen, since = slot * layout.place_key.size + place, customers.time[slot, SINCE_ENTRY]
    number = people.number[customers.at[slot, WHO]]
    if layout.felt.acts:
        take_up(customers.kept, slot, carried)
        lowered = waited * points.limit[place, WAIT_FEELS]
        feel_visit(layout, parameters, row, draw, number, place, cell, customers.seen[seen], since, lowered, carried)
        put_back(customers.kept, slot, carried)
    if layout.own.order2 and not layout.own.passed[place]:
        customers.kept[slot, BEFORE] = place
    customers.seen[seen] += np.uint32(1)
    target, day = points.rule[place, TARGET], since + waited
    if always_alike(layout, points.ways):
        customers.at[slot, CELL] = customers.at[slot, PERSONA] * layout.periods + period_of(layout.period_end, day)
    else:
        target = points.target[phase_of(layout, cell), place]
        customers.at[slot, CELL] = _cell_of(slot, day, layout, points.ways, people, customers)
    customers.at[slot, STEP] = PLANNED
    _arrive(slot, target, GAVE_UP, day, waited, end, customers, trace, status)


@compiled_into
def _arrive(
    slot: int,
    place: int,
    link: int,
    day: float,
    wait: float,
    end: float,
    customers: Customers,
    trace: Trace,
    status: Ints,
) -> None:
    """Put a customer where they arrive; on record if it is within the run."""
    customers.at[slot, PLACE] = place
    customers.at[slot, MOVES] += 1
    customers.time[slot, SINCE_ENTRY] = day
    who = customers.at[slot, WHO]
    if customers.at[slot, MOVES] > MOST_MOVES:
        status[0], status[1], status[2] = RUNAWAY, who, place
    elif customers.time[slot, ENTRY_DAY] + day <= end and not record(trace, who, place, link, day, wait):
        status[0] = SHORT_OF_RECORDS
