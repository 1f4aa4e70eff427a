"""Rules about seasons: one calendar for a map, one statement for a link, factors above 0."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from journeysim.errors import Problem
from journeysim.model.checks.rows import rows_of, span
from journeysim.model.journey import JourneyMap, links_of
from journeysim.model.quantity import Quantity
from journeysim.model.seasons import EVEN, WEEK, Cycle, Season, cycle_of, names_in


def check_seasons(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return seasons of two calendars, stated twice, or with factors not above 0 (J070, J077)."""
    return (*_calendars(journey), *_stated_twice(journey), *_factors(journey))


def _calendars(journey: JourneyMap) -> Iterator[Problem]:
    """Yield each season that does not go by the calendar of the first one."""
    first: Cycle | None = None
    for point, link in links_of(journey):
        cycle = cycle_of(names_in(link.season))
        first = first or cycle
        unknown = cycle is not None and not set(names_in(link.season)) <= set(cycle.names)
        if cycle is not None and (unknown or cycle is not first):
            own, other = ("days of the week", "months") if cycle is WEEK else ("months", "days of the week")
            message = (
                f'the season of "{point.name} -> {link.target}" goes by {own}, while others of this map go by {other}; '
                "one calendar holds for a map: keep one of them"
            )
            yield Problem("J077", message, path=("touchpoints", point.name, "next", link.target, "season"))


def _stated_twice(journey: JourneyMap) -> Iterator[Problem]:
    first: dict[tuple[str, str], Season] = {}
    for row in rows_of(journey):
        for link in row.links:
            stated = first.setdefault((row.touchpoint.name, link.target), link.season)
            if link.season not in {stated, EVEN}:
                message = (
                    f'the season of "{row.touchpoint.name} -> {link.target}" is stated again{row.whose}: a season holds '
                    "for everybody; state it once, at the touchpoint's own link"
                )
                yield Problem("J077", message, path=(*row.path, link.target, "season"))


def _factors(journey: JourneyMap) -> Iterator[Problem]:
    for point, link in links_of(journey):
        for setting, parts in (("odds x", link.season.odds), ("dwell x", link.season.dwell)):
            wrong = [name for name, factor in parts if not _above_zero(factor)]
            if wrong:
                message = f'"{setting}" of a season is above 0 and finite, for {", ".join(wrong)} as well'
                path = ("touchpoints", point.name, "next", link.target, "season", setting)
                yield Problem("J070", message, path=path)


def _above_zero(factor: Quantity) -> bool:
    values = span(factor)
    return bool(np.isfinite(values).all() and values.min() > 0)
