"""What the counting query found, as a transition table of the map and an account of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.files.counting.expression import ENDED, NOBODY, NOT_USED, STILL_THERE
from journeysim.model.event_log import Ints, SetAside
from journeysim.model.journey import JourneyMap, link_id
from journeysim.model.transitions import Transitions, known_moves, table_from_counts
from journeysim.model.visits import AFTER_CUT_OFF, AFTER_OUTCOME, NAMELESS, SAME_STAY

#: The columns of the counting query, in the order in which `counted` takes them.
COUNTED: Final = (
    "persona", "source", "target", "bin", "first", "moves", "same_stay", "after_outcome", "after_cut_off", "ties", "single",
    "most",
)  # fmt: skip
_PERSONA, _SOURCE, _TARGET, _BIN, _FIRST, _MOVES, _SAME_STAY, _AFTER_OUTCOME, _AFTER_CUT_OFF, _TIES, _SINGLE, _MOST = (
    range(12)
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A log, counted: its transition table, rows and moves set aside, and how many rows were used.

    `customers` have at least one event, `single` of them exactly one (with reactivation, both count journeys). `ties` are
    events at the very same time as the customer's event before, `most` the events of the customer with most.
    """

    transitions: Transitions
    set_aside: tuple[SetAside, ...]
    used: int
    customers: int
    single: int
    ties: int
    most: int


def names_unknown(rows: Sequence[Sequence[int]]) -> bool:
    """Whether the query met a touchpoint that the map does not have."""
    return any(row[_SOURCE] < 0 for row in rows)


def counted(rows: Sequence[Sequence[int]], journey: JourneyMap) -> Counted:
    """Return the rows of the counting query as a transition table, entry by entry and move by move as in memory."""
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(COUNTED))
    somebody, used = table[:, _PERSONA] != NOBODY, table[:, _TARGET] != NOT_USED
    known = known_moves(journey)
    moving = table[somebody & used & (table[:, _TARGET] >= STILL_THERE)]
    on_map = known[moving[:, _SOURCE], moving[:, _TARGET]]
    keys, counts = _summed(moving[on_map][:, [_PERSONA, _SOURCE, _TARGET, _BIN]], moving[on_map][:, _MOVES])
    first = table[somebody & used & (table[:, _FIRST] == 1)]
    at_outcome = first[:, _TARGET] == ENDED
    entries, entered = _summed(first[~at_outcome][:, [_PERSONA, _SOURCE]], first[~at_outcome][:, _MOVES])
    nameless = table[~somebody]
    staying = table[somebody]
    aside = (
        SetAside(AFTER_OUTCOME, int(table[:, _AFTER_OUTCOME].sum())),
        SetAside(NAMELESS, int(nameless[used[~somebody]][:, _MOVES].sum() + nameless[:, [_SAME_STAY, _AFTER_CUT_OFF]].sum())),
        SetAside(AFTER_CUT_OFF, int(staying[:, _AFTER_CUT_OFF].sum())),
        SetAside(SAME_STAY, int(staying[:, _SAME_STAY].sum())),
        *_off_map(moving[~on_map], journey),
        SetAside("journey starts with its outcome", int(first[at_outcome][:, _MOVES].sum()), what="move"),
    )  # fmt: skip
    return Counted(
        table_from_counts(keys, counts, entries, entered, journey),
        tuple(item for item in aside if item.rows),
        int(table[somebody & used][:, _MOVES].sum()),
        int(table[table[:, _FIRST] == 1][:, _MOVES].sum()),
        int(table[:, _SINGLE].sum()),
        int(table[:, _TIES].sum()),
        int(table[:, _MOST].max(initial=0)),
    )


def _summed(keys: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Return the distinct rows in lexicographic order, and the sum of the counts of each."""
    distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
    return distinct, np.bincount(inverse.ravel(), weights=counts, minlength=len(distinct)).astype(np.int64)


def _off_map(moves: Ints, journey: JourneyMap) -> list[SetAside]:
    pairs, counts = _summed(moves[:, [_SOURCE, _TARGET]], moves[:, _MOVES])
    labels = [link_id(journey.place_names[i], journey.place_names[j]) for i, j in pairs]
    return [
        SetAside(f'the map has no link "{label}"', int(rows), what="move")
        for label, rows in zip(labels, counts, strict=True)
    ]
