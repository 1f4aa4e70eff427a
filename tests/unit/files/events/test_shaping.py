"""The shape of a log: other names, fewer events, shorter journeys; what is left out is counted, and both counts agree."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate.discover import discover
from journeysim.errors import BadInput
from journeysim.files.events import read_events
from journeysim.files.events.transition_table import transitions_csv
from journeysim.files.observing import count_log, observe_log
from journeysim.model.event_log import EventLog
from journeysim.model.log_settings import LogSettings
from journeysim.model.log_shape import After, LogShape

LOG = """\
customer,touchpoint,time,lifecycle
a,visit,2026-01-01T10:00:00,START
a,visit,2026-01-01T10:10:00,
a,check,2026-01-01T10:20:00,START
a,check,2026-01-03T09:00:00,COMPLETE
b,visit,2026-01-01T10:00:00,START
b,ping_1,2026-01-01T10:05:00,
b,bought,2026-01-01T10:20:00,START
b,paid,2026-01-01T10:20:00,START
a,visit,2026-01-03T09:20:00,
,visit,2026-01-03T09:20:00,
"""


def shaped(folder, text: str = LOG, **shape) -> EventLog:
    path = folder / "log.csv"
    path.write_text(text)
    return read_events(path, settings=LogSettings(shape=LogShape(**shape)))


def rows(log: EventLog) -> list[str]:
    """Return the log as "customer touchpoint", in the order of the file."""
    pairs = zip(log.customer.codes, log.touchpoint.codes, strict=True)
    return [f"{log.customer.labels[c]} {log.touchpoint.labels[t]}" for c, t in pairs]


def aside(log: EventLog) -> dict[str, int]:
    return {item.reason: item.rows for item in log.set_aside}


def test_without_a_shape_a_log_stays_as_it_is(tmp_path):
    log = shaped(tmp_path)
    assert len(log.time) == 9
    assert aside(log) == {"blank customer": 1}


def test_dropped_events_are_set_aside_and_counted(tmp_path):
    log = shaped(tmp_path, drop=("ping_*", "check"))
    assert rows(log) == ["a visit", "a visit", "b visit", "b bought", "b paid", "a visit"]
    assert aside(log) == {"blank customer": 1, "left out, as asked (drop)": 3}
    assert log.set_aside[1].examples == ("line 4", "line 5", "line 7")


def test_several_names_become_one_and_the_first_rule_holds(tmp_path):
    log = shaped(tmp_path, rename=(("bought", "done"), ("paid", "done"), ("p*", "other")))
    assert rows(log)[4:8] == ["b visit", "b other", "b done", "b done"]


def test_a_star_is_any_text_and_no_other_sign_is_special(tmp_path):
    text = "customer,touchpoint,time\n" + "".join(
        f"c,{name},2026-01-0{n + 1}\n" for n, name in enumerate(("a_b", "axb", "a%b", "a\\b", "it's"))
    )
    assert rows(shaped(tmp_path, text, drop=("a_b", "it's"))) == ["c axb", "c a%b", "c a\\b"]
    assert rows(shaped(tmp_path, text, drop=("a_*",))) == ["c axb", "c a%b", "c a\\b", "c it's"]
    assert rows(shaped(tmp_path, text, drop=("a%*", "*\\b"))) == ["c a_b", "c axb", "c it's"]


def test_a_name_that_no_event_has_is_refused(tmp_path):
    with pytest.raises(BadInput) as caught:
        shaped(tmp_path, drop=("chek",), rename=(("x*", "y"),), after=(After("visit", "nowhere", "z"),))
    said = [str(problem.message) for problem in caught.value.problems]
    assert [problem.code for problem in caught.value.problems] == ["E075"] * 3
    assert 'did you mean "check"' in said[0]


def test_another_column_splits_a_touchpoint_and_blanks_do_not(tmp_path):
    log = shaped(tmp_path, split_by=("lifecycle",))
    assert rows(log)[:4] == ["a visit START", "a visit", "a check START", "a check COMPLETE"]
    with pytest.raises(BadInput) as caught:
        shaped(tmp_path, split_by=("lifecycl",))
    assert 'did you mean "lifecycle"' in str(caught.value)


def test_what_came_before_makes_another_touchpoint(tmp_path):
    log = shaped(tmp_path, after=(After("visit", "check", "return"), After("visit", "visit", "second look")))
    assert [row for row in rows(log) if "b " not in row] == [
        "a visit", "a second look", "a check", "a check", "a return",
    ]  # fmt: skip
    assert rows(log)[4] == "b visit"


def test_a_long_silence_starts_a_new_journey(tmp_path):
    log = shaped(tmp_path, session_gap=0.5)
    assert rows(log) == [
        "a#1 visit", "a#1 visit", "a#1 check", "a#2 check", "b#1 visit", "b#1 ping_1", "b#1 bought", "b#1 paid", "a#2 visit",
    ]  # fmt: skip


def test_sessions_know_what_is_known_of_their_customer(tmp_path):
    text = (
        "customer,touchpoint,time,persona,outcome\n"
        "a,x,2026-01-01,young,\na,y,2026-02-01,,bought\na,y,2026-02-02,,bought\na,x,2026-03-01,,bought\n"
    )
    log = shaped(tmp_path, text, session_gap=7.0)
    assert [log.persona.labels[code] for code in log.persona.codes] == ["young"] * 4
    assert [log.outcome.labels[code] if code >= 0 else "" for code in log.outcome.codes] == ["", "", "", "bought"]


def test_journeys_that_began_before_a_day_are_left_out_whole(tmp_path):
    """With sessions, the later journey of a customer who came earlier too is kept."""
    text = (
        "customer,touchpoint,time\nold,x,2026-01-31T23:59:59\nold,y,2026-02-10\n"
        "new,x,2026-02-01\nnew,y,2026-02-03\n,x,2026-02-04\n"
    )
    log = shaped(tmp_path, text, entered_from="2026-02-01")
    assert rows(log) == ["new x", "new y"]
    assert aside(log) == {"blank customer": 1, "of a journey that began earlier, as asked (entered from)": 2}
    assert rows(shaped(tmp_path, text, session_gap=7.0, entered_from="2026-02-01")) == ["old#2 y", "new#1 x", "new#1 y"]


@pytest.mark.parametrize(("gap", "left"), [(0.0, 9), (15 / 1440, 8), (30 / 1440, 8), (10.0, 7), (np.inf, 7)])
def test_the_same_touchpoint_again_soon_is_one_stay(tmp_path, gap, left):
    log = shaped(tmp_path, collapse=gap)
    assert len(log.time) == left
    assert aside(log).get("the same touchpoint again, as asked (collapse repeats)", 0) == 9 - left


def test_steps_work_on_what_the_steps_before_left(tmp_path):
    """Without the ping and with one name for both ends: one session each, the second end folded into the first."""
    log = shaped(tmp_path, drop=("ping*",), rename=(("paid", "bought"),), session_gap=0.5, collapse=np.inf)
    assert rows(log) == ["a#1 visit", "a#1 check", "a#2 check", "b#1 visit", "b#1 bought", "a#2 visit"]


def test_one_pass_and_memory_count_the_same_shaped_events(tmp_path):
    """A log with ties, blanks and repeats, shaped in every way, on the map it proposes."""
    rng = np.random.default_rng(5)
    names = rng.choice(["look", "ask", "ask_2", "buy", "ping"], 600)
    times = [f"2026-01-{1 + rng.integers(28):02d}T00:0{rng.integers(10)}:00" for _ in names]
    lines = [f"c{rng.integers(30)},{name},{time}" for name, time in zip(names, times, strict=True)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["customer,touchpoint,time", *lines]) + "\n")
    shape = LogShape((), ("ping",), (("ask*", "ask"),), (After("look", "buy", "back"),), 5.0, 0.5)
    settings = LogSettings(shape=shape)
    journey = discover(read_events(path, settings=settings), name="x").journey
    observed, account = observe_log(path, journey, settings)
    counted, other = count_log(path, journey, settings)
    assert transitions_csv(counted.transitions) == transitions_csv(observed.transitions)
    assert {(item.reason, item.rows) for item in account.set_aside} == {
        (item.reason, item.rows) for item in other.set_aside
    }
    assert account.read == account.used + sum(item.rows for item in account.rows_set_aside) == 600
