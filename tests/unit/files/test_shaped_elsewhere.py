"""A table that is shaped where it lies gives what the same log gives that is shaped here: table, account and refusals."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from journeysim.errors import BadInput
from journeysim.files.counting import warehouse
from journeysim.files.counting.warehouse import count_in_engine, table_of, warehouse_query
from journeysim.files.events import read_transitions
from journeysim.files.events.transition_table import transitions_csv
from journeysim.files.observing import count_log
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.log_settings import LogSettings
from journeysim.model.log_shape import After, LogShape
from journeysim.model.quantity import Fixed

NAMES = ("visit", "help", "W_call", "WXcall", "it's 9%", "it's 9\\", "paid", "left")
LIVES = ("", "END")
DIALECTS = ("bigquery", "snowflake", "pyspark", "databricks", "clickhouse", "postgres", "trino", "duckdb")
SEEDS = range(6)
EVERYTHING = LogShape(
    split_by=("life",), drop=("W_*",), rename=(("it's 9%*", "asked"), ("*\\ END", "asked")),
    after=(After("visit", "help", "back"),), session_gap=1.0, collapse=0.25, entered_from="2026-01-03",
)  # fmt: skip


def journey() -> JourneyMap:
    """Return a map of every name that shaping leaves or makes; some repeat, and some moves are not on it."""
    stays = [f"{name} {life}".strip() for name in NAMES for life in LIVES if f"{name} {life}".strip() not in NAMES[-2:]]
    names = [*stays, "asked", "back"]
    links = tuple(Link(name, None) for name in (*names[::2], "paid", "left"))
    touchpoints = tuple(Touchpoint(name, links) for name in names)
    personas = (Persona("old", Fixed(0.5)), Persona("young", Fixed(0.5)))
    return JourneyMap("shop", touchpoints, (Outcome("paid"), Outcome("left")), (("visit", Fixed(1.0)),), personas)


@dataclass(frozen=True)
class Written:
    """A log of one content, here as a file and there as a table of a database."""

    path: Path
    engine: str
    roles: tuple[str, ...]

    def here(self, shape: LogShape, **settings):
        return count_log(self.path, journey(), LogSettings(shape=shape, **settings))

    def there(self, shape: LogShape, *, without: str = "", reactivation: bool = False):
        columns = {role: role for role in self.roles if role != without}
        table = table_of("log", columns, journey(), shape)
        return count_in_engine(self.engine, table, journey(), reactivation=reactivation)


def written(folder: Path, rng: np.random.Generator, *, rows: int = 400, ties: bool = True) -> Written:
    """Write a log with ties, repeats, blanks and unreadable times; its numbered rows have no exact copies."""
    import duckdb

    hours = rng.integers(0, 8 * 24, rows) if ties else np.sort(rng.permutation(8 * 24 * 10)[:rows]) / 10
    roles = ("row", "persona", *(["outcome"] if rng.integers(2) else []))
    path, engine = folder / "log.csv", folder / "log.duckdb"
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["row", "customer", "touchpoint", "time", "life", "persona", *roles[2:]])
        for k, hour in enumerate(hours):
            time = np.datetime64("2026-01-01", "us") + np.timedelta64(int(hour * 3_600_000_000), "us")
            out.writerow([
                k + 1, "" if rng.random() < 0.03 else f"c{rng.integers(rows // 8)}",
                rng.choice([*NAMES[:2] * 3, *NAMES, " "]), "" if rng.random() < 0.03 else time, rng.choice(LIVES),
                rng.choice(["old", "young", ""]), *([rng.choice(["", "paid", "left"])] if len(roles) > 2 else []),
            ])  # fmt: skip
    engine.unlink(missing_ok=True)
    with duckdb.connect(engine) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        read = f"read_csv('{path}', all_varchar = true, header = true, quote = '\"', escape = '\"')"
        kinds = "nullif(time, '')::TIMESTAMPTZ AS time, row::BIGINT AS row"
        connection.execute(f"CREATE TABLE log AS SELECT * REPLACE ({kinds}) FROM {read}")  # noqa: S608 - a path
    return Written(path, f"duckdb://{engine}", roles)


def drawn(rng: np.random.Generator) -> LogShape:
    """Return a shape, each of its parts there or not."""
    part = dict(zip(EVERYTHING.__slots__, rng.integers(0, 2, 7), strict=True))
    own = {
        "drop": [("W_*",), ("help", "*9\\*"), ("*X*", "it*s*\\")][rng.integers(3)],
        "rename": [(("W_call", "help"), ("W*", "visit")), (("it's 9%*", "asked"), ("*\\", "asked"))][rng.integers(2)],
        "after": (After("visit", "help", "back"), After("visit", "visit", "asked"), After("help", "visit", "asked")),
        "session_gap": float(rng.choice([0.25, 1.0, 2.5])),
        "collapse": float(rng.choice([0.0, 0.5, np.inf])),
        "entered_from": "2026-01-03",
    }
    own["after"] = own["after"][: 1 + rng.integers(3)]
    return replace(EVERYTHING, **{
        name: own.get(name, getattr(EVERYTHING, name)) if part[name] else getattr(LogShape(), name) for name in part
    })  # fmt: skip


def told(account):
    """Return an account without where rows stand, which only a file tells."""
    aside = tuple(replace(item, examples=()) for item in account.set_aside)
    ended = tuple(
        re.sub(r" \(row .*?\)| \(line .*?\)", "", item.message) for item in account.warnings if item.code == "E035"
    )
    return replace(account, set_aside=aside, warnings=()), ended


def outcome_of(count):
    """Return the table and the account, or what is wrong."""
    try:
        found, account = count()
    except BadInput as error:
        return [(problem.code, problem.message) for problem in error.problems]
    return transitions_csv(found.transitions), told(account)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_table_shaped_there_is_the_log_shaped_here(tmp_path, seed):
    shape, rng = drawn(np.random.default_rng([seed, 1])), np.random.default_rng(seed)
    log, again = written(tmp_path, rng), bool(rng.integers(2))
    here = outcome_of(lambda: log.here(shape, reactivation=again))
    assert isinstance(here, tuple), here
    assert here == outcome_of(lambda: log.there(shape, reactivation=again))


def test_the_shapes_drawn_have_all_there_is():
    """Else the test above would hold without a word on the part that is missing."""
    shapes = [drawn(np.random.default_rng([seed, 1])) for seed in SEEDS]
    for name in LogShape.__slots__:
        assert sum(getattr(shape, name) != getattr(LogShape(), name) for shape in shapes) >= 2, name


def test_every_part_of_a_shape_together_and_ties_only_where_there_are(tmp_path):
    """Rows of different times have one order, whether a column tells it or not."""
    log = written(tmp_path, np.random.default_rng(3), ties=False)
    found, account = log.here(EVERYTHING)
    assert {item.reason.partition(",")[0] for item in account.rows_set_aside} >= {
        "left out", "the same touchpoint again", "of a journey that began earlier", "blank customer", "time cannot be read",
    }  # fmt: skip
    assert (transitions_csv(found.transitions), told(account)) == outcome_of(
        lambda: log.there(EVERYTHING, without="row")
    )


def test_without_a_column_for_ties_the_map_decides_them_the_same_way_each_time(tmp_path):
    """Shuffled rows change nothing."""
    import duckdb

    log = written(tmp_path, np.random.default_rng(6))
    before = outcome_of(lambda: log.there(EVERYTHING, without="row"))
    with duckdb.connect(log.engine.partition("://")[2]) as connection:
        connection.execute("CREATE OR REPLACE TABLE log AS SELECT * FROM log ORDER BY hash(row)")
    assert before == outcome_of(lambda: log.there(EVERYTHING, without="row"))


def test_a_name_that_no_event_has_is_refused_there_too(tmp_path):
    log = written(tmp_path, np.random.default_rng(4))
    shape = LogShape(drop=("hepl",), rename=(("x*", "y"),), after=(After("visit", "nowhere", "back"),))
    here = outcome_of(lambda: log.here(shape))
    assert [code for code, _ in here] == ["E075"] * 3
    assert here == outcome_of(lambda: log.there(shape))


def test_names_that_the_map_does_not_have_are_told_there_as_here(tmp_path):
    """Names after shaping count; blank ones and those of unusable rows do not."""
    log = written(tmp_path, np.random.default_rng(4))
    whole = journey()
    few = replace(whole, touchpoints=whole.touchpoints[:-4], outcomes=whole.outcomes[:1], personas=whole.personas[:1])
    shape = LogShape(rename=(("help", "hlep"),))
    table = table_of("log", {role: role for role in log.roles}, few, shape)
    with pytest.raises(BadInput) as here:
        count_log(log.path, few, LogSettings(shape=shape))
    with pytest.raises(BadInput) as there:
        count_in_engine(log.engine, table, few)
    assert {"E010", "E012"} <= {problem.code for problem in there.value.problems}
    assert any('"hlep"' in problem.message for problem in there.value.problems)
    assert sorted(map(str, there.value.problems)) == sorted(map(str, here.value.problems))


def test_where_no_event_is_left_it_is_said_there_too(tmp_path):
    log, shape = written(tmp_path, np.random.default_rng(4)), LogShape(entered_from="2027-01-01")
    here = outcome_of(lambda: log.here(shape))
    assert [code for code, _ in here] == ["E002"]
    table = table_of("log", {role: role for role in log.roles}, journey(), shape)
    events = warehouse._shaped(warehouse._normalised(table, "duckdb"), table, journey())
    reasons = warehouse._written(warehouse._whole(warehouse._by_reason(events, table, journey())), "duckdb")
    rows = warehouse._run_by_duckdb(log.engine, reasons, table)
    assert here == outcome_of(lambda: warehouse.counted_with_unusable(rows, journey()))


def test_ids_and_split_columns_may_be_numbers_there(tmp_path):
    import duckdb

    with duckdb.connect(tmp_path / "log.duckdb") as connection:
        connection.execute(
            "CREATE TABLE log AS SELECT 7 AS customer, 'visit' AS touchpoint, now() AS time, unnest([1, 2]) AS n"
        )
    table = table_of("log", {}, one_persona(), LogShape(split_by=("n",)))
    names = warehouse._written(warehouse._names(warehouse._normalised(table, "duckdb")), "duckdb")
    found = warehouse._run_by_duckdb(f"duckdb://{tmp_path / 'log.duckdb'}", names, table)
    assert sorted(found) == [("visit 1",), ("visit 2",)]


def one_persona() -> JourneyMap:
    return replace(journey(), personas=(Persona("all", Fixed(1.0)),))


def test_the_printed_query_shapes_as_well(tmp_path):
    import duckdb

    log = written(tmp_path, np.random.default_rng(3))
    table = table_of("log", {role: role for role in log.roles}, journey(), EVERYTHING)
    query = warehouse_query(table, journey(), "duckdb", cut_off=None, reactivation=False)
    with duckdb.connect(log.engine.partition("://")[2], read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({query}) TO '{tmp_path / 'table.csv'}'")
    found, _ = log.here(EVERYTHING)
    counted = read_transitions(tmp_path / "table.csv")
    assert counts_of(counted) == counts_of(found.transitions)


def counts_of(table):
    """Return how often each move was, whatever its dwell, with names."""
    counts: dict[tuple[str, str, str], float] = {}
    columns = (table.persona, table.source, table.target)
    for k, count in enumerate(table.count):
        key = tuple(column.labels[column.codes[k]] for column in columns)
        counts[key] = counts.get(key, 0) + float(count)
    return counts


@pytest.mark.parametrize("dialect", DIALECTS)
def test_names_with_signs_are_written_as_each_dialect_reads_them(dialect):
    """No pattern has a sign that is escaped in one dialect and not in another, and the text is that dialect's own."""
    import sqlglot
    from sqlglot import exp

    table = table_of("log", {"row": "row", "persona": "persona"}, journey(), EVERYTHING)
    events = warehouse._shaped(warehouse._normalised(table, dialect), table, journey())
    text = warehouse._written(events, dialect)
    parsed = sqlglot.parse_one(text, read={"pyspark": "spark"}.get(dialect, dialect))
    patterns = {like.expression.this for like in parsed.find_all(exp.Like)}
    assert patterns == {"W‗%", "it's 9٪%", "%⧵ END"}
    assert not list(parsed.find_all(exp.Escape))
    assert {literal.this for literal in parsed.find_all(exp.Literal)} >= {
        "\\",
        "⧵",
        "_",
        "‗",
        "%",
        "٪",
        "asked",
        "back",
    }
    assert {column.name for column in parsed.find_all(exp.Column)} >= {"life"}
    for window in parsed.find_all(exp.Window):  # a frame without an order is refused by some
        assert window.args.get("order") is not None
