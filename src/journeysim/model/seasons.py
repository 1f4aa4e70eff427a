"""Seasons: how the links of a map are taken more or less readily, and faster or slower, over the year or over the week.

A season is a repeating table: by month of the year or by day of the week, never both on one map. A month is a twelfth
of a year (30.44 days), as everywhere. What the map states, or a log shows, of a link is the middle of its seasons: the
odds of a table are divided by their geometric mean over the cycle and its times by their arithmetic mean, so that the
average log-odds and the average dwell over a year (or week) stay.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, final

import numpy as np

from journeysim.model.quantity import Floats, Quantity
from journeysim.model.units import DAYS_PER_MONTH, DAYS_PER_YEAR

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: One quantity for each named month or weekday; 1 for all others.
Parts = tuple[tuple[str, Quantity], ...]


@final
@dataclass(frozen=True, slots=True)
class Season:
    """How a link differs over a cycle: odds ratios of its share, and factors on its dwell; 1 where nothing is said."""

    odds: Parts = ()
    dwell: Parts = ()


EVEN: Final = Season()


@final
@dataclass(frozen=True, slots=True)
class Cycle:
    """What repeats: the names of its seasons, all equally long, and their length in days."""

    names: tuple[str, ...]
    season_days: float

    @property
    def days(self) -> float:
        """Length of the whole cycle in days."""
        return self.season_days * len(self.names)

    def day_of(self, first_day: str | None) -> float:
        """Return how far into the cycle calendar day 0 lies, given its date; the beginning without one."""
        if first_day is None:
            return 0.0
        day = date.fromisoformat(first_day)
        if self is WEEK:
            return float(day.weekday())
        return (day.month - 1 + (day.day - 1) / monthrange(day.year, day.month)[1]) * DAYS_PER_MONTH


YEAR: Final = Cycle(MONTHS, DAYS_PER_YEAR / len(MONTHS))
WEEK: Final = Cycle(WEEKDAYS, 1.0)


def cycle_of(names: Iterable[str]) -> Cycle | None:
    """Return the cycle that some season's names belong to; None without any name."""
    known = set(names)
    if not known:
        return None
    return WEEK if known <= set(WEEKDAYS) else YEAR


def names_in(season: Season) -> tuple[str, ...]:
    """Return the months or weekdays a season says something about."""
    return tuple(dict.fromkeys(name for name, _ in (*season.odds, *season.dwell)))


def around_one(values: Floats, *, geometric: bool) -> Floats:
    """Return factors (..., season) divided by their mean over the cycle, the geometric or the arithmetic one.

    Factors that are all 1 come back as they are, to the bit.
    """
    mean = np.exp(np.log(values).mean(axis=-1, keepdims=True)) if geometric else values.mean(axis=-1, keepdims=True)
    return np.asarray(values / mean)
