"""Spliced chains: one world up to a day after entry, another from then on, as tenure periods of one chain.

For a customer who enters a while before a change begins, the change is a matter of tenure. A visit goes by the world in
force when it begins: who has chosen where to go, and how long that takes, is not asked again. A touchpoint that the
world in force does not have is left as in the world the customer comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.draws import LINK_FIELDS, PLACE_FIELDS
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain
from journeysim.simulate.splice_layers import Joint, spliced_layers

_LINKED: Final = (*LINK_FIELDS, "today_share")
_PLACED: Final = tuple(name for name in PLACE_FIELDS if name != "feeling")
_MARKS: Final = ("converts", "churns", "after_conversion")

Item = TypeVar("Item", bound=np.generic)


@final
@dataclass(frozen=True, slots=True)
class _Column:
    """One link of the spliced chain and where it stands in each part, if it does."""

    source: str
    slot: str
    target: str
    at: dict[int, int] = field(default_factory=dict)


def spliced(parts: Sequence[Chain], turns: Sequence[float]) -> Chain:
    """Return the chain of customers who pass from parts[k] to parts[k + 1] on day turns[k] after entry.

    Parameters
    ----------
    parts : sequence of Chain
        Worlds over the same draws and personas. Who enters where, and how many, is the first one's.
    turns : sequence of float
        Days since entry, ascending, above 0.
    """
    if len(parts) == 1:
        return parts[0]
    ends, phase, period = _periods(parts, turns)
    touchpoints = _union(part.touchpoints for part in parts)
    return replace(_joined(parts, _holders(parts, touchpoints), phase, period), period_end=ends)


def side_by_side(parts: Sequence[Chain], holders: Sequence[Mapping[str, int]]) -> Chain:
    """Return the chain whose tenure periods are those of the first part, then those of the second, and so on.

    Which part a customer lives in, and when they pass to another, is for an engine to say: period p of part k of P
    periods is number k P + p, while `period_end` still has the P ends. `holders[k]` says of each touchpoint of any part
    whose row it has while part k is in force. Who enters where, and how many, is the first part's; touchpoints have the
    stage of the first part that has them.
    """
    if len(parts) == 1:
        return parts[0]
    periods = range(parts[0].share.shape[2])
    phase, period = [k for k in range(len(parts)) for _ in periods], [p for _ in parts for p in periods]
    joined, stages = _joined(parts, holders, phase, period), _union(part.stages for part in parts)
    stage = [_stage(parts, stages, name) for name in joined.touchpoints]
    return replace(joined, stages=stages, stage=np.array(stage, dtype=np.int64))


def _stage(parts: Sequence[Chain], stages: tuple[str, ...], touchpoint: str) -> int:
    part = next(part for part in parts if touchpoint in part.touchpoints)
    own = -1 if part.stage is None else int(part.stage[part.touchpoints.index(touchpoint)])
    return -1 if own < 0 else stages.index(part.stages[own])


def _joined(
    parts: Sequence[Chain], holders: Sequence[Mapping[str, int]], phase: Sequence[int], period: Sequence[int]
) -> Chain:
    """Return the parts as one chain; of each of its periods, which part is in force and which of its periods."""
    parts = _of_one_table(parts)
    touchpoints, outcomes = (_union(getattr(part, name) for part in parts) for name in ("touchpoints", "outcomes"))
    columns = _columns(parts, touchpoints, outcomes)
    index = {name: k for k, name in enumerate(touchpoints + outcomes)}
    source = np.array([index[column.source] for column in columns], dtype=np.int64)
    joint = Joint(
        parts,
        touchpoints,
        outcomes,
        source,
        [[column.at.get(p, -1) for column in columns] for p in range(len(parts))],
        [[row[name] for name in touchpoints] for row in holders],
        phase,
        period,
    )
    return replace(
        parts[0],
        touchpoints=touchpoints,
        outcomes=outcomes,
        links=tuple(f"{column.source} -> {column.target}" for column in columns),
        slots=tuple(column.slot for column in columns),
        row_start=np.searchsorted(source, np.arange(len(touchpoints) + 1)).astype(np.int64),
        source=source,
        target=np.array([index[column.target] for column in columns], dtype=np.int64),
        key=np.array([_of_place(parts, "key", name) for name in touchpoints], dtype=np.uint32),
        coupled=np.array([_any(parts, "coupled", name) for name in touchpoints]),
        family=_families(parts, columns),
        entry=_entries(parts[0], touchpoints + outcomes),
        gone=_gone(parts, columns),
        stages=(),
        stage=None,
        layers=spliced_layers(joint),
        **_arrays(
            parts, columns, touchpoints + outcomes, [(holders[p], q) for p, q in zip(phase, period, strict=True)]
        ),
    )


def _arrays(
    parts: Sequence[Chain],
    columns: Sequence[_Column],
    places: tuple[str, ...],
    rows: Sequence[tuple[Mapping[str, int], int]],
) -> dict[str, Any]:
    """Return the numbers of links and places, period by period, and the marks of places; `rows` say whose row holds."""
    linked = {name: np.stack([_linked(parts, name, columns, *row) for row in rows], axis=2) for name in _LINKED}
    placed = {name: np.stack([_placed(parts, name, places, *row) for row in rows], axis=2) for name in _PLACED}
    marks = {name: np.array([_of_place(parts, name, place) for place in places]) for name in _MARKS}
    return {**linked, **placed, **marks}


def _of_one_table(parts: Sequence[Chain]) -> list[Chain]:
    """Return the parts with one table of dwells for all: a world may have tables that today does not have."""
    tables, firsts = [parts[0].dwell_table], [0]
    for part in parts[1:]:
        same = part.dwell_table is tables[0] or np.array_equal(part.dwell_table, tables[0], equal_nan=True)
        firsts.append(0 if same else sum(map(len, tables)))
        tables += [] if same else [part.dwell_table]
    whole = tables[0] if len(tables) == 1 else np.concatenate(tables)
    return [_moved(part, whole, first) for part, first in zip(parts, firsts, strict=True)]


def sharing_tables(chains: Sequence[Chain]) -> list[Chain]:
    """Return chains among which equal tables of dwells are one and the same array: comparing them at every splice is dear."""
    tables: list[Floats] = []
    found = []
    for chain in chains:
        same = next((item for item in tables if np.array_equal(item, chain.dwell_table, equal_nan=True)), None)
        if same is None:
            tables.append(chain.dwell_table)
        found.append(chain if same is None else replace(chain, dwell_table=same))
    return found


def _moved(part: Chain, tables: Floats, first: int) -> Chain:
    """Return a part whose own tables begin at a row of others."""
    if first == 0:
        return replace(part, dwell_table=tables)
    empirical = (np.asarray(part.family) == Family.EMPIRICAL)[:, None, None, :]
    return replace(part, dwell_b=np.where(empirical, part.dwell_b + first, part.dwell_b), dwell_table=tables)


def _union(groups: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


def _periods(parts: Sequence[Chain], turns: Sequence[float]) -> tuple[Floats, list[int], list[int]]:
    """Return where the tenure periods end, and of each, season by season, which part is in force and which of its periods."""
    own = parts[0].period_end
    ends = np.unique(np.concatenate([own[:-1], turns]))
    starts = [0.0, *ends.tolist()]
    phase = [int(np.searchsorted(turns, start, side="right")) for start in starts]
    period = [int(np.searchsorted(own[:-1], start, side="right")) for start in starts]
    seasons = range(1 if parts[0].season is None else parts[0].season.count)
    return np.append(ends, own[-1]), phase * len(seasons), [s * len(own) + p for s in seasons for p in period]


def _holders(parts: Sequence[Chain], touchpoints: tuple[str, ...]) -> list[dict[str, int]]:
    """Return by part in force whose row a touchpoint has: its own, else of the last part before that has it, or after."""
    found = []
    for now in range(len(parts)):
        order = [*range(now, -1, -1), *range(now + 1, len(parts))]
        found.append({name: next(k for k in order if name in parts[k].touchpoints) for name in touchpoints})
    return found


def _columns(parts: Sequence[Chain], touchpoints: tuple[str, ...], outcomes: tuple[str, ...]) -> list[_Column]:
    """Return the links, row by row in slot order; links of one name that vary by another family stand apart.

    Where a part does not name its slots they stand in the order in which they are found.
    """
    found: list[_Column] = []
    for p, part in enumerate(parts):
        names = part.touchpoints + part.outcomes
        for k, (slot, target) in enumerate(zip(part.slots or _targets(part), part.target, strict=True)):
            key = (names[part.source[k]], slot, names[target])
            like = (item for item in found if (item.source, item.slot, item.target) == key)
            column = next((item for item in like if _agrees(parts, item, p, k)), None)
            if column is None:
                column = _Column(*key)
                found.append(column)
            column.at[p] = k
    rows = sorted(found, key=lambda item: touchpoints.index(item.source))
    if not all(part.slots for part in parts):
        return rows
    return sorted(rows, key=lambda item: (touchpoints.index(item.source), item.slot not in outcomes, item.slot))


def _targets(part: Chain) -> tuple[str, ...]:
    names = part.touchpoints + part.outcomes
    return tuple(names[target] for target in part.target)


def _agrees(parts: Sequence[Chain], column: _Column, p: int, k: int) -> bool:
    """Return whether a part's link may stand in a column: nobody takes it, or all in the column have its families."""
    used = [(parts[q], at) for q, at in column.at.items() if _used(parts, column, q)]
    here = parts[p].family[:, k]
    idle = not parts[p].share[..., k].any()
    return p not in column.at and (idle or all(np.array_equal(part.family[:, at], here) for part, at in used))


