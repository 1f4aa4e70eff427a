"""From the layers of a chain to what the walk takes of frailty and memory: which rows are own ones, and their numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain, Ints
from journeysim.simulate.layers import Frailty, Layers, Memory, Moods
from journeysim.simulate.streams import BLOCK
from journeysim.simulate.walk.felt_layout import feelings_differ
from journeysim.simulate.walk.own_layout import OwnNumbers, OwnPlan
from journeysim.simulate.walk.quantiles import SMALLEST_SHAPE


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
