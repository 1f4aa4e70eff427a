"""What looks odd about a log that can be used: said as warnings, nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

import numpy as np

from journeysim.errors import Problem
from journeysim.files.events.relation import Events
from journeysim.files.events.roles import NUMBERS
from journeysim.files.events.times import ZONED, local_of
from journeysim.files.events.weighting import weight_warnings
from journeysim.model.event_log import EventLog

_ROBOT_SHARE: Final = 0.4
_ROBOT_CUSTOMERS: Final = 20
_TIE_SHARE: Final = 0.01
#: So few events at the end of a log may be strays: one in a thousand, and no more than these.
MOST_STRAY: Final = 20
_STRAY_PART, _STRAY_EVENTS = 1000, 20


@final
@dataclass(frozen=True, slots=True)
class Crowd:
    """The customers of a log's usable events: how many, and how many of them have `tied` events.

    `busiest` is a row of the one with the most events, who has `most_events` of all `events`.
    """

    events: int
    customers: int
    tied: int
    busiest: int
    most_events: int


@final
@dataclass(frozen=True, slots=True)
class Ends:
    """When the usable `events` of a log begin and end, in microseconds since 1970: the first time, the latest ones."""

    events: int
    first: int
    latest: tuple[int, ...]


def warnings_of(log: EventLog, events: Events) -> tuple[Problem, ...]:
    """Return what looks odd: a robot, ties in time, numbers that are none, refunds, hours that clocks skip or repeat."""
    micro = log.time.astype(np.int64)
    latest = np.sort(
        np.partition(micro, -(MOST_STRAY + 1))[-(MOST_STRAY + 1) :] if len(micro) > MOST_STRAY + 1 else micro
    )
    ends = Ends(len(micro), int(micro.min()), tuple(latest[::-1].tolist()))
    return (*_robot(log), *_ties(log), *_stray(events, ends), *_of_rows(events))


def counted_warnings(events: Events, found: Crowd, ends: Ends) -> tuple[Problem, ...]:
    """Return what looks odd about a log whose customers were counted part by part."""
    return (*_odd_crowd(events, found), *_stray(events, ends), *_of_rows(events))


def _of_rows(events: Events) -> tuple[Problem, ...]:
    return (*_unread(events), *_refunds(events), *weight_warnings(events), *_clock_changes(events))


def _odd_crowd(events: Events, found: Crowd) -> Iterator[Problem]:
    if found.customers >= _ROBOT_CUSTOMERS and found.most_events >= _ROBOT_SHARE * found.events:
        name = events.one(f"SELECT customer FROM normalised WHERE row = {found.busiest}")[0]  # noqa: S608 - a number
        yield robot_warning(str(name), found.most_events / found.events)
    if found.tied > _TIE_SHARE * found.customers:
        yield tie_warning(found.tied / found.customers)


def _robot(log: EventLog) -> Iterator[Problem]:
    events = np.bincount(log.customer.codes)
    if log.customers >= _ROBOT_CUSTOMERS and events.max() >= _ROBOT_SHARE * events.sum():
        name = log.customer.labels[int(events.argmax())]
        yield robot_warning(name, float(events.max() / events.sum()))


def robot_warning(name: str, share: float) -> Problem:
    """Return the warning about one customer with very many events."""
    message = f'customer "{name}" has {share:.0%} of all events; a robot or a placeholder id?'
    return Problem("E030", message, severity="warning")


def _ties(log: EventLog) -> Iterator[Problem]:
    order = np.lexsort((log.time, log.customer.codes))
    c, t = log.customer.codes[order], log.time[order]
    tied = np.unique(c[1:][(c[1:] == c[:-1]) & (t[1:] == t[:-1])]).size / log.customers
    if tied > _TIE_SHARE:
        yield tie_warning(tied)


def tie_warning(share: float) -> Problem:
    """Return the warning about customers with events at the very same time."""
    message = f"{share:.0%} of the customers have events at the very same time; they keep the order of the file"
    return Problem("E031", message, severity="warning")


def _stray(events: Events, ends: Ends) -> Iterator[Problem]:
    """Say which few events at the log's end lie so far after all others that they hardly belong to it.

    So far: longer than half of the time that the others cover. A log of a few events has gaps of any length.
    """
    if events.settings.cut_off or ends.events < _STRAY_EVENTS:
        return
    most = min(MOST_STRAY, max(1, ends.events // _STRAY_PART))
    for few, (later, before) in enumerate(pairwise(ends.latest[: most + 1]), start=1):
        if later - before > 0.5 * (before - ends.first):
            last = np.datetime64(before, "us")
            where = events.examples(f"reason IS NULL AND epoch_us(time) > {before}")
            verb = "event lies" if few == 1 else "events lie"
            yield Problem(
                "E039",
                f"{few} {verb} far after all others ({', '.join(where)}), until {np.datetime64(ends.latest[0], 'us')}, and every "
                "customer looks silent since: placeholders? To set them aside, say until when events were recorded: "
                f"--cut-off {last.astype('datetime64[s]') + np.timedelta64(1, 's')} (cut off: in a scenario)",
                severity="warning",
            )
            return


def _unread(events: Events) -> Iterator[Problem]:
    for role in NUMBERS:
        if events.has(role):
            condition = f"reason IS NULL AND {role}_said IS NOT NULL"
            rows = events.one(f"SELECT count(*) FROM events WHERE {condition}")[0]  # noqa: S608 - a role
            if rows:
                what = "time" if "due" in events.roles and role == "late" else "finite number"
                yield Problem(
                    "E032",
                    f'{rows:,} rows have no {what} in column "{_column(events, role)}"; the events are kept, without it '
                    f"({', '.join(events.examples(condition))})",
                    severity="warning",
                )


def _column(events: Events, role: str) -> str:
    return events.roles.get(role) or events.roles["due"]


def _refunds(events: Events) -> Iterator[Problem]:
    if events.has("value"):
        rows = events.one("SELECT count(*) FROM events WHERE reason IS NULL AND value < 0")[0]
        if rows:
            message = f'{rows:,} values in column "{events.roles["value"]}" are negative; they count as refunds'
            yield Problem("E033", message, severity="warning")


def _clock_changes(events: Events) -> Iterator[Problem]:
    """Say how many times fall into an hour that the zone's clocks skipped, or showed twice.

    What the clocks skipped is read as an hour later; of two equal times the second one (winter) is meant.
    """
    zone = events.settings.zone
    if zone == "UTC" or events.source.type_of(events.roles["time"]) == ZONED:
        return
    hour = "INTERVAL 1 HOUR"
    back = f"{local_of(f'time - {hour}', zone)} = {local_of('time', zone)}"
    rows = events.one(f"SELECT count(*) FROM events WHERE reason IS NULL AND {back}")[0]  # noqa: S608 - a zone that exists
    if rows:
        message = (
            f"{rows:,} times fall into an hour that clocks in {zone} showed twice; without a zone of their own the "
            "second one (winter) is taken"
        )
        yield Problem("E034", message, severity="warning")


def ended_warning(rows: int, examples: Sequence[str] = ()) -> Problem:
    """Return the warning that so many events come after an outcome."""
    where = f" ({', '.join(examples)})" if examples else ""
    message = (
        f"{rows:,} events come after their customer's outcome{where} and are set aside; with --reactivation "
        "(reactivation: true) such a customer starts a new journey"
    )
    return Problem("E035", message, severity="warning")
