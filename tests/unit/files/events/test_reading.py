from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import numpy as np
import pytest

from journeysim.errors import BadInput
from journeysim.files.events import read_events, read_transitions
from journeysim.files.events.times import time_of
from journeysim.model.log_settings import LogSettings

HEADER = "customer,touchpoint,time\n"


@pytest.fixture
def write(tmp_path: Path):
    def to_file(text: str, name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to_file


def test_ids_are_text_and_rows_keep_their_order(write):
    log = read_events(write(HEADER + "007,b,2026-01-05\n7,a,2026-01-05\n007,a,2026-01-05\n"))
    assert log.customer.labels == ("007", "7")
    assert [log.touchpoint.labels[code] for code in log.touchpoint.codes] == ["b", "a", "a"]
    assert log.customers == 2


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T10:30:00Z",
        "2026-01-05 10:30",
        "2026-01-05T11:30:00+01:00",
        "2026-01-05 12:30:00.000 +0200",
        "2026-01-05 10:30:00 UTC",
    ],
)
def test_times_are_utc(write, text: str):
    log = read_events(write(f"{HEADER}1,a,{text}\n"))
    assert log.time[0] == np.datetime64("2026-01-05T10:30:00")
    assert log.cut_off == log.time[0]


def test_usual_names_are_found_and_others_can_be_given(write):
    assert read_events(write("case_id,Activity,timestamp\n1,a,2026-01-05\n")).customers == 1
    columns = {"customer": "who", "touchpoint": "what", "time": "when"}
    assert read_events(write("who,what,when\n1,a,2026-01-05\n"), columns=columns).customers == 1


def test_a_missing_column_names_what_was_found_and_the_cure(write):
    with pytest.raises(BadInput, match=r"needs customer; found: user, activity, time; .*--columns customer=user"):
        read_events(write("user,activity,time\n1,a,2026-01-05\n"))
    with pytest.raises(BadInput, match='no column "usr"; did you mean "user"'):
        read_events(write("user,activity,time\n1,a,2026-01-05\n"), columns={"customer": "usr"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("01/02/2026", "day or month first"),
        ("5.1.26 10:00", "day or month first"),
        ("1763719200", "number, not a time"),
    ],
)
def test_times_that_can_be_read_two_ways_are_refused_with_their_line(write, text: str, said: str):
    with pytest.raises(BadInput, match=said) as caught:
        read_events(write(f"{HEADER}1,a,2026-01-05\n1,b,{text}\n"))
    assert caught.value.problems[0].place.line == 3


def test_unusable_rows_are_set_aside_and_counted(write):
    log = read_events(
        write(HEADER + ",a,2026-01-05\n1,,2026-01-05\n1,a,yesterday\n1,a,2026-13-05\n1,a,2026-01-05\n  ,a,2026-01-05\n")
    )
    assert [(item.reason, item.rows, item.examples) for item in log.set_aside] == [
        ("blank customer", 2, ("line 2", "line 7")),
        ("blank touchpoint", 1, ("line 3",)),
        ("time cannot be read", 2, ("line 4", "line 5")),
    ]
    assert len(log.time) == 1


@pytest.mark.parametrize("text", ["", HEADER, HEADER + ",a,2026-01-05\n"])
def test_a_log_without_events_is_refused(write, text: str):
    with pytest.raises(BadInput, match=r"no (usable )?events"):
        read_events(write(text))


@pytest.mark.parametrize(
    "rest", ['1,"a,2026-01-05\n2,b,2026-01-06\n', '1,"a,2026-01-05', '1,a,2026-01-05\n2,b,"2026-01-06\n']
)
def test_a_quote_that_never_closes_is_refused(write, rest: str):
    with pytest.raises(BadInput, match=r"the quote that opens on line \d never closes"):
        read_events(write(HEADER + rest))


@pytest.mark.parametrize("row", ["1,a\n", "1,a,2026-01-05,x\n"])
def test_ragged_rows_are_refused(write, row: str):
    with pytest.raises(BadInput, match="not a proper table"):
        read_events(write(HEADER + "1,a,2026-01-05\n" + row))


def test_other_delimiters_quotes_and_gzip_are_read(write):
    log = read_events(write('customer;touchpoint;time\n1;"a; ""b""";2026-01-05\n', "log.csv.gz"))
    assert log.touchpoint.labels == ('a; "b"',)


def test_broken_bytes_are_refused(tmp_path: Path):
    path = tmp_path / "log.csv"
    path.write_bytes("custömer,touchpoint,time\n".encode("latin-1"))
    with pytest.raises(BadInput, match="not UTF-8"):
        read_events(path)
    path = tmp_path / "log.csv.gz"
    path.write_bytes(b"no gzip at all")
    with pytest.raises(BadInput, match=r"not a readable \.gz"):
        read_events(path)
    with pytest.raises(BadInput, match="there is no file"):
        read_events(tmp_path / "none.csv")


def test_parquet_is_read(tmp_path: Path):
    path = tmp_path / "log.parquet"
    query = "SELECT '007' AS customer, 'a' AS touchpoint, TIMESTAMP '2026-01-05 10:30:00' AS time"
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    log = read_events(path)
    assert log.customer.labels == ("007",)
    assert log.time[0] == np.datetime64("2026-01-05T10:30:00")


