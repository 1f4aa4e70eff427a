"""A log as it was known at a date, and the dates of a rolling origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from journeysim.calibrate.backtest.result import Step
from journeysim.model.event_log import Bools, EventLog, Names

DAY = np.timedelta64(86_400_000_000, "us")


def cut_log(log: EventLog, origin: np.datetime64) -> EventLog:
    """Return the log as it was known at `origin`: earlier events only, and no outcome that was still to come.

    An outcome stated on a customer's rows is reached at that customer's last event; where that event is not earlier
    than the origin, the outcome is blanked. Personas and everything else are those of the earlier rows.
    """
    before = log.time < origin
    return replace(
        log, customer=log.customer.take(before), touchpoint=log.touchpoint.take(before), time=log.time[before],
        cut_off=origin, persona=_names(log.persona, before), outcome=_names(_known_outcomes(log, before), before),
        value=None if log.value is None else log.value[before],
        rating=None if log.rating is None else log.rating[before],
        late=None if log.late is None else log.late[before],
        weight=None if log.weight is None else log.weight[before],
        channel=_names(log.channel, before), set_aside=(), warnings=(),
    )  # fmt: skip


def _names(column: Names | None, rows: Bools) -> Names | None:
    return None if column is None else column.take(rows)


def _known_outcomes(log: EventLog, before: Bools) -> Names | None:
    if log.outcome is None:
        return None
    going_on = np.zeros(len(log.customer.labels), dtype=bool)
    going_on[log.customer.codes[~before]] = True
    codes = np.where(going_on[log.customer.codes], -1, log.outcome.codes)
    return Names(codes, log.outcome.labels)


def days_from(origin: np.datetime64, log: EventLog) -> float:
    """Return what to add to days that count from the log's cut-off, so that they count from the origin."""
    return float((log.cut_off - origin) / DAY)


def shifted(date: np.datetime64, step: Step, steps: int) -> np.datetime64:
    """Return a date some steps later (or earlier, for negative steps); months keep the day, or their last one."""
    if step != "month":
        return date + (7 if step == "week" else 1) * steps * DAY
    month = date.astype("datetime64[M]")
    into = date - month.astype(date.dtype)
    target = month + np.timedelta64(steps, "M")
    longest = (target + np.timedelta64(1, "M")).astype(date.dtype) - target.astype(date.dtype) - DAY
    day, rest = into // DAY, into % DAY
    moved: np.datetime64 = target.astype(date.dtype) + min(day * DAY, longest) + rest
    return moved


def origins_of(start: np.datetime64, until: np.datetime64, step: Step) -> tuple[np.datetime64, ...]:
    """Return every origin after which a whole period lies before `until`."""
    return tuple(_rolling(start, until, step))


def _rolling(start: np.datetime64, until: np.datetime64, step: Step) -> Iterator[np.datetime64]:
    k = 0
    while shifted(start, step, k + 1) <= until:
        yield shifted(start, step, k)
        k += 1
