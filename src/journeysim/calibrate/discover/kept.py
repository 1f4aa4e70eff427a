"""Which links are proposed: those with support, and the few without that every place needs to be reached and left.

A map of all moves ever seen is unreadable, and the rare ones are mostly accidents of recording. But a link may be rare
and yet the only way to a touchpoint; folding it would cut the map in two. So the most travelled link out of what is
reached so far is put back until everything is reached, and the same backwards from the outcomes (the "all connected"
rule of Weijters and Ribeiro 2011, Flexible heuristics miner).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.calibrate.discover.passages import Passages
from journeysim.calibrate.discover.settings import Support
from journeysim.model.event_log import Bools
from journeysim.model.quantity import Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Moves between places and entries, and which of them are proposed.

    `moves` (weighted) and `kept` have shape (touchpoint, place); `entries` (weighted) and `entered` shape (touchpoint,).
    `without_support` counts the links that are there only because a place could not be reached or left without them.
    """

    moves: Floats
    kept: Bools
    entries: Floats
    entered: Bools
    without_support: int

    @property
    def departures(self) -> Floats:
        """How many moves over proposed links left each touchpoint, shape (touchpoint,)."""
        return np.asarray((self.moves * self.kept).sum(axis=1))


def returning(passages: Passages, support: Support) -> tuple[str, ...]:
    """Return the touchpoints that customers often come back to directly; `passages` must tell repeats apart."""
    moves, customers = _counted(passages)
    well = _supported(moves, customers, support)
    return tuple(name for at, name in enumerate(passages.touchpoints) if well[at, at])


def links_of(passages: Passages, support: Support, exits: Bools) -> Links:
    """Return the moves of a log and which are proposed; `exits` are the touchpoints with a silent exit."""
    n = len(passages.touchpoints)
    moves, customers = _counted(passages)
    at_touchpoint = passages.first < n
    first, weight = passages.first[at_touchpoint], passages.first_weight[at_touchpoint]
    entries = np.bincount(first, weights=weight, minlength=n).astype(np.float64)
    who = np.bincount(first, weights=passages.first_own[at_touchpoint], minlength=n).astype(np.float64)
    kept = _supported(moves, customers, support)
    entered = np.asarray(_supported(entries[None], who[None], support)[0], dtype=bool)
    if not np.any(entered) and np.any(entries):
        entered[int(entries.argmax())] = True
    before = int(kept.sum() + entered.sum())
    _connect_forwards(moves, kept, entries, entered)
    _connect_backwards(moves, kept, exits)
    return Links(moves, kept, entries, entered, int(kept.sum() + entered.sum()) - before)


def _counted(passages: Passages) -> tuple[Floats, Floats]:
    """Return moves, weighted, and the log's customers who made them, both of shape (touchpoint, place)."""
    n, places = len(passages.touchpoints), len(passages.places)
    went = passages.target >= 0
    pair = passages.source[went] * places + passages.target[went]
    moves = np.bincount(pair, weights=passages.weight[went], minlength=n * places)
    each, at = np.unique(np.stack([passages.customer[went], pair]), axis=1, return_index=True)
    customers = np.bincount(each[1], weights=passages.own[went][at], minlength=n * places)
    return moves.reshape(n, places).astype(np.float64), customers.reshape(n, places).astype(np.float64)


def _supported(moves: Floats, customers: Floats, support: Support) -> Bools:
    enough = moves >= support.share * moves.sum(axis=1, keepdims=True)
    return np.asarray((moves > 0) & enough & (customers >= support.customers))


def _connect_forwards(moves: Floats, kept: Bools, entries: Floats, entered: Bools) -> None:
    """Put back the most travelled entry or link until every touchpoint and outcome with arrivals is reached."""
    n, places = moves.shape
    wanted = moves.sum(axis=0) > 0
    wanted[:n] |= entries > 0
    while not np.all((reached := _reached(kept, entered, places)) | ~wanted):
        out = np.where(reached[:n, None] & ~reached & wanted, moves, 0.0)
        door = np.where(~reached[:n], entries, 0.0)
        if door.max(initial=0.0) >= out.max(initial=0.0):
            entered[int(door.argmax())] = True
        else:
            source, target = divmod(int(out.argmax()), places)
            kept[source, target] = True


def _reached(kept: Bools, entered: Bools, places: int) -> Bools:
    reached = np.zeros(places, dtype=bool)
    reached[: len(entered)] = entered
    while np.any(fresh := kept[reached[: len(entered)]].any(axis=0) & ~reached):
        reached |= fresh
    return reached


def _connect_backwards(moves: Floats, kept: Bools, exits: Bools) -> None:
    """Put back the most travelled link out of touchpoints that lead to no outcome, as long as there is one."""
    n = len(moves)
    while not np.all(way_out := leads_out(kept, exits)):
        out = np.where(~way_out[:n, None] & way_out, moves, 0.0)
        if not out.any():
            return
        source, target = divmod(int(out.argmax()), kept.shape[1])
        kept[source, target] = True


def leads_out(kept: Bools, exits: Bools) -> Bools:
    """Return from which places an outcome or a silent exit can be reached, outcomes included, shape (place,)."""
    n, places = kept.shape
    out = np.arange(places) >= n
    out[:n] = exits
    while np.any(fresh := kept[:, out].any(axis=1) & ~out[:n]):
        out[:n] |= fresh
    return np.asarray(out)
