"""An event log as visits: arrivals at places of the map, in order, every customer's journey ended at its outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.errors import BadInput, Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.event_log import Bools, EventLog, Ints, Names, SetAside
from journeysim.model.journey import JourneyMap, all_links
from journeysim.model.quantity import Floats

_MICROSECONDS_PER_DAY = 86_400_000_000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Arrivals by customer, then time; all columns have one row per arrival.

    `customer` is the log's code, `persona` and `place` are positions in the map (touchpoints, then outcomes), `day` is
    days after the cut-off (so negative), `row` the row of the log. Rows that were not used are in `set_aside`.
    """

    customer: Ints
    persona: Ints
    place: Ints
    day: Floats
    row: Ints
    set_aside: tuple[SetAside, ...]

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
    days = (log.time - log.cut_off).astype("timedelta64[us]").astype(np.float64) / _MICROSECONDS_PER_DAY
    customer, place = log.customer.codes, log.touchpoint.recoded(journey.place_names)
    persona, row = np.zeros(len(place), dtype=np.int64), np.arange(len(place))
    if log.persona is not None:
        persona = _per_customer(customer, log.persona.recoded(journey.persona_names))
    if log.outcome is not None:
        ending = _per_customer(customer, log.outcome.recoded(journey.place_names), last=True)
        last = np.zeros(len(place), dtype=bool)
        last[_last_rows(customer, days)] = True
        extra = np.flatnonzero(last & (ending >= 0) & (place < len(journey.touchpoints)))
        row, place = np.concatenate([row, extra]), np.concatenate([place, ending[extra]])
        customer, persona, days = customer[row], persona[row], days[row]
    order = np.lexsort((np.arange(len(place)), days, customer))
    return _fold(Visits(customer[order], persona[order], place[order], days[order], row[order], ()), journey)


def _fold(visits: Visits, journey: JourneyMap) -> Visits:
    """Drop what comes after an outcome, rows after the cut-off, rows without a persona, and repeats of one stay."""
    n = len(journey.touchpoints)
    ended = np.cumsum(visits.place >= n)
    before: Ints = ended - (visits.place >= n)
    after_outcome = before > np.maximum.accumulate(np.where(visits.first, before, 0))
    nameless, late = visits.persona < 0, visits.day > 0
    kept = _taken(visits, ~(after_outcome | nameless | late))
    repeat = np.zeros(len(kept.place), dtype=bool)
    repeat[1:] = (kept.customer[1:] == kept.customer[:-1]) & (kept.place[1:] == kept.place[:-1])
    repeat &= ~_loops(journey)[kept.place]
    found = (
        ("after the outcome", after_outcome),
        ("customer without a persona", nameless),
        ("after the cut-off", late & ~after_outcome & ~nameless),
        ("repeats the touchpoint before (same stay)", repeat),
    )
    aside = (SetAside(reason, int(rows.sum())) for reason, rows in found)
    return _taken(kept, ~repeat, tuple(item for item in aside if item.rows))


def _taken(visits: Visits, rows: Bools, aside: tuple[SetAside, ...] = ()) -> Visits:
    customer, persona, place = visits.customer[rows], visits.persona[rows], visits.place[rows]
    return Visits(customer, persona, place, visits.day[rows], visits.row[rows], aside)


def _loops(journey: JourneyMap) -> Bools:
    """Return which places may follow themselves; a repeated outcome never gets this far."""
    loops = [any(link.target == tp.name for link in all_links(tp)) for tp in journey.touchpoints]
    return np.array(loops + [True] * len(journey.outcomes))


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
