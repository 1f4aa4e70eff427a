"""Event logs and transition tables from CSV (plain or .gz) and Parquet; every oddity is found once, here."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Place, Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.event_log import EventLog, Names, SetAside, Times
from journeysim.model.quantity import Floats
from journeysim.model.transitions import ENTER, OPEN, Transitions

Texts = NDArray[np.object_]
Bools = NDArray[np.bool_]

_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": ("customer", "customer_id", "case_id", "case", "user_id"),
    "touchpoint": ("touchpoint", "activity", "event"),
    "time": ("time", "timestamp"),
    "persona": ("persona",),
    "outcome": ("outcome",),
    "value": ("value",),
}
ROLES: Final = tuple(_USUAL)
_HINTS: Final = {
    "customer": ("user", "id", "case"),
    "touchpoint": ("activ", "event", "touch", "step"),
    "time": ("time", "date", "stamp"),
}
_NEEDED: Final = ("customer", "touchpoint", "time")
_TABLE_COLUMNS: Final = ("persona", "from", "to", "dwell_from_days", "dwell_to_days", "count")
_ISO: Final = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)?"
_DAY_OR_MONTH_FIRST: Final = re.compile(r"\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}")
_NUMBER: Final = re.compile(r"\s*\d{6,}(\.\d+)?\s*")
_DELIMITERS: Final = ",;\t|"
_MOST_EXAMPLES: Final = 5
_ROBOT_SHARE, _ROBOT_CUSTOMERS, _TIE_SHARE = 0.4, 20, 0.01


def read_events(
    path: str | Path, *, columns: Mapping[str, str] | None = None, cut_off: np.datetime64 | None = None
) -> EventLog:
    """Return the events of a CSV (.csv, .csv.gz) or Parquet file, in file order; ids are text, times UTC.

    `columns` maps customer, touchpoint, time, persona, outcome, value to the file's names; the usual names are found
    without it. Events count as recorded up to `cut_off`, by default the last event. Rows with a blank customer or
    touchpoint, or a time that cannot be read, are set aside and counted. Times without a zone are taken as UTC.

    Raises BadInput for a file that is missing, empty, not a table, or lacks a column; for a quote that never closes
    or a ragged row; for dates that could be read two ways (01/02/2026) and for bare numbers as times.
    """
    file = _existing(path)
    found = _header(file)
    names = _resolve(found, columns or {}, file)
    texts = _texts(file, found, names)
    times = _times(texts["time"], names["time"], file)
    reasons = [
        ("blank customer", texts["customer"] == ""),
        ("blank touchpoint", texts["touchpoint"] == ""),
        ("time cannot be read", np.isnat(times)),
    ]
    usable, aside = _usable(reasons, texts["time"])
    if not np.any(usable):
        raise BadInput([Problem("E002", f"no usable events: {_count_reasons(aside)}", Place(str(file)))])
    kept = {name: column[usable] for name, column in texts.items()}
    value, unread = _values(kept.get("value"))
    log = EventLog(
        customer=Names.of(kept["customer"].tolist()),
        touchpoint=Names.of(kept["touchpoint"].tolist()),
        time=times[usable],
        cut_off=times[usable].max() if cut_off is None else cut_off,
        persona=Names.of(kept["persona"].tolist()) if "persona" in kept else None,
        outcome=Names.of(kept["outcome"].tolist()) if "outcome" in kept else None,
        value=value,
        set_aside=(*aside, *unread),
    )
    return _with_warnings(log)


def read_transitions(path: str | Path) -> Transitions:
    """Return a transition table from CSV or Parquet.

    Columns: persona, from, to, dwell_from_days, dwell_to_days, count. Raises BadInput with the lines that are wrong:
    counts must be positive numbers, bins must have 0 <= from < to, and entries ("(enter)") have no bin.
    """
    file = _existing(path)
    found = _header(file)
    missing = [name for name in _TABLE_COLUMNS if name not in found]
    if missing:
        message = f"a transition table needs the columns {', '.join(_TABLE_COLUMNS)}; missing: {', '.join(missing)}"
        raise BadInput([Problem("E020", message, Place(str(file)))])
    texts = _texts(file, found, {name: name for name in _TABLE_COLUMNS})
    low, high, count = (_numbers(texts[name]) for name in _TABLE_COLUMNS[3:])
    entering = texts["from"] == ENTER
    problems = _table_problems(texts, low, high, count, file)
    if problems:
        raise BadInput(problems)
    low, high = np.where(entering, np.nan, low), np.where(entering, np.nan, high)
    persona, source, target = (Names.of(texts[name].tolist()) for name in ("persona", "from", "to"))
    return Transitions(persona, source, target, low, high, count)


def _existing(path: str | Path) -> Path:
    file = Path(path)
    if not file.is_file():
        raise BadInput([Problem("E001", f"there is no file {file}", Place(str(file)))])
    if file.stat().st_size == 0:
        raise BadInput([Problem("E002", "the file is empty: no events", Place(str(file)))])
    return file


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() in {".parquet", ".pq"}


def _header(file: Path) -> tuple[str, ...]:
    """Return the column names of the file."""
    if _is_parquet(file):
        described = f"DESCRIBE SELECT * FROM read_parquet('{_quoted(file)}')"  # noqa: S608  quoted
        return tuple(row[0] for row in _query(file, described))
    first = _first_line(file)
    names = next(csv.reader([first], delimiter=_delimiter(first)), [])
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadInput([Problem("E003", f"column {', '.join(repeated)} appears twice", Place(str(file), text=first))])
    return tuple(name.strip() for name in names)


def _first_line(file: Path) -> str:
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            line = stream.readline(1 << 20)
        return line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}; save it as UTF-8"
        raise BadInput([Problem("E004", message, Place(str(file)))]) from None
    except (gzip.BadGzipFile, EOFError) as error:
        raise BadInput([Problem("E004", f"not a readable .gz file ({error})", Place(str(file)))]) from None


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=lambda mark: (line.count(mark), -_DELIMITERS.index(mark)))


def _resolve(found: Sequence[str], columns: Mapping[str, str], file: Path) -> dict[str, str]:
    """Return which column of the file holds what; BadInput with the names found when one is missing."""
    problems = [
        Problem("E005", f'there is no column "{name}"{did_you_mean(name, found)}', Place(str(file)))
        for name in columns.values()
        if name not in found
    ]
    problems += [Problem("E005", unknown_role(role)) for role in columns if role not in ROLES]
    by_lower = {name.lower(): name for name in reversed(found)}
    usual = {role: next((by_lower[name] for name in names if name in by_lower), None) for role, names in _USUAL.items()}
    names = {role: name for role, name in (usual | dict(columns)).items() if name is not None}
    missing = [role for role in _NEEDED if role not in names]
    if missing:
        example = ",".join(f"{role}={_guess(role, found)}" for role in missing)
        message = (
            f"an event log needs {', '.join(missing)}; found: {', '.join(found)}; "
            f"say which is which: --columns {example}"
        )
        problems.append(Problem("E006", message, Place(str(file))))
    if problems:
        raise BadInput(problems)
    return names


def unknown_role(role: str) -> str:
    """Return the sentence for a role that no column has."""
    return f'"{role}" is not a role of a column{did_you_mean(role, ROLES)}; roles: {", ".join(ROLES)}'


def _guess(role: str, found: Sequence[str]) -> str:
    return next((name for hint in _HINTS[role] for name in found if hint in name.lower()), "?")


def _texts(file: Path, found: Sequence[str], names: Mapping[str, str]) -> dict[str, Texts]:
    """Return the wanted columns as text, blanks as ""; BadInput when the file is not a proper table."""
    wanted = ", ".join(f"coalesce(trim(CAST(\"{_escaped(name, chr(34))}\" AS VARCHAR)), '')" for name in names.values())
    rows = _query(file, f"SELECT {wanted} FROM {_source(file, found)}")  # noqa: S608  quoted
    if not rows:
        raise BadInput([Problem("E002", "no events: there is only a header", Place(str(file)))])
    columns = zip(*rows, strict=True)
    return {role: np.array(column, dtype=object) for role, column in zip(names, columns, strict=True)}


def _source(file: Path, found: Sequence[str]) -> str:
    if _is_parquet(file):
        return f"read_parquet('{_quoted(file)}')"
    _require_closed_quotes(file)
    types = ", ".join(f"'{_escaped(name)}': 'VARCHAR'" for name in found)
    mark = _escaped(_delimiter(_first_line(file)))
    return (
        f"read_csv('{_quoted(file)}', auto_detect=false, header=true, delim='{mark}', quote='\"', escape='\"', "
        f"columns={{{types}}}, strict_mode=true, nullstr='', parallel=false)"
    )


def _query(file: Path, query: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            return connection.execute(query).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise BadInput([_unreadable(file, str(error))]) from None


def _unreadable(file: Path, error: str) -> Problem:
    line = re.search(r"[Ll]ine:?\s*(\d+)", error)
    place = Place(str(file), int(line.group(1)) if line else 1)
    said = error.splitlines()
    first = next((part.strip() for part in said if "xpected" in part), said[0])
    return Problem("E004", f"this is not a proper table: {first}", place)


def _require_closed_quotes(file: Path) -> None:
    """Raise BadInput when a quote never closes: duckdb would take the rest of the file for one text, or for nothing."""
    opened = 0
    with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.count(b'"') % 2:
                opened = 0 if opened else number
    if opened:
        message = f"the quote that opens on line {opened} never closes"
        raise BadInput([Problem("E007", message, Place(str(file), opened))])


def _quoted(file: Path) -> str:
    return _escaped(file.as_posix())


def _escaped(text: str, quote: str = "'") -> str:
    return text.replace(quote, 2 * quote)


def _times(texts: Texts, column: str, file: Path) -> Times:
    """Return the times, UTC; NaT where the text is not a time."""
    for line, text in enumerate(texts, start=2):
        if _DAY_OR_MONTH_FIRST.match(text):
            message = f'"{text}" in column "{column}" could be day or month first; write times as 2026-02-01T13:45:00'
            raise BadInput([Problem("E008", message, Place(str(file), line))])
        if _NUMBER.fullmatch(text):
            message = f'"{text}" in column "{column}" is a number, not a time; write times as 2026-02-01T13:45:00'
            raise BadInput([Problem("E009", message, Place(str(file), line))])
    return np.array([_time(text) for text in texts], dtype="datetime64[us]")


def _time(text: str) -> np.datetime64:
    from datetime import UTC, datetime

    if not re.fullmatch(_ISO, text):
        return np.datetime64("NaT", "us")
    plain = re.sub(r"\s*UTC$", "+00:00", text.replace(",", "."))
    try:
        moment = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d{2}(:?\d{2})?$)", "", plain))
    except ValueError:
        return np.datetime64("NaT", "us")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return np.datetime64(aware.astimezone(UTC).replace(tzinfo=None), "us")


def _usable(reasons: Iterable[tuple[str, Bools]], examples: Texts) -> tuple[Bools, tuple[SetAside, ...]]:
    """Return which rows are usable, and those set aside under the first reason that applies."""
    usable, aside = np.ones(len(examples), dtype=bool), []
    for reason, rows in reasons:
        hit = usable & rows
        if np.any(hit):
            lines = tuple(f"line {row + 2}" for row in np.flatnonzero(hit)[:_MOST_EXAMPLES])
            aside.append(SetAside(reason, int(hit.sum()), lines))
        usable &= ~rows
    return usable, tuple(aside)


def _count_reasons(aside: Sequence[SetAside]) -> str:
    return ", ".join(f"{item.rows} rows with {item.reason}" for item in aside) or "no rows"


def _values(texts: Texts | None) -> tuple[Floats | None, tuple[SetAside, ...]]:
    """Return the value column, NaN where blank, not a number or infinite; the latter two are counted."""
    if texts is None:
        return None, ()
    values = _numbers(texts)
    bad = ~np.isfinite(values) & (texts != "")
    aside = SetAside("value is not a finite number (the event is kept, without its value)", int(bad.sum()))
    return np.where(np.isfinite(values), values, np.nan), (aside,) if aside.rows else ()


def _numbers(texts: Texts) -> Floats:
    return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        return np.nan


def _table_problems(
    texts: Mapping[str, Texts],
    low: Floats,
    high: Floats,
    count: Floats,
    file: Path,
) -> list[Problem]:
    entering = texts["from"] == ENTER
    rules = (
        ("E021", "persona, from and to must not be blank",
         (texts["persona"] == "") | (texts["from"] == "") | (texts["to"] == "")),
        ("E022", "count must be a positive number", ~(np.isfinite(count) & (count > 0))),
        ("E023", "a dwell bin needs 0 <= dwell_from_days < dwell_to_days",
         ~entering & ~((low >= 0) & (low < high) & np.isfinite(high))),
        ("E024", f'"{OPEN}" can only be a "to", "{ENTER}" only a "from", and no row is both',
         (texts["from"] == OPEN) | (texts["to"] == ENTER) | (entering & (texts["to"] == OPEN))),
    )  # fmt: skip
    return [
        Problem(code, message, Place(str(file), int(row) + 2))
        for code, message, broken in rules
        for row in np.flatnonzero(broken)[:_MOST_EXAMPLES]
    ]


def _with_warnings(log: EventLog) -> EventLog:
    """Return the log with what looks odd about it: one customer with very many events, many ties in time."""
    from dataclasses import replace

    events = np.bincount(log.customer.codes)
    order = np.lexsort((log.time, log.customer.codes))
    c, t = log.customer.codes[order], log.time[order]
    tied = np.unique(c[1:][(c[1:] == c[:-1]) & (t[1:] == t[:-1])]).size / log.customers
    warnings = []
    if log.customers >= _ROBOT_CUSTOMERS and events.max() >= _ROBOT_SHARE * events.sum():
        name = log.customer.labels[int(events.argmax())]
        message = f'customer "{name}" has {events.max() / events.sum():.0%} of all events; a robot or a placeholder id?'
        warnings.append(Problem("E030", message, severity="warning"))
    if tied > _TIE_SHARE:
        message = f"{tied:.0%} of the customers have events at the very same time; they keep the order of the file"
        warnings.append(Problem("E031", message, severity="warning"))
    return replace(log, warnings=tuple(warnings))