def _used(parts: Sequence[Chain], column: _Column, part: int) -> bool:
    """Return whether anybody takes the link in one of the parts that have it."""
    return bool(parts[part].share[..., column.at[part]].any())


def _families(parts: Sequence[Chain], columns: Sequence[_Column]) -> NDArray[np.int8]:
    def of(column: _Column) -> NDArray[np.int8]:
        used = [parts[p].family[:, k] for p, k in column.at.items() if _used(parts, column, p)]
        return used[0] if used else np.zeros(parts[0].draws, dtype=np.int8)

    return np.stack([of(column) for column in columns], axis=1).astype(np.int8)


def _gone(parts: Sequence[Chain], columns: Sequence[_Column]) -> NDArray[np.uint32]:
    """Return by link the address of the touchpoint that today has there and a part lacks, 0 where none is gone."""
    known = [[0 if part.gone is None else int(part.gone[k]) for part, k in _held(parts, column)] for column in columns]
    return np.array([max(keys) for keys in known], dtype=np.uint32)


def _held(parts: Sequence[Chain], column: _Column) -> list[tuple[Chain, int]]:
    return [(parts[p], k) for p, k in column.at.items()]


def _linked(
    parts: Sequence[Chain], name: str, columns: Sequence[_Column], holder: Mapping[str, int], period: int
) -> Floats:
    """Return a link field in one period, shape (D, G, L); the dwell of a link nobody takes there is what it is elsewhere."""
    found = np.zeros((*parts[0].share.shape[:2], len(columns)))
    for at, column in enumerate(columns):
        part = holder[column.source]
        if name in {"dwell_a", "dwell_b"}:
            part = next((p for p in (part, *column.at) if p in column.at and _used(parts, column, p)), part)
        if part in column.at:
            found[..., at] = getattr(parts[part], name)[:, :, period, column.at[part]]
    return found


