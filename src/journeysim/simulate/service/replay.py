"""From a trace to sums and lives: the walk's own bookkeeping, fed with arrivals that have already been found."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.service.people import People
from journeysim.simulate.service.steps import DAY, GAVE_UP, LINK, WAIT, WHERE, WHO, Trace
from journeysim.simulate.service.ways import Ways, cell_on, phase_of
from journeysim.simulate.streams import BLOCK, compiled, compiled_inner
from journeysim.simulate.walk.booking import Books
from journeysim.simulate.walk.feelings import begin_moods
from journeysim.simulate.walk.kernel import Block, book_step
from journeysim.simulate.walk.lanes import CUSTOMER, KEY, Lanes
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.sums import Sums, add_lives
from journeysim.simulate.walk.truth import Truth

#: The end of a month that was over on the day of entry: so far back that no day divided by it is a whole month.
_OVER: Final = -1e300


class Order(NamedTuple):
    """A trace's records by customer: those of customer `who` are record[start[who] : start[who + 1]]."""

    record: Ints  # (records,)
    start: Ints  # (A + 1,)


def new_order(records: int, customers: int) -> Order:
    """Return room for the order of a trace."""
    return Order(np.zeros(records, dtype=np.int64), np.zeros(customers + 1, dtype=np.int64))


@compiled
def fill_order(count: int, trace: Trace, order: Order) -> None:
    """Sort the records by customer, each customer's own staying in order (a counting sort)."""
    order.start[: count + 1] = 0
    for k in range(trace.size[0]):
        order.start[trace.place[k, WHO] + 1] += 1
    for who in range(count):
        order.start[who + 1] += order.start[who]
    for k in range(trace.size[0] - 1, -1, -1):
        who = trace.place[k, WHO]
        order.start[who + 1] -= 1
        order.record[order.start[who + 1]] = k
    for who in range(count):
        order.start[who] = order.start[who + 1]
    order.start[count] = trace.size[0]


@compiled
def replay(
    first: int, last: int, since: float, ends: Floats, layout: Layout, parameters: Parameters, row: int, draw: np.uint64,
    truth: Truth, ways: Ways, way_out: NDArray[np.int32], waiting_feels: Floats, people: People, trace: Trace, order: Order,
    block: Block, lanes: Lanes, books: Books, sums: Sums, part: Floats, kept_whole: NDArray[np.int32], kept_real: Floats,
) -> None:  # fmt: skip
    """Book customers first … last - 1 by their records: into `books` and `sums`, and each life into `kept_…`.

    `way_out` is the link that leads where the unserved go, by phase and touchpoint; a day of waiting lowers the feeling there by
    `waiting_feels`. With calendar months, which end on days `ends`, customers are booked one by one: who has ended before
    `since` is left out, a month that is over when they enter lies below every day since entry, and the layout's months are
    overwritten. One function for both, since each would be compiled for itself.
    """
    together = BLOCK if ends.size == 0 else 1
    for start in range(first, last, together):
        size = min(together, last - start)
        if ends.size > 0:
            if _ended_before(since, start, layout.touchpoints, people, trace, order):
                continue
            _shift_months(ends, people.time[start], layout.month_ends)
        _begin(start, size, layout, parameters, row, ways, people, block, lanes, books.entries[row])
        count, step = size, size - size
        while count > 0:
            if step > 0:
                _read(start, count, step, layout, ways, way_out, people, trace, order, block, lanes)
            if layout.felt.on:
                _lower(start, count, step, layout.touchpoints, waiting_feels, trace, order, block, lanes)
            count = book_step(count, step, layout, parameters, row, draw, truth, block, lanes, books)
            step += 1
        add_lives(size, layout, block, row, sums, part)
        _keep(0 if ends.size > 0 else start - first, size, block, kept_whole, kept_real)


@compiled_inner
def _ended_before(since: float, who: int, touchpoints: int, people: People, trace: Trace, order: Order) -> bool:
    """Return whether a customer had come to an outcome before a day."""
    at = order.record[order.start[who + 1] - 1]
    return bool(trace.place[at, WHERE] >= touchpoints and people.time[who] + trace.time[at, DAY] < since)


