"""What the counting query found, as a transition table of the map and an account of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.files.counting import expression
from journeysim.files.counting.expression import ENDED, NOBODY, STILL_THERE
from journeysim.model.event_log import Ints, SetAside
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.model.transitions import OPEN, Transitions, known_moves, no_link, table_from_counts
from journeysim.model.visits import AFTER_CUT_OFF, AFTER_OUTCOME, NAMELESS, SAME_STAY
from journeysim.model.weights import distinct

#: The columns of the counting query, in the order in which `counted` takes them.
COUNTED: Final = ("persona", "source", "target", "bin", "first", "stays", "single")
_PERSONA, _SOURCE, _TARGET, _BIN, _FIRST, _STAYS, _SINGLE = range(7)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A log, counted: its transition table, rows and moves set aside, and how many rows were used.

    `customers` have at least one event, `single` of them exactly one (with reactivation, both count journeys).
    """

    transitions: Transitions
    set_aside: tuple[SetAside, ...]
    used: int
    customers: int
    single: int


def still_open(transitions: Transitions) -> int:
    """Return how many journeys had not reached an outcome at the cut-off."""
    return int(transitions.count[transitions.target.recoded((OPEN,)) == 0].sum())


def counted(rows: Sequence[Sequence[int]], events: int, journey: JourneyMap) -> Counted:
    """Return the rows of the counting query over so many events as a transition table, row by row as in memory."""
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(COUNTED))
    before = table[table[:, _TARGET] != expression.AFTER_OUTCOME]
    nameless, named = before[before[:, _PERSONA] == NOBODY], before[before[:, _PERSONA] != NOBODY]
    used = named[named[:, _TARGET] != expression.AFTER_CUT_OFF]
    moving = used[used[:, _TARGET] >= STILL_THERE]
    on_map = known_moves(journey)[moving[:, _SOURCE], moving[:, _TARGET]]
    keys, counts = _summed(moving[on_map], _PERSONA, _SOURCE, _TARGET, _BIN)
    first = used[used[:, _FIRST] == 1]
    at_outcome = first[:, _TARGET] == ENDED
    entries, entered = _summed(first[~at_outcome], _PERSONA, _SOURCE)
    aside = (
        SetAside(SAME_STAY, events - _stays(table)),
        SetAside(AFTER_OUTCOME, _stays(table) - _stays(before)),
        SetAside(NAMELESS, _stays(nameless)),
        SetAside(AFTER_CUT_OFF, _stays(named) - _stays(used)),
        *_off_map(moving[~on_map], journey),
        SetAside("journey starts with its outcome", _stays(first[at_outcome]), what="move"),
    )
    return Counted(
        table_from_counts(keys, counts, entries, entered, journey),
        tuple(item for item in aside if item.rows),
        _stays(used),
        _stays(table[table[:, _FIRST] == 1]),
        int(table[:, _SINGLE].sum()),
    )


def _stays(table: Ints) -> int:
    return int(table[:, _STAYS].sum())


def _summed(table: Ints, *columns: int) -> tuple[Ints, Floats]:
    """Return the distinct rows of some columns, and the stays of each."""
    keys, at = distinct(table[:, columns])
    return keys, np.bincount(at, weights=table[:, _STAYS], minlength=len(keys)).astype(np.float64)


def _off_map(moves: Ints, journey: JourneyMap) -> list[SetAside]:
    pairs, counts = _summed(moves, _SOURCE, _TARGET)
    return [
        SetAside(no_link(journey, i, j), int(rows), what="move") for (i, j), rows in zip(pairs, counts, strict=True)
    ]
