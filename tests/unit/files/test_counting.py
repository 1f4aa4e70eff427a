"""One query counts a log exactly as it is counted in memory: ties, repeats, outcomes, moves off the map, and what is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journeysim.files.counting.duck import count_events
from journeysim.files.counting.warehouse import table_of, warehouse_query
from journeysim.files.events import read_transitions
from journeysim.files.events.reading import log_of
from journeysim.files.events.relation import opened
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import to_transitions

STEPS = ("visit", "help", "cart", "paid", "left")


def journey() -> JourneyMap:
    """Two personas; `help` may follow itself, and some moves are not on the map."""

    def links(*targets):
        return tuple(Link(target, None) for target in targets)

    touchpoints = (
        Touchpoint("visit", links("help", "cart", "left")),
        Touchpoint("help", links("help", "visit", "left")),
        Touchpoint("cart", links("paid", "left")),
    )
    personas = (Persona("old", Fixed(0.5)), Persona("young", Fixed(0.5)))
    return JourneyMap("shop", touchpoints, (Outcome("paid"), Outcome("left")), (("visit", Fixed(1.0)),), personas)


@st.composite
def logs(draw) -> str:
    """Return a small CSV log of a few customers, dense in ties, repeats, exact copies, and rows after an outcome."""
    has_outcome = draw(st.booleans())
    event = st.tuples(
        st.integers(0, 30), st.sampled_from(STEPS), st.integers(0, 12), st.sampled_from(["old", "young", ""]),
        st.sampled_from(["", "", "paid", "left"]), st.sampled_from(["1000000", "1", "999999", "86400000000", "3155760000000000"]),
    )  # fmt: skip
    rows = ["customer,touchpoint,time,persona" + (",outcome" if has_outcome else "")]
    for customer, step, number, persona, outcome, unit in draw(st.lists(event, min_size=1, max_size=300)):
        time = np.datetime64("2026-01-01", "us") + np.timedelta64(number * int(unit) % 10**16, "us")
        rows.append(f"{customer},{step},{time},{persona}" + (f",{outcome}" if has_outcome else ""))
    return "\n".join(rows) + "\n"


def both(folder: Path, text: str, cut_off: np.datetime64 | None = None, **settings):
    """Return what the log gives in memory, and what the query gives."""
    path = folder / "log.csv"
    path.write_text(text)
    micro = None if cut_off is None else int(cut_off.astype("datetime64[us]").astype(np.int64))
    with opened(path, LogSettings(**settings)) as events:
        log = log_of(events, cut_off)
        return log, to_transitions(log, journey()), count_events(events, journey(), cut_off=micro)


def assert_same(table, other):
    for name in ("persona", "source", "target"):
        assert getattr(table, name).labels == getattr(other, name).labels
        np.testing.assert_array_equal(getattr(table, name).codes, getattr(other, name).codes)
    for name in ("dwell_from", "dwell_to", "count"):
        np.testing.assert_array_equal(getattr(table, name), getattr(other, name))


@settings(max_examples=10)
@given(text=logs(), days=st.sampled_from([None, 0, 2, 400]))
def test_the_query_and_memory_count_the_same(text, days, tmp_path_factory):
    cut_off = None if days is None else np.datetime64("2026-01-01", "us") + np.timedelta64(days, "D")
    log, (table, aside), found = both(tmp_path_factory.mktemp("log"), text, cut_off)
    assert_same(table, found.transitions)
    assert {(item.reason, item.rows, item.what) for item in aside} == {
        (item.reason, item.rows, item.what) for item in found.set_aside
    }
    assert len(log.time) == found.used + sum(item.rows for item in found.set_aside if item.what == "row")


def test_the_printed_query_gives_the_table_that_calibrate_takes(tmp_path):
    import duckdb

    events = [
        ("1", "visit", 0, "old"), ("1", "cart", 3, "old"), ("1", "cart", 3, "old"), ("1", "paid", 4, "old"),
        ("1", "visit", 9, "old"), ("2", "visit", 0, "young"), ("2", "paid", 1, "young"), ("3", "help", 2, "young"),
    ]  # fmt: skip
    rows = [f"{who},{step},2026-01-01 {hour:02d}:00:00+00:00,{persona}" for who, step, hour, persona in events]
    text = "\n".join(["customer,touchpoint,time,persona", *rows]) + "\n"
    _, (table, _), _ = both(tmp_path, text)
    query = warehouse_query(
        table_of("log", {"persona": "persona"}, journey()), journey(), "duckdb", cut_off=None, reactivation=False
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"read_csv('{tmp_path / 'log.csv'}', types={{'customer': 'VARCHAR'}})"
        connection.execute(f"CREATE VIEW log AS SELECT * REPLACE (time::TIMESTAMPTZ AS time) FROM {source}")  # noqa: S608 - a path
        connection.execute(f"COPY ({query}) TO '{tmp_path / 'table.csv'}'")
    found = read_transitions(tmp_path / "table.csv")
    assert lines_of(found) == lines_of(table)


def lines_of(table):
    """Return the rows of a table in an order of their own; edges as written in twelve digits."""
    columns = zip(table.persona.codes, table.source.codes, table.target.codes, strict=True)
    labels = (table.persona.labels, table.source.labels, table.target.labels)
    names = [tuple(known[code] for known, code in zip(labels, codes, strict=True)) for codes in columns]
    numbers = zip(table.dwell_from, table.dwell_to, table.count, strict=True)
    return sorted((*name, *(f"{number:.12g}" for number in row)) for name, row in zip(names, numbers, strict=True))
