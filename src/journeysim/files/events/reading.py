"""An event log, read into arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.events.oddities import warnings_of
from journeysim.files.events.reasons import REASONS
from journeysim.files.events.relation import Events, opened
from journeysim.files.events.roles import NUMBERS, TEXTS
from journeysim.files.events.times import cut_off_of
from journeysim.files.events.weighting import weighting_of
from journeysim.model.event_log import EventLog, Names, SetAside
from journeysim.model.log_settings import PLAIN, LogSettings
from journeysim.model.quantity import Floats


def read_events(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    cut_off: np.datetime64 | None = None,
    settings: LogSettings = PLAIN,
) -> EventLog:
    """Return the events of a log, in file order; ids are text, times UTC.

    The log is CSV, JSON lines or XES (each also .gz, and but for XES .zst), Parquet, or a folder of files of one form.
    `columns` maps roles (`ROLES`) to the file's names; the usual names are found without it. `late` is in days: the
    column of that role, or the event's time minus its `due`. Events count as recorded up to `cut_off`, by default that of
    the settings, or else the last event. Rows with a blank customer or touchpoint, with a time that cannot be read, and
    exact copies of an earlier row are set aside and counted.

    Raises what `opened` raises, and BadInput when no row is usable.
    """
    given = replace(settings, columns=(*settings.columns, *(columns or {}).items()))
    with opened(path, given) as events:
        return log_of(events, cut_off)


def log_of(events: Events, cut_off: np.datetime64 | None = None, *, where: str = "") -> EventLog:
    """Return the usable events of an open log (those that meet a condition) as arrays; BadInput when there is none."""
    aside = () if where else set_aside(events)
    meets = f"reason IS NULL AND {where}" if where else "reason IS NULL"
    cut_off = cut_off_of(events.settings) if cut_off is None else cut_off
    form = "TABLE" if where else "VIEW"  # a part of a log is looked for once
    events.connection.execute(f"CREATE OR REPLACE TEMP {form} chosen AS SELECT * FROM events WHERE {meets}")  # noqa: S608
    texts = [role for role in TEXTS if events.has(role)]
    numbers = [role for role in NUMBERS if events.has(role)]
    labels = {role: _labels(events, role) for role in texts}
    codes = [f"coalesce(of_{role}.code, -1) AS {role}" for role in texts]
    joins = [f"LEFT JOIN of_{role} ON chosen.{role} = of_{role}.label" for role in texts]
    wanted = ", ".join([*codes, "time", *numbers])
    text = f"SELECT {wanted} FROM chosen {' '.join(joins)} ORDER BY row"  # noqa: S608 - roles
    arrays = events.connection.execute(text).fetchnumpy()
    time = np.asarray(arrays["time"], dtype="datetime64[us]")
    if not len(time):
        reasons = ", ".join(f"{item.rows} rows with {item.reason}" for item in aside)
        raise BadInput([Problem("E002", f"no usable events: {reasons}", Place(str(events.source.path)))])
    names = {role: Names(np.asarray(arrays[role], dtype=np.int64), labels[role]) for role in texts}
    floats = {role: _floats(arrays[role]) for role in numbers}
    log = EventLog(
        customer=names["customer"],
        touchpoint=names["touchpoint"],
        time=time,
        cut_off=time.max() if cut_off is None else cut_off,
        persona=names.get("persona"),
        outcome=names.get("outcome"),
        channel=names.get("channel"),
        value=floats.get("value"),
        rating=floats.get("rating"),
        late=floats.get("late"),
        weight=floats.get("weight"),
        copies=None if (weighting := weighting_of(events)) is None else weighting.copies,
        set_aside=aside,
    )
    return log if where else replace(log, warnings=warnings_of(log, events))


def set_aside(events: Events) -> tuple[SetAside, ...]:
    """Return how many rows are not usable, by reason."""
    counts = events.rows("SELECT reason, count(*) FROM unusable GROUP BY reason ORDER BY reason")
    return tuple(
        SetAside(REASONS[code], rows, events.examples(f"reason = {code}", of="unusable")) for code, rows in counts
    )


def _labels(events: Events, role: str) -> tuple[str, ...]:
    """Return the texts of a column in order of first appearance, and keep them as the table `of_<role>`."""
    events.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE of_{role} AS SELECT {role} AS label, row_number() OVER (ORDER BY min(row)) - 1 "  # noqa: S608
        f"AS code FROM chosen WHERE {role} <> '' GROUP BY {role}"
    )
    found = events.connection.execute(f"SELECT label FROM of_{role} ORDER BY code").fetchnumpy()  # noqa: S608 - a role
    return tuple(found["label"].tolist())


def _floats(column: Any) -> Floats:  # noqa: ANN401 - masked where NULL
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)
