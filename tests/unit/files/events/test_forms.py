"""The forms a log comes in: each gives the same events, and each says where what it cannot read stands."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import duckdb
import numpy as np
import pytest

from journeysim.errors import BadInput
from journeysim.files import observing
from journeysim.files.events import read_events, relation
from journeysim.files.observing import count_log, observe_log
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Fixed

ROWS = [("007", "a", "2026-01-05T10:00:00"), ("7", "a", "2026-01-05T11:00:00"), ("007", "x", "2026-01-06T10:00:00")]
CSV = "customer,touchpoint,time\n" + "".join(",".join(row) + "\n" for row in ROWS)
LINES = "".join(json.dumps(dict(zip(("customer", "touchpoint", "time"), row, strict=True))) + "\n" for row in ROWS)
EVENT = '<event><string key="concept:name" value="{}"/><date key="time:timestamp" value="{}+00:00"/></event>'


def trace(name: str) -> str:
    events = "".join(EVENT.format(step, time) for customer, step, time in ROWS if customer == name)
    return f'<trace><string key="concept:name" value="{name}"/>{events}</trace>'


XES = f'<?xml version="1.0"?><log xmlns="http://www.xes-standard.org/"><global scope="event"/>{trace("007")}{trace("7")}</log>'


def write(path: Path, text: str) -> Path:
    if path.suffix == ".zst":
        plain = path.with_suffix("")
        plain.write_text(text)
        lines = f"read_csv('{plain}', header=false, auto_detect=false, delim='\x01', quote='', columns={{'line': 'VARCHAR'}})"
        duckdb.sql(
            f"COPY (FROM {lines}) TO '{path}' (FORMAT csv, HEADER false, QUOTE '', DELIMITER '\x01', COMPRESSION zstd)"
        )
        plain.unlink()
    else:
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def parquet(path: Path, rows=ROWS) -> Path:
    values = ", ".join(f"('{who}', '{step}', TIMESTAMP '{time}')" for who, step, time in rows)
    duckdb.sql(
        f"COPY (SELECT * FROM (VALUES {values}) AS log(customer, touchpoint, time)) TO '{path}' (FORMAT parquet)"  # noqa: S608
    )
    return path


def events(log) -> set[tuple[str, str, str]]:
    names = (
        (log.customer.labels[c], log.touchpoint.labels[t])
        for c, t in zip(log.customer.codes, log.touchpoint.codes, strict=True)
    )
    return {(*pair, str(time)[:19]) for pair, time in zip(names, log.time, strict=True)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.csv", CSV), ("log.csv.gz", CSV), ("log.csv.zst", CSV), ("log.txt", CSV.replace(",", "\t")),
        ("log.jsonl", LINES), ("log.jsonl.gz", LINES), ("log.jsonl.zst", LINES), ("log.xes", XES), ("log.xes.gz", XES),
    ],
)  # fmt: skip
def test_every_form_gives_the_same_events(tmp_path, name, text):
    columns = {"customer": "case:concept:name"} if ".xes" in name else {}
    assert events(read_events(write(tmp_path / name, text), columns=columns)) == set(ROWS)


def test_a_folder_or_a_pattern_is_one_log_in_the_order_of_names(tmp_path):
    for number, row in enumerate(ROWS):
        write(tmp_path / f"part{number}.csv", f"customer,touchpoint,time\n{','.join(row)}\n,a,2026-01-01\n")
    for path in (tmp_path, tmp_path / "part*.csv"):
        log = read_events(path)
        assert events(log) == set(ROWS)
        assert log.set_aside[0].examples == ("part0.csv line 3", "part1.csv line 3", "part2.csv line 3")


def test_a_folder_of_parquet_files_is_one_log(tmp_path):
    parquet(tmp_path / "a.parquet", ROWS[:2])
    parquet(tmp_path / "b.parquet", [*ROWS[2:], ("", "a", "2026-01-01T00:00:00")])
    log = read_events(tmp_path)
    assert events(log) == set(ROWS)
    assert log.set_aside[0].examples == ("b.parquet row 2",)


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    write(tmp_path / "a.csv", CSV)
    write(tmp_path / "b.csv", CSV.replace("time", "when"))
    with pytest.raises(BadInput, match=r"its columns and those of a\.csv differ in time, when"):
        read_events(tmp_path)
    write(tmp_path / "b.csv", "")
    with pytest.raises(BadInput, match="the file is empty"):
        read_events(tmp_path)
    (tmp_path / "b.csv").unlink()
    write(tmp_path / "c.jsonl", LINES)
    with pytest.raises(BadInput, match=r"several forms \(CSV, JSON lines\)"):
        read_events(tmp_path)


def test_a_folder_without_logs_says_so(tmp_path):
    with pytest.raises(BadInput, match="holds no event log"):
        read_events(tmp_path)


@pytest.mark.parametrize(("line", "number"), [('{"customer": "1", "touchpoint"', 5), ("[1, 2]", 1)])
def test_a_broken_line_of_json_is_refused(tmp_path, line, number):
    with pytest.raises(BadInput, match="not a proper table") as caught:
        read_events(write(tmp_path / "log.jsonl", f"{LINES}{line}\n"))
    assert caught.value.problems[0].place.line == number


BOMB = '<!DOCTYPE log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE log SYSTEM "file:///etc/passwd">'


@pytest.mark.parametrize("head", [BOMB, OUTSIDE, '<!DOCTYPE log [<!ENTITY x SYSTEM "file:///etc/passwd">]>'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities_in_xes_are_refused(tmp_path, head, encoding):
    path = tmp_path / "log.xes"
    text = f'<?xml version="1.0" encoding="{encoding}"?>{head}<log>{trace("7")}</log>'
    path.write_bytes(text.encode(encoding))
    with pytest.raises(BadInput, match="document type or entity") as caught:
        read_events(path)
    assert caught.value.problems[0].code == "E019"


@pytest.mark.parametrize(
    ("text", "said"),
    [("<log><trace>", "not well-formed XML"), ("<html/>", "not an XES log"), ("<log/>", "no <event>")],
)
def test_what_is_no_xes_is_refused(tmp_path, text, said):
    with pytest.raises(BadInput, match=said):
        read_events(write(tmp_path / "log.xes", text))


@pytest.mark.parametrize("name", ["log.csv.zst", "log.csv.gz"])
def test_damaged_compressed_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"no such thing")
    with pytest.raises(BadInput, match="not a readable"):
        read_events(tmp_path / name)


def test_times_without_a_zone_are_in_the_zone_that_is_named(tmp_path):
    times = ["2026-07-01 12:00", "2026-01-01 12:00", "2026-01-01T12:00:00Z", "2026-03-29 02:30", "2026-10-25 02:30"]
    path = write(tmp_path / "log.csv", "customer,touchpoint,time\n" + "".join(f"1,a,{time}\n" for time in times))
    log = read_events(path, settings=LogSettings(zone="Europe/Paris"))
    # summer, winter, its own zone, an hour that the clocks skipped, and one that they showed twice
    expected = ["2026-07-01T10", "2026-01-01T11", "2026-01-01T12", "2026-03-29T01:30", "2026-10-25T01:30"]
    np.testing.assert_array_equal(log.time, np.array(expected, dtype="datetime64[us]"))
    (warning,) = log.warnings
    assert warning.code == "E034"
    assert "1 times fall into an hour that clocks in Europe/Paris showed twice" in warning.message
    with pytest.raises(BadInput, match=r'no time zone "Europe/Pariss".*Europe/Paris'):
        read_events(path, settings=LogSettings(zone="Europe/Pariss"))


def journey() -> JourneyMap:
    return JourneyMap("one", (Touchpoint("a", (Link("x", None),)),), (Outcome("x"),), (("a", Fixed(1.0)),))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_large_log_gives_the_same_table_and_a_sample_for_the_rest(tmp_path, monkeypatch, form):
    rows = [(f"c{n}", step, f"2026-01-0{1 + k + n % 5}T00:00:00") for n in range(300) for k, step in enumerate("ax")]
    rows += [rows[5], ("", "a", "2026-01-01T00:00:00"), ("c1", "a", "2026-01-20T00:00:00")]
    text = "customer,touchpoint,time\n" + "".join(",".join(row) + "\n" for row in rows)
    path = write(tmp_path / "log.csv", text) if form == "csv" else parquet(tmp_path / "log.parquet", rows)
    small, account = observe_log(path, journey())
    monkeypatch.setattr(relation, "MOST_IN_MEMORY", 100)
    monkeypatch.setattr(observing, "MOST_SAMPLED", 50)
    large, other = observe_log(path, journey(), rejects=tmp_path / "rejects.csv")
    for name in ("dwell_from", "dwell_to", "count"):
        np.testing.assert_array_equal(getattr(small.transitions, name), getattr(large.transitions, name))
    assert account.sampled is None
    assert 20 < other.sampled < 100
    assert (account.read, account.used, account.set_aside) == (other.read, other.used, other.set_aside)
    assert [item.rows for item in other.rows_set_aside] == [1, 1, 1]
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 4
    assert count_log(path, journey())[1].used == other.used


def test_white_space_of_any_kind_around_a_text_is_no_part_of_it(tmp_path):
    spaces = ("", " ", "\t", "\u00a0", "\u3000", " \u2003\t", "\x0b", "\x85", "\u2028")
    rows = [f'"{space}é7{space}","{space}a b{space}",2026-01-01T00:00:0{k}' for k, space in enumerate(spaces)]
    rows += [f'"{space}x{space}","{space}",2026-01-01' for space in spaces]
    log = read_events(write(tmp_path / "log.csv", "\n".join(["customer,touchpoint,time", *rows]) + "\n"))
    assert (log.customer.labels, log.touchpoint.labels) == (("é7",), ("a b",))
    assert [(item.reason, item.rows) for item in log.set_aside] == [("blank touchpoint", len(spaces))]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("customer,touchpoint,time\r1,visit,2026-01-01\r", "E004", "carriage return alone"),
        ("customer,touchpoint,time\n1,visit,2026-01-01\r\n2,visit,2026-01-01\n", "E004", "end in more than one way"),
        ("customer,Customer,touchpoint,time\n1,2,visit,2026-01-01\n", "E003", "upper and lower case only"),
        ("\ncustomer,touchpoint,time\n1,visit,2026-01-01\n", "E004", "first line is blank"),
        (f"customer,touchpoint,time\n{'x' * 3_000_000},visit,2026-01-01\n", "E004", "longer than 2 MB"),
        ('customer,touchpoint,time\n"a"b,visit,2026-01-01\n', "E004", "written twice"),
        (
            '"customer;id","touchpoint;x","time;y;z"\n1,visit,2026-01-01\n',
            "E006",
            "found: customer;id, touchpoint;x, time;y;z",
        ),
    ],
)
def test_a_csv_that_is_not_one_is_refused_with_its_cause(tmp_path, text, code, words):
    with pytest.raises(BadInput) as error:
        read_events(write(tmp_path / "log.csv", text))
    problem = error.value.problems[0]
    assert (problem.code, words in problem.message) == (code, True)


def test_text_that_is_not_utf_8_is_found_on_its_line(tmp_path):
    file = tmp_path / "log.csv"
    file.write_bytes(b"customer,touchpoint,time\n1,visit,2026-01-01\n\xe9,visit,2026-01-01\n")
    with pytest.raises(BadInput) as error:
        read_events(file)
    assert "not UTF-8" in error.value.problems[0].message
    assert error.value.problems[0].place.line == 3


def test_names_of_files_are_no_patterns(tmp_path):
    for number, name in enumerate(("a'b.csv", "c[1].csv", "c1.csv", "*.csv", "what?.csv")):
        write(tmp_path / name, f"customer,touchpoint,time\n{number},visit,2026-01-01\n")
    log = read_events(tmp_path)
    assert sorted(log.customer.labels) == ["0", "1", "2", "3", "4"]
    assert len(log.time) == 5


def test_times_without_end_are_set_aside(tmp_path):
    import duckdb

    times = ("infinity", "-infinity", "290000-01-01", "1000-01-01 (BC)", "0001-01-01", "9999-12-31")
    values = ", ".join(f"('{k}', 'visit', TIMESTAMP '{time}')" for k, time in enumerate(times))
    path = tmp_path / "log.parquet"
    duckdb.execute(f"COPY (SELECT * FROM (VALUES {values}) AS t(customer, touchpoint, time)) TO '{path}'")  # noqa: S608
    log = read_events(path)
    assert log.customer.labels == ("4", "5")
    assert [(item.reason, item.rows) for item in log.set_aside] == [("time cannot be read", 4)]


def test_numbers_with_a_fraction_are_no_times_until_an_epoch_is_named(tmp_path):
    import duckdb

    path = tmp_path / "log.parquet"
    duckdb.execute(f"COPY (SELECT '1' AS customer, 'visit' AS touchpoint, 1763719200.5::DOUBLE AS time) TO '{path}'")
    with pytest.raises(BadInput, match="is a number, not a time"):
        read_events(path)
