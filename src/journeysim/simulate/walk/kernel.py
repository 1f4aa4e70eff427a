"""The walk itself: blocks of customers of one draw, from entry to the end or the horizon."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import ENTRY, Words, compiled, uniform_at, visit_uniforms
from journeysim.simulate.walk.booking import Books, book_arrivals, book_days
from journeysim.simulate.walk.lanes import (
    BLOCK,
    Lanes,
    choose_links,
    couple_links,
    draw_dwells,
    look_ahead,
    period_of,
)
from journeysim.simulate.walk.layout import Layout, Parameters
from journeysim.simulate.walk.truth import Truth

#: More moves than this within a horizon mean a loop that takes no time.
MOST_MOVES: Final = 100_000


class Block(NamedTuple):
    """A block's customers, by slot: who they are, where they got to, what they brought."""

    customer: Words
    persona: NDArray[np.int32]
    place: NDArray[np.int32]  # where they arrived last
    day: Floats  # … and when
    convert_day: Floats  # infinite while not converted
    touches: NDArray[np.int32]
    touches_to_convert: NDArray[np.int32]
    money: Floats  # (5, BLOCK): value, cost, their present values, effort
    seen: NDArray[np.uint32]  # (BLOCK * s,) earlier visits


class Story(NamedTuple):
    """Arrivals of a block's first customer, when asked for (size 0: not asked for)."""

    place: NDArray[np.int32]
    day: Floats


@compiled
def new_block(places: int) -> Block:
    """Return room for one block."""
    return Block(
        np.empty(BLOCK, dtype=np.uint32),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK),
        np.empty(BLOCK),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK, dtype=np.int32),
        np.empty((5, BLOCK)),
        np.empty(BLOCK * places, dtype=np.uint32),
    )


@compiled
def walk_block(
    size: int,
    persona: int,
    layout: Layout,
    parameters: Parameters,
    row: int,
    draw: np.uint64,
    truth: Truth,
    block: Block,
    lanes: Lanes,
    books: Books,
    story: Story,
) -> int:
    """Walk the block's first `size` customers of one draw to their ends; return the slot of a runaway, else -1.

    `persona` below 0 lets each customer's own uniform say which persona they are; otherwise all are that one. `row`
    is the draw's place in `parameters` and `books`, `draw` its number in the addresses. Long because it is the order
    of the stages and nothing else.
    """
    _enter(size, persona, layout, draw, truth, block, lanes)
    step = 0
    _note(story, step, size, lanes)
    if layout.books_visits:
        book_arrivals(size, layout, parameters, row, draw, truth, block.persona, block.money, block.seen, lanes, books)
    count = _settle(size, step, layout.horizon, layout, block, lanes)
    while count > 0:
        step += 1
        if step > MOST_MOVES:
            return int(lanes.slot[0])
        visit_uniforms(
            count, layout.seed_low, layout.seed_high, draw, lanes.customer, lanes.key, lanes.visit,
            lanes.link_uniform, lanes.dwell_uniform, lanes.keep_uniform,
        )  # fmt: skip
        choose_links(
            count, layout.touchpoints, layout.target.size, truth.upper, truth.guide,
            lanes.place, lanes.cell, lanes.link_uniform, lanes.link,
        )  # fmt: skip
        if layout.couples:
            couple_links(count, layout, truth, draw, lanes)
        draw_dwells(count, layout, truth, lanes)
        look_ahead(count, layout, lanes)
        _note(story, step, count, lanes)
        if layout.books_days:
            book_days(count, layout, parameters, row, block.persona, block.money, lanes, books)
        if layout.books_visits:
            book_arrivals(
                count, layout, parameters, row, draw, truth, block.persona, block.money, block.seen, lanes, books
            )
        _count_moves(count, layout.horizon, layout.target.size, lanes.cell, lanes.link, lanes.arrival, books.moves[row])
        count = _settle(count, step, layout.horizon, layout, block, lanes)
    return -1


@compiled
def _enter(
    size: int, persona: int, layout: Layout, draw: np.uint64, truth: Truth, block: Block, lanes: Lanes
) -> None:
    """Let the block's customers arrive at their places of entry on day 0."""
    block.seen[: size * layout.place_key.size] = 0
    block.money[:, :size] = 0.0
    first_period = period_of(layout.period_end, 0.0)
    for k in range(size):
        u = uniform_at(layout.seed_low, layout.seed_high, draw, block.customer[k], np.uint32(0), np.uint32(0), ENTRY)
        chosen = persona if persona >= 0 else layout.persona_order[_first_above(truth.personas, u[0])]
        block.persona[k] = chosen
        block.convert_day[k] = np.inf
        block.touches_to_convert[k] = 0
        lanes.slot[k] = k
        lanes.customer[k] = block.customer[k]
        lanes.link[k] = -1
        lanes.arrival[k] = 0.0
        lanes.next_place[k] = layout.entry_order[_first_above(truth.entry[chosen], u[1])]
        lanes.next_cell[k] = chosen * layout.periods + first_period
        lanes.cell[k] = lanes.next_cell[k]


@compiled
def _first_above(upper: Floats, u: float) -> int:
    place = 0
    while u >= upper[place]:
        place += 1
    return place


@compiled
def _note(story: Story, step: int, count: int, lanes: Lanes) -> None:
    if step < story.day.size and count > 0:
        story.place[step] = lanes.next_place[0]
        story.day[step] = lanes.arrival[0]


@compiled
def _count_moves(
    count: int, horizon: float, links: int, cell: NDArray[np.int32], link: NDArray[np.int32], arrival: Floats, moves: Ints
) -> None:
    for k in range(count):
        moves[cell[k] * links + link[k]] += np.int64(arrival[k] <= horizon)


@compiled
def _settle(count: int, step: int, horizon: float, layout: Layout, block: Block, lanes: Lanes) -> int:
    """Write arrivals into the block, keep the lanes that go on, and return how many do."""
    places, kept = layout.place_key.size, 0
    for k in range(count):
        day = lanes.arrival[k]
        if day <= horizon:
            place, slot = lanes.next_place[k], lanes.slot[k]
            goes_on = place < layout.touchpoints
            block.place[slot] = place
            block.day[slot] = day
            block.touches[slot] = step + goes_on
            if layout.converts[place] and block.convert_day[slot] == np.inf:
                block.convert_day[slot] = day
                block.touches_to_convert[slot] = step + goes_on
            seen = slot * places + place
            lanes.slot[kept] = slot
            lanes.place[kept] = place
            lanes.cell[kept] = lanes.next_cell[k]
            lanes.day[kept] = day
            lanes.customer[kept] = lanes.customer[k]
            lanes.key[kept] = layout.place_key[place]
            lanes.visit[kept] = block.seen[seen]
            block.seen[seen] += np.uint32(1)
            kept += goes_on
    return kept