def test_values_that_are_no_numbers_are_counted(write):
    log = read_events(
        write(
            "customer,touchpoint,time,value\n1,a,2026-01-05,3.5\n1,a,2026-01-06,inf\n1,a,2026-01-07,NA\n1,a,2026-01-08,\n"
        )
    )
    np.testing.assert_array_equal(log.value, [3.5, np.nan, np.nan, np.nan])
    assert log.set_aside == ()
    (warning,) = log.warnings
    assert (warning.code, warning.severity) == ("E032", "warning")
    assert "2 rows have no finite number" in warning.message
    assert "(line 3, line 4)" in warning.message


def test_ratings_channels_and_lateness_are_read(write):
    text = "customer,touchpoint,time,rating,channel,late\n1,a,2026-01-05,4,web,1.5\n1,b,2026-01-06,,shop,-2\n2,a,2026-01-06,5,,\n"
    log = read_events(write(text))
    np.testing.assert_array_equal(log.rating, [4, np.nan, 5])
    np.testing.assert_array_equal(log.late, [1.5, -2, np.nan])
    assert log.channel.labels == ("web", "shop")
    assert log.channel.codes.tolist() == [0, 1, -1]


def test_lateness_is_the_time_less_the_time_due(write):
    rows = ["1,a,2026-01-05 12:00,2026-01-04", "1,b,2026-01-06,2026-01-08", "1,c,2026-01-07,", "1,d,2026-01-07,soon"]
    text = "\n".join(["customer,touchpoint,time,due", *rows])
    log = read_events(write(text))
    np.testing.assert_array_equal(log.late, [1.5, -2, np.nan, np.nan])
    assert '1 rows have no time in column "due"' in log.warnings[-1].message
    with pytest.raises(BadInput, match="say the same"):
        read_events(write(text), columns={"late": "time", "due": "due"})


def test_exact_copies_are_set_aside_and_near_copies_stay(write):
    rows = [f"1,{name},2026-01-05,{page}" for name, page in ("ax", "bx", "ax", "ay", "ax")]
    log = read_events(write("\n".join(["customer,touchpoint,time,page", *rows])))
    assert [(item.reason, item.rows, item.examples) for item in log.set_aside] == [
        ("exact copy of an earlier row", 2, ("line 4", "line 6"))
    ]
    assert len(log.time) == 3


def test_a_robot_and_ties_are_warned_of(write):
    rows = [f"{i},a,2026-01-{1 + i % 28:02d}" for i in range(30)] + [
        f"robot,{chr(97 + i // 60)},2026-01-01 00:{i % 60:02d}" for i in range(100)
    ]
    said = " ".join(problem.message for problem in read_events(write(HEADER + "\n".join(rows) + "\n")).warnings)
    assert 'customer "robot" has 77%' in said
    assert "at the very same time" in said


TABLE = "persona,from,to,dwell_from_days,dwell_to_days,count\n"


def test_a_transition_table_is_read(write):
    found = read_transitions(write(TABLE + "p,(enter),a,,,5\np,a,b,0,1.5,4\np,a,(open),1,2,1\n", "t.csv"))
    assert found.customers == 5
    assert found.count.tolist() == [5, 4, 1]
    assert np.isnan(found.dwell_from[0])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("p,a,b,0,1,0", "positive number"), ("p,a,b,0,1,inf", "positive number"), ("p,a,b,0,1,x", "positive number"),
        ("p,a,b,2,1,3", "dwell bin"), ("p,a,b,-1,1,3", "dwell bin"), ("p,a,b,,,3", "dwell bin"),
        (",a,b,0,1,3", "blank"), ("p,(open),b,0,1,3", "can only be"), ("p,(enter),(open),,,3", "can only be"),
    ],
)  # fmt: skip
def test_wrong_rows_of_a_table_are_refused_with_their_line(write, row: str, said: str):
    with pytest.raises(BadInput, match=said) as caught:
        read_transitions(write(f"{TABLE}p,a,b,0,1,3\n{row}\n", "t.csv"))
    assert caught.value.problems[0].place.line == 3


def test_a_table_needs_its_columns(write):
    with pytest.raises(BadInput, match="missing: count"):
        read_transitions(write("persona,from,to,dwell_from_days,dwell_to_days\n", "t.csv"))


def test_times_read_at_once_are_those_that_the_pattern_reads():
    """Thousands of texts that are nearly a time: in UTC, where some are read at once, as in Etc/UTC, where none is."""
    texts = [
        "infinity",
        "0027-01-15 (BC) 10:00:00",
        "10000-01-01 00:00:00",
        "2026-01-15 23:59:60",
        "2026-01-15 10:00:00.1234567",
    ]
    for plain in ("2026-01-15 10:00:00", "2026-01-15T10:00:00"):
        changed = [plain[:i] + mark + plain[i + 1 :] for i in range(19) for mark in " +-.a:0T9Z"]
        texts += [text + end for text in changed for end in ("", ".25", "Z", "+02")]
        texts += [text[:i] + mark + text[i + 1 :] for text in changed[::4] for i in range(19) for mark in " +."]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE said AS SELECT unnest($1) AS time", [texts])
        fast, slow = (time_of("time", "VARCHAR", LogSettings(zone=zone)) for zone in ("UTC", "Etc/UTC"))
        apart = f"SELECT time FROM said WHERE ({fast}) IS DISTINCT FROM ({slow})"  # noqa: S608 - from above
        read = connection.execute(f"SELECT count({fast}) FROM said").fetchone()  # noqa: S608 - from above
        assert connection.execute(apart).fetchall() == []
    assert fast != slow
    assert read is not None
    assert read[0] > 100
