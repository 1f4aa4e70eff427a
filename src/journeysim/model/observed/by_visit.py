"""Where customers go next by how often they had been at the touchpoint already."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.model.event_log import EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.moves_after import MovesAfter, moves_after
from journeysim.model.transitions import moves_of
from journeysim.model.visits import Visits

#: Earlier visits are told apart up to this many.
MOST_EARLIER: Final = 3
EARLIER: Final = (*(str(visits) for visits in range(MOST_EARLIER)), f"{MOST_EARLIER}+")


def by_visit_of(visits: Visits, log: EventLog, journey: JourneyMap) -> MovesAfter:
    """Return moves and open spells by the number of earlier visits to the touchpoint: "0", "1", "2", "3+"."""
    moves = moves_of(visits, journey)
    before = np.minimum(earlier_visits(visits), MOST_EARLIER)
    return moves_after(moves, before[moves.arrival], EARLIER, visits, log, journey)


def earlier_visits(visits: Visits) -> Ints:
    """Return how often each arrival's customer had arrived at the same place before."""
    order = np.lexsort((np.arange(len(visits.place)), visits.place, visits.customer))
    customer, place = visits.customer[order], visits.place[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (customer[1:] != customer[:-1]) | (place[1:] != place[:-1])
    starts = np.flatnonzero(first)
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(len(order)) - starts[np.cumsum(first) - 1]
    return found
