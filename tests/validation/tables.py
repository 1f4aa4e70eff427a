"""A world's data as a transition table, and many touchpoints in one map: each of them is a world of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from journeysim.model.event_log import Names
from journeysim.model.quantity import Floats
from journeysim.model.transitions import ENTER, OPEN, Transitions, dwell_edges

#: (persona, source, target, dwell from, dwell to, customers)
Row = tuple[str, str, str, float, float, float]


def table(rows: Iterable[Row]) -> Transitions:
    """Return rows as a transition table."""
    persona, source, target, low, high, count = zip(*rows, strict=True)
    names = (Names.of(column) for column in (persona, source, target))
    return Transitions(*names, np.array(low), np.array(high), np.array(count))


def entered(persona: str, touchpoint: str, customers: float) -> Row:
    """Return the row of those who entered at a touchpoint."""
    return persona, ENTER, touchpoint, np.nan, np.nan, float(customers)


def moved(persona: str, source: str, target: str, days: Floats) -> list[Row]:
    """Return the rows of customers who moved after these many days, binned as a log is."""
    edges = dwell_edges(float(np.max(days, initial=0.0)))
    counts = np.bincount(np.searchsorted(edges, days, side="right") - 1)
    return [(persona, source, target, edges[k], edges[k + 1], float(counts[k])) for k in np.flatnonzero(counts)]


def still_there(persona: str, source: str, days: Floats) -> list[Row]:
    """Return the rows of customers who have been silent for these many days."""
    return moved(persona, source, OPEN, days)
