"""Layers of spliced chains: each part's numbers put at the links and places of the whole, period by period.

What acts on a row goes with the world in force; what customers bring along (their mood at entry, their own rate, what
their values are like) is that of the world they enter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain
from journeysim.simulate.layers import NO_LAYERS, Bools, Frailty, Ints, Layers, Memory, Moods, Values


@final
@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """How the parts of a spliced chain fit into it.

    `links[p][l]` is where link l of the whole stands in part p, -1 if nowhere; `rows[p][i]` the part whose row touchpoint i
    has while part p is in force; `period_part` and `period_own` say of each tenure period which part is in force, and which
    of its own periods.
    """

    parts: Sequence[Chain]
    touchpoints: tuple[str, ...]
    outcomes: tuple[str, ...]
    source: Ints
    links: Sequence[Sequence[int]]
    rows: Sequence[Sequence[int]]
    period_part: Sequence[int]
    period_own: Sequence[int]


def spliced_layers(joint: Joint) -> Layers:
    """Return the layers of a spliced chain."""
    if all(part.layers is NO_LAYERS for part in joint.parts):
        return NO_LAYERS
    pairs = _pairs(joint)
    of_periods = any(part.layers.of_period for part in joint.parts)
    each = [(part, own if of_periods else 0) for part, own in zip(joint.period_part, joint.period_own, strict=True)]
    acting = {at: _acting(joint, *at, pairs) for at in dict.fromkeys(each)}
    return replace(acting[each[0]], values=_values(joint), of_period=tuple(acting[at] for at in each))


def _acting(joint: Joint, part: int, own: int, pairs: _Pairs) -> Layers:
    """Return the layers that act on rows while a part is in force, in one of its own periods."""
    then = replace(joint, parts=[replace(item, layers=item.layers.at(own)) for item in joint.parts])
    return Layers(_frailty(then, part), _memory(then, part, pairs), _moods(joint, part))


def _at_links(joint: Joint, part: int, arrays: Sequence[Floats | None], size: tuple[int, ...]) -> Floats:
    """Return a field of links (…, L) while a part is in force, given it in every part; 0 where a part has none."""
    found = np.zeros((*size, len(joint.source)))
    for link, source in enumerate(joint.source):
        row = joint.rows[part][source]
        values, at = arrays[row], joint.links[row][link]
        if values is not None and at >= 0:
            found[..., link] = values[..., at]
    return found


def _at_touchpoints(joint: Joint, part: int, arrays: Sequence[Floats | None], size: tuple[int, ...]) -> Floats:
    """Return a field of touchpoints (…, n) while a part is in force; NaN where a part has none."""
    found = np.full((*size, len(joint.touchpoints)), np.nan)
    for i, name in enumerate(joint.touchpoints):
        row = joint.rows[part][i]
        values = arrays[row]
        if values is not None:
            found[..., i] = values[..., joint.parts[row].touchpoints.index(name)]
    return found


def _frailty(joint: Joint, part: int) -> Frailty | None:
    layers = [item.layers.frailty for item in joint.parts]
    if all(item is None for item in layers):
        return None
    draws, links = (joint.parts[0].draws,), np.zeros(len(joint.source), dtype=np.uint32)
    silent = np.zeros(len(joint.source), dtype=np.bool_)
    for p, item in enumerate(layers):
        for link, at in enumerate(joint.links[p]):
            if item is not None and at >= 0:
                links[link], silent[link] = item.slot_key[at], item.silent[at]
    return Frailty(
        kappa=_at_touchpoints(joint, part, [item and item.kappa for item in layers], draws),
        today_kappa=_at_touchpoints(joint, part, [item and item.today_kappa for item in layers], draws),
        rate=_at_touchpoints(joint, 0, [item and item.rate for item in layers], draws),
        slot_key=links,
        silent=silent,
    )


_Pairs = Mapping[tuple[int, int], int]


def _pairs(joint: Joint) -> _Pairs:
    """Return the first entry of every pair (place before, place) that has a row of its own in some part."""
    found: dict[tuple[int, int], int] = {}
    size = 0
    for before, place in sorted({pair for p in range(len(joint.parts)) for pair in _pairs_of(joint, p)}):
        found[before, place] = size
        size += int((joint.source == place).sum())
    return found


def _pairs_of(joint: Joint, part: int) -> Iterator[tuple[int, int]]:
    own = joint.parts[part]
    if own.layers.memory is None:
        return
    index = {name: k for k, name in enumerate(joint.touchpoints)}
    names = (*own.touchpoints, None)
    for before, place in np.argwhere(own.layers.memory.first >= 0):
        came = names[before]
        yield (len(index) if came is None else index[came]), index[own.touchpoints[place]]


def _memory(joint: Joint, part: int, pairs: _Pairs) -> Memory | None:
    layers = [item.layers.memory for item in joint.parts]
    if all(item is None for item in layers):
        return None
    draws, personas = joint.parts[0].share.shape[:2]
    n = len(joint.touchpoints)
    first = np.full((n + 1, n), -1, dtype=np.int64)
    for (before, place), at in pairs.items():
        first[before, place] = at
    by_persona, by_draw = (draws, personas), (draws,)
    return Memory(
        start=_at_links(joint, part, [item and item.start for item in layers], by_persona),
        today_start=_at_links(joint, part, [item and item.today_start for item in layers], by_persona),
        effect=_at_links(joint, part, [item and item.effect for item in layers], by_draw),
        today_effect=_at_links(joint, part, [item and item.today_effect for item in layers], by_draw),
        first=first,
        order2=_rows_after(joint, part, pairs, today=False),
        today_order2=_rows_after(joint, part, pairs, today=True),
        passed=_passed(joint),
    )


def _passed(joint: Joint) -> Bools:
    found = np.zeros(len(joint.touchpoints), dtype=np.bool_)
    for part in joint.parts:
        if part.layers.memory is not None:
            found |= np.isin(joint.touchpoints, np.array(part.touchpoints)[part.layers.memory.passed])
    return found


def _rows_after(joint: Joint, part: int, pairs: _Pairs, *, today: bool) -> Floats:
    """Return the rows by the place before (D, G, O); where a part has none for a pair, its row for everybody."""
    sizes = {pair: int((joint.source == pair[1]).sum()) for pair in pairs}
    found = np.zeros((*joint.parts[0].share.shape[:2], sum(sizes.values())))
    for (before, place), start in pairs.items():
        row = joint.rows[part][place]
        own, memory = joint.parts[row], joint.parts[row].layers.memory
        i = own.touchpoints.index(joint.touchpoints[place])
        came = _number_of(own, joint, before)
        at = -1 if memory is None or came is None else int(memory.first[came, i])
        for entry, link in enumerate(np.flatnonzero(joint.source == place)):
            own_link = joint.links[row][int(link)]
            if own_link >= 0 and at >= 0 and memory is not None:
                rows = memory.today_order2 if today else memory.order2
                found[..., start + entry] = rows[..., at + own_link - own.row_start[i]]
            elif own_link >= 0:
                found[..., start + entry] = (own.today_share if today else own.share)[:, :, -1, own_link]
    return found


def _number_of(own: Chain, joint: Joint, before: int) -> int | None:
    """Return a place before's number in one part; None where the part does not have it."""
    if before == len(joint.touchpoints):
        return len(own.touchpoints)
    name = joint.touchpoints[before]
    return own.touchpoints.index(name) if name in own.touchpoints else None


