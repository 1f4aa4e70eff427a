"""Room for what moves try, made once for all sweeps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeysim.calibrate.silence.moves.division import Division, Odds, room_to_divide
from journeysim.calibrate.silence.moves.state import Chain, Known, room_for_chain
from journeysim.model.quantity import Floats


class Room(NamedTuple):
    """Where a chain is and would be, how two links divide here and there, and what is written on the way.

    `seen` (persona, link) are the counts that the surrogate's theta and kappa were drawn with.
    """

    now: Chain
    to: Chain  # at the rows of now
    here: Division
    there: Division
    odds: Odds
    logs: Floats  # (spell,)
    counts: Floats  # (persona, link)
    seen: Floats  # (persona, link)
    normal: Floats  # (link,)
    step: Floats  # (link,)


def room_for(known: Known) -> Room:
    """Return room for chains of a touchpoint."""
    shape, links, spells = known.taken.shape, known.taken.shape[1], len(known.sizes)
    now = room_for_chain(known, np.empty(links, dtype=np.int64))
    to = room_for_chain(known, now.rows)
    seen = known.factor * (known.taken + known.spread)
    here, there, odds = room_to_divide(len(seen), spells)
    logs, counts, normal, step = np.empty(spells), np.empty(shape), np.empty(links), np.empty(links)
    return Room(now, to, here, there, odds, logs, counts, seen, normal, step)
