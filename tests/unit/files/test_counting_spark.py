"""Spark gives the same table as DuckDB, row for row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from journeysim.errors import BadInput
from journeysim.files.counting.by_parts import count_events
from journeysim.files.counting.warehouse import count_in_engine, table_of
from journeysim.files.events.relation import opened
from journeysim.model.log_settings import LogSettings
from journeysim.model.log_shape import LogShape

from .test_counting import STEPS, assert_same, journey
from .test_shaped_elsewhere import EVERYTHING, outcome_of, written
from .test_shaped_elsewhere import journey as larger_journey

pytestmark = [
    pytest.mark.slow,
    # Spark's gateway leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def generated(folder: Path, *, outcome: bool) -> Path:
    """Write a log of 4,000 events with ties, repeats, rows after outcomes and moves that are not on the map."""
    from datetime import UTC, datetime, timedelta

    import duckdb

    path, rng = folder / "log.parquet", np.random.default_rng(11)
    start, steps = datetime(2026, 1, 1, tzinfo=UTC), (*STEPS[:3] * 3, *STEPS, " ")
    rows = [
        (
            row, f"c{rng.integers(700)}", steps[rng.integers(len(steps))],
            (start + timedelta(hours=int(rng.integers(7) * rng.integers(7)))).isoformat(),
            ("old", "young", "")[rng.integers(3)], ("", "", "", "paid", "left")[rng.integers(5)],
        )
        for row in range(4000)
    ]  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE log (row BIGINT, customer TEXT, touchpoint TEXT, time TIMESTAMPTZ, persona TEXT, o TEXT)"
        )
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", rows)
        columns = "* RENAME (o AS outcome)" if outcome else "* EXCLUDE (o)"
        connection.execute(f"COPY (SELECT {columns} FROM log ORDER BY row) TO '{path}' (FORMAT parquet)")  # noqa: S608 - a path
    return path


@pytest.mark.parametrize(("outcome", "cut_off", "reactivation"), [
    (False, None, False), (True, None, False), (True, "2026-01-01T12:00", False), (False, None, True),
])  # fmt: skip
def test_spark_and_duckdb_count_the_same(tmp_path, outcome, cut_off, reactivation):
    pytest.importorskip("pyspark", reason="needs Spark: pip install journeysim[spark], and Java")
    path = generated(tmp_path, outcome=outcome)
    micro = None if cut_off is None else int(np.datetime64(cut_off, "us").astype(np.int64))
    with opened(path, LogSettings(reactivation=reactivation)) as events:
        here = count_events(events, journey(), cut_off=micro).counted
    columns = {"row": "row", "persona": "persona"} | ({"outcome": "outcome"} if outcome else {})
    there, _ = count_in_engine(
        "spark://local", table_of(str(path), columns, journey()), journey(), cut_off=micro, reactivation=reactivation
    )
    assert_same(here.transitions, there.transitions)
    known = {(item.reason, item.rows) for item in here.set_aside}
    assert known <= {(item.reason, item.rows) for item in there.set_aside}
    assert here.used == there.used


def test_spark_shapes_a_table_as_a_log_is_shaped_here(tmp_path):
    """Signs in names, sessions, an order among ties: row for row, with the same account and the same refusals."""
    pytest.importorskip("pyspark", reason="needs Spark: pip install journeysim[spark], and Java")
    import duckdb

    log = written(tmp_path, np.random.default_rng(5), rows=2000)
    with duckdb.connect(log.engine.partition("://")[2], read_only=True) as connection:
        connection.execute(f"COPY log TO '{tmp_path / 'log.parquet'}'")

    def by_spark(shape: LogShape):
        table = table_of(str(tmp_path / "log.parquet"), {role: role for role in log.roles}, larger_journey(), shape)
        return count_in_engine("spark://local", table, larger_journey())

    for shape in (EVERYTHING, LogShape(drop=("*9\\*", "no such"))):
        assert outcome_of(lambda shape=shape: by_spark(shape)) == outcome_of(lambda shape=shape: log.here(shape))


def test_a_table_that_spark_does_not_have_or_lacks_a_column_is_said_in_a_sentence(tmp_path):
    pytest.importorskip("pyspark", reason="needs Spark: pip install journeysim[spark], and Java")
    path = generated(tmp_path, outcome=False)
    for name, shape, words in (
        (str(tmp_path / "nothing"), LogShape(), "does not exist"), (str(path), LogShape(split_by=("life",)), "life"),
    ):  # fmt: skip
        table = table_of(name, {"persona": "persona"}, journey(), shape)
        with pytest.raises(BadInput, match=f"cannot be counted.*{words}"):
            count_in_engine("spark://local", table, journey())
