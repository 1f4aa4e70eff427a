"""Transition tables by time since entry, of the touchpoints whose links differ by tenure on the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.event_log import Bools, EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.transitions import Transitions, moves_of, table_of
from journeysim.model.visits import Visits

#: Of a day: far below a microsecond, far above what is lost in subtracting two times.
_DIGITS: Final = 10


@final
@dataclass(frozen=True, slots=True, eq=False)
class ByTenure:
    """One transition table (without entries) for every tenure period of the map, in order."""

    ends: tuple[float, ...]
    tables: tuple[Transitions, ...]


def by_tenure_of(visits: Visits, _log: EventLog, journey: JourneyMap) -> ByTenure | None:
    """Return moves, dwells and open spells by the time since entry at arrival; None where no links differ by tenure.

    The period that holds is the first whose end lies above the time since the customer's first arrival.
    """
    differing = tenure_touchpoints(journey)
    if not np.any(differing):
        return None
    moves = moves_of(visits, journey)
    period = periods_at(visits, journey.tenure_ends)[moves.arrival]
    here = differing[moves.source]
    tables = (table_of(moves.take(here & (period == p)), journey) for p in range(len(journey.tenure_ends)))
    return ByTenure(journey.tenure_ends, tuple(tables))


def tenure_touchpoints(journey: JourneyMap) -> Bools:
    """Return which touchpoints have links that differ by tenure."""
    return np.array([any(period.row.links is not None for period in tp.by_tenure) for tp in journey.touchpoints])


def periods_at(visits: Visits, ends: tuple[float, ...]) -> Ints:
    """Return the tenure period of every arrival; days are rounded, so that a full year is not a hair short of one."""
    starts = np.flatnonzero(visits.first)
    since = np.round(visits.day - visits.day[starts][np.cumsum(visits.first) - 1], _DIGITS)
    return np.asarray(np.searchsorted(np.array(ends), since, side="right"), dtype=np.int64)
