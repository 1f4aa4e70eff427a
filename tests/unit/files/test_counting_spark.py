"""Spark gives the same table as DuckDB, row for row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from journeysim.files.counting.duck import count_events
from journeysim.files.counting.warehouse import count_in_engine, table_of
from journeysim.files.events.relation import opened
from journeysim.model.log_settings import LogSettings

from .test_counting import STEPS, assert_same, journey

pytestmark = pytest.mark.slow


def generated(folder: Path, *, outcome: bool, seed: int) -> Path:
    """Write a log of 4,000 events with ties, repeats, rows after outcomes and moves that are not on the map."""
    import duckdb

    path = folder / f"log-{seed}.parquet"
    extra = ", CASE WHEN random() < 0.05 THEN ['paid', 'left'][1 + CAST(floor(random() * 2) AS INT)] END AS outcome" if outcome else ""
    steps = ", ".join(f"'{name}'" for name in STEPS)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"SELECT setseed({seed / 100})")
        connection.execute(
            f"COPY (SELECT CAST(i AS BIGINT) AS row, CAST(floor(random() * 700) AS VARCHAR) AS customer, "
            f"CASE WHEN random() < 0.01 THEN ' ' ELSE [{steps}][1 + CAST(floor(random() * random() * 5) AS INT)] END AS touchpoint, "
            f"TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(CAST(floor(random() * random() * 40) AS BIGINT) * 3600) AS time, "
            f"CASE WHEN random() < 0.9 THEN ['old', 'young'][1 + CAST(floor(random() * 2) AS INT)] END AS persona{extra} "
            f"FROM range(4000) r(i)) TO '{path}' (FORMAT parquet)"
        )
    return path


@pytest.mark.parametrize(("outcome", "cut_off", "reactivation"), [
    (False, None, False), (True, None, False), (True, "2026-01-01T12:00", False), (False, None, True),
])  # fmt: skip
def test_spark_and_duckdb_count_the_same(tmp_path, outcome, cut_off, reactivation):
    pytest.importorskip("pyspark", reason="needs Spark: pip install journeysim[spark], and Java")
    path = generated(tmp_path, outcome=outcome, seed=11)
    micro = None if cut_off is None else int(np.datetime64(cut_off, "us").astype(np.int64))
    with opened(path, LogSettings(reactivation=reactivation)) as events:
        here = count_events(events, journey(), cut_off=micro)
    columns = {"row": "row", "persona": "persona"} | ({"outcome": "outcome"} if outcome else {})
    there = count_in_engine(
        "spark://local", table_of(str(path), columns, journey()), journey(), cut_off=micro, reactivation=reactivation
    )
    assert_same(here.transitions, there.transitions)
    known = {(item.reason, item.rows) for item in here.set_aside}
    assert known <= {(item.reason, item.rows) for item in there.set_aside}
    assert here.used == there.used
