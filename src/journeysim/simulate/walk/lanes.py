"""The stages of one step, each a loop over the customers still on the way (lanes), kept free of branches where it pays.

A block's customers stand in slots 0 … BLOCK - 1; lane k holds the k-th customer still on the way. Splitting a step
into short loops over plain arrays lets the compiler use vector instructions for the random words, logarithms and
exponentials, which is where the time goes.
"""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import BLOCK, RESIDUAL, VISIT, Words, compiled_inner, compiled_into, uniform_at, unit
from journeysim.simulate.walk.layout import BASES, LOG_EXPONENTIAL, LOG_GAMMA, LOGISTIC, NORMAL, TABLE
from journeysim.simulate.walk.own_layout import OwnRoom, new_own_room
from journeysim.simulate.walk.quantiles import MIDDLE, exp_of, gamma_of, log_of, middle_normal, tail_normal
from journeysim.simulate.walk.truth import GUIDE

#: Parts of `Lanes.words`.
CUSTOMER, KEY, VISIT_NUMBER, LINK, DWELL, KEEP = (part * BLOCK for part in range(6))

Indices = NDArray[np.int32]


class Lanes(NamedTuple):
    """Working arrays of a block, one entry per lane; a step moves every lane one link on."""

    slot: Indices  # which of the block's customers
    place: Indices  # the touchpoint they are at …
    cell: Indices  # … with the parameters of this persona and period
    day: Floats  # … since this day after entry
    words: Words  # (6 * BLOCK,) customers, place keys, visit numbers; then the random words they address
    link: Indices  # the link taken, -1 for the entry
    quantile: Floats  # base quantile of the dwell
    arrival: Floats  # day of arrival, maybe beyond the horizon
    next_place: Indices
    next_cell: Indices
    members: Indices  # (BASES * BLOCK,) lanes by the base of their dwell
    sizes: Ints  # (BASES,)
    gathered: Floats
    other: Floats
    tail: Indices
    own: OwnRoom


class Carried(NamedTuple):
    """What customers carry along from place to place, by slot."""

    before: Indices  # the place before, as far as it is remembered; the number of touchpoints at entry
    score: Floats  # normal score of the own rate
    mood: Floats  # (2, slots) satisfaction, and what it would be today on the same way
    lowered: Floats  # by how much waiting lowers the feeling of an arrival; the walk knows no waits
    entered: Floats  # day of the cycle of seasons on which they entered


def new_carried(size: int) -> Carried:
    """Return room for so many customers."""
    return Carried(
        before=_indices(size), score=np.zeros(size), mood=np.zeros((2, size)), lowered=np.zeros(size),
        entered=np.zeros(size),
    )  # fmt: skip


def new_lanes(entries: int) -> Lanes:
    """Return working arrays for one block, with so many entries of own rows (`OwnPlan.entries`)."""
    return Lanes(
        slot=_indices(BLOCK),
        place=_indices(BLOCK),
        cell=_indices(BLOCK),
        day=np.zeros(BLOCK),
        words=np.zeros(6 * BLOCK, dtype=np.uint32),
        link=_indices(BLOCK),
        quantile=np.zeros(BLOCK),
        arrival=np.zeros(BLOCK),
        next_place=_indices(BLOCK),
        next_cell=_indices(BLOCK),
        members=_indices(BASES * BLOCK),
        sizes=np.zeros(BASES, dtype=np.int64),
        gathered=np.zeros(BLOCK),
        other=np.zeros(BLOCK),
        tail=_indices(BLOCK),
        own=new_own_room(entries),
    )


def _indices(size: int) -> Indices:
    return np.zeros(size, dtype=np.int32)


@compiled_inner
def choose_links(
    count: int, touchpoints: int, links: int, upper: Floats, guide: Indices,
    place: Indices, cell: Indices, words: Words, link: Indices,
) -> None:  # fmt: skip
    """Choose each lane's link by the inverse distribution function of its row, in slot order."""
    for k in range(count):
        row = cell[k] * touchpoints + place[k]
        link[k] = link_at(unit(words[LINK + k]), row, cell[k] * links, upper, guide)


@compiled_into
def link_at(u: float, row: int, offset: int, upper: Floats, guide: Indices) -> int:
    """Return the link whose part of the row holds u."""
    chosen = guide[row * GUIDE + np.int64(u * GUIDE)]
    while u >= upper[offset + chosen]:
        chosen += 1
    return int(chosen)


@compiled_inner
def couple_links(
    count: int, links: int, low: np.uint64, high: np.uint64, draw: np.uint64,
    row_start: Ints, keep: Floats, rest: Floats, gone: Words, place: Indices, cell: Indices, words: Words,
    link: Indices,
) -> None:  # fmt: skip
    """Replace choices by today's row that do not stand."""
    for k in range(count):
        link[k] = couple_link(
            k, link[k], links, low, high, draw, row_start, keep, rest, gone, place, cell, words
        )  # fmt: skip


@compiled_into
def couple_link(
    k: int, link: int, links: int, low: np.uint64, high: np.uint64, draw: np.uint64,
    row_start: Ints, keep: Floats, rest: Floats, gone: Words, place: Indices, cell: Indices, words: Words,
) -> int:  # fmt: skip
    """Return a lane's link where today's is `link`: maximal coupling, the rest drawn from what the row gained.

    Whom today's choice leads to a touchpoint that is gone goes on by the very uniform by which they leave it today.
    """
    offset = cell[k] * links
    if unit(words[KEEP + k]) < keep[offset + link]:
        return link
    key, purpose = (gone[link], VISIT) if gone[link] > 0 else (words[KEY + k], RESIDUAL)
    u = uniform_at(low, high, draw, words[CUSTOMER + k], key, words[VISIT_NUMBER + k], purpose)[0]
    chosen = row_start[place[k]]
    while u >= rest[offset + chosen]:
        chosen += 1
    return int(chosen)


