"""Counting where the log lives: the same query over a table of an engine that Ibis speaks, or as text for it.

The engine's table has the log's own column names; `row`, besides the roles of a file, may name a column that gives the
order of rows. Its events are shaped there by the expressions that shape a log here. What cannot be used, or is left out as
asked, is counted by the same query, so that nothing is dropped without being counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, final

import numpy as np

from journeysim.errors import BadInput, Problem
from journeysim.files.counting.counted import COUNTED, Counted, counted, still_open
from journeysim.files.counting.expression import NOBODY, Has, position, transitions_expression
from journeysim.files.counting.readable import readable
from journeysim.files.events.oddities import ended_warning
from journeysim.files.events.reasons import REASONS, no_usable_events
from journeysim.files.events.roles import NEEDED
from journeysim.files.events.shaping import changes, named_with, names_asked, require_names, shaped
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.event_log import SetAside
from journeysim.model.journey import JourneyMap
from journeysim.model.log_account import LogAccount
from journeysim.model.log_shape import AS_IT_IS, LogShape
from journeysim.model.visits import AFTER_OUTCOME, personas_missing, unknown_names

if TYPE_CHECKING:
    import ibis.expr.types as ir

#: Roles whose names the map has to know.
Named = Literal["touchpoint", "outcome", "persona"]
#: Roles that counting uses.
ROLES: Final = ("customer", "touchpoint", "time", "row", "persona", "outcome")
#: What gives the microseconds since 1970 of a time with a zone; elsewhere the distance to 1970 is taken.
_MICROS: Final = {
    "bigquery": "UNIX_MICROS",
    "pyspark": "unix_micros",
    "databricks": "unix_micros",
    "duckdb": "epoch_us",
}
_SCHEMES: Final = {"spark": "pyspark"}
_UNUSABLE: Final = -2  # sources from here downwards are reasons
_USABLE: Final = len(REASONS)  # the reason of rows that have none
_SOURCE, _BIN, _STAYS, _SINGLE = (COUNTED.index(name) for name in ("source", "bin", "stays", "single"))


@final
@dataclass(frozen=True, slots=True)
class Table:
    """A table of events in an engine: its name, which of its columns is which, and what is made of its events."""

    name: str
    columns: Mapping[str, str]
    shape: LogShape = AS_IT_IS

    def has(self) -> Has:
        """Return what the table has besides customer, touchpoint and time."""
        return Has(row="row" in self.columns, persona="persona" in self.columns, outcome="outcome" in self.columns)


def table_of(name: str, columns: Mapping[str, str], journey: JourneyMap, shape: LogShape = AS_IT_IS) -> Table:
    """Return a table of events; roles that are not named are columns of their own name, the optional ones are absent.

    Raises BadInput for a role that counting does not use, and where the map has several personas but the table none.
    """
    problems = [
        Problem(
            "E005", f'"{role}" is not a role that counting uses{did_you_mean(role, ROLES)}; roles: {", ".join(ROLES)}'
        )
        for role in columns
        if role not in ROLES
    ]
    if "persona" not in columns:
        problems += personas_missing(journey)
    if problems:
        raise BadInput(problems)
    return Table(name, {role: role for role in NEEDED} | dict(columns), shape)


def warehouse_query(table: Table, journey: JourneyMap, dialect: str, *, cut_off: int | None, reactivation: bool) -> str:
    """Return the query, in a dialect, whose result is a table's transition table; BadInput for an unknown dialect.

    Rows and moves that are set aside are not in it; `count_in_engine` counts them too. Whether the events have the names
    that shape them, only who runs it can see.
    """
    events = _shaped(_normalised(table, dialect), table, journey)
    return _written(readable(_found(events, table, journey, cut_off, reactivation=reactivation), journey), dialect)


def _written(expression: ir.Table, dialect: str) -> str:
    import ibis

    try:
        return str(ibis.to_sql(expression, dialect=dialect))
    except (AttributeError, ValueError, ImportError) as error:
        known = ("bigquery", "clickhouse", "databricks", "duckdb", "postgres", "pyspark", "snowflake", "trino")
        message = f'no SQL dialect "{dialect}"{did_you_mean(dialect, known)}; known are for example {", ".join(known)}'
        raise BadInput([Problem("E041", message)]) from error


def count_in_engine(
    engine: str, table: Table, journey: JourneyMap, *, cut_off: int | None = None, reactivation: bool = False
) -> tuple[Counted, LogAccount]:
    """Return a table of events, counted by the engine at a URL (`spark://local`, `bigquery://project/dataset`, …).

    Raises BadInput when the engine's library is not installed, for names that the map does not know, for names to shape
    events by that none has, and where no event is left.
    """
    scheme = engine.partition("://")[0]
    run = {"spark": _run_by_spark, "duckdb": _run_by_duckdb}.get(scheme, _run_by_ibis)
    dialect = _SCHEMES.get(scheme, scheme)
    read = _normalised(table, dialect)
    if names_asked(table.shape):
        names = run(engine, _written(_names(read), dialect), table)
        require_names(sorted(str(name) for (name,) in names), table.shape)
    events = _shaped(read, table, journey)
    found = _found(events, table, journey, cut_off, reactivation=reactivation)
    rows = run(engine, _written(_whole(found).union(_whole(_by_reason(events, table, journey))), dialect), table)
    if any(row[_SOURCE] <= _UNUSABLE and row[_SINGLE] for row in rows):
        named = {role: run(engine, _written(_by_name(events, role), dialect), table) for role in _known(table, journey)}
        raise BadInput(
            problem
            for role, names in named.items()
            for problem in unknown_names(role, ((str(name), int(rows)) for name, rows in names), journey)
        )
    return counted_with_unusable(rows, journey, cut_off)


def counted_with_unusable(
    rows: Sequence[Sequence[Any]], journey: JourneyMap, cut_off: int | None = None
) -> tuple[Counted, LogAccount]:
    """Return the rows of a warehouse query as counts, and the account of all rows, those that were not used by reason."""
    usable = [row for row in rows if row[_SOURCE] > _UNUSABLE]
    others = {_UNUSABLE - int(row[_SOURCE]): int(row[_STAYS]) for row in rows if row[_SOURCE] <= _UNUSABLE}
    events = others.pop(_USABLE, 0)
    unusable = tuple(SetAside(REASONS[code], others[code]) for code in sorted(others))
    if not events:
        raise BadInput([no_usable_events(unusable)])
    last = max(int(row[_BIN]) for row in rows if row[_SOURCE] == _UNUSABLE - _USABLE)
    found = counted(usable, events, journey)
    return found, _account(found, unusable, events, last if cut_off is None else cut_off)


def _account(found: Counted, unusable: tuple[SetAside, ...], events: int, cut_off: int) -> LogAccount:
    ended = sum(item.rows for item in found.set_aside if item.reason == AFTER_OUTCOME)
    return LogAccount(
        read=events + sum(item.rows for item in unusable),
        used=found.used,
        set_aside=(*unusable, *found.set_aside),
        customers=found.customers,
        single=found.single,
        open=still_open(found.transitions),
        cut_off=str(np.datetime64(cut_off, "us")),
        warnings=(ended_warning(ended),) if ended else (),
    )


def _stored(table: Table) -> ir.Table:
    """Return the table as it lies there; what is text here may be anything there, such as a number for an id."""
    import ibis
    import ibis.expr.datatypes as dt

    types: dict[str, str | dt.DataType] = {"time": "timestamp('UTC')", "row": "int64"}
    beside = dict.fromkeys(table.shape.split_by, dt.unknown)
    columns = {column: types.get(role, dt.unknown) for role, column in table.columns.items()}
    return ibis.table(beside | columns, name=table.name)


def _names(events: ir.Table) -> ir.Table:
    return events.filter(events.reason.isnull()).select("touchpoint").distinct()


def _shaped(events: ir.Table, table: Table, journey: JourneyMap) -> ir.Table:
    if not changes(table.shape):
        return events

    def ties(log: ir.Table) -> list[ir.Column]:
        if "row" in table.columns:
            return [log.row]
        return [position(log.touchpoint, journey.place_names), log.touchpoint]

    return shaped(events, table.shape, ties)


def _found(events: ir.Table, table: Table, journey: JourneyMap, cut_off: int | None, *, reactivation: bool) -> ir.Table:
    usable = events.filter(events.reason.isnull()).drop("reason")
    found = transitions_expression(usable, journey, table.has(), cut_off=cut_off, reactivation=reactivation)
    return _whole(found)


def _whole(found: ir.Table) -> ir.Table:
    """Return the columns of the counting query, in its order, as numbers of one type."""
    return found.select(**{name: found[name].cast("int64") for name in COUNTED})


def _normalised(table: Table, dialect: str) -> ir.Table:
    """Return the events with texts trimmed, times in microseconds, and the number of the reason why a row is not usable."""
    import ibis

    stored = _stored(table)
    named = {role: _text(stored, column) for role, column in table.columns.items() if role not in {"time", "row"}}
    if table.shape.split_by:
        named["touchpoint"] = named_with(named["touchpoint"], [_text(stored, name) for name in table.shape.split_by])
    numbers = {"row": stored[table.columns["row"]]} if "row" in table.columns else {}
    events = stored.select(micro=_micros(stored[table.columns["time"]], dialect), **named, **numbers)
    blank = [
        (events[role].isnull() | (events[role] == ""), code) for code, role in enumerate(("customer", "touchpoint"))
    ]
    return events.mutate(reason=ibis.cases(*blank, (events.micro.isnull(), 2), else_=ibis.null("int8")))


def _text(stored: ir.Table, column: str) -> ir.StringValue:
    return stored[column].cast("string").strip()


def _micros(time: ir.TimestampValue, dialect: str) -> ir.IntegerValue:
    import ibis
    import ibis.expr.datatypes as dt

    if dialect not in _MICROS:
        return time.delta(ibis.timestamp("1970-01-01"), unit="microsecond")
    signature = ((dt.Timestamp(timezone="UTC"),), dt.int64)

    def micros(time: object) -> int:  # a built-in of the engine; Ibis takes its name and signature
        raise NotImplementedError

    return ibis.udf.scalar.builtin(micros, name=_MICROS[dialect], signature=signature)(time)


def _by_reason(events: ir.Table, table: Table, journey: JourneyMap) -> ir.Table:
    """Return how many events there are by reason, as rows of the counting query.

    The reason stands in `source`, when the last of them was in `bin`, and in `single` how many usable ones have a name that
    the map does not know.
    """
    import ibis

    strange = ibis.or_(*(_strange(events[role], names) for role, names in _known(table, journey).items()))
    said = events.select(
        "micro",
        reason=events.reason.cast("int32").fill_null(_USABLE),
        strange=ibis.ifelse(events.reason.isnull() & strange, 1, 0),
    )
    counts = said.group_by("reason").aggregate(stays=said.count(), last=said.micro.max(), strange=said.strange.sum())
    fixed = {"persona": NOBODY, "target": -1}
    columns = {name: ibis.literal(fixed.get(name, 0)) for name in COUNTED}
    said_of = {"source": _UNUSABLE - counts.reason, "stays": counts.stays, "bin": counts["last"].fill_null(0)}
    return counts.select(**(columns | said_of | {"single": counts.strange}))


def _known(table: Table, journey: JourneyMap) -> dict[Named, tuple[str, ...]]:
    """Return the names that events may have, by role."""
    names: dict[Named, tuple[str, ...]] = {
        "touchpoint": journey.place_names,
        "outcome": journey.outcome_names,
        "persona": journey.persona_names,
    }
    return {role: known for role, known in names.items() if role in table.columns}


def _strange(names: ir.StringValue, known: Sequence[str]) -> ir.BooleanValue:
    return ~names.fill_null("").isin(("", *known))


def _by_name(events: ir.Table, role: Named) -> ir.Table:
    """Return how many usable events there are by name, in the order of names."""
    import ibis

    named = events.filter(events.reason.isnull() & (events[role] != ""))
    return named.group_by(role).aggregate(events=named.count()).order_by(ibis.asc(role))


def _run_by_spark(engine: str, text: str, table: Table) -> Sequence[Sequence[Any]]:
    """Return the rows of a query, by Spark: `spark://local` here, `spark://HOST:PORT` on a cluster."""
    try:
        from pyspark.errors import AnalysisException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise _missing("spark", "pyspark") from error
    master = "local[*]" if engine == "spark://local" else engine
    session = (
        SparkSession.builder.master(master).appName("journeysim count")
        .config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false").getOrCreate()  # its bar would run into what is said here
    )  # fmt: skip
    try:
        if "/" in table.name:
            session.read.parquet(table.name).createOrReplaceTempView("events")
            text = text.replace(f"`{table.name}`", "events")
        return [tuple(row) for row in session.sql(text).collect()]
    except AnalysisException as error:
        raise _uncountable(engine, table, error) from None


def _run_by_duckdb(engine: str, text: str, table: Table) -> Sequence[Sequence[Any]]:
    """Return the rows of a query, by DuckDB over a database file: `duckdb://PATH`."""
    import duckdb

    try:
        with duckdb.connect(engine.partition("://")[2], read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(text).fetchall()
    except duckdb.Error as error:
        raise _uncountable(engine, table, error) from None


def _uncountable(engine: str, table: Table, error: Exception) -> BadInput:
    message = f'the table "{table.name}" cannot be counted at "{engine}": {str(error).splitlines()[0]}'
    return BadInput([Problem("E041", message)])


def _run_by_ibis(engine: str, text: str, _: Table) -> Sequence[Sequence[Any]]:
    """Return the rows of a query, by any other engine that Ibis connects to."""
    import ibis

    scheme = engine.partition("://")[0]
    try:
        connection = ibis.connect(engine)
        found = connection.sql(text).to_pandas()
    except ImportError as error:
        raise _missing(scheme, f"ibis-framework[{scheme}]") from error
    except ValueError as error:
        message = (
            f'no engine "{engine}" ({error}); write for example duckdb, spark://local or bigquery://project/dataset'
        )
        raise BadInput([Problem("E041", message)]) from error
    return [tuple(row) for row in found.itertuples(index=False)]


def _missing(scheme: str, package: str) -> BadInput:
    message = f'the engine "{scheme}" needs {package}, which is not installed: pip install "journeysim[{scheme}]"'
    return BadInput([Problem("E040", message)])
