"""Frailty and memory as the compiled walk takes them: plain named tuples, arrays of zeros where a layer is off.

An *own row* is the row of a customer for whom it is not the persona's: the customer differs for good, or remembers.
Axes as in `simulate.chain`; C = G * P cells; T links, and entries of rows by the place before, leave touchpoints where
customers differ.
"""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain, Ints
from journeysim.simulate.layers import Frailty, Layers, Memory, Moods
from journeysim.simulate.streams import BLOCK, Words, compiled_inner, compiled_into
from journeysim.simulate.walk.felt_layout import feelings_differ
from journeysim.simulate.walk.quantiles import SMALLEST_SHAPE, Z_NODES, Z_STEP, fill_gamma

#: In place of 1 / shape where a customer's own share is the persona's.
ALIKE = -1.0
#: Earlier visits beyond this many change nothing more (as `model.observed.by_visit` counts them).
MOST_EARLIER = 3


class OwnPlan(NamedTuple):
    """What holds for every draw."""

    rows: bool  # some touchpoint has own rows
    everywhere: bool  # … every one has
    couples: bool  # some own row differs from today's
    kind: NDArray[np.int32]  # (n,) which rows are handled together; the number of kinds where there are no own rows
    width: Ints  # (kinds,) most links of a row
    apart: Bools  # (kinds,) whether they differ from today's
    table: NDArray[np.int32]  # (L + O,) position of links, then entries, among the T that have a variate, -1 elsewhere
    tables: int  # T
    slot_key: Words  # (L + BLOCK,) zeros beyond the links
    order2: bool  # some row depends on the place before …
    own_after: bool  # … at a touchpoint where customers differ
    start: NDArray[
        np.int32
    ]  # ((n + 1) * n,) where a row starts in a table of links, then entries, by place before and place
    entry_link: NDArray[np.int32]  # (O,) link of each entry in `order2`
    passed: Bools  # (n,) touchpoints that are not remembered
    rates: bool  # some touchpoint is left at an own rate
    rate_table: NDArray[np.int32]  # (n,) position among these touchpoints, -1 elsewhere
    rate_tables: int
    silent: Bools  # (L,) links at nobody's own rate
    entries: int  # lanes by kind that working arrays have to hold


class OwnNumbers(NamedTuple):
    """What a draw says, for all draws; the world's and today's side by side (axis 1)."""

    kappa: Floats  # (D, 2, P, n) NaN where alike
    rate: Floats  # (D, n) NaN where alike
    start: Floats  # (D, 2, C, L)
    effect: Floats  # (D, 2, P, L)
    order2: Floats  # (D, 2, C, O)


class OwnTruth(NamedTuple):
    """One draw, ready: what a variate is multiplied by, and log gamma quantiles at shape kappa x share + 1.

    Here, then today; V = MOST_EARLIER + 1 numbers of earlier visits that are told apart.
    """

    factor: Floats  # (2 * V * C * (L + O),) exp(start + visits x effect), times the share where customers are alike
    gamma: Floats  # (2 * C * T * Z_NODES * 4,) a cubic in the distance from each node of the normal score
    inverse: Floats  # (2 * C * T,) 1 / (kappa x share), ALIKE where customers are alike or the share is 0
    node: Floats  # (2, Z_NODES) scratch
    rate: Floats  # (1, touchpoints with own rates, 2, Z_NODES)
    log_rate: Floats  # (touchpoints with own rates,) log of r


class OwnRoom(NamedTuple):
    """Working arrays: members are lanes whose rows are handled together, entry j * size + m link j of member m of size.

    There are at most BLOCK entries.
    """

    member: NDArray[np.int32]  # ((kinds + 1) * BLOCK,) lanes by kind
    sizes: Ints  # (kinds + 1,)
    lane: NDArray[np.int32]  # each member's lane …
    link: Ints  # … the first link of its row …
    links: Ints  # … how many there are …
    own: Ints  # … of how many there is a variate of the customer's own …
    row: Ints  # … and where the row stands in a table
    customer: Words
    drawn: NDArray[np.int32]  # entries with a variate of the customer's own …
    at: Ints  # … where the variate's numbers stand …
    position: Floats  # … where its normal score lies among the nodes …
    boost: Floats  # … and the log of its other uniform
    weight: Floats  # by entry
    today: Floats  # the same in today's row
    level: Floats  # logs
    total: Floats  # by member
    part: Floats
    chosen: Ints  # the link chosen, counted from the row's first
    words: Words  # (6 * BLOCK,)


