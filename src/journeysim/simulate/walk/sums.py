"""From blocks to sums: what the customers of a draw add up to, per persona."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import BLOCK, compiled, compiled_inner, compiled_into
from journeysim.simulate.walk.booking import Books, month_of
from journeysim.simulate.walk.kernel import Block, Story, new_block, walk_block
from journeysim.simulate.walk.lanes import Lanes, new_lanes
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.truth import Truth, fill_truth, new_truth

#: Customers walked on behalf of a persona that none of a draw's customers happened to be.
STAND_INS = 64

#: Fields of `Sums.total`, in order; the first five are `Block.money`'s.
FIELDS = ("value", "cost", "value_pv", "cost_pv", "effort")


class Sums(NamedTuple):
    """Counts and sums per draw and persona; T marks, M months, m outcomes."""

    customers: Ints  # (D, G)
    converted: Ints  # (D, G)
    churned: Ints  # (D, G)
    lost: Ints  # (D, G)
    active: Ints  # (D, G)
    ends: Ints  # (D, G, m)
    converted_from: Ints  # (D, G, T) converted after the mark before and by this one
    ended_from: Ints  # (D, G, T)
    converted_month: Ints  # (D, G, M)
    reached: Ints  # (D, G, s) customers who were at a place
    staged: Ints  # (D, G, S) … or in a stage
    bounced: Ints  # (D, G) customers who end without converting after their first touchpoint
    touches_to_convert: Ints  # (D, G) summed over who converts
    promoters: Ints  # (D, G)
    detractors: Ints  # (D, G)
    effort_to_convert: Floats  # (D, G) summed over who converts
    total: Floats  # (D, G, 5)
    squares: Floats  # (D, G, 5) squared deviations from the mean


def new_books(draws: int, layout: Layout) -> Books:
    """Return empty books."""
    personas, places, months = layout.personas, layout.place_key.size, layout.month_ends.size
    return Books(
        entries=np.zeros((draws, personas, places), dtype=np.int64),
        moves=np.zeros((draws, personas * layout.periods * layout.target.size), dtype=np.int64),
        satisfied=np.zeros((draws, personas, places), dtype=np.int64),
        value_at=np.zeros((draws, personas, places)),
        cost_at=np.zeros((draws, personas, places)),
        value_month=np.zeros((draws, personas, months)),
        cost_month=np.zeros((draws, personas, months)),
    )


def new_sums(draws: int, layout: Layout) -> Sums:
    """Return empty sums."""
    by_persona, marks, months = (draws, layout.personas), layout.marks.size, layout.month_ends.size
    outcomes = layout.place_key.size - layout.touchpoints
    widths = {"ends": outcomes, "converted_from": marks, "ended_from": marks, "converted_month": months}
    widths |= {"reached": layout.place_key.size, "staged": layout.stages}
    counts = {
        name: np.zeros((*by_persona, widths[name]) if name in widths else by_persona, dtype=np.int64)
        for name in Sums._fields[:-3]
    }
    return Sums(
        **counts,
        effort_to_convert=np.zeros(by_persona),
        total=np.zeros((*by_persona, 5)),
        squares=np.zeros((*by_persona, 5)),
    )


class Room(NamedTuple):
    """What one thread works in."""

    truth: Truth
    block: Block
    lanes: Lanes
    story: Story
    part: Floats  # (4, G, 5) a block's members, sums, squared deviations and means
    runaway: Ints  # (3,) draw row, customer and place of a customer in an endless loop


def new_room(layout: Layout) -> Room:
    """Return room for one thread."""
    return Room(
        truth=new_truth(layout),
        block=new_block(layout.place_key.size),
        lanes=new_lanes(layout.own.entries),
        story=Story(np.zeros(0, dtype=np.int32), np.zeros(0)),
        part=np.zeros((4, layout.personas, 5)),
        runaway=np.zeros(3, dtype=np.int64),
    )


@compiled
def walk_draws(
    first_row: int,
    last_row: int,
    numbers: Ints,
    first_customer: int,
    customers: int,
    standing_in: bool,  # noqa: FBT001 - compiled
    layout: Layout,
    parameters: Parameters,
    books: Books,
    sums: Sums,
    room: Room,
) -> bool:
    """Walk the customers of draws first_row … last_row - 1 into `books` and `sums`; False: see `room.runaway`.

    `standing_in`: not these customers as they come, but the first of them on behalf of personas without any.
    """
    truth, block, lanes, runaway = room.truth, room.block, room.lanes, room.runaway
    for row in range(first_row, last_row):
        fill_truth(layout, parameters, row, truth)
        number = np.uint64(numbers[row])
        first_persona, last_persona = (0, layout.personas) if standing_in else (-1, 0)
        for persona in range(first_persona, last_persona):
            for start in range(0, _needed(persona, row, customers, parameters.persona_share, sums.customers), BLOCK):
                size = min(BLOCK, customers - start) if persona < 0 else min(STAND_INS, customers)
                for k in range(size):
                    block.customer[k] = first_customer + start + k
                slot = walk_block(
                    size, persona, layout, parameters, row, number, truth, block, lanes, books, room.story
                )
                if slot >= 0:
                    runaway[0], runaway[1], runaway[2] = row, block.customer[slot], block.place[slot]
                    return False
                add_lives(size, layout, block, row, sums, room.part)
    return True


@compiled_inner
def add_lives(size: int, layout: Layout, block: Block, row: int, sums: Sums, part: Floats) -> None:
    """Add the lives of a block's first `size` customers."""
    _add_fates(size, layout, block, row, sums)
    _add_places(size, layout, block, row, sums)
    if layout.books_visits or layout.books_days:
        _add_money(size, block.persona, block.money, sums.customers[row], sums.total[row], sums.squares[row], part)
    _count_members(size, block.persona, sums.customers[row])


