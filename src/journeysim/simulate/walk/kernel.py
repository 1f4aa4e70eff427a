"""The walk itself: blocks of customers of one draw, from entry to the end or the horizon."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import (
    BLOCK,
    ENTRY,
    PURPOSE_SHIFT,
    Words,
    compiled,
    compiled_inner,
    compiled_into,
    unit,
    visit_words,
)
from journeysim.simulate.walk.booking import EFFORT, Books, book_arrivals, book_days
from journeysim.simulate.walk.feelings import begin_moods, feel
from journeysim.simulate.walk.lanes import (
    CUSTOMER,
    DWELL,
    KEEP,
    KEY,
    LINK,
    VISIT_NUMBER,
    Carried,
    Indices,
    Lanes,
    arrive,
    arrive_by_table,
    base_quantiles,
    choose_links,
    couple_links,
    gamma_quantiles,
    look_ahead,
    new_carried,
    period_of,
    season_of,
    sort_by_base,
)
from journeysim.simulate.walk.layout import LOG_GAMMA, TABLE, Layout, Parameters
from journeysim.simulate.walk.own_rates import own_scores, wait_at_own_rate
from journeysim.simulate.walk.own_rows import choose_own, remember
from journeysim.simulate.walk.truth import Truth

#: More moves than this within a horizon mean a loop that takes no time.
MOST_MOVES: Final = 100_000

#: Word of an entry that says on which day of the cycle of seasons.
SEASON: Final = KEEP

_ENTRY_TAG = np.uint32(ENTRY << PURPOSE_SHIFT)


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
    effort_to_convert: Floats
    seen: NDArray[np.uint32]  # (s * BLOCK,) visits so far, place by place
    been: NDArray[np.uint32]  # scratch: above 0 for who was at any of some places
    carried: Carried


class Story(NamedTuple):
    """Arrivals of a block's first customer, when asked for (size 0: not asked for)."""

    place: NDArray[np.int32]
    day: Floats


