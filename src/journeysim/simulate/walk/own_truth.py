"""One draw of frailty and memory made ready for the walk: what each variate is multiplied by, and its quantiles."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import math

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import BLOCK, compiled_inner, compiled_into
from journeysim.simulate.walk.own_layout import ALIKE, MOST_EARLIER, OwnNumbers, OwnPlan, OwnTruth
from journeysim.simulate.walk.quantiles import Z_NODES, Z_STEP, fill_gamma


def new_own(plan: OwnPlan, cells: int, links: int) -> OwnTruth:
    """Return room for one draw."""
    rows = 2 * (MOST_EARLIER + 1) if plan.rows else 0
    return OwnTruth(
        factor=np.zeros(rows * cells * (links + plan.entry_link.size) + BLOCK),
        gamma=np.zeros(2 * cells * plan.tables * Z_NODES * 4),
        inverse=np.zeros(2 * cells * plan.tables),
        node=np.zeros((2, Z_NODES)),
        rate=np.zeros((1, plan.rate_tables, 2, Z_NODES)),
        log_rate=np.zeros(plan.rate_tables),
    )


@compiled_inner
def fill_own(
    plan: OwnPlan, numbers: OwnNumbers, draw: int, periods: int, share: Floats, today: Floats, source: Ints,
    grid: Floats, own: OwnTruth,
) -> None:  # fmt: skip
    """Make one draw ready: share and today have shape (C, L)."""
    if plan.rows:
        for side in range(1 + plan.couples):
            _fill_side(plan, numbers, draw, periods, today if side else share, side, source, grid, own)
    for place in range(plan.rate_table.size):
        table, r = plan.rate_table[place], numbers.rate[draw, place]
        if table >= 0:
            own.log_rate[table] = math.log(r) if np.isfinite(r) else np.inf
            if np.isfinite(r):
                fill_gamma(r, grid, own.rate[0, table])


@compiled_inner
def _fill_side(
    plan: OwnPlan, numbers: OwnNumbers, draw: int, periods: int, share: Floats, side: int, source: Ints,
    grid: Floats, own: OwnTruth,
) -> None:  # fmt: skip
    cells, links = share.shape
    entries = numbers.order2.shape[3]
    width = links + entries
    for cell in range(cells):
        for link in range(links):
            base = _base(
                plan, numbers, draw, side, cell, cells, periods, link, source[link], share[cell, link], grid, own
            )
            for visits in range(MOST_EARLIER + 1):
                own.factor[_row_of(side, visits, cell, cells, width) + link] = base * _shift(
                    numbers, draw, side, cell, periods, link, visits
                )
        for entry in range(entries):
            link, after = plan.entry_link[entry], numbers.order2[draw, side, cell, entry]
            base = _base(plan, numbers, draw, side, cell, cells, periods, links + entry, source[link], after, grid, own)
            for visits in range(MOST_EARLIER + 1):
                own.factor[_row_of(side, visits, cell, cells, width) + links + entry] = base * _shift(
                    numbers, draw, side, cell, periods, link, visits
                )


@compiled_inner
def _base(
    plan: OwnPlan, numbers: OwnNumbers, draw: int, side: int, cell: int, cells: int, periods: int, item: int, place: int,
    share: float, grid: Floats, own: OwnTruth,
) -> float:  # fmt: skip
    """Return what a link or entry weighs beside its variate, the share where it has none; fill the variate's quantiles."""
    table = plan.table[item]
    if table < 0:
        return share
    shape = numbers.kappa[draw, side, cell % periods, place] * share
    _fill_gamma((side * cells + cell) * plan.tables + table, shape, grid, own)
    return share if not np.isfinite(shape) else 1.0 if shape > 0.0 else 0.0


@compiled_into
def _row_of(side: int, visits: int, cell: int, cells: int, width: int) -> int:
    return ((side * (MOST_EARLIER + 1) + visits) * cells + cell) * width


@compiled_into
def _shift(numbers: OwnNumbers, draw: int, side: int, cell: int, periods: int, link: int, visits: int) -> float:
    """Return what multiplies a link's share after so many earlier visits."""
    start, effect = numbers.start[draw, side, cell, link], numbers.effect[draw, side, cell % periods, link]
    return math.exp(start + visits * effect)


@compiled_inner
def _fill_gamma(at: int, shape: float, grid: Floats, own: OwnTruth) -> None:
    """Fill one link's quantiles as cubics: `quantiles.gamma_of`, with what does not depend on the score worked out."""
    drawn = np.isfinite(shape) and shape > 0.0
    own.inverse[at] = 1.0 / shape if drawn else ALIKE
    if drawn:
        fill_gamma(shape + 1.0, grid, own.node)
        for node in range(Z_NODES - 1):
            left, slope_left = own.node[0, node], own.node[1, node] * Z_STEP
            right, slope_right = own.node[0, node + 1], own.node[1, node + 1] * Z_STEP
            rise = right - left
            bend = slope_left + slope_right - 2.0 * rise
            start = 4 * (at * Z_NODES + node)
            own.gamma[start], own.gamma[start + 1] = left, slope_left
            own.gamma[start + 2], own.gamma[start + 3] = rise - slope_left - bend, bend


@compiled_into
def own_gamma(position: float, at: np.uint64, gamma: Floats) -> float:
    """Return the log of a variate whose normal score lies at `position` among the nodes, from cubic `at`."""
    node = np.int64(position)
    t = position - node
    start = np.uint64(4) * (at * np.uint64(Z_NODES) + np.uint64(node))
    bend = gamma[start + np.uint64(2)] + t * gamma[start + np.uint64(3)]
    return float(gamma[start] + t * (gamma[start + np.uint64(1)] + t * bend))