def new_own_room(entries: int) -> OwnRoom:
    """Return room for `OwnPlan.entries`."""
    member, sizes = np.zeros(max(entries, BLOCK), dtype=np.int32), np.zeros(entries // BLOCK, dtype=np.int64)
    lane, drawn = (np.zeros(BLOCK, dtype=np.int32) for _ in range(2))
    link, links, own, row, at, chosen = (np.zeros(BLOCK, dtype=np.int64) for _ in range(6))
    position, boost, weight, today, level, total, part = (np.zeros(BLOCK) for _ in range(7))
    customer, words = np.zeros(BLOCK, dtype=np.uint32), np.zeros(6 * BLOCK, dtype=np.uint32)
    return OwnRoom(
        member, sizes, lane, link, links, own, row, customer, drawn, at, position, boost, weight, today, level, total, part,
        chosen, words,
    )  # fmt: skip


def own_plan(chain: Chain) -> OwnPlan:
    """Return the layers' structure in compiled form."""
    n, frailty, memory = len(chain.touchpoints), chain.layers.frailty, chain.layers.memory
    at, none = _own_places(chain), np.zeros(n, dtype=np.bool_)
    differs = none | np.any([_differ_in(chain, layers) for layers in chain.layers.phases], axis=0)
    rated = none if frailty is None else np.asarray(np.isfinite(frailty.rate).any(axis=0))
    coupled = at & _differ_from_today(chain)
    links, widths = len(chain.links), np.diff(chain.row_start)
    first = np.full((n + 1, n), -1) if memory is None else memory.first
    keys = np.zeros(links) if frailty is None else frailty.slot_key
    kind, width, apart = _kinds(widths, at, coupled)
    entry_link = _entry_links(chain, first)
    tabled = differs[chain.source[np.append(np.arange(links), entry_link)]]
    return OwnPlan(
        rows=bool(at.any()),
        everywhere=bool(at.all()),
        couples=bool(coupled.any()),
        kind=kind,
        width=width,
        apart=apart,
        table=np.where(tabled, np.cumsum(tabled) - 1, -1).astype(np.int32),
        tables=int(tabled.sum()),
        slot_key=np.append(keys, np.zeros(BLOCK)).astype(np.uint32),
        order2=bool((first >= 0).any()),
        own_after=bool(tabled[links:].any()),
        start=np.where(first >= 0, links + first, chain.row_start[:-1]).astype(np.int32).ravel(),
        entry_link=entry_link,
        passed=none if memory is None else memory.passed.copy(),
        rates=bool(rated.any()),
        rate_table=np.where(rated, np.cumsum(rated) - 1, -1).astype(np.int32),
        rate_tables=int(rated.sum()),
        silent=np.zeros(links, dtype=np.bool_) if frailty is None else frailty.silent.copy(),
        entries=BLOCK * (width.size + 1),
    )


def _kinds(widths: Ints, at: Bools, coupled: Bools) -> tuple[NDArray[np.int32], Ints, Bools]:
    """Return the kind of each own row, and of each kind its most links and whether its rows differ from today's.

    Rows of up to four links go together, of five to eight, and so on: a loop over few lanes costs more than a link
    without weight.
    """
    doublings = np.maximum(np.ceil(np.log2(np.maximum(widths, 1))), 2).astype(np.int64)
    found, which = np.unique(np.stack([coupled[at], doublings[at]]), axis=1, return_inverse=True)
    kind = np.full(at.size, found.shape[1], dtype=np.int32)
    kind[at] = which.ravel()
    width = np.array([widths[kind == k].max() for k in range(found.shape[1])], dtype=np.int64)
    return kind, width, found[0].astype(np.bool_)


def _entry_links(chain: Chain, first: Ints) -> NDArray[np.int32]:
    """Return the link of each entry of the rows by the place before, which stand one after the other."""
    found = np.zeros(0 if chain.layers.memory is None else chain.layers.memory.order2.shape[-1], dtype=np.int32)
    for before, place in np.argwhere(first >= 0):
        row = np.arange(chain.row_start[place], chain.row_start[place + 1], dtype=np.int32)
        found[first[before, place] : first[before, place] + len(row)] = row
    return found


def own_numbers(chain: Chain) -> OwnNumbers:
    """Return the layers' numbers in compiled form."""
    draws, personas, periods, links = chain.share.shape
    frailty, memory = chain.layers.frailty, chain.layers.memory
    nobody = np.full((draws, len(chain.touchpoints)), np.nan)
    nothing, none = np.zeros((draws, personas, links)), np.zeros((draws, links))
    entries = 0 if memory is None else memory.order2.shape[-1]
    kappa, start, effect, order2 = [], [], [], []
    for period in range(periods):
        differ, learned = chain.layers.at(period).frailty, chain.layers.at(period).memory
        kappa.append([nobody, nobody] if differ is None else [differ.kappa, differ.today_kappa])
        start.append([nothing, nothing] if learned is None else [learned.start, learned.today_start])
        effect.append([none, none] if learned is None else [learned.effect, learned.today_effect])
        rows = np.zeros((draws, personas, entries))
        order2.append([rows, rows] if learned is None else [learned.order2, learned.today_order2])

    def by_cell(parts: list[list[Floats]], width: int) -> Floats:
        """Return parts (P, 2) of shape (D, G, width) as (D, 2, C, width)."""
        return np.array(parts).transpose(2, 1, 3, 0, 4).reshape(draws, 2, personas * periods, width)

    return OwnNumbers(
        kappa=np.ascontiguousarray(np.array(kappa).transpose(2, 1, 0, 3)),
        rate=nobody if frailty is None else np.require(frailty.rate, requirements=["C", "W"]),
        start=np.ascontiguousarray(by_cell(start, links)),
        effect=np.ascontiguousarray(np.array(effect).transpose(2, 1, 0, 3)),
        order2=np.ascontiguousarray(by_cell(order2, entries)),
    )


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


def check_own(chain: Chain) -> None:
    """Raise ValueError when the layers' numbers cannot be walked; the message says which touchpoint."""
    wide = _own_places(chain) & (np.diff(chain.row_start) > BLOCK)
    if wide.any():
        name = chain.touchpoints[int(np.argmax(wide))]
        raise ValueError(f'customers differ or remember at "{name}", which has more than {BLOCK} links')
    for layers in chain.layers.phases:
        if layers.frailty is not None:
            _check_frailty(chain, layers.frailty)
        if layers.memory is not None:
            _check_memory(layers.memory)


def _check_frailty(chain: Chain, frailty: Frailty) -> None:
    for name, values, least in (("kappa", frailty.kappa, 0.0), ("rate", frailty.rate, SMALLEST_SHAPE)):
        bad = (values <= least) | np.isinf(values)
        if bad.any():
            draw, place = np.argwhere(bad)[0]
            raise ValueError(
                f'{name} at "{chain.touchpoints[place]}" in draw {draw} must be a finite number above {least:g} (NaN '
                f"where customers are alike), got {values[draw, place]:g}"
            )


def _check_memory(memory: Memory) -> None:
    for name in ("start", "today_start", "effect", "today_effect", "order2", "today_order2"):
        if not np.all(np.isfinite(getattr(memory, name))):
            raise ValueError(f"the memory's {name} has a value that is not a finite number")


def _own_places(chain: Chain) -> Bools:
    """Return where a customer's row may be another than the persona's."""
    return np.asarray(np.any([_own_in(chain, layers) for layers in chain.layers.phases], axis=0))


def _differ_in(chain: Chain, layers: Layers) -> Bools:
    """Return where customers differ for good."""
    if layers.frailty is None:
        return np.zeros(len(chain.touchpoints), dtype=np.bool_)
    return np.asarray(np.isfinite(layers.frailty.kappa).any(axis=0))


def _own_in(chain: Chain, layers: Layers) -> Bools:
    found = np.zeros(len(chain.touchpoints), dtype=np.bool_)
    if layers.moods is not None:
        np.logical_or.at(found, chain.source, _sensitive(layers.moods))
    if layers.frailty is not None:
        found |= np.isfinite(layers.frailty.kappa).any(axis=0) | np.isfinite(layers.frailty.today_kappa).any(axis=0)
    if layers.memory is not None:
        memory = layers.memory
        found |= (memory.first >= 0).any(axis=0)
        shifts = (memory.start, memory.today_start, memory.effect, memory.today_effect)
        moved = np.any([(item != 0).reshape(-1, len(chain.links)).any(axis=0) for item in shifts], axis=0)
        np.logical_or.at(found, chain.source, moved)
    return found


def _sensitive(moods: Moods) -> Bools:
    """Return which links are sensitive to satisfaction, here or today."""
    return np.asarray((moods.sensitivity != 0).any(axis=0) | (moods.today_sensitivity != 0).any(axis=0))


def _differ_from_today(chain: Chain) -> Bools:
    """Return where today has a row and any number that an own row is made of is not today's."""
    found = chain.coupled | np.any([_changed_in(chain, layers) for layers in chain.layers.phases], axis=0)
    exists = np.zeros(len(chain.touchpoints), dtype=np.bool_)
    np.logical_or.at(exists, chain.source, chain.today_share.any(axis=(0, 1, 2)))
    return np.asarray(found & exists)


def _changed_in(chain: Chain, layers: Layers) -> Bools:
    frailty, memory, moods = layers.frailty, layers.memory, layers.moods
    found = np.zeros(len(chain.touchpoints), dtype=np.bool_)
    if moods is not None:
        changed = (moods.sensitivity != moods.today_sensitivity).any(axis=0)
        moved = changed | (_sensitive(moods) if feelings_differ(moods) else changed)
        np.logical_or.at(found, chain.source, moved)
    if frailty is not None:
        found |= ~np.all((frailty.kappa == frailty.today_kappa) | np.isnan(frailty.kappa), axis=0)
    if memory is not None:
        pairs = ((memory.start, memory.today_start), (memory.effect, memory.today_effect))
        moved = np.any([(a != b).reshape(-1, len(chain.links)).any(axis=0) for a, b in pairs], axis=0)
        np.logical_or.at(found, chain.source, moved)
        changed = (memory.order2 != memory.today_order2).any(axis=(0, 1))
        if changed.any():
            found |= (memory.first >= 0).any(axis=0)
    return found
