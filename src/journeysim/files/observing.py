"""From a log to what is counted in it: in memory where it fits, else part by part, with an account of every row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from journeysim.errors import BadInput, Place
from journeysim.files.counting.by_parts import CountedLog, count_events
from journeysim.files.counting.counted import Counted, still_open
from journeysim.files.events.oddities import counted_warnings, ended_warning
from journeysim.files.events.reading import log_of, set_aside
from journeysim.files.events.reasons import REASONS, no_usable_events
from journeysim.files.events.rejects import keep_ended, write_rejects
from journeysim.files.events.relation import Events, opened
from journeysim.files.events.weighting import weighting_of
from journeysim.model.event_log import EventLog, Ints, SetAside
from journeysim.model.journey import JourneyMap
from journeysim.model.log_account import LogAccount
from journeysim.model.log_settings import PLAIN, LogSettings
from journeysim.model.observations import Observations, observe
from journeysim.model.reactivation import reactivated
from journeysim.model.visits import AFTER_OUTCOME, visits_of

#: How many customers of a large log everything beyond the transition table is learned from.
MOST_SAMPLED: Final = 200_000


def observe_log(
    path: str | Path, journey: JourneyMap, settings: LogSettings = PLAIN, *, rejects: Path | None = None
) -> tuple[Observations, LogAccount]:
    """Return what is counted in a log, and the account of its rows.

    A log of up to `MOST_IN_MEMORY` rows is counted in memory. Of a larger one the transition table, the same to the last
    count, comes from its customers part by part with bounded memory, and everything else from the customers whose hashed
    id is below a bound, `MOST_SAMPLED` of them at most. Where rows were set aside one by one and `rejects` names a file,
    it gets them.

    Raises what `opened` and `visits_of` raise.
    """
    with opened(path, settings, copies_later=True) as events:
        observed, account = (_by_parts if events.large else _in_memory)(events, journey)
        _write_rejects(events, account, rejects)
        return observed, account


def _write_rejects(events: Events, account: LogAccount, file: Path | None) -> None:
    after = any(item.reason == AFTER_OUTCOME for item in account.set_aside)
    if file is not None and (after or account.read > _usable(account)):
        write_rejects(events, file, after=after)


def count_log(
    path: str | Path,
    journey: JourneyMap,
    settings: LogSettings = PLAIN,
    *,
    cut_off: int | None = None,
    rejects: Path | None = None,
) -> tuple[Counted, LogAccount]:
    """Return a log's transition table, counted part by part whatever its size, and the account of its rows.

    `cut_off` is in microseconds since 1970, by default the last event. Raises what `opened` and `visits_of` raise.
    """
    with opened(path, settings, copies_later=True, once=True) as events:
        found = count_events(events, journey, cut_off=cut_off)
        account = account_of(events, found)
        _write_rejects(events, account, rejects)
        return found.counted, account


def _usable(account: LogAccount) -> int:
    """Return how many rows reading left, before the map had its say."""
    return account.read - sum(item.rows for item in account.rows_set_aside if item.reason in REASONS)


def _in_memory(events: Events, journey: JourneyMap) -> tuple[Observations, LogAccount]:
    log = log_of(events)
    split = reactivated(log, journey) if events.settings.reactivation else log
    observed = observe(split, journey)
    aside = (*log.set_aside, *observed.set_aside)
    account = LogAccount(
        read=events.total,
        used=len(log.time) - sum(item.rows for item in observed.set_aside if item.what == "row"),
        set_aside=aside,
        customers=split.customers,
        single=int(np.sum(np.bincount(split.customer.codes) == 1)),
        open=still_open(observed.transitions),
        cut_off=str(log.cut_off),
        weighting=weighting_of(events),
        warnings=log.warnings,
    )
    if not any(item.reason == AFTER_OUTCOME for item in aside):
        return observed, account
    rows = events.connection.execute("SELECT row FROM usable ORDER BY row").fetchnumpy()["row"]
    return observed, _with_ended(events, np.asarray(rows)[visits_of(split, journey).ended], account)


def _by_parts(events: Events, journey: JourneyMap) -> tuple[Observations, LogAccount]:
    found = count_events(events, journey)
    account = account_of(events, found)
    sample = _sample(events, found)
    observed = observe(reactivated(sample, journey) if events.settings.reactivation else sample, journey)
    counted = found.counted
    observed = replace(observed, transitions=counted.transitions, set_aside=counted.set_aside)
    return observed, replace(account, sampled=sample.customers)


def account_of(events: Events, log: CountedLog) -> LogAccount:
    """Return the account of a log that was counted part by part."""
    found, usable = log.counted, log.crowd.events
    aside: tuple[SetAside, ...] = set_aside(events) if usable < log.rows else ()
    if not usable:
        raise BadInput([no_usable_events(aside, Place(str(events.source.path)))])
    account = LogAccount(
        read=log.rows,
        used=found.used,
        set_aside=(*aside, *found.set_aside),
        customers=found.customers,
        single=found.single,
        open=still_open(found.transitions),
        cut_off=str(np.datetime64(log.cut_off, "us")),
        weighting=weighting_of(events),
        warnings=counted_warnings(events, log.crowd, log.ends),
    )
    return _with_ended(events, log.ended, account)


def _sample(events: Events, found: CountedLog) -> EventLog:
    """Return the events of the customers whose hashed id is small: the same ones whatever the order, or the machine."""
    part = min(1.0, MOST_SAMPLED / max(found.crowd.customers, 1))
    bound = min(int(part * 2.0**64), 2**64 - 1)
    # A checksum costs more than finding who is who: each customer gets one, not each event. In one query it would.
    events.rows("CREATE OR REPLACE TEMP TABLE sampled AS SELECT DISTINCT customer FROM usable")
    events.rows(f"DELETE FROM sampled WHERE md5_number_lower(customer) > {bound}")  # noqa: S608 - a number
    return log_of(events, np.datetime64(found.cut_off, "us"), where="customer IN (SELECT customer FROM sampled)")


def _with_ended(events: Events, ended: Ints, account: LogAccount) -> LogAccount:
    """Return the account with where the first rows after an outcome stand, and a warning about them."""
    rows = sum(item.rows for item in account.set_aside if item.reason == AFTER_OUTCOME)
    if not rows:
        return account
    examples = keep_ended(events, ended)
    aside = [replace(item, examples=examples) if item.reason == AFTER_OUTCOME else item for item in account.set_aside]
    return replace(account, set_aside=tuple(aside), warnings=(*account.warnings, ended_warning(rows, examples)))
