"""What people see when something is wrong, and the exit code that goes with it."""

from __future__ import annotations

import re

import click
import pytest

from journeysim.cli import check
from journeysim.cli.app import journeysim
from journeysim.cli.screen import harmless
from journeysim.cli.verb import Verb
from journeysim.errors import GateFailed

from .conftest import SCENARIO


@pytest.fixture
def failing(monkeypatch):
    """Return a function that adds a verb `fail` which raises."""

    def adding(error: BaseException) -> None:
        @click.command("fail", cls=Verb)
        def command():
            raise error

        monkeypatch.setitem(journeysim.commands, "fail", command)

    return adding


def test_a_problem_is_shown_with_place_line_underline_and_cure(project, call):
    (project / "scenario.yaml").write_text(SCENARIO.replace("odds x: 1.1", "odd x: 1.1"))
    done = call("run", "scenario.yaml")
    assert done.code == 2
    assert done.people == (
        "error[J014] scenario.yaml:9:9\n"
        "    9 |         odd x: 1.1 to 1.5\n"
        '      |         ^^^^^ no setting "odd x" for "change share"; did you mean "odds x"?\n'
        "1 error, 0 warnings. Nothing was run.  (journeysim explain J014)\n"
    )
    assert not (project / "reports").exists()


def test_all_problems_of_all_scenarios_come_at_once(project, call):
    (project / "one.yaml").write_text(SCENARIO.replace("odds x: 1.1", "odd x: 1.1"))
    (project / "two.yaml").write_text(SCENARIO.replace("upfront: EUR 300", "upfront: GBP 300"))
    done = call("run", "one.yaml", "two.yaml", "missing.yaml")
    assert done.code == 2
    assert all(f"{name}.yaml:" in done.people for name in ("one", "two", "missing"))
    assert "3 errors, 0 warnings. Nothing was run." in done.people


def test_machines_get_the_same_problems(project, call):
    (project / "scenario.yaml").write_text(SCENARIO.replace("odds x: 1.1", "odd x: 1.1"))
    for verb in ("run", "check"):
        done = call(verb, "scenario.yaml", "--json")
        assert done.code == 2
        assert done.document["schema"] == "journeysim/problems/1"
        assert (done.document["errors"], done.document["warnings"]) == (1, 0)
        problem = done.document["problems"][0]
        assert (problem["code"], problem["line"], problem["column"], problem["width"]) == ("J014", 9, 9, 5)


def test_an_effect_that_leaves_the_range_is_counted_and_has_its_place(project, call):
    text = SCENARIO.replace("odds x: 1.8 to 2.2", "relative x: 1.8")
    (project / "scenario.yaml").write_text(text)
    done = call("run", "scenario.yaml")
    line = text.splitlines().index("        relative x: 1.8")  # its change starts one line above
    assert done.code == 2
    assert f"scenario.yaml:{line}:" in done.people
    assert re.search(r"in \d+ of 40 draws", done.people)
    assert "Nothing was run.  (journeysim explain J060)" in done.people
    assert not (project / "reports").exists()


def test_check_reports_and_changes_nothing(project, call):
    before = sorted(path.name for path in project.iterdir())
    done = call("check", "scenario.yaml", "journey.yaml")
    assert (done.code, done.people) == (0, "2 files checked, no problems.\n")
    assert sorted(path.name for path in project.iterdir()) == before


def test_check_shows_warnings_and_does_not_fail_for_them(project, call):
    text = (project / "journey.yaml").read_text()
    island = "touchpoints:\n  island:\n    next: {lost: 100%}\n"
    (project / "journey.yaml").write_text(text.replace("touchpoints:\n", island))
    done = call("check", "scenario.yaml")
    assert done.code == 0
    assert "warning[J034] journey.yaml:8:3" in done.people
    assert done.people.endswith("0 errors, 1 warning.\n")


def test_a_gate_gives_three(failing, call):
    failing(GateFailed(["R-hat"]))
    assert call("fail").code == 3


def test_an_unexpected_error_is_one_line_with_where_to_report_it(failing, call):
    failing(RuntimeError("two\nlines"))
    done = call("fail")
    assert done.code == 1
    assert done.people.splitlines()[0] == "unexpected error: RuntimeError: two lines"
    assert "report it" in done.people
    assert "Traceback" not in done.people


def test_debug_shows_the_traceback(failing, call):
    failing(RuntimeError("x"))
    done = call("--debug", "fail")
    assert done.code == 1
    assert "Traceback (most recent call last)" in done.people


def test_a_full_disk_is_no_bug(failing, call):
    failing(OSError(28, "No space left on device", "reports/x"))
    done = call("fail")
    assert done.code == 1
    assert done.people == (
        "error: reports/x: no space left on device; make room and run the same command again. "
        "What was there before is unchanged.\n"
    )


def test_an_interruption_gives_130_and_a_plain_line(failing, call):
    failing(KeyboardInterrupt())
    done = call("fail")
    assert done.code == 130
    assert done.people == "\ninterrupted; nothing half-written is left, and the same command does it again\n"


def test_terminal_escapes_in_a_file_are_shown_harmless(project, call):
    assert harmless("a\x1b[2Jb\u202ec\td\n") == "a�[2Jb�c\td\n"
    (project / "scenario.yaml").write_text(SCENARIO.replace("horizon: 1 month", 'horizon: "1 \\e[2J"'))
    done = call("check", "scenario.yaml")
    assert done.code == 2
    assert "\x1b" not in done.people


def test_colours_only_where_wanted(project, call, monkeypatch):
    (project / "scenario.yaml").write_text(SCENARIO.replace("odds x: 1.1", "odd x: 1.1"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" in call("check", "scenario.yaml").people
    monkeypatch.setenv("NO_COLOR", "1")
    people = call("check", "scenario.yaml").people
    assert "\x1b[3" not in people
    assert "\x1b[9" not in people


def test_the_verb_is_the_one_that_catches():
    assert isinstance(check.command, Verb)
