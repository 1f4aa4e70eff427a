"""Seasons as the map states them, in numbers. They are stated, not estimated: a log gives a link's middle alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from journeysim.model.journey import JourneyMap, Link, Touchpoint, link_id, links_of
from journeysim.model.quantity import Floats, Quantity
from journeysim.model.seasons import Cycle, Parts, cycle_of, names_in

#: Variable of the draws -> the setting it is stated by.
SETTINGS: Mapping[str, str] = {"season_odds": "odds", "season_dwell": "dwell"}


class Number(Protocol):
    """Reads a stated number: its values, shape (draws,)."""

    def __call__(self, quantity: Quantity, *address: str) -> Floats: ...


def cycle_of_links(links: Sequence[Link]) -> Cycle | None:
    """Return the calendar that a map's seasons go by; None where it has none."""
    return cycle_of(name for link in links for name in names_in(link.season))


def season_factors(
    labels: Sequence[tuple[Touchpoint, Link]], cycle: Cycle, number: Number, draws: int
) -> dict[str, Floats]:
    """Return odds ratios and factors on dwells by link and season, (draws, links, seasons): NaN where a link has none."""
    found = {}
    for variable, setting in SETTINGS.items():
        values = np.full((draws, len(labels), len(cycle.names)), np.nan)
        for k, (touchpoint, link) in enumerate(labels):
            parts: Parts = getattr(link.season, setting)
            if parts:
                values[:, k] = 1.0
            for name, factor in parts:
                address = ("season", setting, touchpoint.name, link.target, name)
                values[:, k, cycle.names.index(name)] = number(factor, *address)
        found[variable] = values
    return found


def notes_on_seasons(journey: JourneyMap) -> tuple[str, ...]:
    """Return one sentence about what a calibration makes of the map's seasons; none where it has none."""
    names = [link_id(point.name, link.target) for point, link in links_of(journey) if names_in(link.season)]
    if not names:
        return ()
    links = " and ".join(f'"{name}"' for name in names)
    return (f"the seasons of {links} are as the map states them: the log tells the middle of the year or week alone",)
