"""From draws to a chain's layers: what a calibration learned beyond shares and dwells, in slot order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Problem
from journeysim.model.addresses import name_key
from journeysim.model.draws import Draws, names_on
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.quantity import Floats
from journeysim.simulate.layers import Frailty, Ints, Layers, Memory, Moods, Values

_AFTER = " | "


@final
@dataclass(frozen=True, slots=True)
class Rows:
    """The compiled rows a layer has to fit.

    Per link: its touchpoint's number, slot, target, and which links of this world's and of today's draws stand there.
    """

    touchpoints: tuple[str, ...]
    source: tuple[int, ...]
    slots: tuple[str, ...]
    targets: tuple[str, ...]
    here: tuple[int | None, ...]
    today: tuple[int | None, ...]


def compile_layers(journey: JourneyMap, draws: Draws, today: Draws | None, rows: Rows) -> Layers:
    """Return the layers of a world that are on in its draws; `today` as in `compile_world`.

    Raises BadInput when two links' names fall on one random address.
    """
    base = draws if today is None else today
    return Layers(
        frailty=_frailty(journey, draws, base, rows),
        memory=_memory(draws, base, rows),
        moods=_moods(journey, draws, base, rows),
        values=_values(journey, draws),
    )


def _frailty(journey: JourneyMap, draws: Draws, today: Draws, rows: Rows) -> Frailty | None:
    kappa, rate = _at_places(draws, "frailty", rows), _at_places(draws, "rate_frailty", rows)
    if not (np.isfinite(kappa).any() or np.isfinite(rate).any()):
        return None
    silent = {end.name for end in journey.outcomes if end.silent}
    return Frailty(
        kappa=kappa,
        today_kappa=_at_places(today, "frailty", rows),
        rate=rate,
        slot_key=_addresses(rows),
        silent=np.array([target in silent for target in rows.targets]),
    )


def _at_places(draws: Draws, name: str, rows: Rows) -> Floats:
    """Return a variable (draw, place) at the touchpoints, NaN where it or the touchpoint is missing."""
    found = np.full((draws.count, len(rows.touchpoints)), np.nan)
    if name in draws.data:
        for i, touchpoint in enumerate(rows.touchpoints):
            if touchpoint in draws.places:
                found[:, i] = draws.values(name)[:, draws.places.index(touchpoint)]
    return found


def _addresses(rows: Rows) -> NDArray[np.uint32]:
    names = [(rows.touchpoints[i], slot) for i, slot in zip(rows.source, rows.slots, strict=True)]
    keys = np.array([name_key("own share", *name) & 0xFFFFFFFF for name in names], dtype=np.uint32)
    values, counts = np.unique(keys, return_counts=True)
    if (counts > 1).any():
        both = [name for name, key in zip(names, keys, strict=True) if key == values[counts > 1][0]]
        raise BadInput([Problem("J063", f"links {both} fall on one random address; rename one of their targets")])
    return keys


def _memory(draws: Draws, today: Draws, rows: Rows) -> Memory | None:
    if not {"visit_effect", "order2_share"} & {str(name) for name in draws.data.data_vars}:
        return None
    first, entries = _entries(draws, rows)
    return Memory(
        start=_on_links(draws, "visit_start", (draws.count, len(draws.personas)), rows.here),
        today_start=_on_links(today, "visit_start", (draws.count, len(draws.personas)), rows.today),
        effect=_on_links(draws, "visit_effect", (draws.count,), rows.here),
        today_effect=_on_links(today, "visit_effect", (draws.count,), rows.today),
        first=first,
        order2=_after(draws, rows.here, entries),
        today_order2=_after(today, rows.today, entries),
        passed=np.array([name not in today.places for name in rows.touchpoints]),
    )


def _moods(journey: JourneyMap, draws: Draws, today: Draws, rows: Rows) -> Moods | None:
    spread = np.array([point.feeling_spread for point in journey.touchpoints] + [0.0] * len(journey.outcomes))
    feeling, before = _feelings(draws, journey.place_names), _feelings(today, journey.place_names)
    at, today_at = (np.asarray((values != 0).any(axis=(0, 1, 2)) | (spread > 0)) for values in (feeling, before))
    own = np.array([name in today.places for name in journey.place_names])
    mood, today_mood = _mood(draws), _mood(today)
    if not (at.any() or mood.any() or today_mood.any()):
        return None
    rule = journey.satisfaction
    weight = [rule.weight_at_truth if point.moment_of_truth else rule.weight for point in journey.touchpoints]
    return Moods(
        feeling=feeling,
        today_feeling=before,
        at=at,
        today_at=today_at & own,
        spread=spread,
        weight=np.array(weight + [0.0] * len(journey.outcomes)),
        mood=mood,
        today_mood=today_mood,
        sensitivity=_on_links(draws, "sensitivity", (draws.count,), rows.here),
        today_sensitivity=_on_links(today, "sensitivity", (draws.count,), rows.today),
        csat=rule.csat,
        nps=rule.nps,
    )


def _values(journey: JourneyMap, draws: Draws) -> Values | None:
    if "value_b" not in draws.data:
        return None
    order = [draws.places.index(name) for name in journey.place_names]
    zero, shape = (draws.values(name)[..., order] for name in ("value_zero", "value_b"))
    spend = np.full((*zero.shape, 3), np.nan)
    if "spend" in draws.data:
        spend = draws.values("spend")[:, :, order]
    return Values(zero, shape, draws.values("value_family")[order], spend)


def _feelings(draws: Draws, places: tuple[str, ...]) -> Floats:
    """Return the mean feeling at the places, shape (draw, persona, period, place), 0 where the draws have no such place."""
    values = draws.values("feeling")
    found = np.zeros((*values.shape[:-1], len(places)))
    for k, name in enumerate(places):
        if name in draws.places:
            found[..., k] = values[..., draws.places.index(name)]
    return found


def _mood(draws: Draws) -> Floats:
    if "mood" in draws.data:
        return draws.values("mood")
    return np.zeros((draws.count, len(draws.personas)))


def _on_links(draws: Draws, name: str, shape: tuple[int, ...], positions: tuple[int | None, ...]) -> Floats:
    """Return a variable (…, link) at compiled positions, 0 where there is none."""
    found = np.zeros((*shape, len(positions)))
    if name in draws.data:
        values = np.nan_to_num(draws.values(name))
        at = [k for k, position in enumerate(positions) if position is not None]
        found[..., at] = values[..., [position for position in positions if position is not None]]
    return found


def _entries(draws: Draws, rows: Rows) -> tuple[Ints, list[tuple[str, int]]]:
    """Return where the row of each pair (place before, place) begins, and (place before, link) of every entry."""
    n = len(rows.touchpoints)
    first = np.full((n + 1, n), -1, dtype=np.int64)
    entries: list[tuple[str, int]] = []
    for before, place in _pairs(draws):
        if place in rows.touchpoints and (before in rows.touchpoints or before == ENTER):
            i = rows.touchpoints.index(place)
            row = n if before == ENTER else rows.touchpoints.index(before)
            first[row, i] = len(entries)
            entries += [(before, link) for link, source in enumerate(rows.source) if source == i]
    return first, entries


#: What stands for the place before in a label of `order2` where customers enter.
ENTER = "(enter)"


def _pairs(draws: Draws) -> Iterator[tuple[str, str]]:
    """Yield the pairs (place before, place) that have a row of their own, each once."""
    labels = names_on(draws.data, "order2") if "order2_share" in draws.data else ()
    parts = (label.partition(_AFTER) for label in labels)
    yield from dict.fromkeys((before, split_link(move)[0]) for before, _, move in parts)


def _after(draws: Draws, positions: tuple[int | None, ...], entries: list[tuple[str, int]]) -> Floats:
    """Return the shares of the entries, shape (draw, persona, entry); the order-1 share where the draws have no row."""
    found = np.zeros((draws.count, len(draws.personas), len(entries)))
    labels = (
        {label: k for k, label in enumerate(names_on(draws.data, "order2"))} if "order2_share" in draws.data else {}
    )
    known = set(_pairs(draws))
    for k, (before, link) in enumerate(entries):
        if positions[link] is not None:
            label = draws.links[positions[link]]  # type: ignore[index]
            if (before, split_link(label)[0]) not in known:
                found[..., k] = draws.values("share")[:, :, -1, positions[link]]
            elif f"{before}{_AFTER}{label}" in labels:
                found[..., k] = draws.values("order2_share")[..., labels[f"{before}{_AFTER}{label}"]]
    return found
