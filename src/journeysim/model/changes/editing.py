"""Small edits that changes are made of: rows of a map, and rows of its draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Problem
from journeysim.model.draws import (
    LINK_FIELDS,
    PLACE_FIELDS,
    TABLE_SIZE,
    Draws,
    names_on,
    new_data,
    tables_of,
    with_more_tables,
)
from journeysim.model.journey import JourneyMap, Link, Row, Touchpoint, link_id, split_link
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

Links = tuple[Link, ...]


def edit_touchpoint(journey: JourneyMap, name: str, edit: Callable[[Touchpoint], Touchpoint]) -> JourneyMap:
    """Return the map with one touchpoint edited."""
    touchpoints = tuple(edit(item) if item.name == name else item for item in journey.touchpoints)
    return replace(journey, touchpoints=touchpoints)


def edit_links(touchpoint: Touchpoint, edit: Callable[[Links], Links]) -> Touchpoint:
    """Return the touchpoint with `edit` applied to every row of links it states (base, personas, tenure)."""

    def edit_row(row: Row) -> Row:
        return row if row.links is None else replace(row, links=edit(row.links))

    return replace(
        touchpoint,
        links=edit(touchpoint.links),
        by_persona=tuple((persona, edit_row(row)) for persona, row in touchpoint.by_persona),
        by_tenure=tuple(replace(period, row=edit_row(period.row)) for period in touchpoint.by_tenure),
    )


def row_of(draws: Draws, source: str) -> NDArray[np.int64]:
    """Return the positions of the links that leave a touchpoint."""
    return np.array([k for k, label in enumerate(draws.links) if split_link(label)[0] == source], dtype=np.int64)


def position(draws: Draws, source: str, target: str) -> int:
    """Return the position of a link; KeyError when there is none."""
    label = link_id(source, target)
    if label not in draws.links:
        raise KeyError(label)
    return draws.links.index(label)


def has_link(journey: JourneyMap, source: str, target: str) -> bool:
    """Whether any row of a touchpoint states this link."""
    if source not in journey.touchpoint_names:
        return False
    point = journey.touchpoint(source)
    rows = [
        point.links,
        *(row.links or () for _, row in point.by_persona),
        *(p.row.links or () for p in point.by_tenure),
    ]
    return any(link.target == target for links in rows for link in links)


def check_shares(title: str, shares: Floats) -> None:
    """Raise BadInput when a share leaves [0, 1] in some draws, saying in how many and how far."""
    outside = (shares < 0.0) | (shares > 1.0)
    if not outside.any():
        return
    count = int(outside.reshape(len(shares), -1).any(axis=1).sum())
    worst = float(shares.max() if shares.max() > 1.0 else shares.min())
    cure = 'write the effect on the odds scale ("odds x: …"), or make it smaller'
    raise BadInput(
        [
            Problem(
                "J060",
                f'"{title}" takes a share out of 0-100 % in {count:,} of {len(shares):,} draws (to {worst:.1%}); {cure}',
            )
        ]
    )


@final
@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be added to draws: copied from `like` (a link's label) where given, then overwritten by `values`.

    `values` maps link fields to arrays that broadcast to (draw, persona, period).
    """

    source: str
    target: str
    slot: str
    like: str | None = None
    family: int = 0
    table: Floats | None = None
    values: dict[str, Floats] = field(default_factory=dict)


def relabel(
    draws: Draws, *, places: Sequence[str], drop_links: Sequence[str] = (), add: Sequence[NewLink] = ()
) -> Draws:
    """Return draws over other places and links: what both have is copied, what is new is zero or as `add` says."""
    old = draws.data
    kept = [k for k, label in enumerate(draws.links) if label not in set(drop_links)]
    data = new_data(
        personas=draws.personas,
        places=tuple(places),
        links=tuple(draws.links[k] for k in kept) + tuple(link_id(item.source, item.target) for item in add),
        slots=_with_free_slots(draws, kept, add),
        period_ends=tuple(float(end) for end in old["period_end"].values),
        draws=draws.count,
    )
    like = [draws.links.index(item.like) if item.like is not None else -1 for item in add]
    for name in LINK_FIELDS:
        new, source = data[name].values, old[name].values
        new[..., : len(kept)] = source[..., kept]
        for k, (item, template) in enumerate(zip(add, like, strict=True), start=len(kept)):
            if template >= 0:
                new[..., k] = source[..., template]
            if name in item.values:
                new[..., k] = item.values[name]
    data = _with_families(data, old, kept, add, like)
    _copy_places(data, old)
    return draws.with_data(_with_layers(data, old, [*kept, *like]))


