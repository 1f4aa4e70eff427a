"""A log as one relation of normalised events, inside a database that is closed with it.

Whatever form the log had, `events` has the columns row, customer, touchpoint, time (UTC) and those of the other roles that
the log has; ids are text, blanks are empty, numbers are finite or NULL. `reason` says why a row is not usable (NULL: it
is). Nothing of this passes through Python row by row.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.events.numbers import COMMA, number_of
from journeysim.files.events.roles import NUMBERS, TEXTS, resolve
from journeysim.files.events.shaped_here import named_with, require_columns, shape_events
from journeysim.files.events.sources import Source, escaped, query, source_of
from journeysim.files.events.texts import trimmed
from journeysim.files.events.times import BARE_NUMBER, DAY_OR_MONTH_FIRST, time_of
from journeysim.model.event_log import Ints
from journeysim.model.log_settings import PLAIN, LogSettings
from journeysim.model.log_shape import AS_IT_IS

if TYPE_CHECKING:
    import duckdb

EXAMPLES: Final = 5
#: A log of more rows than this is counted where it lies; memory holds at most so much of any log, the rest is on disk.
MOST_IN_MEMORY: Final = 2_000_000
MOST_MEMORY: Final = "4GB"
_MICROSECONDS_PER_DAY: Final = 86_400_000_000.0


@final
@dataclass(frozen=True, slots=True)
class Events:
    """The open relation of a log: query `events` on it. `roles` are those the log has, with the file's names.

    `once`: each query reads the file, so that what one reading can tell is not asked again; `events` then also has
    `touchpoint_written`, as it stands in the file, and the customer's text `backward`.
    """

    connection: duckdb.DuckDBPyConnection
    source: Source
    roles: Mapping[str, str]
    settings: LogSettings
    once: bool = False

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return query(self.connection, self.source.path, text)

    def one(self, text: str) -> tuple[Any, ...]:
        """Return the only row of a query."""
        return self.rows(text)[0]

    @property
    def total(self) -> int:
        """How many rows the log has."""
        return self.source.rows if self.source.rows is not None else int(self.one("SELECT count(*) FROM normalised")[0])

    @property
    def unread(self) -> bool:
        """Whether nothing is known of the rows yet when the log is opened."""
        return self.once and self.source.rows is None

    @property
    def most_rows(self) -> int:
        """How many rows the log has at most: a row of a text takes more than a byte."""
        return sum(file.stat().st_size for file in self.source.files) if self.unread else self.total

    @property
    def large(self) -> bool:
        """Whether the log is counted where it lies, instead of in memory."""
        return self.total > MOST_IN_MEMORY

    def has(self, role: str) -> bool:
        """Whether the log has a column of that role; `late` is also made from `due`."""
        return role in self.roles or (role == "late" and "due" in self.roles)

    def examples(self, condition: str, *, of: str = "events") -> tuple[str, ...]:
        """Return where the first few rows of a relation that meet a condition stand."""
        found = self.rows(f"SELECT row, file FROM {of} WHERE {condition} ORDER BY row LIMIT {EXAMPLES}")  # noqa: S608
        return tuple(self.where(row, file) for row, file in found)

    def where(self, row: int, file: str) -> str:
        """Return how people find a row."""
        return self.source.where(row - self._before(file), file)

    def line(self, row: int, file: str) -> int:
        """Return the number of a row's line; where rows are not lines, of the row."""
        return row - self._before(file) + (1 if self.source.first is None else self.source.first)

    def _before(self, file: str) -> int:
        """Return how many rows stand in the files before one."""
        if len(self.source.files) == 1:
            return 0
        return int(self.one(f"SELECT min(row) FROM normalised WHERE file = '{escaped(file)}'")[0])  # noqa: S608


@contextlib.contextmanager
def opened(
    path: str | Path, settings: LogSettings = PLAIN, *, copies_later: bool = False, once: bool = False
) -> Iterator[Events]:
    """Open a log as its relation of normalised events.

    With `copies_later` the exact copies of a large log are not marked yet: whoever sorts its events anyway sees them
    (`mark_copies`), and to look for them beforehand costs as much as to count. With `once` also, a CSV whose every row
    says by itself what becomes of it is not read yet; whoever reads it asks `require_unmistakable` where a time cannot be
    read. Without, its texts are kept in a table for more questions.

    Raises BadInput for a log that is missing, empty, not a table, or lacks a column; for a quote that never closes or a
    ragged row; for a compressed file that expands beyond the limit; and, unless a setting says how to read them, for
    dates that could be read two ways (01/02/2026), bare numbers as times and decimal commas.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="journeysim-") as folder, duckdb.connect() as connection:
        _set_zone(connection, settings.zone)
        _bound_memory(connection, Path(folder))
        source = source_of(connection, path)
        roles = resolve(source.columns, dict(settings.columns), Path(path))
        require_columns(settings.shape, source.columns, Path(path))
        large = source.rows is not None and source.rows > MOST_IN_MEMORY
        plain = copies_later and settings.shape == AS_IT_IS
        single = plain and len(source.files) == 1 and (large or (once and _told_by_rows(source, roles, settings)))
        events = Events(connection, source, roles, settings, once=single)
        form = "VIEW" if large or events.once else "TABLE"
        query(connection, source.path, f"CREATE TEMP {form} normalised AS {_normalised(events)}")
        _require_rows(events)
        if not events.unread:
            require_unmistakable(events)
        query(connection, source.path, "CREATE TEMP VIEW events AS FROM normalised")
        if not (plain and (events.once or events.large)):
            _find_copies(events)
        shape_events(events)
        query(connection, source.path, _USABLE)
        query(connection, source.path, _NOT_USABLE)
        yield events


def _told_by_rows(source: Source, roles: Mapping[str, str], settings: LogSettings) -> bool:
    """Return whether a log is a text about whose rows nothing has to be asked that reading each does not tell."""
    return source.form == "CSV" and settings.zone == "UTC" and not {"due", *NUMBERS} & set(roles)


def _bound_memory(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let the database use a stated amount of memory, and a folder of its own on disk beyond."""
    connection.execute(f"SET temp_directory = '{escaped(folder.as_posix())}'")
    connection.execute(f"SET memory_limit = '{MOST_MEMORY}'")
    connection.execute("SET enable_progress_bar = false")  # it would be written among the results on stdout


