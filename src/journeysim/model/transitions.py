"""The transition table that an event log reduces to: a sufficient statistic for shares and dwell.

It says how many customers of a persona moved from a touchpoint to a place after a dwell within a bin, how many are
still there (open spells, by how long they have been silent), and where they entered. Its size does not grow with the
number of customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from journeysim.errors import Problem
from journeysim.model.event_log import Bools, EventLog, Ints, Names, SetAside
from journeysim.model.journey import JourneyMap, all_links, link_id
from journeysim.model.quantity import Floats
from journeysim.model.visits import MICROSECONDS_PER_DAY, Visits, visits_of
from journeysim.model.weights import distinct, summed

OPEN: Final = "(open)"
ENTER: Final = "(enter)"
_SECOND: Final = 1 / 86_400
#: Bins up to 200 days. As long as a fit merges them where they cost nothing (`calibrate.binning`), they may be narrow: with
#: a quarter as many, a posterior of 10,000 customers lay up to 0.13 of its sd beside that of the exact times, and that of
#: dwells which vary by a tenth was a sixth too wide (docs/validation.md, "Bins").
_STEPS: Final = 464
_CELL_BITS: Final = 47
_BIN_RATIO: Final = (200 * 86_400) ** (1 / _STEPS)
#: As many of them make one bin of the tables about paths, whose size matters more.
_COARSER: Final = 4


@final
@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """A transition table; all columns have one row per (persona, from, to, dwell bin).

    `source` is a touchpoint or "(enter)"; `target` a touchpoint, an outcome or "(open)". The dwell (for open spells:
    the silent time) lies in [dwell_from, dwell_to) days; both are NaN for entries. `count` is weighted; of a weighted
    sample `squares` holds the sums of squared weights, and is None where every customer counts whole (`model.weights`).
    """

    persona: Names
    source: Names
    target: Names
    dwell_from: Floats
    dwell_to: Floats
    count: Floats
    squares: Floats | None = None
    warnings: tuple[Problem, ...] = field(default=())

    @property
    def customers(self) -> float:
        """How many customers entered."""
        entering = self.source.recoded((ENTER,)) == 0
        return float(self.count[entering].sum())


def dwell_edges(longest: float) -> Floats:
    """Return edges of dwell bins in days: 0, one second, then equal steps of the logarithm (464 of them to 200 days).

    Continues with the same ratio until the last edge lies above `longest`.
    """
    steps = max(_STEPS, int(np.ceil(np.log(max(longest, _SECOND) / _SECOND) / np.log(_BIN_RATIO))) + 1)
    steps += -steps % _COARSER
    return np.concatenate([[0.0], _SECOND * _BIN_RATIO ** np.arange(steps + 1)])


def coarse_edges(longest: float) -> Floats:
    """Return every fourth of the edges of dwell bins: bins 15 % wide."""
    edges = dwell_edges(longest)
    return np.concatenate([edges[:1], edges[1::_COARSER]])


def dwell_edges_in_microseconds(edges: Floats) -> Ints:
    """Return edges of dwell bins as the whole microseconds at which they begin.

    Whole numbers, so that every way of counting puts a dwell that lies on an edge (one second exactly) in the same bin.
    """
    return np.ceil(np.round(edges * MICROSECONDS_PER_DAY, 3)).astype(np.int64)


def dwell_bins(micro: Ints) -> tuple[Ints, Floats]:
    """Return the bin of each time, given in whole microseconds, and the edges of the bins in days."""
    return _placed(micro, dwell_edges(float(micro.max(initial=0)) / MICROSECONDS_PER_DAY))


def coarse_bins(micro: Ints) -> tuple[Ints, Floats]:
    """Return what `dwell_bins` returns, in bins four times as wide (15 %), which begin and end where others do."""
    return _placed(micro, coarse_edges(float(micro.max(initial=0)) / MICROSECONDS_PER_DAY))


def _placed(micro: Ints, edges: Floats) -> tuple[Ints, Floats]:
    begins = dwell_edges_in_microseconds(edges)
    if micro.min(initial=0) < 0:
        return np.searchsorted(begins, micro, side="right") - 1, edges
    # The leading bits of a float cut times into cells at most 3.2 % wide, in which no two bins begin: to look a cell up and
    # compare with the one beginning within it costs a fifth of a search.
    cells = _cell(begins)
    lowest, size = int(cells[1]) - 1, int(cells[-1] - cells[1]) + 2
    begun, within = np.zeros(size, dtype=np.int64), np.full(size, np.iinfo(np.int64).max)
    at = cells[1:] - lowest
    within[at] = begins[1:]
    np.add.at(begun, at[:-1] + 1, 1)
    begun = begun.cumsum()
    cell = np.maximum(_cell(micro) - lowest, 0)
    found: Ints = begun.take(cell) + (micro >= within.take(cell))
    return found, edges


def _cell(micro: Ints) -> Ints:
    return micro.astype(np.float64).view(np.int64) >> _CELL_BITS


def to_transitions(log: EventLog, journey: JourneyMap) -> tuple[Transitions, tuple[SetAside, ...]]:
    """Reduce an event log to a transition table of the map; say which rows were set aside and why.

    Reads the log as `visits_of` does, and raises what it raises.
    """
    return transitions_of(visits_of(log, journey), journey)


def transitions_of(visits: Visits, journey: JourneyMap) -> tuple[Transitions, tuple[SetAside, ...]]:
    """Reduce visits to a transition table; say which rows and moves were set aside and why.

    A customer with no outcome at the cut-off is an open spell at the last touchpoint. Moves the map has no link for
    are set aside, one by one; the customer's other moves stay.
    """
    moves = moves_of(visits, journey)
    return table_of(moves, journey), (*visits.set_aside, *moves.set_aside)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Persona, source, target (-1 open) and dwell of each move, and persona and place of each entry.

    `micro` is the dwell in whole microseconds; `arrival` is the position of the arrival at the source among the visits;
    `weight` and `square` are those of the customer who moves, and `entry_weight` and `entry_square` those of who enters.
    """

    persona: Ints
    source: Ints
    target: Ints
    micro: Ints
    arrival: Ints
    weight: Floats
    square: Floats
    entry_persona: Ints
    entry_place: Ints
    entry_weight: Floats
    entry_square: Floats
    set_aside: tuple[SetAside, ...]

    @property
    def dwell(self) -> Floats:
        """The dwell in days."""
        return self.micro / MICROSECONDS_PER_DAY

    def take(self, rows: Bools | Ints) -> Moves:
        """Return the chosen moves, without entries."""
        none, no = np.empty(0, dtype=np.int64), np.empty(0)
        return Moves(
            self.persona[rows], self.source[rows], self.target[rows], self.micro[rows], self.arrival[rows],
            self.weight[rows], self.square[rows], none, none, no, no, (),
        )  # fmt: skip


