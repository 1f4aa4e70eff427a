"""Single lives by walking: the same customers as in `walk_tally`, one by one, and the story of one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.lives import Lives, Step
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import BLOCK
from journeysim.simulate.walk.booking import COST, COST_PV, EFFORT, VALUE, VALUE_PV
from journeysim.simulate.walk.kernel import MOST_MOVES, Block, Story, new_block, walk_block
from journeysim.simulate.walk.lanes import new_lanes
from journeysim.simulate.walk.layout import (
    check_chain,
    check_numbers,
    layout_of,
    parameters_of,
    too_many_moves,
)
from journeysim.simulate.walk.sums import new_books
from journeysim.simulate.walk.truth import fill_truth, new_truth

_SHORT_STORY = 1_000


def walk_lives(
    chain: Chain,
    settings: Settings,
    *,
    seed: int,
    draws: ArrayLike,
    customers: ArrayLike,
    draw_numbers: Ints | None = None,
) -> Lives:
    """Return what happened to each of `customers` in each of `draws` (rows of the chain), shape (draw, customer).

    Customers are numbers and may be any, in any order. Money is booked when it moves, whatever `within_cycle` says.
    `draw_numbers` as in `walk_tally`, one per row of the chain.
    Raises ValueError for unusable numbers, JourneysimError when a customer loops without end.
    """
    rows, people = check_numbers(draws), check_numbers(customers)
    numbers = check_numbers(np.arange(chain.draws) if draw_numbers is None else draw_numbers)
    whole, money, _ = _walk(chain, settings, seed, rows, numbers, people, 0)
    return lives_from(chain, rows, people, whole, money)


def lives_from(chain: Chain, rows: Ints, people: Ints, whole: NDArray[np.int32], money: Floats) -> Lives:
    """Return lives from what `_write` wrote of each customer, shape (draw, customer, …)."""
    persona, place, touches, touches_to_convert = (np.ascontiguousarray(item) for item in np.moveaxis(whole, -1, 0))
    day, convert_day, sums = money[..., 5], money[..., 6], money[..., :5]
    ended = place >= len(chain.touchpoints)
    return Lives(
        draws=rows,
        customers=people,
        persona=persona.astype(np.int16),
        end=np.where(ended, place, -1).astype(np.int16),
        end_time=np.where(ended, day, np.nan),
        convert_time=np.where(np.isfinite(convert_day), convert_day, np.nan),
        touches=touches,
        touches_to_convert=touches_to_convert,
        effort=sums[..., EFFORT].copy(),
        value=sums[..., VALUE].copy(),
        cost=sums[..., COST].copy(),
        value_pv=sums[..., VALUE_PV].copy(),
        cost_pv=sums[..., COST_PV].copy(),
        places=chain.touchpoints + chain.outcomes,
    )


def life_story(
    chain: Chain, settings: Settings, *, seed: int, draw: int, customer: int, draw_numbers: Ints | None = None
) -> tuple[Step, ...]:
    """Return a customer's arrivals within the horizon, entry first: the same life as in `walk_tally`."""
    rows, people = check_numbers([draw]), check_numbers([customer])
    numbers = check_numbers(np.arange(chain.draws) if draw_numbers is None else draw_numbers)
    for room in (_SHORT_STORY, MOST_MOVES + 1):
        story = _walk(chain, settings, seed, rows, numbers, people, room)[2]
        steps = int(np.searchsorted(story.day, np.inf))
        if steps < room:
            break
    names = chain.touchpoints + chain.outcomes
    told = zip(story.place[:steps], story.day[:steps], strict=True)
    return tuple(Step(names[place], float(day)) for place, day in told if day <= settings.horizon)


def _walk(
    chain: Chain, settings: Settings, seed: int, rows: Ints, numbers: Ints, customers: Ints, room: int
) -> tuple[NDArray[np.int32], Floats, Story]:
    """Walk chosen customers of chosen draws, block by block; see `_write` for what comes back."""
    check_chain(chain)
    layout, parameters = layout_of(chain, settings, seed), parameters_of(chain)
    whole = np.zeros((rows.size, customers.size, 4), dtype=np.int32)
    real = np.zeros((rows.size, customers.size, 7))
    story = Story(np.zeros(room, dtype=np.int32), np.full(room, np.inf))
    truth, block, lanes = new_truth(layout), new_block(layout.place_key.size), new_lanes(layout.own.entries)
    books = new_books(chain.draws, layout)
    for d, row in enumerate(rows):
        fill_truth(layout, parameters, int(row), truth)
        number = np.uint64(numbers[row])
        for start in range(0, customers.size, BLOCK):
            people = customers[start : start + BLOCK]
            block.customer[: people.size] = people
            slot = walk_block(
                people.size, -1, layout, parameters, int(row), number, truth, block, lanes, books, story
            )  # fmt: skip
            if slot >= 0:
                raise too_many_moves(chain, int(people[slot]), int(number), int(block.place[slot]), MOST_MOVES)
            _write(block, whole[d, start : start + BLOCK], real[d, start : start + BLOCK])
    return whole, real, story


def _write(block: Block, whole: NDArray[np.int32], real: Floats) -> None:
    """Write a block's lives: persona, last place, touches, those to conversion; money, last day, conversion day."""
    size = len(whole)
    for column, values in enumerate((block.persona, block.place, block.touches, block.touches_to_convert)):
        whole[:, column] = values[:size]
    real[:, :5] = block.money[:, :size].T
    real[:, 5] = block.day[:size]
    real[:, 6] = block.convert_day[:size]
