"""However a log is counted, in memory, part by part, or by an engine, the table and the account are the same to the last row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeysim.errors import BadInput
from journeysim.files import observing
from journeysim.files.counting import parts
from journeysim.files.counting.by_parts import count_events
from journeysim.files.counting.parts import by_customer
from journeysim.files.counting.warehouse import count_in_engine, table_of, warehouse_query
from journeysim.files.events import read_transitions, relation
from journeysim.files.events.reading import log_of, set_aside
from journeysim.files.events.relation import opened
from journeysim.files.observing import count_log, observe_log
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Fixed
from journeysim.model.reactivation import reactivated
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


@pytest.fixture
def small_parts(monkeypatch):
    """Have a log of any size counted in several parts, its copies found on the way."""
    monkeypatch.setattr(relation, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(parts, "MOST_FETCHED", 40)
    monkeypatch.setattr(parts, "MOST_IN_PART", 7)


def in_memory(path: Path, cut_off: np.datetime64 | None = None, **settings):
    """Return a log, its transition table and what was set aside, as they are in memory."""
    with opened(path, LogSettings(**settings)) as events:
        log = log_of(events, cut_off)
        split = reactivated(log, journey()) if events.settings.reactivation else log
        table, aside = to_transitions(split, journey())
        return log, split, table, (*log.set_aside, *aside)


def by_parts(path: Path, cut_off: np.datetime64 | None = None, **settings):
    """Return a log, counted part by part, and its rows that could not be used."""
    micro = None if cut_off is None else int(cut_off.astype("datetime64[us]").astype(np.int64))
    with opened(path, LogSettings(**settings), copies_later=True, once=True) as events:
        return count_events(events, journey(), cut_off=micro), set_aside(events)


def by_expression(path: Path, cut_off: np.datetime64 | None = None, *, reactivation: bool = False):
    """Return a log, counted by the Ibis expression in an engine, here another DuckDB, over its usable rows."""
    import duckdb

    engine, micro = path.with_suffix(".duckdb"), None
    if cut_off is not None:
        micro = int(cut_off.astype("datetime64[us]").astype(np.int64))
    with opened(path) as events, duckdb.connect(engine) as connection:
        roles = [role for role in ("persona", "outcome") if events.has(role)]
        columns = ", ".join(["row", "customer", "touchpoint", "time::TIMESTAMPTZ AS time", *roles])
        events.rows("SET TimeZone = 'UTC'")
        events.rows(f"COPY (SELECT {columns} FROM usable ORDER BY row) TO '{path}.parquet'")  # noqa: S608 - roles
        connection.execute(f"CREATE TABLE log AS FROM '{path}.parquet'")
    table = table_of("log", {role: role for role in ("row", *roles)}, journey())
    found, _ = count_in_engine(f"duckdb://{engine}", table, journey(), cut_off=micro, reactivation=reactivation)
    return found


def reasons(aside) -> set[tuple[str, int, str]]:
    return {(item.reason, item.rows, item.what) for item in aside}


def assert_same(table, other):
    for name in ("persona", "source", "target"):
        assert getattr(table, name).labels == getattr(other, name).labels
        np.testing.assert_array_equal(getattr(table, name).codes, getattr(other, name).codes)
    for name in ("dwell_from", "dwell_to", "count"):
        np.testing.assert_array_equal(getattr(table, name), getattr(other, name))
    assert (table.squares is None) == (other.squares is None)
    if table.squares is not None:
        np.testing.assert_allclose(table.squares, other.squares, rtol=1e-12)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=logs(), days=st.sampled_from([None, 0, 2, 400]), reactivation=st.booleans())
@pytest.mark.usefixtures("small_parts")
def test_parts_memory_and_the_expression_count_the_same(text, days, reactivation, tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_text(text)
    cut_off = None if days is None else np.datetime64("2026-01-01", "us") + np.timedelta64(days, "D")
    log, split, table, aside = in_memory(path, cut_off, reactivation=reactivation)
    found, unusable = by_parts(path, cut_off, reactivation=reactivation)
    assert_same(table, found.counted.transitions)
    assert reasons(aside) == reasons((*unusable, *found.counted.set_aside))
    assert [item.reason for item in aside] == [item.reason for item in (*unusable, *found.counted.set_aside)]
    used = len(log.time) - sum(item.rows for item in found.counted.set_aside if item.what == "row")
    sizes = np.bincount(split.customer.codes)
    assert (found.counted.used, found.counted.customers, found.counted.single) == (used, len(sizes), np.sum(sizes == 1))
    assert found.crowd.events == len(log.time)
    assert found.crowd.customers == log.customers
    assert found.crowd.most_events == np.bincount(log.customer.codes).max()
    expressed = by_expression(path, cut_off, reactivation=reactivation)
    assert_same(table, expressed.transitions)
    assert reasons(found.counted.set_aside) == reasons(expressed.set_aside)
    assert (expressed.used, expressed.customers, expressed.single) == (used, len(sizes), np.sum(sizes == 1))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("weights", [(1, 2, 5), (1, 2, 2.5), (1, 1, 1), (0.1, 0.2, 0.3)])
def test_weights_count_the_same_in_parts_and_in_memory(tmp_path, weights):
    rng = np.random.default_rng(8)
    rows = [
        f"c{k % 60},{STEPS[rng.integers(5)]},2026-01-01 {rng.integers(24):02d}:00,old,{'' if k % 7 else weights[k % 60 % 3]}"
        for k in range(600)
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["customer,touchpoint,time,persona,w", *rows]) + "\n")
    settings = {"columns": (("weight", "w"),)}
    _, _, table, aside = in_memory(path, **settings)
    found, unusable = by_parts(path, **settings)
    assert_same(table, found.counted.transitions)
    assert reasons(aside) == reasons((*unusable, *found.counted.set_aside))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("last", ["weight", "note"])  # with weights the log is kept as a table, without it is read once
def test_what_a_large_log_says_of_itself_is_what_a_small_one_says(tmp_path, monkeypatch, last):
    rows = [f"c{k % 30},{STEPS[k % 3]},2026-01-0{1 + k % 7},old,1" for k in range(200)]
    rows += [
        *(f"robot,visit,2026-01-01 {k // 60:02d}:{k % 60:02d},old,1" for k in range(400)),
        rows[3],
        rows[3],
        rows[9],
    ]
    rows += [
        "c1,paid,2026-02-01,old,1",
        "c5,help,2026-01-06,old,1",
        "c1,visit,2026-02-02,old,1",
        "c2,left,2026-02-01,young,2",
        "c2,help,2026-02-03,young,1",
        ",visit,2026-01-02,old,1",
        "c3,\u3000,2026-01-02,old,1",
        "\xa0,visit,2026-01-03,old,1",
        "c4, visit\xa0,2026-01-01 12:00:00.5,old,1",
        "c4,visit,infinity,old,1",
        "c4,visit,soon,old,1",
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join([f"customer,touchpoint,time,persona,{last}", *rows]) + "\n")
    _, large = count_log(path, journey(), rejects=tmp_path / "large.csv")
    monkeypatch.setattr(observing, "MOST_SAMPLED", 10**9)
    _, sampled = observe_log(path, journey(), rejects=tmp_path / "sampled.csv")
    monkeypatch.setattr(relation, "MOST_IN_MEMORY", 10**9)
    _, small = observe_log(path, journey(), rejects=tmp_path / "small.csv")
    assert small.set_aside == large.set_aside == sampled.set_aside
    assert small.warnings == large.warnings == sampled.warnings
    assert {warning.code for warning in small.warnings} == {"E030", "E031", "E035"}
    assert replace(large, sampled=None) == replace(small, sampled=None) == replace(sampled, sampled=None)
    assert len({(tmp_path / f"{name}.csv").read_text() for name in ("large", "sampled", "small")}) == 1
    reasons_of_rows = {
        "blank customer": 2,
        "blank touchpoint": 1,
        "time cannot be read": 2,
        "exact copy of an earlier row": 3,
    }
    assert {item.reason: item.rows for item in large.set_aside if item.reason in reasons_of_rows} == reasons_of_rows


@pytest.mark.parametrize(
    ("row", "code"),
    [("1,visit,01/02/2026,old", "E008"), (",visit,1763719200,old", "E009"), ("1,visit,2026-01-01", "E004")],
)
def test_a_log_that_is_read_once_is_refused_where_it_is_when_kept(tmp_path, row, code):
    path = tmp_path / "log.csv"
    path.write_text(f"customer,touchpoint,time,persona\n1,visit,2026-01-01,old\n{row}\n2,cart,2026-01-01,old\n")
    with pytest.raises(BadInput) as once:
        count_log(path, journey())
    with pytest.raises(BadInput) as kept:
        observe_log(path, journey())
    assert once.value.problems == kept.value.problems
    assert [(problem.code, problem.place.line) for problem in once.value.problems] == [(code, 3)]


def test_a_database_that_is_not_there_or_has_no_such_table_is_said_in_a_sentence(tmp_path):
    import duckdb

    duckdb.connect(tmp_path / "log.duckdb").close()
    for name, words in (("nothing.duckdb", "does not exist"), ("log.duckdb", "log does not exist")):
        with pytest.raises(BadInput, match=words):
            count_in_engine(
                f"duckdb://{tmp_path / name}", table_of("log", {"persona": "persona"}, journey()), journey()
            )


@pytest.mark.usefixtures("small_parts")
def test_names_that_the_map_does_not_have_are_told_with_their_rows(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "customer,touchpoint,time,persona,outcome\n1,visti,2026-01-01,old,\n2,visit,2026-01-01,odl,\n"
        "3,visit,2026-01-01,old,visit\n4,visti,2026-01-02,old,\n"
    )
    with pytest.raises(BadInput) as large:
        count_log(path, journey())
    with opened(path) as events, pytest.raises(BadInput) as small:
        to_transitions(log_of(events), journey())
    assert large.value.problems == small.value.problems
    assert [problem.code for problem in large.value.problems] == ["E010", "E011", "E012"]


def test_customers_who_share_a_part_of_their_hash_stay_apart():
    rng = np.random.default_rng(5)
    high, low = rng.integers(0, 3, (2, 500), dtype=np.uint64)
    who, also = high << np.uint64(32) | low, rng.integers(0, 2, 500, dtype=np.uint32)
    order, first = by_customer(who, also)
    keys = list(zip(who[order].tolist(), also[order].tolist(), strict=True))
    assert sorted(zip(who.tolist(), also.tolist(), range(500), strict=True)) == [
        (*key, row) for key, row in zip(keys, order.tolist(), strict=True)
    ]
    assert first.tolist() == [k == 0 or keys[k] != keys[k - 1] for k in range(500)]


def test_the_printed_query_gives_the_table_that_calibrate_takes(tmp_path):
    import duckdb

    events = [
        ("1", "visit", 0, "old"), ("1", "cart", 3, "old"), ("1", "cart", 3, "old"), ("1", "paid", 4, "old"),
        ("1", "visit", 9, "old"), ("2", "visit", 0, "young"), ("2", "paid", 1, "young"), ("3", "help", 2, "young"),
    ]  # fmt: skip
    rows = [f"{who},{step},2026-01-01 {hour:02d}:00:00+00:00,{persona}" for who, step, hour, persona in events]
    text = "\n".join(["customer,touchpoint,time,persona", *rows]) + "\n"
    path = tmp_path / "log.csv"
    path.write_text(text)
    _, _, table, _ = in_memory(path)
    query = warehouse_query(
        table_of("log", {"persona": "persona"}, journey()), journey(), "duckdb", cut_off=None, reactivation=False
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"read_csv('{path}', types={{'customer': 'VARCHAR'}})"
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