def new_block(places: int) -> Block:
    """Return room for one block."""
    return Block(
        customer=np.zeros(BLOCK, dtype=np.uint32),
        persona=np.zeros(BLOCK, dtype=np.int32),
        place=np.zeros(BLOCK, dtype=np.int32),
        day=np.zeros(BLOCK),
        convert_day=np.zeros(BLOCK),
        touches=np.zeros(BLOCK, dtype=np.int32),
        touches_to_convert=np.zeros(BLOCK, dtype=np.int32),
        money=np.zeros((5, BLOCK)),
        effort_to_convert=np.zeros(BLOCK),
        seen=np.zeros(BLOCK * places, dtype=np.uint32),
        been=np.zeros(BLOCK, dtype=np.uint32),
        carried=new_carried(BLOCK),
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
    is the draw's place in `parameters` and `books`, `draw` its number in the addresses.
    """
    _enter(size, persona, layout, parameters, row, draw, truth, block, lanes, books.entries[row])
    count, step = size, size - size
    while count > 0:
        if step > MOST_MOVES:
            return int(lanes.slot[0])
        if step > 0:
            next_arrivals(count, layout, parameters, row, draw, truth, block.carried, lanes)
        if step < story.day.size:
            story.place[step] = lanes.next_place[0]
            story.day[step] = lanes.arrival[0]
        count = book_step(count, step, layout, parameters, row, draw, truth, block, lanes, books)
        step += 1
    return -1


@compiled_inner
def book_step(
    count: int, step: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth,
    block: Block, lanes: Lanes, books: Books,
) -> int:  # fmt: skip
    """Book every lane's stay and arrival, keep the lanes that go on, and return how many do; step 0 is the entry."""
    if step > 0:
        if layout.books_days:
            book_days(count, layout, parameters, row, block.persona, block.money, lanes, books)
        _count_moves(count, layout.horizon, layout.target.size, lanes.cell, lanes.link, lanes.arrival, books.moves[row])
    if layout.books_visits:
        book_arrivals(count, layout, parameters, row, draw, truth, block.persona, block.money, block.seen, lanes, books)
    if layout.felt.on:
        feel(
            count, layout, parameters, row, draw, block.persona, block.seen, block.carried, lanes, books.satisfied[row]
        )
    return _settle(count, step, layout, block, lanes)


@compiled_into
def next_arrivals(
    count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth, carried: Carried,
    lanes: Lanes,
) -> None:  # fmt: skip
    """Choose each lane's link and when it arrives where: what every engine that follows single customers shares.

    A lane says who is where since when (`slot`, `words`, `place`, `cell`, `day`); filled in are `link`, `arrival`,
    `next_place` and `next_cell`. `carried` is what customers carry along, by slot; see `begin_lives`.
    """
    _choose(count, layout, parameters, row, draw, truth, carried, lanes)
    _take_time(count, layout, truth, carried, lanes)
    if layout.own.order2:
        remember(count, layout.own.passed, lanes, carried.before)
    look_ahead(
        count, layout.target, layout.period_end, layout.seasons, layout.season_days, carried.entered, lanes.slot,
        lanes.cell, lanes.link, lanes.arrival, lanes.next_place, lanes.next_cell,
    )  # fmt: skip


@compiled_inner
def begin_lives(size: int, layout: Layout, draw: np.uint64, customer: Words, carried: Carried, lanes: Lanes) -> None:
    """Fill what the first `size` customers carry along when they enter; their moods are `feelings.begin_moods`."""
    for k in range(size):
        carried.before[k] = layout.touchpoints
    if layout.own.rates:
        own_scores(size, layout, draw, customer, lanes, carried.score)


@compiled_into
def _choose(
    count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth, carried: Carried,
    lanes: Lanes,
) -> None:  # fmt: skip
    visit_words(count, layout.seed_low, layout.seed_high, draw, lanes.words)
    if not layout.own.everywhere:
        choose_links(
            count, layout.touchpoints, layout.target.size, truth.upper, truth.guide,
            lanes.place, lanes.cell, lanes.words, lanes.link,
        )  # fmt: skip
        if layout.couples:
            couple_links(
                count, layout.target.size, layout.seed_low, layout.seed_high, draw, layout.row_start,
                truth.keep, truth.rest, layout.gone, lanes.place, lanes.cell, lanes.words, lanes.link,
            )  # fmt: skip
    if layout.own.rows:
        choose_own(count, layout, parameters, row, draw, truth, carried, lanes)


@compiled_into
def _take_time(count: int, layout: Layout, truth: Truth, carried: Carried, lanes: Lanes) -> None:
    """Let every lane's move take its time."""
    sort_by_base(count, truth.base, lanes.link, lanes.sizes, lanes.members)
    base_quantiles(lanes.sizes, lanes.members, lanes.words, lanes.gathered, lanes.other, lanes.tail, lanes.quantile)
    gamma_quantiles(
        lanes.sizes[LOG_GAMMA], lanes.members, layout.gamma_place, truth.gamma,
        lanes.cell, lanes.link, lanes.quantile,
    )  # fmt: skip
    arrive(
        count, layout.target.size, truth.scale, truth.power,
        lanes.cell, lanes.link, lanes.quantile, lanes.day, lanes.arrival,
    )  # fmt: skip
    arrive_by_table(
        lanes.sizes[TABLE], lanes.members, layout.target.size, layout.dwell_table, truth.scale, truth.power,
        lanes.cell, lanes.link, lanes.words, lanes.day, lanes.arrival,
    )  # fmt: skip
    if layout.own.rates:
        wait_at_own_rate(count, layout.own, truth.own, carried.score, lanes)


@compiled_inner
def _enter(
    size: int, persona: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, truth: Truth,
    block: Block, lanes: Lanes, entries: Ints,
) -> None:  # fmt: skip
    """Let the block's customers arrive at their places of entry on day 0."""
    for k in range(BLOCK * layout.place_key.size):
        block.seen[k] = np.uint32(0)
    for k in range(size):
        lanes.words[CUSTOMER + k] = block.customer[k]
        lanes.words[KEY + k] = np.uint32(0)
        lanes.words[VISIT_NUMBER + k] = _ENTRY_TAG
    visit_words(size, layout.seed_low, layout.seed_high, draw, lanes.words)
    first_period = period_of(layout.period_end, 0.0)
    for k in range(size):
        chosen = persona
        if persona < 0:
            chosen = layout.persona_order[first_above(truth.personas, unit(lanes.words[LINK + k]))]
        block.persona[k] = chosen
        for field in range(5):
            block.money[field, k] = 0.0
        block.convert_day[k] = np.inf
        block.touches_to_convert[k] = 0
        block.effort_to_convert[k] = 0.0
        lanes.slot[k] = k
        lanes.link[k] = -1
        lanes.arrival[k] = 0.0
        lanes.next_place[k] = layout.entry_order[first_above(truth.entry[chosen], unit(lanes.words[DWELL + k]))]
        lanes.next_cell[k] = chosen * layout.periods + first_period
        if layout.seasons > 1:
            whole = layout.seasons * layout.season_days
            entered = layout.entered if layout.entered >= 0.0 else whole * unit(lanes.words[SEASON + k])
            block.carried.entered[k] = entered
            season = season_of(entered, layout.seasons, layout.season_days)
            lanes.next_cell[k] += season * layout.period_end.size
        lanes.cell[k] = lanes.next_cell[k]
        entries[chosen, lanes.next_place[k]] += 1
    begin_lives(size, layout, draw, block.customer, block.carried, lanes)
    if layout.felt.on:
        begin_moods(size, parameters, row, block.persona, block.carried)


@compiled_inner
def first_above(upper: Floats, u: float) -> int:
    """Return the first position whose cumulative share lies above u."""
    place = 0
    while u >= upper[place]:
        place += 1
    return place


@compiled_inner
def _count_moves(
    count: int, horizon: float, links: int, cell: Indices, link: Indices, arrival: Floats, moves: Ints
) -> None:
    for k in range(count):
        moves[cell[k] * links + link[k]] += np.int64(arrival[k] <= horizon)


@compiled_inner
def _settle(count: int, step: int, layout: Layout, block: Block, lanes: Lanes) -> int:
    """Write arrivals into the block, keep the lanes that go on, and return how many do."""
    kept = 0
    for k in range(count):
        day = lanes.arrival[k]
        if day <= layout.horizon:
            place, slot = lanes.next_place[k], lanes.slot[k]
            goes_on = place < layout.touchpoints
            block.place[slot] = place
            block.day[slot] = day
            block.touches[slot] = step + goes_on
            if layout.converts[place] and block.convert_day[slot] == np.inf:
                block.convert_day[slot] = day
                block.touches_to_convert[slot] = step + goes_on
                block.effort_to_convert[slot] = block.money[EFFORT, slot]
            seen = place * BLOCK + slot
            lanes.slot[kept] = slot
            lanes.place[kept] = place
            lanes.cell[kept] = lanes.next_cell[k]
            lanes.day[kept] = day
            lanes.words[CUSTOMER + kept] = lanes.words[CUSTOMER + k]
            lanes.words[KEY + kept] = layout.place_key[place]
            lanes.words[VISIT_NUMBER + kept] = block.seen[seen]
            block.seen[seen] += np.uint32(1)
            kept += goes_on
    return kept