def _with_layers(data: xr.Dataset, old: xr.Dataset, sources: Sequence[int]) -> xr.Dataset:
    """Return the data with the variables that layers of a calibration added; no such layer at what is new.

    That is NaN, or -1 for a whole number. A new place has none; a new link has those of the link it was copied from,
    `sources` (-1: none).
    """
    import xarray as xr

    links = xr.DataArray(np.asarray(sources, dtype=np.int64), dims="link")
    for name in (str(name) for name in old.data_vars if name not in data):
        values = old[name]
        if "place" in values.dims:
            values = values.reindex(place=list(names_on(data, "place")), fill_value=_none(values))
        if "link" in values.dims:
            values = values.isel(link=links).where(links >= 0, _none(values))
        if "order2" in values.dims:
            values = values.sel(order2=_still_possible(data, old))
        own = {dim: values[dim] for dim in values.dims if dim in old.coords and dim not in data.coords}
        data = data.assign_coords(own).assign({name: (values.dims, values.values)})
    return data


def _none(values: xr.DataArray) -> float:
    return -1 if values.dtype.kind == "i" else np.nan


def _still_possible(data: xr.Dataset, old: xr.Dataset) -> list[str]:
    """Return which labels "previous | source -> target" name a place and a link that there still are."""
    dropped = tuple(f" | {link}" for link in names_on(old, "link") if link not in names_on(data, "link"))
    places = names_on(data, "place")
    left = tuple(f"{place} | " for place in names_on(old, "place") if place not in places)
    return [label for label in names_on(old, "order2") if not (label.endswith(dropped) or label.startswith(left))]


def _with_free_slots(draws: Draws, kept: Sequence[int], add: Sequence[NewLink]) -> tuple[str, ...]:
    """Return the slots of kept, then added links; an added link whose slot is taken in its row gets one of its own."""
    slots = [str(draws.data["slot"].values[k]) for k in kept]
    taken = {(split_link(draws.links[k])[0], slot) for k, slot in zip(kept, slots, strict=True)}
    for item in add:
        slot = item.slot
        while (item.source, slot) in taken:
            slot += "'"
        taken.add((item.source, slot))
        slots.append(slot)
    return tuple(slots)


def _with_families(
    data: xr.Dataset, old: xr.Dataset, kept: Sequence[int], add: Sequence[NewLink], like: Sequence[int]
) -> xr.Dataset:
    """Return the data with the families of links, and the tables of what was there and of what is added."""
    family, tables = data["family"].values, list[Floats]()
    family[:, : len(kept)] = old["family"].values[:, kept]
    for k, (item, template) in enumerate(zip(add, like, strict=True), start=len(kept)):
        family[:, k] = old["family"].values[:, template] if template >= 0 else item.family
        if template < 0 and item.table is not None:
            data["dwell_b"].values[..., k] = len(tables_of(old)) + len(tables)
            tables.append(item.table)
    return with_more_tables(data, np.concatenate([tables_of(old), np.reshape(tables, (-1, TABLE_SIZE))]))


def _copy_places(data: xr.Dataset, old: xr.Dataset) -> None:
    new_places, old_places = names_on(data, "place"), names_on(old, "place")
    shared = [name for name in new_places if name in old_places]
    to = [new_places.index(name) for name in shared]
    of = [old_places.index(name) for name in shared]
    for name in (*PLACE_FIELDS, "entry"):
        data[name].values[..., to] = old[name].values[..., of]
    data["persona_share"].values[:] = old["persona_share"].values
    data["arrivals"].values[:] = old["arrivals"].values


def with_values(draws: Draws, **arrays: Floats) -> Draws:
    """Return draws with whole variables replaced; shapes must stay."""
    data = draws.data.copy()
    for name, values in arrays.items():
        data[name] = (data[name].dims, values)
    return draws.with_data(data)
