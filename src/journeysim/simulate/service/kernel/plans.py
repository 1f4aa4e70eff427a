"""Visits found ahead, many customers in step: what nobody's wait can change.

Where a move depends on no mood, no own rate and no time since entry, waits only shift a life: which links a customer
takes, how long these and services last, is known when they enter. It is found for the next customers together, by the
walk's own stages over lanes, which is several times cheaper than one by one. Who leaves a queue unserved, or makes more
visits than are planned, goes on one by one.
"""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from journeysim.simulate.service.blueprint import NOBODY
from journeysim.simulate.service.kernel.state import (
    DWELL_FOR,
    PATIENCE_FOR,
    PATIENT,
    PLACE,
    PLANNED,
    RESOURCE,
    SERVICE,
    STEP,
    Customers,
    Planner,
    Plans,
    Points,
)
from journeysim.simulate.service.people import People
from journeysim.simulate.service.steps import EXPONENTIAL, Clocks, clock_time, first_clock
from journeysim.simulate.service.ways import in_one_world
from journeysim.simulate.streams import (
    BLOCK,
    PURPOSE_SHIFT,
    STAFF,
    compiled_inner,
    compiled_into,
    philox_words,
    unit,
    visit_words,
)
from journeysim.simulate.walk.kernel import begin_lives, next_arrivals
from journeysim.simulate.walk.lanes import CUSTOMER, DWELL, KEEP, KEY, LINK, VISIT_NUMBER, Lanes
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.quantiles import log_of
from journeysim.simulate.walk.truth import Truth

_STAFF_TAG: Final = np.uint32(STAFF << PURPOSE_SHIFT)


@compiled_into
def can_plan(layout: Layout, points: Points) -> bool:
    """Return whether moves and their times depend on nothing that waiting changes: no mood, no time, no date."""
    timeless = (
        layout.period_end.size == 1 and layout.seasons == 1 and points.ways.turn.shape[1] == 0 and points.eras.size == 1
    )
    return timeless and not (layout.felt.acts or layout.own.rates)


@compiled_inner
def plan_block(
    first: int, size: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth,
    points: Points, clocks: Clocks, people: People, plans: Plans, planner: Planner, lanes: Lanes,
) -> None:  # fmt: skip
    """Plan the visits of customers first … first + size - 1, who will stand in the slots of `planner.slot`."""
    for place in range(layout.place_key.size):
        for k in range(size):
            planner.seen[place * BLOCK + k] = np.uint32(0)
    nothing = size - size  # a 0 that is no constant: what is called with one would be compiled for it alone, and again
    count, alike = nothing, in_one_world(points.ways)
    for k in range(size):
        lanes.words[CUSTOMER + k] = people.number[first + k]
    begin_lives(size, layout, draw, lanes.words, planner.carried, lanes)
    for k in range(size):
        number, place = people.number[first + k], people.place[first + k]
        if place < layout.touchpoints:
            cell = people.persona[first + k] * layout.periods
            if not alike:
                cell += points.ways.phase[people.group[first + k], 0]
            _put(count, k, number, place, cell, layout, planner, lanes)
            count += 1
    step = nothing
    while count > 0 and step < PLANNED:
        _plan_visits(count, step, layout, draw, points.rule, clocks, plans, planner, lanes)
        next_arrivals(count, layout, parameters, row, draw, truth, planner.carried, lanes)
        kept = nothing
        for k in range(count):
            slot = planner.slot[lanes.slot[k]]
            plans.link[step, slot] = lanes.link[k]
            plans.time[step, slot, DWELL_FOR] = lanes.arrival[k]
            if lanes.next_place[k] < layout.touchpoints:
                _put(
                    kept, lanes.slot[k], lanes.words[CUSTOMER + k], lanes.next_place[k], lanes.cell[k], layout, planner, lanes
                )  # fmt: skip
                kept += 1
        count = kept
        step += 1


@compiled_into
def _put(
    k: int, at: int, number: np.uint32, place: int, cell: int, layout: Layout, planner: Planner, lanes: Lanes
) -> None:
    """Let lane k hold a customer's next visit, whose dwell starts at 0: what is found as arrival is the dwell."""
    seen = place * BLOCK + at
    lanes.slot[k] = at
    lanes.place[k] = place
    lanes.cell[k] = cell
    lanes.day[k] = 0.0
    lanes.words[CUSTOMER + k] = number
    lanes.words[KEY + k] = layout.place_key[place]
    lanes.words[VISIT_NUMBER + k] = planner.seen[seen]
    planner.seen[seen] += np.uint32(1)


@compiled_inner
def _plan_visits(
    count: int, step: int, layout: Layout, draw: np.uint64, rule: NDArray[np.int32], clocks: Clocks, plans: Plans,
    planner: Planner, lanes: Lanes,
) -> None:  # fmt: skip
    """Find what customers bring to each visit at a staffed touchpoint: service time, patience, and the word of a call."""
    members, words = 0, planner.words
    for k in range(count):
        if rule[lanes.place[k], RESOURCE] != NOBODY:
            lanes.members[members] = k
            words[CUSTOMER + members] = lanes.words[CUSTOMER + k]
            words[KEY + members] = lanes.words[KEY + k]
            words[VISIT_NUMBER + members] = lanes.words[VISIT_NUMBER + k] | _STAFF_TAG
            members += 1
    visit_words(members, layout.seed_low, layout.seed_high, draw, words)
    for m in range(members):
        lanes.gathered[m] = -log_of(1.0 - unit(words[LINK + m]))
        lanes.other[m] = -log_of(1.0 - unit(words[DWELL + m]))
    for m in range(members):
        k = lanes.members[m]
        slot, place = planner.slot[lanes.slot[k]], lanes.place[k]
        plans.call[step, slot] = words[KEEP + m]
        plans.time[step, slot, SERVICE] = _clock(clocks, place, lanes.gathered[m], words[LINK + m])
        patience = np.inf
        if not rule[place, PATIENT]:
            patience = _clock(clocks, layout.touchpoints + place, lanes.other[m], words[DWELL + m])
        plans.time[step, slot, PATIENCE_FOR] = patience


@compiled_into
def _clock(clocks: Clocks, k: int, exponential: float, word: np.uint32) -> float:
    """Return the quantile of clock k, given its word and the standard exponential quantile there."""
    if clocks.kind[k, 0] == EXPONENTIAL:
        return float(clocks.number[k, 0] * exponential)
    return clock_time(clocks, k, unit(np.uint64(word)))


@compiled_inner
def plan_visit(
    slot: int, now: float, layout: Layout, draw: np.uint64, points: Points, clocks: Clocks, number: np.uint32,
    customers: Customers, plans: Plans,
) -> None:  # fmt: skip
    """Do the same for one visit that was not planned, and begins now."""
    first = first_clock(points.eras, now, layout.touchpoints)
    place, step = customers.at[slot, PLACE], customers.at[slot, STEP]
    visit = np.uint64(customers.seen[slot * layout.place_key.size + place])
    words = philox_words(
        np.uint64(number), np.uint64(layout.place_key[place]), visit | np.uint64(_STAFF_TAG), draw, layout.seed_low,
        layout.seed_high,
    )  # fmt: skip
    plans.call[step, slot] = np.uint32(words[3])
    plans.time[step, slot, SERVICE] = clock_time(clocks, first + place, unit(words[0]))
    patience = np.inf
    if not points.rule[place, PATIENT]:
        patience = clock_time(clocks, first + layout.touchpoints + place, unit(words[1]))
    plans.time[step, slot, PATIENCE_FOR] = patience