def moves_of(visits: Visits, journey: JourneyMap) -> Moves:
    """Return the moves of the map that the visits make, open spells among them; say which moves were set aside."""
    n, entering = len(journey.touchpoints), visits.first
    leaving = np.flatnonzero(visits.place < n)
    source, followed = visits.place.take(leaving), visits.followed.take(leaving)
    following = np.minimum(leaving + 1, len(visits.place) - 1)
    target = np.where(followed, visits.place.take(following), -1)
    until = np.where(followed, visits.micro.take(following), 0)
    moves = known_moves(journey)
    known = moves.ravel().take(source * moves.shape[1] + np.where(followed, target, moves.shape[1] - 1))
    entry_place = visits.place[entering]
    at_touchpoint = entry_place < n
    aside = [*_off_map(source[~known], target[~known], journey)]
    if not np.all(at_touchpoint):
        aside.append(SetAside("journey starts with its outcome", int(np.sum(~at_touchpoint)), what="move"))
    chosen, begun = np.flatnonzero(known), np.flatnonzero(entering)[at_touchpoint]
    kept = leaving.take(chosen)
    return Moves(
        visits.persona.take(kept), source.take(chosen), target.take(chosen),
        until.take(chosen) - visits.micro.take(kept), kept, visits.weight.take(kept), visits.square.take(kept),
        visits.persona[begun], visits.place[begun], visits.weight[begun], visits.square[begun], tuple(aside),
    )  # fmt: skip


