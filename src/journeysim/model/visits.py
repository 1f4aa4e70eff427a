"""An event log as visits: arrivals at places of the map, in order, every customer's journey ended at its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

from journeysim.errors import BadInput, Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.event_log import Bools, EventLog, Ints, Names, SetAside
from journeysim.model.journey import JourneyMap, all_links
from journeysim.model.quantity import Floats
from journeysim.model.weights import weights_of

MICROSECONDS_PER_DAY: Final = 86_400_000_000
AFTER_OUTCOME: Final = "after the outcome"
NAMELESS: Final = "customer without a persona"
AFTER_CUT_OFF: Final = "after the cut-off"
SAME_STAY: Final = "repeats the touchpoint before (same stay)"
#: Why rows are set aside, the first reason first.
REASONS: Final = (SAME_STAY, AFTER_OUTCOME, NAMELESS, AFTER_CUT_OFF)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Arrivals by customer, then time; all columns have one row per arrival.

    `customer` is the log's code, `persona` and `place` are positions in the map (touchpoints, then outcomes), `micro` is
    whole microseconds after the cut-off (so negative), `row` the row of the log. `weight` and `square` say how many
    customers the arrival's stands for (see `model.weights`). Rows that were not used are in `set_aside`; `ended` are the
    rows of the log that come after an outcome.
    """

    customer: Ints
    persona: Ints
    place: Ints
    micro: Ints
    row: Ints
    weight: Floats
    square: Floats
    set_aside: tuple[SetAside, ...]
    ended: Ints

    @property
    def day(self) -> Floats:
        """Days after the cut-off."""
        return self.micro / MICROSECONDS_PER_DAY

    @property
    def first(self) -> Bools:
        """Whether an arrival is its customer's first."""
        return first_rows(self.customer)

    @property
    def followed(self) -> Bools:
        """Whether the same customer's next arrival stands in the next row."""
        return np.append(~self.first[1:], False)[: len(self.customer)]


def first_rows(customer: Ints) -> Bools:
    """Return which rows of a column sorted by customer are that customer's first."""
    first = np.ones(len(customer), dtype=bool)
    first[1:] = customer[1:] != customer[:-1]
    return first


def visits_of(log: EventLog, journey: JourneyMap) -> Visits:
    """Return the log as visits of the map; say which rows were set aside and why.

    Each event is an arrival; ties in time keep the order of the file. An arrival at an outcome ends the journey and
    later rows of that customer are set aside. An `outcome` given on a customer's rows (the last one counts) is reached
    at the time of the last event. Rows that repeat the touchpoint before belong to the same stay, unless the map has a
    link from it to itself. Raises BadInput for touchpoints, outcomes and personas that the map does not know.
    """
    _require_known(log, journey)
    micro = (log.time - log.cut_off).astype("timedelta64[us]").astype(np.int64)
    customer, place = log.customer.codes, log.touchpoint.recoded(journey.place_names)
    persona, row = np.zeros(len(place), dtype=np.int64), np.arange(len(place))
    if log.persona is not None:
        persona = stated_by_customer(customer, log.persona.recoded(journey.persona_names))
    if log.outcome is not None:
        ending = stated_by_customer(customer, log.outcome.recoded(journey.place_names), last=True)
        last = np.zeros(len(place), dtype=bool)
        last[_last_rows(customer, micro)] = True
        extra = np.flatnonzero(last & (ending >= 0) & (place < len(journey.touchpoints)))
        row, place = np.concatenate([row, extra]), np.concatenate([place, ending[extra]])
        customer, persona, micro = customer[row], persona[row], micro[row]
    order = in_order(customer, micro)
    weights, who = weights_of(log), customer.take(order)
    visits = Visits(
        who, persona.take(order), place.take(order), micro.take(order), row.take(order),
        weights.weight.take(who), weights.square.take(who), (), order[:0],
    )  # fmt: skip
    return _fold(visits, order < len(log.time), journey)


