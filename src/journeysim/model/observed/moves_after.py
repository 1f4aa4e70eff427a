"""Moves by what went before them, customers dealt to folds: the shape of the tables about memory.

What went before is the place a customer came from (`second_order`), or how often the customer had been there already
(`by_visit`). A fold is one part in FOLDS of the customers, by a checksum of the customer's name: whole customers can be
left out of a fit without knowing who did what. Neither the number of customers nor the order of the log's rows changes
what a table can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final
from zlib import crc32

import numpy as np

from journeysim.model.event_log import EventLog, Ints, Names
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.model.transitions import ENTER, OPEN, Moves, coarse_bins
from journeysim.model.visits import Visits
from journeysim.model.weights import summed

#: Customers are dealt to this many folds.
FOLDS: Final = 20
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Knuth, The Art of Computer Programming 3, 6.4


@final
@dataclass(frozen=True, slots=True, eq=False)
class MovesAfter:
    """Customers by what went before, move and fold; all columns have one row per combination that occurs.

    `target` is a place, or "(open)": still there at the cut-off, silent for a time in [still_from, still_to) days,
    which are NaN for completed moves. `count` is weighted; `squares` are the sums of squared weights, of customers who count
    whole the same as `count` (`model.weights`).
    """

    persona: Names
    before: Names
    source: Names
    target: Names
    fold: Ints
    still_from: Floats
    still_to: Floats
    count: Floats
    squares: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Grams:
    """Completed moves by what went before, folds joined: (persona, before, source, target) and how many customers."""

    persona: tuple[str, ...]
    before: tuple[str, ...]
    source: tuple[str, ...]
    target: tuple[str, ...]
    count: Floats


def grams(table: MovesAfter) -> Grams:
    """Return the completed moves without folds: of `second_order`, the trigrams of all paths, "(enter)" among them."""
    done = table.target.recoded((OPEN,)) < 0
    columns = (table.persona, table.before, table.source, table.target)
    keys, at = np.unique(np.stack([column.codes[done] for column in columns]), axis=1, return_inverse=True)
    named = [tuple(column.labels[code] for code in codes) for column, codes in zip(columns, keys, strict=True)]
    count = np.bincount(at.reshape(-1), weights=table.count[done], minlength=keys.shape[1])
    return Grams(named[0], named[1], named[2], named[3], np.asarray(count, dtype=np.float64))


def moves_after(
    moves: Moves, before: Ints, labels: Sequence[str], visits: Visits, log: EventLog, journey: JourneyMap
) -> MovesAfter:
    """Count moves by what went before; `before` holds, for every move, a position among `labels`."""
    still = moves.target < 0
    bins, edges = coarse_bins(np.where(still, moves.micro, 0))
    bins = np.where(still, bins, -1)
    fold = folds_of(visits, log)[moves.arrival]
    places = (*journey.place_names, OPEN)
    sizes = (len(journey.personas), len(labels), len(places), len(places), FOLDS, len(edges) + 1)
    target = np.where(still, len(places) - 1, moves.target)
    packed = np.ravel_multi_index((moves.persona, before, moves.source, target, fold, bins + 1), sizes)
    unique, at = np.unique(packed, return_inverse=True)
    count, squares = (summed(at.reshape(-1), column, len(unique)) for column in (moves.weight, moves.square))
    keys = [np.asarray(column, dtype=np.int64) for column in np.unravel_index(unique, sizes)]
    low, high = (np.where(keys[5] > 0, edges[keys[5] - 1 + step], np.nan) for step in (0, 1))
    return MovesAfter(
        Names(keys[0], journey.persona_names), Names(keys[1], tuple(labels)), Names(keys[2], places),
        Names(keys[3], places), keys[4], low, high, count, squares,
    )  # fmt: skip


def folds_of(visits: Visits, log: EventLog) -> Ints:
    """Return the fold of every arrival's customer."""
    used, at = np.unique(visits.customer, return_inverse=True)
    sums = np.array([crc32(log.customer.labels[code].encode()) for code in used], dtype=np.uint64)
    mixed = (sums * _MIX) >> np.uint64(32)
    return np.asarray((mixed % np.uint64(FOLDS)).astype(np.int64)[at.reshape(-1)])


def previous_labels(journey: JourneyMap) -> tuple[str, ...]:
    """Return where a customer may have come from: the touchpoints, or "(enter)"."""
    return (*journey.touchpoint_names, ENTER)
