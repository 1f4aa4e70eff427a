"""What was observed: an event log (who was where, when), and the transition table it reduces to.

A transition table is a sufficient statistic for shares and dwell: how many customers of a persona moved from a
touchpoint to a place after a dwell within a bin, how many are still there (open spells, by how long they have been
silent), and where they entered. Its size does not grow with the number of customers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.journey import JourneyMap, all_links, link_id
from journeysim.model.quantity import Floats

Ints = NDArray[np.int64]
Times = NDArray[np.datetime64]
OPEN: Final = "(open)"
ENTER: Final = "(enter)"
_SECOND: Final = 1 / 86_400
_BIN_RATIO: Final = (200 * 86_400) ** (1 / 116)
_MICROSECONDS_PER_DAY: Final = 86_400_000_000


@final
@dataclass(frozen=True, slots=True)
class SetAside:
    """Rows that were read but not used: why, how many, and up to five examples."""

    reason: str
    rows: int
    examples: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """A text column, coded: `labels[codes[i]]` is the text of row i; code -1 is blank."""

    codes: Ints
    labels: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Names:
        """Code a column of texts, labels in order of first appearance; empty text is blank."""
        index: dict[str, int] = {}
        codes = [index.setdefault(text, len(index)) if text else -1 for text in texts]
        return cls(np.array(codes, dtype=np.int64), tuple(index))

    def take(self, rows: NDArray[np.bool_] | Ints) -> Names:
        """Return the chosen rows, same labels."""
        return Names(self.codes[rows], self.labels)


@final
@dataclass(frozen=True, slots=True, eq=False)
class EventLog:
    """Events in file order, and the moment up to which events were recorded.

    `time` and `cut_off` are UTC, to the microsecond. `outcome`, where a row has one, names how that customer's
    journey ended. `set_aside` says which rows of the file were not usable; `warnings` what looks odd about the rest.
    """

    customer: Names
    touchpoint: Names
    time: Times
    cut_off: np.datetime64
    persona: Names | None = None
    outcome: Names | None = None
    value: Floats | None = None
    set_aside: tuple[SetAside, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def customers(self) -> int:
        """How many customers have at least one event."""
        return int(np.unique(self.customer.codes).size)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """A transition table; all columns have one row per (persona, from, to, dwell bin).

    `source` is a touchpoint or "(enter)"; `target` a touchpoint, an outcome or "(open)". The dwell (for open spells:
    the silent time) lies in [dwell_from, dwell_to) days; both are NaN for entries.
    """

    persona: Names
    source: Names
    target: Names
    dwell_from: Floats
    dwell_to: Floats
    count: Floats
    warnings: tuple[Problem, ...] = field(default=())

    @property
    def customers(self) -> float:
        """How many customers entered."""
        entering = self.source.codes == _code(self.source.labels, ENTER)
        return float(self.count[entering].sum())


def dwell_edges(longest: float) -> Floats:
    """Return edges of dwell bins in days: 0, one second, then equal steps of the logarithm (116 of them to 200 days).

    Continues with the same ratio until the last edge lies above `longest`.
    """
    steps = max(116, int(np.ceil(np.log(max(longest, _SECOND) / _SECOND) / np.log(_BIN_RATIO))) + 1)
    return np.concatenate([[0.0], _SECOND * _BIN_RATIO ** np.arange(steps + 1)])


def to_transitions(log: EventLog, journey: JourneyMap) -> tuple[Transitions, tuple[SetAside, ...]]:
    """Reduce an event log to a transition table of the map; say which rows were set aside and why.

    Each event is an arrival; ties in time keep the order of the file. An arrival at an outcome ends the journey and
    later rows of that customer are set aside; a customer with no outcome at the cut-off is an open spell at the last
    touchpoint. An `outcome` given on a customer's rows (the last one counts) is reached at the time of the last event.
    Rows that repeat the touchpoint before belong to the same stay, unless the map has a link from it to itself. Moves
    the map has no link for are set aside, one by one; the customer's other moves stay. Raises BadInput for
    touchpoints, outcomes and personas that the map does not know.
    """
    _require_known(log, journey)
    visits = _visits(log, journey)
    moves = _moves(visits, journey)
    return _table(moves, journey), (*visits.set_aside, *moves.set_aside)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Visits:
    """Arrivals in order: customer, persona and place as indices into the map's names; time in days."""

    customer: Ints
    persona: Ints
    place: Ints
    day: Floats
    cut_off: float
    set_aside: tuple[SetAside, ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Moves:
    """Persona, source, target (-1 open) and dwell of each move, and persona and place of each entry."""

    persona: Ints
    source: Ints
    target: Ints
    dwell: Floats
    entry_persona: Ints
    entry_place: Ints
    set_aside: tuple[SetAside, ...]


def _require_known(log: EventLog, journey: JourneyMap) -> None:
    problems = list(_unknown("touchpoint", log.touchpoint, journey.place_names, "E010"))
    if log.outcome is not None:
        problems += _unknown("outcome", log.outcome, journey.outcome_names, "E011")
    if log.persona is not None:
        problems += _unknown("persona", log.persona, journey.persona_names, "E012")
    elif len(journey.personas) > 1:
        named = ", ".join(journey.persona_names)
        problems.append(Problem("E013", f"the map has {len(journey.personas)} personas ({named}) but the log does not "
                                        "say who is which; add a persona column"))  # fmt: skip
    if problems:
        raise BadInput(problems)


def _unknown(kind: str, column: Names, known: Sequence[str], code: str) -> Iterator[Problem]:
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
    for name, rows in zip(column.labels, counts, strict=True):
        if rows and name not in known:
            yield Problem(code, f'{kind} "{name}" ({rows} events) is not in the map{did_you_mean(name, known)}')


def _visits(log: EventLog, journey: JourneyMap) -> _Visits:
    """Order the events by customer, time and row; end journeys at their outcome; fold repeats."""
    days = (log.time - log.cut_off).astype("timedelta64[us]").astype(np.float64) / _MICROSECONDS_PER_DAY
    place = _recode(log.touchpoint, journey.place_names)
    persona = np.zeros(len(place), dtype=np.int64)
    if log.persona is not None:
        persona = _per_customer(log.customer.codes, _recode(log.persona, journey.persona_names))
    customer = log.customer.codes
    if log.outcome is not None:
        ending = _per_customer(customer, _recode(log.outcome, journey.place_names), last=True)
        last = np.zeros(len(place), dtype=bool)
        last[_last_rows(customer, days)] = True
        extra = np.flatnonzero(last & (ending >= 0) & (place < len(journey.touchpoints)))
        customer, persona, days, place = (
            np.concatenate([column, added])
            for column, added in (
                (customer, customer[extra]), (persona, persona[extra]), (days, days[extra]), (place, ending[extra]),
            )
        )  # fmt: skip
    order = np.lexsort((np.arange(len(place)), days, customer))
    return _fold(customer[order], persona[order], place[order], days[order], journey)


def _fold(customer: Ints, persona: Ints, place: Ints, days: Floats, journey: JourneyMap) -> _Visits:
    """Drop what comes after an outcome, rows after the cut-off, rows without a persona, and repeats of one stay."""
    n = len(journey.touchpoints)
    first = np.ones(len(place), dtype=bool)
    first[1:] = customer[1:] != customer[:-1]
    ended = np.cumsum(place >= n)
    before: Ints = ended - (place >= n)
    after_outcome = before > np.maximum.accumulate(np.where(first, before, 0))
    nameless, late = persona < 0, days > 0
    usable = ~(after_outcome | nameless | late)
    aside = [_aside("after the outcome", after_outcome), _aside("customer without a persona", nameless)]
    aside.append(_aside("after the cut-off", late & ~after_outcome & ~nameless))
    c, g, s, d = customer[usable], persona[usable], place[usable], days[usable]
    loops = np.ones(len(journey.place_names), dtype=bool)
    loops[:n] = [any(link.target == tp.name for link in all_links(tp)) for tp in journey.touchpoints]
    repeat = np.zeros(len(s), dtype=bool)
    repeat[1:] = (c[1:] == c[:-1]) & (s[1:] == s[:-1])
    repeat &= ~loops[s]
    aside.append(_aside("repeats the touchpoint before (same stay)", repeat))
    keep = ~repeat
    return _Visits(c[keep], g[keep], s[keep], d[keep], 0.0, tuple(item for item in aside if item.rows))


def _aside(reason: str, rows: NDArray[np.bool_]) -> SetAside:
    return SetAside(reason, int(rows.sum()))


def _moves(visits: _Visits, journey: JourneyMap) -> _Moves:
    n, c = len(journey.touchpoints), visits.customer
    entering = np.ones(len(c), dtype=bool)
    entering[1:] = c[1:] != c[:-1]
    leaving = np.flatnonzero(visits.place < n)
    followed = np.zeros(len(c), dtype=bool)
    followed[:-1] = ~entering[1:]
    following = np.minimum(leaving + 1, len(c) - 1)
    target = np.where(followed[leaving], visits.place[following], -1)
    until = np.where(followed[leaving], visits.day[following], visits.cut_off)
    known = _known_moves(journey)[visits.place[leaving], target]
    entry_place = visits.place[entering]
    at_touchpoint = entry_place < n
    aside = [*_off_map(visits.place[leaving][~known], target[~known], journey)]
    if not np.all(at_touchpoint):
        aside.append(SetAside("journey starts with its outcome", int(np.sum(~at_touchpoint))))
    kept = leaving[known]
    return _Moves(
        visits.persona[kept], visits.place[kept], target[known], (until - visits.day[leaving])[known],
        visits.persona[entering][at_touchpoint], entry_place[at_touchpoint], tuple(aside),
    )  # fmt: skip


def _known_moves(journey: JourneyMap) -> NDArray[np.bool_]:
    """Return which moves the map has, shape (touchpoint, place + 1); the last column is staying (open)."""
    index = {name: i for i, name in enumerate(journey.place_names)}
    known = np.zeros((len(journey.touchpoints), len(index) + 1), dtype=bool)
    known[:, -1] = True
    for i, touchpoint in enumerate(journey.touchpoints):
        known[i, [index[link.target] for link in all_links(touchpoint)]] = True
    return known


def _off_map(source: Ints, target: Ints, journey: JourneyMap) -> Iterator[SetAside]:
    pairs, counts = np.unique(np.stack([source, target], axis=1), axis=0, return_counts=True)
    for (i, j), rows in zip(pairs, counts, strict=True):
        label = link_id(journey.place_names[i], journey.place_names[j])
        yield SetAside(f'the map has no link "{label}"', int(rows))


def _table(moves: _Moves, journey: JourneyMap) -> Transitions:
    edges = dwell_edges(float(moves.dwell.max(initial=0.0)))
    bins = np.searchsorted(edges, moves.dwell, side="right") - 1
    keys, counts = np.unique(
        np.stack([moves.persona, moves.source, moves.target, bins], axis=1), axis=0, return_counts=True
    )
    entries, entered = np.unique(np.stack([moves.entry_persona, moves.entry_place], axis=1), axis=0, return_counts=True)
    places = (*journey.place_names, ENTER, OPEN)
    enter, is_open = len(places) - 2, len(places) - 1
    blank = np.full(len(entries), np.nan)
    return Transitions(
        persona=Names(np.concatenate([entries[:, 0], keys[:, 0]]), journey.persona_names),
        source=Names(np.concatenate([np.full(len(entries), enter), keys[:, 1]]), places),
        target=Names(np.concatenate([entries[:, 1], np.where(keys[:, 2] < 0, is_open, keys[:, 2])]), places),
        dwell_from=np.concatenate([blank, edges[keys[:, 3]]]),
        dwell_to=np.concatenate([blank, edges[keys[:, 3] + 1]]),
        count=np.concatenate([entered, counts]).astype(np.float64),
    )


def _recode(column: Names, known: Sequence[str]) -> Ints:
    """Return the positions of a column's texts among known names; -1 where blank or not among them."""
    positions = np.array([*(_code(known, label) for label in column.labels), -1], dtype=np.int64)
    return positions[column.codes]


def _code(labels: Sequence[str], name: str) -> int:
    return labels.index(name) if name in labels else -1


def _per_customer(customer: Ints, codes: Ints, *, last: bool = False) -> Ints:
    """Spread a customer's first (or last) stated code over all of the customer's rows; -1 where none is stated."""
    stated = np.flatnonzero(codes >= 0)
    stated = stated if last else stated[::-1]
    found = np.full(int(customer.max(initial=-1)) + 1, -1, dtype=np.int64)
    found[customer[stated]] = codes[stated]
    return found[customer]


def _last_rows(customer: Ints, days: Floats) -> Ints:
    order = np.lexsort((np.arange(len(days)), days, customer))
    final_one = np.ones(len(order), dtype=bool)
    final_one[:-1] = customer[order][1:] != customer[order][:-1]
    return order[final_one]
