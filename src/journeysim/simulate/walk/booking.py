"""Money and effort: what a block's arrivals and stays bring, booked when it moves."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import BLOCK, OWN_VALUE, VALUE_WORD, VISIT, compiled_inner, uniform_at
from journeysim.simulate.walk.lanes import CUSTOMER, Lanes, eights
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.quantiles import exp_of, gamma_of, normal_of
from journeysim.simulate.walk.truth import Truth
from journeysim.simulate.walk.value_layout import LOGNORMAL, SPEND, ValueTruth

#: Uniforms of quantiles lie between this and 1 less it.
LEAST: Final = 2.0**-33
VALUE, COST, VALUE_PV, COST_PV, EFFORT = range(5)


class Books(NamedTuple):
    """Sums over all customers of a draw; the first axis is the draw, G personas, s places, M months."""

    entries: Ints  # (D, G, s)
    moves: Ints  # (D, C * L) completed moves
    satisfied: Ints  # (D, G, s) visits whose feeling is answered with 4 or 5 of 5
    value_at: Floats  # (D, G, s)
    cost_at: Floats  # (D, G, s)
    value_month: Floats  # (D, G, M)
    cost_month: Floats  # (D, G, M)


@compiled_inner
def month_of(month_ends: Floats, day: float) -> int:
    """Return the month since entry: the first whose end is at or after the day (the last one if none is)."""
    last = month_ends.size - 1
    month = min(int(day / month_ends[0]), last)
    while month > 0 and day <= month_ends[month - 1]:
        month -= 1
    while month < last and day > month_ends[month]:
        month += 1
    return month


@compiled_inner
def book_arrivals(
    count: int,
    layout: Layout,
    parameters: Parameters,
    row: int,
    draw: np.uint64,
    truth: Truth,
    persona: NDArray[np.int32],
    money: Floats,
    seen: NDArray[np.uint32],
    lanes: Lanes,
    books: Books,
) -> None:
    """Book what each arrival within the horizon brings: per visit at the place, per move over the link.

    The visit's cell is the one that holds on arrival, the link's the one that held where the move began.
    """
    places = layout.place_key.size
    for k in range(eights(count)):
        lanes.gathered[k] = exp_of(-layout.value_force * lanes.arrival[k])
    for k in range(eights(count)):
        lanes.other[k] = exp_of(-layout.cost_force * lanes.arrival[k])
    for k in range(count):
        day = lanes.arrival[k]
        if day <= layout.horizon:
            slot, place, cell, link = lanes.slot[k], lanes.next_place[k], lanes.next_cell[k], lanes.link[k]
            value = parameters.visit_value[row, cell, place]
            cost = parameters.visit_cost[row, cell, place]
            visit, customer = seen[place * BLOCK + slot], lanes.words[CUSTOMER + k]
            if layout.values.on and layout.values.place[place] >= 0 and value > 0.0:
                value = _learned_value(cell, place, visit, layout, draw, truth.values, customer)
            elif truth.spread[cell * places + place]:
                value = _spread_value(cell * places + place, place, visit, layout, draw, truth, customer)
            if link >= 0:
                value += parameters.link_value[row, lanes.cell[k], link]
                cost += parameters.link_cost[row, lanes.cell[k], link]
            money[EFFORT, slot] += parameters.effort[row, cell, place]
            if value != 0.0 or cost != 0.0:
                month = month_of(layout.month_ends, day)
                money[VALUE_PV, slot] += value * lanes.gathered[k]
                money[COST_PV, slot] += cost * lanes.other[k]
                _book(row, slot, persona[slot], place, month, value, cost, money, books)


@compiled_inner
def _spread_value(
    at: int, place: int, visit: np.uint32, layout: Layout, draw: np.uint64, truth: Truth, customer: np.uint32
) -> float:
    """Return a customer's own value of a visit: log-normal with the place's mean and standard deviation."""
    words = uniform_at(layout.seed_low, layout.seed_high, draw, customer, layout.place_key[place], visit, VISIT)
    return exp_of(truth.log_mean[at] + truth.log_sd[at] * normal_of(words[VALUE_WORD]))


@compiled_inner
def _learned_value(
    cell: int, place: int, visit: np.uint32, layout: Layout, draw: np.uint64, values: ValueTruth, customer: np.uint32
) -> float:
    """Return a customer's own value of a visit by the learned distribution: nothing, or a positive value."""
    at, low, high = layout.values.place[place], layout.seed_low, layout.seed_high
    u = uniform_at(low, high, draw, customer, layout.place_key[place], visit, VISIT)[VALUE_WORD]
    zero, kind = values.zero[cell, at], values.kind[cell, at]
    if u < zero:
        return 0.0
    score = normal_of(min(max((u - zero) / (1.0 - zero), LEAST), 1.0 - LEAST))
    if kind == LOGNORMAL:
        return exp_of(values.log_scale[cell, at] + values.power[cell, at] * score)
    level = values.log_scale[cell, at] + gamma_of(score, values.gamma, cell, at)
    if kind == SPEND:
        own = uniform_at(low, high, draw, customer, layout.place_key[place], np.uint32(0), OWN_VALUE)[0]
        level -= gamma_of(normal_of(own), values.gamma, values.kind.shape[0] + cell, at)
    return exp_of(level)


@compiled_inner
def _book(
    row: int, slot: int, persona: int, place: int, month: int, value: float, cost: float, money: Floats, books: Books
) -> None:
    money[VALUE, slot] += value
    money[COST, slot] += cost
    books.value_at[row, persona, place] += value
    books.cost_at[row, persona, place] += cost
    books.value_month[row, persona, month] += value
    books.cost_month[row, persona, month] += cost


@compiled_inner
def book_days(
    count: int,
    layout: Layout,
    parameters: Parameters,
    row: int,
    persona: NDArray[np.int32],
    money: Floats,
    lanes: Lanes,
    books: Books,
) -> None:
    """Book what each stay brings per day, from arrival until the touchpoint is left or the horizon is reached."""
    for k in range(count):
        cell, place, slot = lanes.cell[k], lanes.place[k], lanes.slot[k]
        value, cost = parameters.value_per_day[row, cell, place], parameters.cost_per_day[row, cell, place]
        if value != 0.0 or cost != 0.0:
            start, end = lanes.day[k], min(lanes.arrival[k], layout.horizon)
            money[VALUE, slot] += value * (end - start)
            money[COST, slot] += cost * (end - start)
            money[VALUE_PV, slot] += value * discounted_days(layout.value_force, start, end)
            money[COST_PV, slot] += cost * discounted_days(layout.cost_force, start, end)
            books.value_at[row, persona[slot], place] += value * (end - start)
            books.cost_at[row, persona[slot], place] += cost * (end - start)
            _book_months(row, persona[slot], start, end, value, cost, layout.month_ends, books)


@compiled_inner
def discounted_days(force: float, start: float, end: float) -> float:
    """Return the integral of exp(-force * t) from `start` to `end`, in days."""
    if force == 0.0:
        return end - start
    return -math.exp(-force * start) * math.expm1(-force * (end - start)) / force


@compiled_inner
def _book_months(
    row: int, persona: int, start: float, end: float, value: float, cost: float, month_ends: Floats, books: Books
) -> None:
    """Split a stay over the months it touches."""
    month, last = month_of(month_ends, start), month_ends.size - 1
    while start < end:
        until = min(end, month_ends[month]) if month < last else end
        books.value_month[row, persona, month] += value * (until - start)
        books.cost_month[row, persona, month] += cost * (until - start)
        start = until
        month += 1
