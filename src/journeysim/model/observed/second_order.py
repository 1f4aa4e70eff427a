"""Where customers go next by where they came from: the trigrams of all paths, the leading "(enter)" among them."""

from __future__ import annotations

import numpy as np

from journeysim.model.event_log import EventLog
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.moves_after import MovesAfter, moves_after, previous_labels
from journeysim.model.transitions import moves_of
from journeysim.model.visits import Visits


def second_order_of(visits: Visits, log: EventLog, journey: JourneyMap) -> MovesAfter:
    """Return moves and open spells by the touchpoint visited before, "(enter)" at the first.

    The touchpoint before is the one that was observed, also where the map has no link from it.
    """
    moves = moves_of(visits, journey)
    came_from = np.where(visits.first, len(journey.touchpoints), np.roll(visits.place, 1))
    return moves_after(moves, came_from[moves.arrival], previous_labels(journey), visits, log, journey)
