"""What happened on each day of a log's whole weeks, and who could have moved: for asking whether weeks, or days, differ.

Weeks are seven days long and counted back from the cut-off, so the last one is whole; days are as long as days are,
counted from the same moment. A customer at a touchpoint from age a to age b within a day was exposed to the hazard
between these ages, so what a fit expects of the day is L(b) - L(a), summed over customers, with L the cumulative hazard
of a link (Aalen, Borgan and Gjessing 2008, section 3.1). Ages are binned as dwells are and counted with their sign, + at
the end of an exposure, - at its beginning: a table by touchpoint, persona, tenure period, day and bin, however many
customers there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.event_log import EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.by_tenure import periods_at
from journeysim.model.quantity import Floats
from journeysim.model.transitions import Moves, coarse_edges, moves_of
from journeysim.model.visits import Visits

#: Half a year: how weeks differ shows in these, and how the next will be in the latest.
MOST_WEEKS: Final = 26
DAYS: Final = 7
#: Arrivals of stays longer than a week are rounded to the hour where ages at the turn of a day are counted.
_SLOTS: Final = 24.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Exposed:
    """Ages at which customers' exposure on a day ends (positive counts) or begins (negative), one row per combination."""

    touchpoint: Ints
    persona: Ints
    period: Ints
    day: Ints
    age: Ints
    count: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class ByWeek:
    """Whole weeks of a log, oldest first; touchpoints, personas and places as positions in the map.

    `entered` (week,): customers entering, weighted; all else counts the customers of the log, copies among them. `moved`
    (touchpoint, place, day): moves of the map by the day on which they ended, seven to a week. `exposed` holds positions of
    `ages` (bin,), the days that a bin stands for.
    """

    entered: Floats
    moved: Floats
    exposed: Exposed
    ages: Floats

    @property
    def weeks(self) -> int:
        """How many weeks there are."""
        return len(self.entered)


def by_week_of(visits: Visits, _log: EventLog, journey: JourneyMap) -> ByWeek | None:
    """Return the latest whole weeks of a log, at most MOST_WEEKS; None for a log of less than a week."""
    weeks = min(int(-visits.day.min(initial=0.0) / DAYS), MOST_WEEKS)
    if not weeks:
        return None
    moves = moves_of(visits, journey)
    period = periods_at(visits, journey.tenure_ends)[moves.arrival]
    stays = _Stays(moves, period, visits.day[moves.arrival], DAYS * weeks)
    edges = coarse_edges(float(-visits.day.min(initial=0.0)))
    entering = visits.first & (visits.place < len(journey.touchpoints))
    ages = np.concatenate([[edges[1] / 2], np.sqrt(edges[1:-1] * edges[2:])])
    entered = _entered(visits.day[entering], visits.weight[entering], weeks)
    return ByWeek(entered, _moved(stays, journey), _exposed(stays, edges, journey), ages)


def _entered(day: Floats, weight: Floats, weeks: int) -> Floats:
    week = _day_of(day / DAYS, weeks)
    return np.bincount(week[week >= 0], weights=weight[week >= 0], minlength=weeks).astype(np.float64)


def _day_of(time: Floats, days: int) -> Ints:
    """Return the day of times before the cut-off, -1 before the first day; the cut-off itself is in the last one."""
    return np.asarray(np.clip(np.floor(time).astype(np.int64), -days - 1, -1) + days, dtype=np.int64)


@final
class _Stays:
    """Stays at touchpoints: when they began and ended, and on which days; lives inside one count."""

    def __init__(self, moves: Moves, period: Ints, arrived: Floats, days: int) -> None:
        self.days, self.moves = days, moves
        self.cell = np.stack([moves.source, moves.persona, period])
        self.own = moves.weight**2 / moves.square
        self.arrived, self.left = arrived, np.minimum(arrived + moves.dwell, 0.0)
        self.first, self.last = _day_of(arrived, days), _day_of(self.left, days)


def _moved(stays: _Stays, journey: JourneyMap) -> Floats:
    moves = stays.moves
    used = (moves.target >= 0) & (stays.last >= 0)
    found = np.zeros((len(journey.touchpoints), len(journey.place_names), stays.days))
    np.add.at(found, (moves.source[used], moves.target[used], stays.last[used]), stays.own[used])
    return found


def _exposed(stays: _Stays, edges: Floats, journey: JourneyMap) -> Exposed:
    """Count where exposures end and begin: at moves or the cut-off, and on both sides of every midnight.

    An exposure that begins with the stay begins at age 0, where nothing has been expected yet.
    """
    ended = stays.last >= 0
    age = _bin((stays.left - stays.arrived)[ended], edges)
    cell, turn, at, count = _turns(stays, edges)
    before = turn > 0
    keys = np.concatenate(
        [
            np.stack([*stays.cell[:, ended], stays.last[ended], age]),
            np.stack([*cell, turn, at]),
            np.stack([*cell[:, before], turn[before] - 1, at[before]]),
        ],
        axis=1,
    )
    signed = np.concatenate([stays.own[ended], -count, count[before]])
    sizes = (len(journey.touchpoints), len(journey.personas), len(journey.tenure_ends), stays.days, len(edges))
    packed, where = np.unique(np.ravel_multi_index(tuple(keys), sizes), return_inverse=True)
    sums = np.bincount(where.reshape(-1), weights=signed, minlength=len(packed))
    place, persona, period, day, bins = (np.asarray(each, dtype=np.int64) for each in np.unravel_index(packed, sizes))
    return Exposed(place, persona, period, day, bins, np.asarray(sums, dtype=np.float64))


def _turns(stays: _Stays, edges: Floats) -> tuple[Ints, Ints, Ints, Floats]:
    """Return the turns of days that stays last over: cell, the day that begins, bin of the age then, and how many stays.

    Long stays that agree in cell, hour of arrival and days are taken together before turns are counted, so that a customer
    silent for years costs no more than one. Of others the moment of arrival counts, as they may end within the hour.
    """
    turns = stays.last - stays.first
    near, far = np.flatnonzero((turns > 0) & (turns <= DAYS)), np.flatnonzero(turns > DAYS)
    slot = np.floor(stays.arrived[far] * _SLOTS).astype(np.int64)
    rows = np.stack([*stays.cell[:, far], stays.first[far], stays.last[far], slot])
    unique, at = np.unique(rows, axis=1, return_inverse=True)
    alike = np.bincount(at.reshape(-1), weights=stays.own[far], minlength=unique.shape[1])
    cell = np.concatenate([stays.cell[:, near], unique[:3]], axis=1)
    first, last = (np.concatenate([one[near], unique[k]]) for one, k in ((stays.first, 3), (stays.last, 4)))
    arrived = np.concatenate([stays.arrived[near], (unique[5] + 0.5) / _SLOTS])
    number = np.concatenate([stays.own[near], alike])
    turns = last - first
    which = np.repeat(np.arange(len(turns)), turns)
    turn = first[which] + 1 + np.arange(len(which)) - (np.cumsum(turns) - turns)[which]
    age = (turn - stays.days) - arrived[which]
    return cell[:, which], turn, _bin(age, edges), number[which].astype(np.float64)


def _bin(age: Floats, edges: Floats) -> Ints:
    return np.clip(np.searchsorted(edges, age, side="right") - 1, 0, len(edges) - 2)