@compiled_inner
def _shift_months(ends: Floats, entered: float, month_ends: Floats) -> None:
    """Write the ends of months in days since a customer's entry."""
    for month in range(ends.size):
        left = ends[month] - entered
        month_ends[month] = left if left > 0.0 else _OVER


@compiled_inner
def _begin(
    start: int,
    size: int,
    layout: Layout,
    parameters: Parameters,
    row: int,
    ways: Ways,
    people: People,
    block: Block,
    lanes: Lanes,
    entries: Ints,
) -> None:
    """Let customers enter as they did."""
    for k in range(BLOCK * layout.place_key.size):
        block.seen[k] = np.uint32(0)
    for k in range(size):
        block.persona[k] = people.persona[start + k]
    if layout.felt.on:
        begin_moods(size, parameters, row, block.persona, block.carried)
    for k in range(size):
        who = start + k
        block.customer[k] = people.number[who]
        for field in range(5):
            block.money[field, k] = 0.0
        block.convert_day[k] = np.inf
        block.touches_to_convert[k] = 0
        block.effort_to_convert[k] = 0.0
        lanes.words[CUSTOMER + k] = people.number[who]
        lanes.words[KEY + k] = np.uint32(0)
        lanes.slot[k] = k
        lanes.link[k] = -1
        lanes.arrival[k] = 0.0
        lanes.next_place[k] = people.place[who]
        lanes.next_cell[k] = cell_on(layout, ways, people.group[who], people.persona[who], people.time[who], 0.0)
        lanes.cell[k] = lanes.next_cell[k]
        entries[people.persona[who], people.place[who]] += 1


@compiled_inner
def _read(
    start: int, count: int, step: int, layout: Layout, ways: Ways, way_out: NDArray[np.int32], people: People,
    trace: Trace, order: Order, block: Block, lanes: Lanes,
) -> None:  # fmt: skip
    """Fill the next arrival of every lane; who has none arrives never."""
    for k in range(count):
        slot = lanes.slot[k]
        at = order.start[start + slot] + step
        if at < order.start[start + slot + 1]:
            record = order.record[at]
            link = trace.place[record, LINK]
            unserved = way_out[phase_of(layout, lanes.cell[k]), lanes.place[k]]
            lanes.link[k] = unserved if link == GAVE_UP else link
            lanes.next_place[k] = trace.place[record, WHERE]
            lanes.arrival[k] = trace.time[record, DAY]
            who = start + slot
            lanes.next_cell[k] = cell_on(
                layout, ways, people.group[who], block.persona[slot], people.time[who], lanes.arrival[k]
            )
        else:
            lanes.link[k] = layout.row_start[lanes.place[k]]
            lanes.next_place[k] = lanes.place[k]
            lanes.next_cell[k] = lanes.cell[k]
            lanes.arrival[k] = np.inf


@compiled_inner
def _lower(
    start: int, count: int, step: int, touchpoints: int, waiting_feels: Floats, trace: Trace, order: Order,
    block: Block, lanes: Lanes,
) -> None:  # fmt: skip
    """Lower the feeling of each arrival by the wait there, which stands with the arrival after it."""
    for k in range(count):
        slot, place = lanes.slot[k], lanes.next_place[k]
        after = order.start[start + slot] + step + 1
        block.carried.lowered[slot] = 0.0
        if place < touchpoints and after < order.start[start + slot + 1]:
            block.carried.lowered[slot] = waiting_feels[place] * trace.time[order.record[after], WAIT]


@compiled_inner
def _keep(at: int, size: int, block: Block, whole: NDArray[np.int32], real: Floats) -> None:
    """Write lives: persona, last place, touches, those to conversion; money, last day, conversion day."""
    for k in range(size):
        whole[at + k, 0] = block.persona[k]
        whole[at + k, 1] = block.place[k]
        whole[at + k, 2] = block.touches[k]
        whole[at + k, 3] = block.touches_to_convert[k]
        for field in range(5):
            real[at + k, field] = block.money[field, k]
        real[at + k, 5] = block.day[k]
        real[at + k, 6] = block.convert_day[k]