def known_moves(journey: JourneyMap) -> Bools:
    """Return which moves the map has, shape (touchpoint, place + 1); the last column is staying (open)."""
    index = {name: i for i, name in enumerate(journey.place_names)}
    known = np.zeros((len(journey.touchpoints), len(index) + 1), dtype=bool)
    known[:, -1] = True
    for i, touchpoint in enumerate(journey.touchpoints):
        known[i, [index[link.target] for link in all_links(touchpoint)]] = True
    return known


def _off_map(source: Ints, target: Ints, journey: JourneyMap) -> Iterator[SetAside]:
    pairs, at = distinct(np.stack([source, target], axis=1))
    for (i, j), rows in zip(pairs, np.bincount(at, minlength=len(pairs)), strict=True):
        yield SetAside(no_link(journey, i, j), int(rows), what="move")


def no_link(journey: JourneyMap, source: int, target: int) -> str:
    """Return the reason why a move between two places is set aside."""
    return f'the map has no link "{link_id(journey.place_names[source], journey.place_names[target])}"'


def table_of(moves: Moves, journey: JourneyMap) -> Transitions:
    """Return moves and entries as a transition table."""
    bins, _ = dwell_bins(moves.micro)
    keys, at = distinct(np.stack([moves.persona, moves.source, moves.target, bins], axis=1))
    entries, place = distinct(np.stack([moves.entry_persona, moves.entry_place], axis=1))
    counts, entered = summed(at, moves.weight, len(keys)), summed(place, moves.entry_weight, len(entries))
    squares = summed(place, moves.entry_square, len(entries)), summed(at, moves.square, len(keys))
    return table_from_counts(keys, counts, entries, entered, journey, squares=np.concatenate(squares))


def table_from_counts(
    keys: Ints, counts: Ints | Floats, entries: Ints, entered: Ints | Floats, journey: JourneyMap, *,
    squares: Floats | None = None,
) -> Transitions:  # fmt: skip
    """Return counts as a transition table: first entries, then moves, in the order they are given.

    The columns of `keys` are persona, source, target (-1: still there) and dwell bin, those of `entries` persona and
    touchpoint, as positions in the map. `squares` are the sums of squared weights, of entries and then of moves.
    """
    edges = dwell_edges(0.0)
    if len(keys) and keys[:, 3].max() >= len(edges) - 1:
        edges = _SECOND * _BIN_RATIO ** np.arange(-1.0, keys[:, 3].max() + 1)
        edges[0] = 0.0
    places = (*journey.place_names, ENTER, OPEN)
    enter, is_open = len(places) - 2, len(places) - 1
    blank = np.full(len(entries), np.nan)
    count = np.concatenate([entered, counts]).astype(np.float64)
    return Transitions(
        persona=Names(np.concatenate([entries[:, 0], keys[:, 0]]), journey.persona_names),
        source=Names(np.concatenate([np.full(len(entries), enter), keys[:, 1]]), places),
        target=Names(np.concatenate([entries[:, 1], np.where(keys[:, 2] < 0, is_open, keys[:, 2])]), places),
        dwell_from=np.concatenate([blank, edges[keys[:, 3]]]),
        dwell_to=np.concatenate([blank, edges[keys[:, 3] + 1]]),
        count=count,
        squares=None if squares is None or np.array_equal(count, squares) else squares,
    )
