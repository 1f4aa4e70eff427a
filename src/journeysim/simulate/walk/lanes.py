"""The stages of one step, each a loop over the customers still on the way (lanes), kept free of branches where it pays.

A block's customers stand in slots 0 … BLOCK - 1; lane k holds the k-th customer still on the way. Splitting a step
into short loops over plain arrays lets the compiler use vector instructions for the random words, logarithms and
exponentials, which is where the time goes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import RESIDUAL, Words, compiled, uniform_at
from journeysim.simulate.walk.layout import BASES, LOG_EXPONENTIAL, LOG_GAMMA, LOGISTIC, NORMAL, TABLE, Layout
from journeysim.simulate.walk.quantiles import exp_of, gamma_of, log_of, normal_of
from journeysim.simulate.walk.truth import GUIDE, Truth

#: Customers per block. A constant of the method: sums are formed block by block in this size and order.
BLOCK: Final = 512

Indices = NDArray[np.int32]


class Lanes(NamedTuple):
    """Working arrays of a block, one entry per lane; a step moves every lane one link on."""

    slot: Indices  # which of the block's customers
    place: Indices  # the touchpoint they are at …
    cell: Indices  # … with the parameters of this persona and period
    day: Floats  # … since this day after entry
    customer: Words
    key: Words
    visit: Words
    link_uniform: Floats
    dwell_uniform: Floats
    keep_uniform: Floats
    link: Indices  # the link taken, -1 for the entry
    quantile: Floats  # base quantile of the dwell
    arrival: Floats  # day of arrival, maybe beyond the horizon
    next_place: Indices
    next_cell: Indices
    members: Indices  # (BASES * BLOCK,) lanes by the base of their dwell
    gathered: Floats


@compiled
def new_lanes() -> Lanes:
    """Return working arrays for one block."""
    return Lanes(
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK),
        np.empty(BLOCK, dtype=np.uint32),
        np.empty(BLOCK, dtype=np.uint32),
        np.empty(BLOCK, dtype=np.uint32),
        np.empty(BLOCK),
        np.empty(BLOCK),
        np.empty(BLOCK),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK),
        np.empty(BLOCK),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BASES * BLOCK, dtype=np.int32),
        np.empty(BLOCK),
    )


@compiled
def choose_links(
    count: int, touchpoints: int, links: int, upper: Floats, guide: Indices,
    place: Indices, cell: Indices, uniform: Floats, link: Indices,
) -> None:  # fmt: skip
    """Choose each lane's link by the inverse distribution function of its row, in slot order."""
    for k in range(count):
        u = uniform[k]
        row = cell[k] * touchpoints + place[k]
        chosen = guide[row * GUIDE + int(u * GUIDE)]
        offset = cell[k] * links
        while u >= upper[offset + chosen]:
            chosen += 1
        link[k] = chosen


@compiled
def couple_links(count: int, layout: Layout, truth: Truth, draw: np.uint64, lanes: Lanes) -> None:
    """Replace choices by today's row that do not stand: maximal coupling, the rest drawn from what the row gained."""
    for k in range(count):
        offset = lanes.cell[k] * layout.target.size
        if lanes.keep_uniform[k] >= truth.keep[offset + lanes.link[k]]:
            u = uniform_at(
                layout.seed_low, layout.seed_high, draw, lanes.customer[k], lanes.key[k], lanes.visit[k], RESIDUAL
            )[0]
            chosen = layout.row_start[lanes.place[k]]
            while u >= truth.rest[offset + chosen]:
                chosen += 1
            lanes.link[k] = chosen