#: Fields of `Moods` that say where something is felt, and how much.
_FELT: Final = ("at", "today_at", "spread", "weight")


def _moods(joint: Joint, part: int) -> Moods | None:
    layers = [item.layers.moods for item in joint.parts]
    known = next((item for item in layers if item is not None), None)
    if known is None:
        return None
    entered = layers[0] or replace(known, mood=0 * known.mood, today_mood=0 * known.today_mood)
    draws = (joint.parts[0].draws,)
    places = {name: np.stack([_felt(joint, name, p) for p in range(len(layers))]) for name in _FELT}
    return Moods(
        feeling=_feelings(joint, "feeling"),
        today_feeling=_feelings(joint, "today_feeling"),
        at=np.asarray(places["at"].any(axis=0)),
        today_at=np.asarray(places["today_at"].any(axis=0)),
        spread=places["spread"].max(axis=0),
        weight=places["weight"].max(axis=0),
        mood=entered.mood,
        today_mood=entered.today_mood,
        sensitivity=_at_links(joint, part, [item and item.sensitivity for item in layers], draws),
        today_sensitivity=_at_links(joint, part, [item and item.today_sensitivity for item in layers], draws),
        csat=known.csat,
        nps=known.nps,
    )


def _felt(joint: Joint, name: str, part: int) -> Floats:
    """Return a field of places (s,) of one part's moods, 0 where it has none."""
    own = joint.parts[part]
    places = own.touchpoints + own.outcomes
    found = np.zeros(len(joint.touchpoints) + len(joint.outcomes), dtype=np.bool_ if name.endswith("at") else None)
    if own.layers.moods is not None:
        for k, place in enumerate(joint.touchpoints + joint.outcomes):
            if place in places:
                found[k] = getattr(own.layers.moods, name)[places.index(place)]
    return found


def _feelings(joint: Joint, name: str) -> Floats:
    """Return mean feelings (D, G, P, s), each period's those of the part in force."""
    head, names = joint.parts[0].share.shape[:2], joint.touchpoints + joint.outcomes
    found = np.zeros((*head, len(joint.period_part), len(names)))
    for period, (part, own) in enumerate(zip(joint.period_part, joint.period_own, strict=True)):
        for k in range(len(joint.touchpoints)):
            holder = joint.parts[joint.rows[part][k]]
            if holder.layers.moods is not None:
                at = holder.touchpoints.index(names[k])
                found[:, :, period, k] = getattr(holder.layers.moods, name)[:, :, own, at]
    return found


def _values(joint: Joint) -> Values | None:
    """Return how values are distributed: by place, as in the first part that has it."""
    known = [(part, part.layers.values) for part in joint.parts if part.layers.values is not None]
    if not known:
        return None
    names = joint.touchpoints + joint.outcomes
    head = joint.parts[0].share.shape[:2]
    zero, shape, family, spend = (
        np.full(size, np.nan) for size in ((*head, len(names)), (*head, len(names)), len(names), (*head, len(names), 3))
    )
    for k, name in enumerate(names):
        for part, values in known[::-1]:
            if name in part.touchpoints + part.outcomes:
                at = (part.touchpoints + part.outcomes).index(name)
                zero[..., k], shape[..., k] = values.zero[..., at], values.shape[..., at]
                family[k], spend[:, :, k] = values.family[at], values.spend[:, :, at]
    return Values(zero, shape, family, spend)