@compiled_inner
def _needed(persona: int, row: int, customers: int, share: Floats, walked: Ints) -> int:
    """Return how many customers to walk: all as they come (persona -1), or stand-ins for a persona without any."""
    if persona < 0:
        return customers
    return min(STAND_INS, customers) if walked[row, persona] == 0 and share[row, persona] > 0.0 else 0


@compiled_inner
def _add_fates(size: int, layout: Layout, block: Block, row: int, sums: Sums) -> None:
    """Count how the block's customers ended, and when they converted and ended."""
    for k in range(size):
        persona, place, converted = block.persona[k], block.place[k], block.convert_day[k] < np.inf
        if converted:
            sums.converted[row, persona] += 1
            sums.converted_month[row, persona, month_of(layout.month_ends, block.convert_day[k])] += 1
            sums.converted_from[row, persona, mark_of(layout.marks, block.convert_day[k])] += 1
            sums.touches_to_convert[row, persona] += block.touches_to_convert[k]
            sums.effort_to_convert[row, persona] += block.effort_to_convert[k]
        if place < layout.touchpoints:
            sums.active[row, persona] += 1
        else:
            sums.ends[row, persona, place - layout.touchpoints] += 1
            sums.ended_from[row, persona, mark_of(layout.marks, block.day[k])] += 1
            counts = layout.churns[place] and (converted or not layout.after_conversion[place])
            sums.lost[row, persona] += np.int64(not converted and not counts)
            sums.churned[row, persona] += np.int64(counts)
            sums.bounced[row, persona] += np.int64(not converted and block.touches[k] <= 1)
        if layout.felt.on:
            sums.promoters[row, persona] += np.int64(block.carried.mood[0, k] > layout.felt.promoter)
            sums.detractors[row, persona] += np.int64(block.carried.mood[0, k] <= layout.felt.detractor)


@compiled_inner
def _add_places(size: int, layout: Layout, block: Block, row: int, sums: Sums) -> None:
    """Count who was where: at each place, and at any touchpoint of each stage.

    Persona by persona, so that the inner loops are sums over plain arrays, which take vector instructions.
    """
    for g in range(layout.personas):
        for place in range(layout.place_key.size):
            count = np.int64(0)
            for k in range(size):
                count += np.int64((block.seen[place * BLOCK + k] > 0) & (block.persona[k] == g))
            sums.reached[row, g, place] += count
    for stage in range(layout.stages):
        _find_in_stage(size, stage, layout, block)
        for g in range(layout.personas):
            count = np.int64(0)
            for k in range(size):
                count += np.int64((block.been[k] > 0) & (block.persona[k] == g))
            sums.staged[row, g, stage] += count


@compiled_inner
def _find_in_stage(size: int, stage: int, layout: Layout, block: Block) -> None:
    """Write down which customers were at any touchpoint of a stage."""
    for k in range(size):
        block.been[k] = np.uint32(0)
    for place in range(layout.touchpoints):
        if layout.stage[place] == stage:
            for k in range(size):
                block.been[k] |= block.seen[place * BLOCK + k]


@compiled_inner
def mark_of(marks: Floats, day: float) -> int:
    """Return the first mark at or after the day; marks are evenly spaced from 0 and end at the horizon."""
    last = marks.size - 1
    mark = min(int(day / marks[last] * last), last) if marks[last] > 0.0 else 0
    while mark > 0 and day <= marks[mark - 1]:
        mark -= 1
    while mark < last and day > marks[mark]:
        mark += 1
    return mark


@compiled_inner
def _add_money(
    size: int, persona: NDArray[np.int32], money: Floats, before: Ints, total: Floats, squares: Floats, part: Floats
) -> None:
    """Add a block's money: sums, and squared deviations merged by Chan, Golub and LeVeque (1979), eq. 1.5."""
    _find_parts(size, persona, money, before.size, part)
    for g in range(before.size):
        for field in range(5):
            if part[0, g, field] > 0.0:
                _merge(before[g], part[:, g, field], total[g], squares[g], field)


@compiled_into
def _find_parts(size: int, persona: NDArray[np.int32], money: Floats, personas: int, part: Floats) -> None:
    """Fill a block's members, sums, means and squared deviations."""
    for g in range(personas):
        for field in range(5):
            part[0, g, field] = part[1, g, field] = part[2, g, field] = 0.0
    for k in range(size):
        for field in range(5):
            part[0, persona[k], field] += 1.0
            part[1, persona[k], field] += money[field, k]
    for g in range(personas):
        for field in range(5):
            part[3, g, field] = part[1, g, field] / max(part[0, g, field], 1.0)
    for k in range(size):
        for field in range(5):
            part[2, persona[k], field] += (money[field, k] - part[3, persona[k], field]) ** 2


@compiled_inner
def _merge(before: int, part: Floats, total: Floats, squares: Floats, field: int) -> None:
    """Merge a part's (members, sum, squared deviations) into a persona's."""
    squares[field] += part[2]
    if before > 0:
        gap = part[1] / part[0] - total[field] / before
        squares[field] += gap * gap * before * part[0] / (before + part[0])
    total[field] += part[1]


@compiled_inner
def _count_members(size: int, persona: NDArray[np.int32], customers: Ints) -> None:
    for k in range(size):
        customers[persona[k]] += 1
