"""Counting a log where it lies: some customers at a time, by the very rules of a log in memory, and summed.

Nothing here knows how a log becomes visits and moves. What is added up is small, or bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.errors import BadInput, Problem
from journeysim.files.counting.counted import Counted
from journeysim.files.counting.parts import Keyed, Part, keyed, parts, tied_rows
from journeysim.files.events.oddities import Crowd, Ends
from journeysim.files.events.rejects import MOST_REJECTS
from journeysim.files.events.relation import Events, mark_copies
from journeysim.files.events.times import cut_off_of
from journeysim.model.event_log import Ints, SetAside
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.model.reactivation import reactivated
from journeysim.model.transitions import dwell_bins, moves_of, no_link, table_from_counts
from journeysim.model.visits import REASONS, personas_missing, unknown_names, visits_of
from journeysim.model.weights import distinct, summed, weights_of

#: So many parts' tallies are held before they are added up.
_HELD: Final = 16


@final
@dataclass(frozen=True, slots=True, eq=False)
class CountedLog:
    """A log of so many rows, counted up to its cut-off (microseconds since 1970), and who its customers are.

    `ended` holds the first rows after an outcome, as many as a file of rejects takes.
    """

    rows: int
    counted: Counted
    crowd: Crowd
    ended: Ints
    cut_off: int
    ends: Ends


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """How often each of several rows of numbers occurs, and the sum of squared weights: `keys` are distinct."""

    keys: Ints
    count: Floats
    squares: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Tally:
    """What a part adds: moves and entries, what was set aside, and numbers. `whole`: all its weights are whole numbers."""

    moves: _Sums
    entries: _Sums
    whole: bool
    set_aside: tuple[SetAside, ...]
    used: int
    customers: int
    single: int
    crowd: Crowd
    ended: Ints


def count_events(events: Events, journey: JourneyMap, *, cut_off: int | None = None) -> CountedLog:
    """Return an open log, counted as the map's transitions: the table, and the account, that it has in memory.

    Marks the log's exact copies, if they are not yet. `cut_off` is in microseconds since 1970, by default the last
    event. Raises BadInput for touchpoints, outcomes and personas that the map does not know.
    """
    found = keyed(events, journey)
    _require_known(events, found, journey)
    stated = cut_off_of(events.settings)
    last = max(found.latest, default=0) if stated is None else int(stated.astype(np.int64))
    until = last if cut_off is None else cut_off
    tally = _total(_tallies(events, parts(events, found, journey, until), journey))
    ends = Ends(found.events, found.earliest, found.latest)
    return CountedLog(found.rows, _counted(tally, journey), tally.crowd, tally.ended, until, ends)


def _require_known(events: Events, found: Keyed, journey: JourneyMap) -> None:
    problems: list[Problem] = []
    if not found.all_known:
        for role in ("touchpoint", "outcome", "persona"):
            if events.has(role):
                problems += unknown_names(role, _names(events, role), journey)
    if not events.has("persona"):
        problems += personas_missing(journey)
    if problems:
        raise BadInput(problems)


def _names(events: Events, role: str) -> list[tuple[str, int]]:
    text = f"SELECT {role}, count(*) FROM usable WHERE {role} <> '' GROUP BY {role} ORDER BY min(row)"  # noqa: S608 - a role
    return [(str(name), int(rows)) for name, rows in events.rows(text)]


def _tallies(events: Events, found: Iterable[Part], journey: JourneyMap) -> Iterator[_Tally]:
    for part in found:
        if len(part.copies):
            mark_copies(events, part.copies)
        yield _tally(part, journey, reactivation=events.settings.reactivation)


def _tally(part: Part, journey: JourneyMap, *, reactivation: bool) -> _Tally:
    log = reactivated(part.log, journey) if reactivation else part.log
    visits = visits_of(log, journey)
    moves = moves_of(visits, journey)
    keys = np.stack([moves.persona, moves.source, moves.target, dwell_bins(moves.micro)[0]]).T  # column by column
    sizes, weight = np.bincount(log.customer.codes), weights_of(log).weight
    entries = np.stack([moves.entry_persona, moves.entry_place]).T
    if log.weight is None:
        sums = _counts(keys), _counts(entries)
    else:
        sums = (
            _sums(keys, moves.weight, moves.weight**2),
            _sums(entries, moves.entry_weight, moves.entry_weight**2),
        )
    return _Tally(
        *sums,
        bool(np.all(weight == np.rint(weight))), (*visits.set_aside, *moves.set_aside),
        len(part.row) - sum(item.rows for item in visits.set_aside), len(sizes), int(np.sum(sizes == 1)),
        _crowd(part), _smallest([part.row[visits.ended]]),
    )  # fmt: skip


def _counts(keys: Ints) -> _Sums:
    found, at = distinct(keys)
    count = np.bincount(at, minlength=len(found)).astype(np.float64)
    return _Sums(found, count, count)


def _sums(keys: Ints, weight: Floats, square: Floats) -> _Sums:
    found, at = distinct(keys)
    return _Sums(found, summed(at, weight, len(found)), summed(at, square, len(found)))


def _crowd(part: Part) -> Crowd:
    customer = part.log.customer.codes
    sizes = np.bincount(customer)
    busiest = int(sizes.argmax())
    tied = customer[tied_rows(customer, part.log.time.astype(np.int64))]
    row = int(part.row[np.searchsorted(customer, busiest)])
    return Crowd(len(customer), len(sizes), len(np.unique(tied)), row, int(sizes[busiest]))


def _smallest(rows: Sequence[Ints]) -> Ints:
    """Return the first rows of several, in any order: as many as a file of rejects takes."""
    joined = np.concatenate(rows)
    return np.partition(joined, MOST_REJECTS)[:MOST_REJECTS] if len(joined) > MOST_REJECTS else joined


def _joint_crowd(found: Sequence[Crowd]) -> Crowd:
    events, customers, tied = (sum(getattr(part, name) for part in found) for name in ("events", "customers", "tied"))
    most = max(found, key=lambda part: (part.most_events, -part.busiest))
    return Crowd(events, customers, tied, most.busiest, most.most_events)


def _total(tallies: Iterable[_Tally]) -> _Tally:
    """Return what all parts add up to, holding few of them at a time."""
    held = [_NOTHING]
    for tally in tallies:
        held.append(tally)
        if len(held) > _HELD:
            held = [_joined(held)]
    return _joined(held)


def _joined(held: Sequence[_Tally]) -> _Tally:
    used, customers, single = (sum(getattr(one, name) for one in held) for name in ("used", "customers", "single"))
    return _Tally(
        _joint_sums([one.moves for one in held]), _joint_sums([one.entries for one in held]),
        all(one.whole for one in held), _joint_aside([item for one in held for item in one.set_aside]),
        used, customers, single, _joint_crowd([one.crowd for one in held]), _smallest([one.ended for one in held]),
    )  # fmt: skip


def _joint_sums(held: Sequence[_Sums]) -> _Sums:
    keys, count, squares = (
        np.concatenate([getattr(one, name) for one in held]) for name in ("keys", "count", "squares")
    )
    return _sums(keys, count, squares)


def _joint_aside(items: Sequence[SetAside]) -> tuple[SetAside, ...]:
    rows: dict[SetAside, int] = {}
    for item in items:
        kind = replace(item, rows=0)
        rows[kind] = rows.get(kind, 0) + item.rows
    return tuple(replace(kind, rows=count) for kind, count in rows.items())


def _empty(columns: int) -> _Sums:
    return _Sums(np.empty((0, columns), dtype=np.int64), np.empty(0), np.empty(0))


_NOTHING: Final = _Tally(
    _empty(4), _empty(2), True, (), 0, 0, 0, Crowd(0, 0, 0, 0, 0), np.empty(0, dtype=np.int64)  # noqa: FBT003
)  # fmt: skip


def _counted(tally: _Tally, journey: JourneyMap) -> Counted:
    moves, entries = tally.moves, tally.entries
    squares = None if tally.whole else np.concatenate([entries.squares, moves.squares])
    table = table_from_counts(moves.keys, moves.count, entries.keys, entries.count, journey, squares=squares)
    return Counted(table, _in_order(tally.set_aside, journey), tally.used, tally.customers, tally.single)


def _in_order(items: Sequence[SetAside], journey: JourneyMap) -> tuple[SetAside, ...]:
    """Return what was set aside in the order in which a log in memory tells it."""
    pairs = [no_link(journey, i, j) for i in range(len(journey.touchpoints)) for j in range(len(journey.place_names))]
    place = {reason: k for k, reason in enumerate((*REASONS, *pairs))}
    return tuple(sorted(items, key=lambda item: place.get(item.reason, len(place))))
