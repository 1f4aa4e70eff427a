"""Times of a log, parsed by the database: expressions that give UTC, and what cannot be read in one way only."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.model.log_settings import EPOCHS, LogSettings

_ISO: Final = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)?)?"
#: Texts that could be day or month first, and texts that are a bare number; both are refused unless a setting says more.
DAY_OR_MONTH_FIRST: Final = r"\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}.*"
BARE_NUMBER: Final = r"-?\d{6,}(\.\d+)?"
#: The type of a column whose times all state their zone.
ZONED: Final = "TIMESTAMP WITH TIME ZONE"
_FARTHEST: Final = 9_000_000_000_000_000  # microseconds from 1970: the year 2255


def time_of(column: str, kind: str, settings: LogSettings) -> str:
    """Return the expression of a column as a time, UTC without zone; NULL where it cannot be read.

    `kind` is the database's type of the column. The session's zone must be that of the settings: what states none is in
    it.
    """
    if kind == ZONED:
        return _within(f"({column} AT TIME ZONE 'UTC')")
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        plain = f"CAST({column} AS TIMESTAMP)"
        return _within(plain if settings.zone == "UTC" else f"(CAST({plain} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')")
    text = f"trim(CAST({column} AS VARCHAR))"
    if settings.epoch is not None:
        micro = f"TRY_CAST({text} AS DECIMAL(30, 6)) * {EPOCHS[settings.epoch]}"
        return (
            f"CASE WHEN {micro} BETWEEN -{_FARTHEST} AND {_FARTHEST} THEN make_timestamp(CAST({micro} AS BIGINT)) END"
        )
    if settings.time_format:
        parsed = f"try_strptime({text}, '{settings.time_format.replace(chr(39), 2 * chr(39))}')"
        return f"(CAST({parsed} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    tidy = rf"regexp_replace(replace({text}, ',', '.'), '\s+([+-]\d\d(:?\d\d)?)$', '\1')"
    parsed = f"coalesce(TRY_CAST({text} AS TIMESTAMPTZ), TRY_CAST({tidy} AS TIMESTAMPTZ))"
    read = f"CASE WHEN regexp_full_match({text}, '{_ISO}') THEN {parsed} AT TIME ZONE 'UTC' END"
    return _plainly(column, read) if kind == "VARCHAR" and settings.zone == "UTC" else read


def _plainly(column: str, otherwise: str) -> str:
    """Return the expression of a text as a time: at once where it is the very text the database would write for it.

    Most logs write times so, and to match a pattern and look up a zone costs five times as much. The years keep out what
    the database writes and people do not: infinity, years before the first or beyond 9999. A comparison of two times
    costs a tenth of one of a text with a shape.
    """
    plain = f"TRY_CAST({column} AS TIMESTAMP)"
    same = f"CAST({plain} AS VARCHAR) = {column} AND {_written_out(plain)}"
    same_iso = f"{column} LIKE '____-__-__T__:__:__%' AND CAST({plain} AS VARCHAR) = replace({column}, 'T', ' ')"
    return f"CASE WHEN {same} THEN {plain} WHEN {same_iso} THEN {plain} ELSE {otherwise} END"


def cut_off_of(settings: LogSettings) -> np.datetime64 | None:
    """Return until when events were recorded, where that is stated."""
    return np.datetime64(settings.cut_off, "us") if settings.cut_off else None


def _within(time: str) -> str:
    """Return the expression of a time; NULL outside the years that a date can be written in, as "infinity" is."""
    return f"CASE WHEN {_written_out(time)} THEN {time} END"


def _written_out(time: str) -> str:
    """Return the condition that a time lies in the years 1 to 9999, which are written with four digits."""
    return f"{time} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'"


def local_of(utc: str, zone: str) -> str:
    """Return the expression of a UTC time on the clocks of a zone."""
    return f"((({utc}) AT TIME ZONE 'UTC') AT TIME ZONE '{zone}')"
