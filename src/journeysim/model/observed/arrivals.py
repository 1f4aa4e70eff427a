"""Customers entering by day: how many, and which part of the day the log covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.model.event_log import EventLog
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.model.visits import Visits


@final
@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Customers entering on each day (UTC) from the log's first event to its cut-off.

    `count` is weighted, `covered` is the part of the day that the log covers; both have shape (days,). The first day
    is covered from the log's first event on, which is not counted itself: it is there by choice of the window. `worth`
    is how many customers an unweighted one stands for (sum of squared weights over sum of weights, 1 where weights are
    copies); `quiet` is the days from the last entry to the cut-off.
    """

    first_day: np.datetime64
    count: Floats
    covered: Floats
    worth: float
    quiet: float

    @property
    def weekday(self) -> Floats:
        """The day of the week of each day, Monday 0."""
        start = int((self.first_day - np.datetime64("1970-01-05", "D")).astype(np.int64))
        return np.asarray((start + np.arange(len(self.count))) % 7)


def arrivals_of(visits: Visits, log: EventLog, journey: JourneyMap) -> Arrivals | None:
    """Return the entries of a log by day; None when nobody enters."""
    entering = visits.first & (visits.place < len(journey.touchpoints))
    if not entering.any():
        return None
    times, weight = log.time[visits.row[entering]], visits.weight[entering]
    start, end = log.time[visits.row].min(), log.cut_off
    first, last = start.astype("datetime64[D]"), end.astype("datetime64[D]")
    days = int((last - first).astype(np.int64)) + 1
    later = times > start
    day = (times.astype("datetime64[D]") - first).astype(np.int64)[later]
    covered = np.ones(days)
    covered[0] -= (start - first) / np.timedelta64(1, "D")
    covered[-1] -= 1.0 - (end - last) / np.timedelta64(1, "D")
    return Arrivals(
        first, np.bincount(day, weights=weight[later], minlength=days).astype(np.float64), covered,
        float(visits.square[entering].sum() / weight.sum()), float((end - times.max()) / np.timedelta64(1, "D")),
    )  # fmt: skip
