"""Ratings, reduced: which answers were given, by touchpoint, persona, wait and lateness.

A rating belongs to the touchpoint of its own row. The wait it is about is the customer's last move before it whose
lateness is known, else the next one after it, else the move into the rated touchpoint: a review that is answered days
later is about the late delivery, and so is one written while still waiting for it. Waits and lateness are in bins, so
the table does not grow with the customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.event_log import EventLog, Ints, SetAside
from journeysim.model.journey import JourneyMap, link_id, links_of
from journeysim.model.observed.rows import visit_of_rows
from journeysim.model.quantity import Floats
from journeysim.model.visits import Visits

#: More different answers than this are not a scale of answers.
MOST_LEVELS: Final = 21
#: Shortest wait that is told apart, in days.
SHORTEST: Final = 1e-3
_WAIT_STEP: Final = float(np.log(1.5))
_LATE_STEP: Final = 0.15
_NO_BIN: Final = -(10**6)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Answers by cell; a cell is a (persona, place, link, bin of the wait, bin of the lateness).

    `link` is the position of the awaited move among the map's links, -1 where the map has none or nothing was awaited.
    `wait` (days, geometric mean) and `late` (days, mean; negative: early) are NaN where there is none or it is not
    known. `count` is weighted, shape (cell, level), and `squares` the sum of squared weights, shape (cell,).
    """

    levels: Floats
    persona: Ints
    place: Ints
    link: Ints
    wait: Floats
    late: Floats
    count: Floats
    squares: Floats
    set_aside: tuple[SetAside, ...] = ()


def ratings_of(visits: Visits, log: EventLog, journey: JourneyMap) -> Ratings | None:
    """Return the ratings of a log, reduced; None when it has none that can be used."""
    if log.rating is None:
        return None
    at = visit_of_rows(visits, log, journey)
    given = np.isfinite(log.rating)
    rows = np.flatnonzero(given & (at >= 0))
    levels = np.unique(log.rating[rows])
    lost = int(given.sum()) - len(rows)
    aside = (SetAside("rating on a row that was set aside", lost),) if lost else ()
    if len(levels) > MOST_LEVELS:
        reason = f"ratings take {len(levels)} different values, which is not a scale of answers"
        return _nothing((*aside, SetAside(reason, len(rows))))
    if not len(rows):
        return _nothing(aside) if aside else None
    rated = at[rows]
    about, late = _awaited(visits, log, at, rated)
    wait = np.where(visits.first[about], np.nan, visits.day[about] - visits.day[about - 1])
    weight = visits.weight[rated]
    level = np.searchsorted(levels, log.rating[rows])
    keys = np.stack([
        visits.persona[rated], visits.place[rated], _link_into(visits, journey, about),
        _bin(np.log(np.maximum(wait, SHORTEST)), _WAIT_STEP), _bin(np.sign(late) * np.log1p(np.abs(late)), _LATE_STEP),
    ], axis=1)  # fmt: skip
    cells, cell = np.unique(keys, axis=0, return_inverse=True)
    count = np.zeros((len(cells), len(levels)))
    np.add.at(count, (cell.ravel(), level), weight)

    def average(values: Floats) -> Floats:
        return np.asarray(np.bincount(cell.ravel(), weights=values * weight, minlength=len(cells)) / count.sum(axis=1))

    squares = np.bincount(cell.ravel(), weights=visits.square[rated], minlength=len(cells)).astype(np.float64)
    waits = np.exp(average(np.log(np.maximum(wait, SHORTEST))))
    return Ratings(levels, cells[:, 0], cells[:, 1], cells[:, 2], waits, average(late), count, squares, aside)


def _nothing(aside: tuple[SetAside, ...]) -> Ratings:
    no, none = np.empty(0, dtype=np.int64), np.empty(0)
    return Ratings(none, no, no, no, none, none, np.empty((0, 0)), none, aside)


def _awaited(visits: Visits, log: EventLog, at: Ints, rated: Ints) -> tuple[Ints, Floats]:
    """Return the visit each rating is about, and how late it was (NaN where not known)."""
    known = np.full(len(visits.row), np.nan)
    if log.late is not None:
        rows = np.flatnonzero(np.isfinite(log.late) & (at >= 0))
        rows = rows[np.lexsort((rows, log.time[rows]))]
        known[at[rows]] = log.late[rows]
    position, size = np.arange(len(known)), len(known)
    before = np.maximum.accumulate(np.where(np.isfinite(known), position, -1))[rated]
    after = np.minimum.accumulate(np.where(np.isfinite(known), position, size)[::-1])[::-1][rated]
    about = rated
    for promised, exists in ((after, after < size), (before, before >= 0)):
        same = exists & (visits.customer[np.clip(promised, 0, size - 1)] == visits.customer[rated])
        about = np.where(same, promised, about)
    return about, known[about]


def _link_into(visits: Visits, journey: JourneyMap, about: Ints) -> Ints:
    """Return the position among the map's links of the move into a visit, -1 where there is none."""
    names, index = (
        journey.place_names,
        {link_id(tp.name, link.target): i for i, (tp, link) in enumerate(links_of(journey))},
    )
    table = np.array([[index.get(link_id(a, b), -1) for b in names] for a in names], dtype=np.int64)
    return np.where(visits.first[about], -1, table[visits.place[about - 1], visits.place[about]])


def _bin(values: Floats, step: float) -> NDArray[np.int64]:
    """Return bins of (k step, (k + 1) step]; 0 is the end of a bin, so that on time and late are told apart."""
    return np.where(np.isnan(values), _NO_BIN, np.ceil(np.nan_to_num(values) / step) - 1).astype(np.int64)
