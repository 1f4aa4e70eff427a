"""Every event-log item of the collection of bad inputs: one log with exactly that fault, and what the user sees."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from pathlib import Path

import duckdb
import numpy as np
import pytest

from journeysim.calibrate import calibrate
from journeysim.errors import BadInput, Problem
from journeysim.files.events import compressed, read_events
from journeysim.files.observing import count_log, observe_log
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.log_account import LogAccount
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Fixed
from maps import exponential

HEADER = "customer,touchpoint,time\n"
TESTED = {54, 55, 56, 58, 59, 62, 64, 66, 69, 71, 73, 75, 76, 77, 78, 79, 81, 82}


def journey() -> JourneyMap:
    """Two touchpoints; the second is never reached in the logs below."""
    a = Touchpoint("a", tuple(Link(name, Fixed(1 / 3), exponential(2.0)) for name in ("b", "x", "y")))
    b = Touchpoint("b", tuple(Link(name, Fixed(0.5), exponential(2.0)) for name in ("x", "y")))
    return JourneyMap("one", (a, b), (Outcome("x", conversion=True), Outcome("y")), (("a", Fixed(1.0)),))


@pytest.fixture
def write(tmp_path: Path):
    def to_file(text: str, name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to_file


def refused(path: Path, **settings) -> Problem:
    with pytest.raises(BadInput) as caught:
        read_events(path, settings=LogSettings(**settings))
    (problem,) = caught.value.problems
    return problem


def account(path: Path, **settings) -> LogAccount:
    """Return the account of a log, which is the same whether it is counted in memory or by the query."""
    observed, found = observe_log(path, journey(), LogSettings(**settings))
    counted, other = count_log(path, journey(), LogSettings(**settings))
    assert found == other
    np.testing.assert_array_equal(observed.transitions.count, counted.transitions.count)
    assert found.read == found.used + sum(item.rows for item in found.rows_set_aside)
    return found


def test_every_event_log_item_of_the_collection_has_a_test(shared):
    items = json.loads((shared / "bad_inputs" / "bad_inputs.json").read_text())
    assert {item["n"] for item in items if item["area"] == "event log"} == TESTED
    named = re.findall(r"^def test_(\d+)_", Path(__file__).read_text(), re.MULTILINE)
    assert {int(number) for number in named} == TESTED


def test_54_a_missing_column_is_named_with_what_was_found_and_a_mapping(write):
    problem = refused(write("id,activity,when\n1,a,2026-01-05\n"))
    assert problem.code == "E006"
    assert "needs customer, time; found: id, activity, when" in problem.message
    assert "--columns customer=id,time=?" in problem.message


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_55_another_delimiter_is_detected(write, mark):
    log = read_events(write(HEADER.replace(",", mark) + f"1{mark}a,b{mark}2026-01-05\n"))
    assert log.touchpoint.labels == ("a,b",)


def test_56_a_decimal_comma_is_refused_with_column_and_row_unless_it_is_said(write):
    text = "customer;touchpoint;time;value\n1;a;2026-01-05;2\n1;a;2026-01-06;1,5\n"
    problem = refused(write(text))
    assert (problem.code, problem.place.line) == ("E018", 3)
    assert '"1,5" in column "value"' in problem.message
    assert "--decimal ," in problem.message
    assert read_events(write(text), settings=LogSettings(decimal=",")).value.tolist() == [2.0, 1.5]


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_58_a_quote_that_never_closes_is_named_by_its_line(write, name):
    problem = refused(write(HEADER + '1,"a,2026-01-05\n2,a,2026-01-05\n', name))
    assert (problem.code, problem.place.line) == ("E007", 2)
    assert "the quote that opens on line 2 never closes" in problem.message


@pytest.mark.parametrize("text", ["", HEADER])
def test_59_an_empty_log_has_no_events(write, text):
    assert "no events" in refused(write(text)).message


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_62_leading_zeros_make_two_customers(write, name):
    rest = '"touchpoint": "a", "time": "2026-01-05"}\n'
    text = f'{{"customer": "007", {rest}{{"customer": 7, {rest}'
    log = read_events(write(HEADER + "007,a,2026-01-05\n7,a,2026-01-05\n" if name.endswith("csv") else text, name))
    assert log.customer.labels == ("007", "7")


def test_64_rows_without_an_id_are_counted_and_kept_in_a_rejects_file(write, tmp_path):
    path = write(HEADER + ",a,2026-01-05\n1,a,2026-01-05\n  ,=1+1,2026-01-05\n")
    _, found = observe_log(path, journey(), rejects=tmp_path / "rejects.csv")
    assert [(item.reason, item.rows, item.examples) for item in found.set_aside] == [
        ("blank customer", 2, ("line 2", "line 4"))
    ]
    assert (tmp_path / "rejects.csv").read_text().splitlines() == [
        "row,reason,customer,touchpoint,time",
        "2,blank customer,,a,2026-01-05",
        "4,blank customer,  ,'=1+1,2026-01-05",
    ]


def test_66_a_date_that_may_be_day_or_month_first_is_refused_unless_the_format_is_given(write):
    path = write(HEADER + "1,a,2026-01-05\n1,b,01/02/2026\n")
    problem = refused(path)
    assert (problem.code, problem.place.line) == ("E008", 3)
    assert '--time-format "%d/%m/%Y %H:%M"' in problem.message
    log = read_events(write(HEADER + "1,a,01/02/2026\n"), settings=LogSettings(time_format="%d/%m/%Y"))
    assert log.time[0] == np.datetime64("2026-02-01")


@pytest.mark.parametrize(
    ("written", "unit"), [("1763719200", "s"), ("1763719200000", "ms"), ("1763719200000000", "us")]
)
def test_69_numbers_as_times_need_their_unit(write, written, unit):
    path = write(f"{HEADER}1,a,{written}\n")
    problem = refused(path)
    assert (problem.code, problem.place.line) == ("E009", 2)
    assert "--epoch s" in problem.message
    assert read_events(path, settings=LogSettings(epoch=unit)).time[0] == np.datetime64("2025-11-21T10:00:00")


@pytest.mark.parametrize(("tied", "warned"), [(1, False), (2, True)])
def test_71_ties_keep_the_order_of_the_file_and_are_warned_of_above_one_percent(write, tied, warned):
    rows = [f"{n},{step},2026-01-05T{k if n >= tied else 0:02d}:00" for n in range(100) for k, step in enumerate("ax")]
    found = account(write(HEADER + "\n".join(rows) + "\n"))
    assert [problem.code for problem in found.warnings] == (["E031"] if warned else [])
    assert found.open == 0
    assert found.used == 200
    if warned:
        assert "they keep the order of the file" in found.warnings[0].message


def test_73_events_after_an_outcome_are_listed_or_start_a_new_journey(write):
    path = write(HEADER + "1,a,2026-01-05\n1,x,2026-01-06\n1,a,2026-01-09\n1,y,2026-01-10\n")
    found = account(path)
    assert [(item.reason, item.rows, item.examples) for item in found.set_aside] == [
        ("after the outcome", 2, ("line 4", "line 5"))
    ]
    (warning,) = found.warnings
    assert (warning.code, warning.severity) == ("E035", "warning")
    assert "2 events come after their customer's outcome (line 4, line 5)" in warning.message
    assert "--reactivation" in warning.message
    again = account(path, reactivation=True)
    assert (again.used, again.customers, again.set_aside, again.warnings) == (4, 2, (), ())


@pytest.fixture(scope="module")
def one_sided(tmp_path_factory):
    """500 customers whom the log never sees convert, one who is still there, and a touchpoint that nobody reached."""
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    rows = [
        f"{n},{step},2026-01-{day:02d}T00:00:{n % 60:02d}"
        for n in range(500)
        for step, day in (("a", 1), ("y", 2 + n % 5))
    ]
    path.write_text(HEADER + "\n".join([*rows, "last,a,2026-01-08"]) + "\n")
    observed, found = observe_log(path, journey())
    return found, calibrate(journey(), observed, seed=1, draws=500)


def test_75_a_touchpoint_that_was_never_observed_keeps_its_prior_and_says_so(one_sided):
    assert '"b" was never observed: posterior = prior for this row' in one_sided[1].notes


def test_76_who_is_still_on_the_way_at_the_end_is_counted_as_active(one_sided):
    found, fit = one_sided
    assert found.open == 1
    assert "1 customers were still on the way at the cut-off; they count as active, not as lost" in fit.notes


def test_77_customers_with_a_single_event_are_kept_and_counted(one_sided):
    found, _ = one_sided
    assert (found.single, found.customers, found.set_aside) == (1, 501, ())


@pytest.mark.parametrize("stray", ["9999-12-31", "2031-01-01"])
def test_a_placeholder_at_the_end_is_warned_of_with_its_line_and_a_cut_off_sets_it_aside(write, stray):
    """All of January 2026, and one event years later: in memory, part by part, and cured."""
    rows = [f"{n},a,2026-01-{1 + n % 28:02d}" for n in range(60)]
    path = write(HEADER + "\n".join([*rows[:30], f"x,a,{stray}", *rows[30:]]) + "\n")
    cured = LogSettings(cut_off="2026-01-31")
    for read in (observe_log, count_log):
        (warning,) = [item for item in read(path, journey())[1].warnings if item.code == "E039"]
        assert "1 event lies far after all others (line 32), until " + stray in warning.message
        assert "--cut-off 2026-01-28T00:00:01" in warning.message
        account = read(path, journey(), cured)[1]
        assert [item.code for item in account.warnings if item.code == "E039"] == []
        assert (account.cut_off, account.used) == ("2026-01-31T00:00:00.000000", 60)
        assert [(item.reason, item.rows) for item in account.rows_set_aside] == [("after the cut-off", 1)]


def test_a_quiet_month_at_the_end_and_a_log_of_few_events_are_no_placeholders(write):
    days = [f"{n},a,2026-{1 + n % 3:02d}-0{1 + n % 9}" for n in range(60)]
    assert "E039" not in [
        item.code for item in read_events(write(HEADER + "\n".join([*days, "x,a,2026-04-09"]) + "\n")).warnings
    ]
    assert "E039" not in [
        item.code for item in read_events(write(HEADER + "1,a,2026-01-01\n2,a,2029-01-01\n")).warnings
    ]


def test_78_one_customer_with_forty_percent_of_all_events_is_warned_of(write):
    rows = [f"{n},a,2026-01-{1 + n % 28:02d}" for n in range(60)]
    rows += [f"robot,{'ab'[k % 2]},2026-01-01T00:{k:02d}" for k in range(40)]
    found = account(write(HEADER + "\n".join(rows) + "\n"))
    assert 'customer "robot" has 40% of all events' in found.warnings[0].message


def test_79_values_that_are_no_finite_numbers_are_named_and_negative_ones_are_refunds(write):
    values = ["5", "inf", "1e999", "NA", "-2", ""]
    rows = [f"{n},a,2026-01-05,{value}" for n, value in enumerate(values)]
    log = read_events(write("customer,touchpoint,time,value\n" + "\n".join(rows) + "\n"))
    np.testing.assert_array_equal(log.value, [5, np.nan, np.nan, np.nan, -2, np.nan])
    assert [problem.code for problem in log.warnings] == ["E032", "E033"]
    assert "3 rows have no finite number" in log.warnings[0].message
    assert "(line 3, line 4, line 5)" in log.warnings[0].message
    assert "count as refunds" in log.warnings[1].message


def test_81_what_never_happened_in_500_cases_keeps_a_small_finite_share(one_sided):
    shares = one_sided[1].draws.data["share"].sel(link="a -> x").values
    assert np.all(np.isfinite(shares))
    assert np.all((shares >= 0) & (shares < 0.05))
    # The map's third weighs 8 customers: 8/3 of 508.
    assert shares.mean() == pytest.approx(8 / 3 / 508, rel=0.15)


@pytest.mark.parametrize("form", ["csv.gz", "jsonl.gz", "xes.gz", "csv.zst"])
def test_82_a_file_that_expands_beyond_the_limit_is_refused_before_it_fills_memory(tmp_path, monkeypatch, form):
    monkeypatch.setattr(compressed, "MOST_BYTES", 3_000_000)
    path = tmp_path / f"log.{form}"
    if form.endswith("zst"):
        duckdb.sql(f"COPY (SELECT repeat('a', 1000) FROM range(20_000)) TO '{path}' (FORMAT csv, COMPRESSION zstd)")  # noqa: S608
    else:
        path.write_bytes(gzip.compress(b"<log>" + b"0" * 20_000_000))
    assert path.stat().st_size < 30_000
    tracemalloc.start()
    problem = refused(path)
    assert tracemalloc.get_traced_memory()[1] < 12e6
    tracemalloc.stop()
    assert problem.code == "E015"
    assert "expands beyond" in problem.message