def _set_zone(connection: duckdb.DuckDBPyConnection, zone: str) -> None:
    import duckdb

    try:
        connection.execute(f"SET TimeZone = '{escaped(zone)}'")
    except duckdb.Error as error:
        close = str(error).partition("Candidate time zones: ")[2].replace('"', "")
        hint = f"; did you mean one of {close}?" if close else ""
        raise BadInput(
            [Problem("E017", f'there is no time zone "{zone}"{hint}; write for example Europe/Paris')]
        ) from None


def _normalised(events: Events) -> str:
    """Return the query that gives the normalised events of a source, row by row in the order of the files."""
    several, texts = len(events.source.files) > 1, [role for role in TEXTS if role in events.roles]
    columns = [
        f"{events.source.row} AS row",
        f"{'_file' if several else chr(39) * 2} AS file",
        *(f"{_texted(events, role)} AS {role}" for role in texts),
        f"{_time(events, 'time')} AS time",
        *_numbers(events),
        f"{_named(events, 'time')} AS time_written",
        f"hash({', '.join(_identifier(name) for name in events.source.columns)}) AS cells",
    ]  # fmt: skip
    said = (
        "CASE WHEN time IS NULL THEN trim(CAST(time_written AS VARCHAR)) END"  # of few rows: a text of each costs much
    )
    if events.once:
        return _read_once(events, columns, said)
    plain = f"SELECT {', '.join(columns)} FROM {events.source.scan}"  # noqa: S608 - quoted
    return f"SELECT * EXCLUDE (time_written), {said} AS time_said, {_reason(_BLANK)} AS reason FROM ({plain})"  # noqa: S608 - from above


_BLANK: Final = "touchpoint = ''"


def _reason(blank: str) -> str:
    return f"CASE WHEN customer = '' THEN 0 WHEN {blank} THEN 1 WHEN time IS NULL THEN 2 END"


def _read_once(events: Events, columns: Sequence[str], said: str) -> str:
    """Return the query of a log each of whose queries reads the file, so that what is dear there is worked out but once.

    That is the customer's text backward, which tells whether it ends in white space and is hashed. Whether a touchpoint is
    blank, nearly always its first character tells.
    """
    customer, touchpoint = (f"CAST({_named(events, role)} AS VARCHAR)" for role in ("customer", "touchpoint"))
    written = f"{customer} AS customer_written, {touchpoint} AS touchpoint_written, _backward"
    scanned = f"(SELECT *, reverse({customer}) AS _backward FROM {events.source.scan})"  # noqa: S608 - quoted
    plain = f"SELECT {', '.join(columns)}, {written} FROM {scanned}"  # noqa: S608 - quoted
    blank = f"(touchpoint_written BETWEEN '!' AND '~') IS NOT TRUE AND {trimmed('touchpoint_written')} = ''"
    backward = "CASE WHEN strlen(customer) = strlen(customer_written) THEN _backward ELSE reverse(customer) END"
    return (
        f"SELECT * EXCLUDE (time_written, customer_written, _backward), {said} AS time_said, {backward} AS backward, "  # noqa: S608
        f"{_reason(blank)} AS reason FROM ({plain})"
    )


def _numbers(events: Events) -> Iterator[str]:
    """Yield the number columns, and beside each what stands there when that is no number."""
    for role in NUMBERS:
        if role in events.roles:
            number = number_of(_named(events, role), events.settings)
            yield f"{number} AS {role}"
            yield f"CASE WHEN ({number}) IS NULL THEN nullif({_said(events, role)}, '') END AS {role}_said"
    if "due" in events.roles:
        due = _time(events, "due")
        late = f"(epoch_us({_time(events, 'time')}) - epoch_us({due})) / {_MICROSECONDS_PER_DAY}"
        yield f"{late} AS late"
        yield f"CASE WHEN ({due}) IS NULL THEN nullif({_said(events, 'due')}, '') END AS late_said"


