"""Which visit each row of a log belongs to."""

from __future__ import annotations

import numpy as np

from journeysim.model.event_log import EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.visits import Visits


def visit_of_rows(visits: Visits, log: EventLog, journey: JourneyMap) -> Ints:
    """Return the position in `visits` of the stay each row of the log belongs to, -1 for rows that were set aside.

    A row belongs to its customer's latest visit, if that is to the row's own touchpoint; where an outcome was reached
    on the same row, to the visit before the outcome.
    """
    rows = len(log.time)
    if not len(visits.row):
        return np.full(rows, -1, dtype=np.int64)
    rank = np.empty(rows, dtype=np.int64)
    rank[np.lexsort((np.arange(rows), log.time, log.customer.codes))] = np.arange(rows)
    place, began = log.touchpoint.recoded(journey.place_names), rank[visits.row]
    latest = np.searchsorted(began, rank, side="right") - 1
    ended_here = (latest > 0) & (began[latest] == rank) & (visits.place[latest] != place)
    at = latest - ended_here
    fits = (at >= 0) & (visits.customer[at] == log.customer.codes) & (visits.place[at] == place)
    return np.where(fits & (log.time <= log.cut_off), at, -1)