def _placed(
    parts: Sequence[Chain], name: str, places: tuple[str, ...], holder: Mapping[str, int], period: int
) -> Floats:
    """Return a place field in one period, shape (D, G, s); an outcome's is that of the last part that has it."""
    found = np.zeros((*parts[0].share.shape[:2], len(places)))
    for at, place in enumerate(places):
        part = parts[holder[place]] if place in holder else next(p for p in parts[::-1] if place in p.outcomes)
        found[..., at] = getattr(part, name)[:, :, period, (part.touchpoints + part.outcomes).index(place)]
    return found


def _entries(part: Chain, places: tuple[str, ...]) -> Floats:
    found = np.zeros((*part.entry.shape[:2], len(places)))
    own = part.touchpoints + part.outcomes
    found[..., [places.index(name) for name in own]] = part.entry
    return found


def _of_place(parts: Sequence[Chain], name: str, place: str) -> Any:  # noqa: ANN401 - an element of some array
    part = next(p for p in parts if place in p.touchpoints + p.outcomes)
    return getattr(part, name)[(part.touchpoints + part.outcomes).index(place)]


def _any(parts: Sequence[Chain], name: str, place: str) -> bool:
    """Return whether a mark of touchpoints holds in any part."""
    return any(bool(getattr(part, name)[part.touchpoints.index(place)]) for part in parts if place in part.touchpoints)