@compiled
def draw_dwells(count: int, layout: Layout, truth: Truth, lanes: Lanes) -> None:
    """Fill each lane's day of arrival: day + scale * exp(power * base quantile)."""
    sizes = np.zeros(BASES, dtype=np.int64)
    _sort_by_base(count, layout.base, lanes.link, sizes, lanes.members)
    lanes.quantile[:count] = 0.0
    for base in range(LOG_EXPONENTIAL, BASES):
        if sizes[base] > 0:
            members = lanes.members[base * BLOCK : base * BLOCK + sizes[base]]
            _gather(members, lanes.dwell_uniform, lanes.gathered)
            if base == LOG_GAMMA:
                _gamma_quantiles(members, layout, truth, lanes)
            elif base != TABLE:
                _base_quantiles(base, sizes[base], lanes.gathered)
            _scatter(members, lanes.gathered, lanes.quantile)
    _arrive(
        count, layout.target.size, truth.scale, truth.power, lanes.cell, lanes.link, lanes.quantile, lanes.day,
        lanes.arrival,
    )  # fmt: skip
    if sizes[TABLE] > 0:
        _arrive_by_table(lanes.members[TABLE * BLOCK : TABLE * BLOCK + sizes[TABLE]], layout, truth, lanes)


@compiled
def _sort_by_base(count: int, base: NDArray[np.int8], link: Indices, sizes: Ints, members: Indices) -> None:
    for k in range(count):
        b = base[link[k]]
        members[b * BLOCK + sizes[b]] = k
        sizes[b] += 1


@compiled
def _gather(members: Indices, values: Floats, out: Floats) -> None:
    for k in range(members.size):
        out[k] = values[members[k]]


@compiled
def _scatter(members: Indices, values: Floats, out: Floats) -> None:
    for k in range(members.size):
        out[members[k]] = values[k]


@compiled
def _base_quantiles(base: int, count: int, u: Floats) -> None:
    """Turn uniforms into base quantiles in place."""
    if base == LOG_EXPONENTIAL:
        for k in range(count):
            u[k] = log_of(-log_of(1.0 - u[k]))
    elif base == NORMAL:
        for k in range(count):
            u[k] = normal_of(u[k])
    elif base == LOGISTIC:
        for k in range(count):
            u[k] = log_of(u[k] / (1.0 - u[k]))


@compiled
def _gamma_quantiles(members: Indices, layout: Layout, truth: Truth, lanes: Lanes) -> None:
    _base_quantiles(NORMAL, members.size, lanes.gathered)
    for k in range(members.size):
        lane = members[k]
        table = truth.gamma[lanes.cell[lane], layout.gamma_place[lanes.link[lane]]]
        lanes.gathered[k] = gamma_of(lanes.gathered[k], table)


@compiled
def _arrive(
    count: int, links: int, scale: Floats, power: Floats,
    cell: Indices, link: Indices, quantile: Floats, day: Floats, arrival: Floats,
) -> None:  # fmt: skip
    for k in range(count):
        at = cell[k] * links + link[k]
        arrival[k] = day[k] + scale[at] * exp_of(power[at] * quantile[k])


@compiled
def _arrive_by_table(members: Indices, layout: Layout, truth: Truth, lanes: Lanes) -> None:
    """Replace the arrival by the piecewise linear quantile of the link's table."""
    steps = layout.dwell_table.shape[1] - 1
    for lane in members:
        link = lanes.link[lane]
        position = lanes.dwell_uniform[lane] * steps
        node = int(position)
        table = layout.dwell_table[link]
        dwell = table[node] + (position - node) * (table[node + 1] - table[node])
        scale = truth.scale[lanes.cell[lane] * layout.target.size + link]
        lanes.arrival[lane] = lanes.day[lane] + scale * dwell


@compiled
def look_ahead(count: int, layout: Layout, lanes: Lanes) -> None:
    """Fill where each lane's link leads and which cell holds there."""
    for k in range(count):
        lanes.next_place[k] = layout.target[lanes.link[k]]
        lanes.next_cell[k] = lanes.cell[k]
    if layout.periods > 1:
        for k in range(count):
            first = lanes.cell[k] // layout.periods * layout.periods
            lanes.next_cell[k] = first + period_of(layout.period_end, lanes.arrival[k])


@compiled
def period_of(period_end: Floats, day: float) -> int:
    """Return the first period whose end lies above the day (the last one if none does)."""
    period = 0
    while period < period_end.size - 1 and period_end[period] <= day:
        period += 1
    return period
