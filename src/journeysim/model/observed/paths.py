"""How customers' paths look as a whole: when they entered, how many visits they made, how far they got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.event_log import Bools, EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.by_visit import earlier_visits
from journeysim.model.quantity import Floats
from journeysim.model.transitions import coarse_bins
from journeysim.model.visits import Visits
from journeysim.model.weights import distinct, summed, worth

#: Paths of this many visits or more are counted together.
LONGEST_PATH: Final = 200


@final
@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Customers who entered at a touchpoint, until the cut-off.

    `entered` has one row per (persona, place, age bin): `entry` holds (persona, place), the days between entry and
    cut-off lie in [age_from, age_to), `customers` says how many. `lengths` (persona, visits) counts customers by the
    number of places they arrived at, outcomes included, up to LONGEST_PATH. `reached` (persona, place) counts those who
    were ever there; `converted` (persona, touchpoint) those of them who arrived at a conversion at that visit or later.
    A persona's customers count as many as their weights are worth (`model.weights`).
    """

    entry: Ints
    age_from: Floats
    age_to: Floats
    customers: Floats
    lengths: Floats
    reached: Floats
    converted: Floats


def conversions(journey: JourneyMap) -> Bools:
    """Return which places mark a conversion."""
    marks = [touchpoint.conversion for touchpoint in journey.touchpoints]
    return np.array([*marks, *(outcome.conversion for outcome in journey.outcomes)], dtype=np.bool_)


def paths_of(visits: Visits, _log: EventLog, journey: JourneyMap) -> Paths:
    """Return the paths of all customers whose first arrival is at a touchpoint."""
    n, size = len(journey.touchpoints), (len(journey.personas), len(journey.place_names))
    whose = np.cumsum(visits.first) - 1
    starts = np.flatnonzero(visits.first)
    used = visits.place[starts] < n
    own = np.zeros(len(starts))
    own[used] = worth(visits.persona[starts[used]], visits.weight[starts[used]], visits.square[starts[used]])
    first_time = used[whose] & (earlier_visits(visits) == 0)
    reached = _counts(visits.persona[first_time], visits.place[first_time], own[whose[first_time]], size)
    later = first_time & (_last_conversion(visits, whose, journey)[whose] >= np.arange(len(whose)))
    converted = _counts(visits.persona[later], visits.place[later], own[whose[later]], size)[:, :n]
    length = np.minimum(np.bincount(whose, minlength=len(starts)), LONGEST_PATH)
    lengths = _counts(visits.persona[starts][used], length[used], own[used], (size[0], LONGEST_PATH + 1))
    entry, low, high, customers = _entered(visits, starts[used], own[used])
    return Paths(entry, low, high, customers, lengths, reached, converted)


def _last_conversion(visits: Visits, whose: Ints, journey: JourneyMap) -> Ints:
    """Return the row of every customer's last arrival at a conversion, -1 where there is none."""
    found = np.full(int(whose.max(initial=-1)) + 1, -1, dtype=np.int64)
    rows = np.flatnonzero(conversions(journey)[visits.place])
    found[whose[rows]] = rows
    return found


def _counts(row: Ints, column: Ints, customers: Floats, size: tuple[int, int]) -> Floats:
    return summed(row * size[1] + column, customers, size[0] * size[1]).reshape(size)


def _entered(visits: Visits, starts: Ints, own: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    bins, edges = coarse_bins(-visits.micro[starts])
    keys, at = distinct(np.stack([visits.persona[starts], visits.place[starts], bins], axis=1))
    return keys[:, :2], edges[keys[:, 2]], edges[keys[:, 2] + 1], summed(at, own, len(keys))