@compiled_inner
def sort_by_base(count: int, base: NDArray[np.int8], link: Indices, sizes: Ints, members: Indices) -> None:
    """List the lanes of each base in members[base * BLOCK : base * BLOCK + sizes[base]]."""
    for b in range(BASES):
        sizes[b] = 0
    for k in range(count):
        b = base[link[k]]
        members[b * BLOCK + sizes[b]] = k
        sizes[b] += 1


@compiled_inner
def base_quantiles(
    sizes: Ints, members: Indices, words: Words, gathered: Floats, other: Floats, tail: Indices, quantile: Floats
) -> None:
    """Fill each lane's base quantile (a gamma's with the normal one; 0 where the base is constant or a table)."""
    for base in range(BASES):
        count = sizes[base]
        for k in range(count):
            gathered[k] = unit(words[DWELL + members[base * BLOCK + k]])
        if base == LOG_EXPONENTIAL:
            for k in range(eights(count)):
                gathered[k] = log_of(-log_of(1.0 - gathered[k]))
        elif base in (NORMAL, LOG_GAMMA):
            normal_quantiles(count, gathered, other, tail)
        elif base == LOGISTIC:
            for k in range(eights(count)):
                gathered[k] = log_of(gathered[k] / (1.0 - gathered[k]))
        else:
            for k in range(count):
                gathered[k] = 0.0
        for k in range(count):
            quantile[members[base * BLOCK + k]] = gathered[k]


@compiled_inner
def normal_quantiles(count: int, u: Floats, other: Floats, tail: Indices) -> None:
    """Turn uniforms into normal quantiles, in place: all by the formula for the middle, then the few beyond by theirs."""
    tails = np.uint64(0)
    for k in range(count):
        tail[tails] = k
        other[tails] = u[k]
        tails += np.uint64(abs(u[k] - 0.5) > MIDDLE)
    for k in range(eights(count)):
        u[k] = middle_normal(u[k])
    beyond = int(np.int64(tails))
    for t in range(eights(beyond)):
        other[t] = tail_normal(other[t])
    for t in range(beyond):
        u[np.uint64(tail[t])] = other[t]


@compiled_into
def eights(count: int) -> int:
    """Return the next multiple of eight, a vector's numbers.

    Arithmetic over a block's arrays goes on that far: what lies there is nobody's, and the few numbers that would be
    left would take as long one by one as many do eight by eight.
    """
    return (count + 7) >> 3 << 3


@compiled_inner
def gamma_quantiles(
    count: int, members: Indices, gamma_place: Indices, gamma: Floats, cell: Indices, link: Indices, quantile: Floats
) -> None:
    """Turn the normal quantile of each lane with a gamma dwell into that of the log of its gamma."""
    for k in range(LOG_GAMMA * BLOCK, LOG_GAMMA * BLOCK + count):
        lane = members[k]
        quantile[lane] = gamma_of(quantile[lane], gamma, cell[lane], gamma_place[link[lane]])


@compiled_inner
def arrive(
    count: int, links: int, scale: Floats, power: Floats,
    cell: Indices, link: Indices, quantile: Floats, day: Floats, arrival: Floats,
) -> None:  # fmt: skip
    """Fill each lane's day of arrival, day + scale * exp(power * quantile): first look-ups, then vector arithmetic."""
    for k in range(count):
        at = cell[k] * links + link[k]
        arrival[k] = scale[at]
        quantile[k] *= power[at]
    for k in range(eights(count)):
        arrival[k] = day[k] + arrival[k] * exp_of(quantile[k])


@compiled_inner
def arrive_by_table(
    count: int, members: Indices, links: int, dwell_table: Floats, scale: Floats, table: Floats, cell: Indices,
    link: Indices, words: Words, day: Floats, arrival: Floats,
) -> None:  # fmt: skip
    """Replace the arrival where the dwell is empirical: the piecewise linear quantile of row `table` of the tables."""
    steps = dwell_table.shape[1] - 1
    for k in range(TABLE * BLOCK, TABLE * BLOCK + count):
        lane = members[k]
        position = unit(words[DWELL + lane]) * steps
        node = np.int64(position)
        at = cell[lane] * links + link[lane]
        row = np.int64(table[at])
        left = dwell_table[row, node]
        dwell = left + (position - node) * (dwell_table[row, node + 1] - left)
        arrival[lane] = day[lane] + scale[at] * dwell


@compiled_inner
def look_ahead(
    count: int, target: Indices, period_end: Floats, seasons: int, season_days: float, entered: Floats, slot: Indices,
    cell: Indices, link: Indices, arrival: Floats, next_place: Indices, next_cell: Indices,
) -> None:  # fmt: skip
    """Fill where each lane's link leads and which cell holds there."""
    periods = period_end.size * seasons
    for k in range(count):
        next_place[k] = target[link[k]]
        next_cell[k] = cell[k]
    if periods > 1:
        for k in range(count):
            period = period_of(period_end, arrival[k])
            if seasons > 1:
                period += season_of(entered[slot[k]] + arrival[k], seasons, season_days) * period_end.size
            next_cell[k] = cell[k] // periods * periods + period


@compiled_inner
def season_of(day: float, seasons: int, season_days: float) -> int:
    """Return the season in force on a day of the cycle, or of a later one; who never arrives is in none of them."""
    return int(np.floor(day / season_days)) % seasons if day < np.inf else 0


@compiled_inner
def period_of(period_end: Floats, day: float) -> int:
    """Return the first period whose end lies above the day (the last one if none does)."""
    period = 0
    while period < period_end.size - 1 and period_end[period] <= day:
        period += 1
    return period