def _time(events: Events, role: str) -> str:
    return time_of(_named(events, role), events.source.type_of(events.roles[role]), events.settings)


def _texted(events: Events, role: str) -> str:
    """Return the expression of a text, blanks empty; a touchpoint with the texts it is split by."""
    if events.once and role == "customer":
        return trimmed(f"CAST({_named(events, role)} AS VARCHAR)", "_backward")
    others = events.settings.shape.split_by if role == "touchpoint" else ()
    return named_with(
        *(trimmed(f"CAST({name} AS VARCHAR)") for name in (_named(events, role), *map(_identifier, others)))
    )


def _said(events: Events, role: str) -> str:
    return f"trim(CAST({_named(events, role)} AS VARCHAR))"


def _named(events: Events, role: str) -> str:
    return _identifier(events.roles[role])


def _identifier(name: str) -> str:
    return f'"{escaped(name, chr(34))}"'


_COPIES: Final = (
    "SELECT row FROM (SELECT row, row_number() OVER (PARTITION BY customer, touchpoint, time, cells ORDER BY row) AS copy "
    "FROM normalised WHERE reason IS NULL AND hash(customer, touchpoint, time) IN (SELECT event FROM several)) WHERE copy > 1"
)
_WITH_COPIES: Final = (
    "CREATE OR REPLACE TEMP VIEW events AS SELECT normalised.* REPLACE (CASE WHEN copies.row IS NULL THEN reason ELSE 3 END "
    "AS reason) FROM normalised LEFT JOIN copies ON copies.row = normalised.row"
)
_NOT_USABLE: Final = "CREATE TEMP VIEW unusable AS SELECT row, file, reason FROM events WHERE reason IS NOT NULL"
#: What counting reads: the usable events, their times in whole microseconds since 1970.
_USABLE: Final = "CREATE TEMP VIEW usable AS SELECT *, epoch_us(time) AS micro FROM events WHERE reason IS NULL"


def _find_copies(events: Events) -> None:
    """Mark exact copies: rows that agree with an earlier one in every cell of the file.

    Only events that agree in customer, touchpoint and time are compared cell by cell; there are few of them.
    """
    connection = events.connection
    connection.execute(
        "CREATE TEMP TABLE several AS SELECT hash(customer, touchpoint, time) AS event FROM normalised WHERE reason IS NULL "
        "GROUP BY event HAVING count(*) > 1"
    )
    if events.one("SELECT count(*) FROM several")[0]:
        copies = connection.execute(_COPIES).fetchnumpy()["row"]
        if len(copies):
            mark_copies(events, np.asarray(copies, dtype=np.int64))


def mark_copies(events: Events, rows: Ints) -> None:
    """Mark rows of a log as exact copies of earlier ones: from now on they are set aside, for that reason."""
    events.connection.execute("CREATE TEMP TABLE IF NOT EXISTS copies (row BIGINT)")
    events.connection.register("more", {"row": rows})
    events.connection.execute("INSERT INTO copies FROM more")
    events.connection.unregister("more")
    events.connection.execute(_WITH_COPIES)


def _require_rows(events: Events) -> None:
    if not (events.rows("SELECT 1 FROM normalised LIMIT 1") if events.unread else events.total):
        raise BadInput([Problem("E002", "no events: there is only a header", Place(str(events.source.path)))])


def require_unmistakable(events: Events) -> None:
    """Raise BadInput for the first time, and the first number, that can be read in more than one way."""
    problems: list[Problem] = []
    if not events.settings.time_format and events.settings.epoch is None:
        for pattern, code, words in (
            (DAY_OR_MONTH_FIRST, "E008", 'could be day or month first; say which: --time-format "%d/%m/%Y %H:%M"'),
            (BARE_NUMBER, "E009", "is a number, not a time; say whether it counts seconds or milliseconds: --epoch s"),
        ):
            problems += _first_said(events, "time", pattern, code, words)
    if events.settings.decimal == ".":
        for role in NUMBERS:
            if role in events.roles:
                words = "could be a decimal comma or a thousands separator; for a decimal comma say so: --decimal ,"
                problems += _first_said(events, role, COMMA, "E018", words)
    if problems:
        raise BadInput(problems)


def _first_said(events: Events, role: str, pattern: str, code: str, words: str) -> Iterator[Problem]:
    plain = ("TIMESTAMP", "DATE") if role == "time" else ("DOUBLE", "FLOAT", "DECIMAL")
    if events.source.type_of(events.roles[role]).startswith(plain):
        return
    found = events.rows(
        f"SELECT row, file, {role}_said FROM normalised WHERE regexp_full_match({role}_said, '{pattern}') "  # noqa: S608
        "ORDER BY row LIMIT 1"
    )
    for row, file, said in found:
        place = Place(file or str(events.source.path), events.line(row, file))
        yield Problem(code, f'"{said}" in column "{events.roles[role]}" {words}', place)
