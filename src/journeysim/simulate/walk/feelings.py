"""The stage of a step that lets arrivals feel, and satisfaction move with it."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import BLOCK, FEELING, PURPOSE_SHIFT, compiled_inner, compiled_into, unit, visit_words
from journeysim.simulate.walk.felt_layout import FeltPlan
from journeysim.simulate.walk.lanes import (
    CUSTOMER,
    KEY,
    LINK,
    VISIT_NUMBER,
    Carried,
    Indices,
    Lanes,
    normal_quantiles,
)
from journeysim.simulate.walk.layout import Layout, Parameters

_FEELING_TAG = np.uint32(FEELING << PURPOSE_SHIFT)


@compiled_inner
def feel(
    count: int, layout: Layout, parameters: Parameters, row: int, draw: np.uint64, persona: Indices,
    seen: NDArray[np.uint32], carried: Carried, lanes: Lanes, satisfied: Ints,
) -> None:  # fmt: skip
    """Give each arrival within the horizon its feeling, move satisfaction, and count the satisfied (persona, place).

    A feeling is addressed by customer, touchpoint and visit. Beside their satisfaction customers carry what it would
    be today had they come the same way: what today's own row depends on.
    """
    members = _list_arrivals(count, layout, seen, lanes)
    visit_words(members, layout.seed_low, layout.seed_high, draw, lanes.own.words)
    for m in range(members):
        lanes.gathered[m] = unit(lanes.own.words[LINK + m])
    normal_quantiles(members, lanes.gathered, lanes.other, lanes.tail)
    for m in range(members):
        k = np.uint64(lanes.own.member[m])
        cell, place, slot = lanes.next_cell[k], lanes.next_place[k], lanes.slot[k]
        felt = move_mood(layout.felt, parameters, row, cell, place, lanes.gathered[m], slot, carried)
        satisfied[np.uint64(persona[np.uint64(slot)]), np.uint64(place)] += np.int64(felt > layout.felt.satisfied)


@compiled_into
def move_mood(
    plan: FeltPlan, parameters: Parameters, row: int, cell: int, place: int, score: float, slot: int, carried: Carried
) -> float:
    """Move a customer's satisfaction by the feeling with this normal score; return the feeling, -infinity for none.

    A wait there lowers the feeling by `carried.lowered`.
    """
    # Unsigned, so that no index is looked at for lying before the first.
    here, at, who = np.uint64(cell), np.uint64(place), np.uint64(slot)
    felt, off = -np.inf, plan.spread[at] * score - carried.lowered[who]
    if plan.at[at]:
        felt = min(max(parameters.felt.mean[row, 0, here, at] + off, -1.0), 1.0)
        carried.mood[0, who] += plan.weight[at] * (felt - carried.mood[0, who])
    if plan.today[at]:
        today = min(max(parameters.felt.mean[row, 1, here, at] + off, -1.0), 1.0)
        carried.mood[1, who] += plan.weight[at] * (today - carried.mood[1, who])
    return felt


@compiled_inner
def begin_moods(size: int, parameters: Parameters, row: int, persona: Indices, carried: Carried) -> None:
    """Let the first `size` customers enter in the mood of their personas."""
    for k in range(size):
        for side in range(2):
            carried.mood[side, k] = parameters.felt.mood[row, side, persona[k]]


@compiled_inner
def _list_arrivals(count: int, layout: Layout, seen: NDArray[np.uint32], lanes: Lanes) -> int:
    """List the lanes that arrive where something is felt, with the addresses of their feelings; return how many.

    Every lane is written down, and the next one takes its place where nothing is felt: no branch to be guessed.
    """
    members, words = np.uint64(0), lanes.own.words
    for k in range(count):
        place, slot = np.uint64(lanes.next_place[k]), np.uint64(lanes.slot[k])
        lanes.own.member[members] = k
        words[np.uint64(CUSTOMER) + members] = lanes.words[CUSTOMER + k]
        words[np.uint64(KEY) + members] = layout.place_key[place]
        words[np.uint64(VISIT_NUMBER) + members] = seen[place * np.uint64(BLOCK) + slot] | _FEELING_TAG
        feels = layout.felt.at[place] | layout.felt.today[place]
        members += np.uint64((lanes.arrival[k] <= layout.horizon) & feels)
    return int(np.int64(members))