def _fold(visits: Visits, read: Bools, journey: JourneyMap) -> Visits:
    """Drop what comes after an outcome, rows after the cut-off, rows without a persona, and repeats of one stay.

    Arrivals that were not read as a row, but stated as an outcome on one, are not counted among the rows set aside.
    """
    n = len(journey.touchpoints)
    ended = np.cumsum(visits.place >= n)
    before: Ints = ended - (visits.place >= n)
    repeat = ~visits.first & ~_loops(journey)[visits.place]
    repeat[1:] &= visits.place[1:] == visits.place[:-1]
    after_outcome = before > np.maximum.accumulate(np.where(visits.first, before, 0))
    nameless, late = visits.persona < 0, visits.micro > 0
    kept, aside = np.ones(len(repeat), dtype=bool), {}
    for reason, rows in zip(REASONS, (repeat, after_outcome, nameless, late), strict=True):
        aside[reason] = np.flatnonzero(kept & rows & read)
        kept &= ~rows
    used = np.flatnonzero(kept)
    return Visits(
        visits.customer.take(used), visits.persona.take(used), visits.place.take(used), visits.micro.take(used),
        visits.row.take(used), visits.weight.take(used), visits.square.take(used),
        tuple(SetAside(reason, len(rows)) for reason, rows in aside.items() if len(rows)),
        visits.row[aside[AFTER_OUTCOME]],
    )  # fmt: skip


def _loops(journey: JourneyMap) -> Bools:
    """Return which places may follow themselves; a repeated outcome never gets this far."""
    loops = [any(link.target == tp.name for link in all_links(tp)) for tp in journey.touchpoints]
    return np.array(loops + [True] * len(journey.outcomes))


def _require_known(log: EventLog, journey: JourneyMap) -> None:
    problems = list(unknown_names("touchpoint", _counts(log.touchpoint), journey))
    if log.outcome is not None:
        problems += unknown_names("outcome", _counts(log.outcome), journey)
    if log.persona is not None:
        problems += unknown_names("persona", _counts(log.persona), journey)
    else:
        problems += personas_missing(journey)
    if problems:
        raise BadInput(problems)


def _counts(column: Names) -> Iterator[tuple[str, int]]:
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
    return ((name, int(rows)) for name, rows in zip(column.labels, counts, strict=True) if rows)


def unknown_names(
    kind: Literal["touchpoint", "outcome", "persona"], counts: Iterable[tuple[str, int]], journey: JourneyMap
) -> Iterator[Problem]:
    """Yield a problem for each name of a log that the map does not know; `counts` are (name, events) pairs."""
    code, known = {
        "touchpoint": ("E010", journey.place_names),
        "outcome": ("E011", journey.outcome_names),
        "persona": ("E012", journey.persona_names),
    }[kind]
    for name, rows in counts:
        if name not in known:
            yield Problem(code, f'{kind} "{name}" ({rows} events) is not in the map{did_you_mean(name, known)}')


def personas_missing(journey: JourneyMap) -> Iterator[Problem]:
    """Yield the problem of a log without personas where the map has several."""
    if len(journey.personas) > 1:
        named = ", ".join(journey.persona_names)
        yield Problem(
            "E013",
            f"the map has {len(journey.personas)} personas ({named}) but the log does not say who is which; "
            "add a persona column",
        )


def stated_by_customer(customer: Ints, codes: Ints, *, last: bool = False) -> Ints:
    """Spread a customer's first (or last) stated code over all of the customer's rows; -1 where none is stated."""
    stated = np.flatnonzero(codes >= 0)
    stated = stated if last else stated[::-1]
    found = np.full(int(customer.max(initial=-1)) + 1, -1, dtype=np.int64)
    found[customer[stated]] = codes[stated]
    return found[customer]


def in_order(customer: Ints, time: Ints) -> Ints:
    """Return the order of rows by customer, then time; what ties stays in the order of the rows."""
    follows = (customer[1:] > customer[:-1]) | ((customer[1:] == customer[:-1]) & (time[1:] >= time[:-1]))
    return np.arange(len(time)) if np.all(follows) else np.lexsort((time, customer))


def _last_rows(customer: Ints, micro: Ints) -> Ints:
    order = in_order(customer, micro)
    final_one = np.ones(len(order), dtype=bool)
    final_one[:-1] = customer[order][1:] != customer[order][:-1]
    return order[final_one]
