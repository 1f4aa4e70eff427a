"""`backtest`: a folder with everything, one document, and exit codes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from journeysim.cli.app import journeysim

from .conftest import new_project
from .test_calibrate import JOURNEY


def log(customers: int = 600) -> str:
    """Return a log of 60 days: of ten customers a day, three in four say yes after half a day to four days."""
    rows = ["who,what,when"]
    for n in range(customers):
        day, wait = n // 10, 0.5 + (n * 7 % 36) / 10
        rows.append(f"c{n},ask,{_time(day + n % 10 / 10)}")
        rows.append(f"c{n},{'no' if n * 3 % 4 == 0 else 'yes'},{_time(day + n % 10 / 10 + wait)}")
    return "\n".join(rows) + "\n"


def _time(day: float) -> str:
    hours = int(day % 1 * 24)
    return f"2026-{1 + int(day) // 28:02d}-{1 + int(day) % 28:02d}T{hours:02d}:00:00"


def invoke(project, *more):
    arguments = ["backtest", project / "log.csv", "--journey", project / "journey.yaml", "--draws", "100", *more]
    return CliRunner().invoke(journeysim, [*map(str, arguments), "--columns", "customer=who,touchpoint=what,time=when"])


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """A project with one backtest of two weeks."""
    project = new_project(tmp_path_factory.mktemp("tested"))
    (project / "journey.yaml").write_text(JOURNEY)
    (project / "log.csv").write_text(log())
    return project, invoke(project, "--from", "2026-02-10", "--until", "2026-02-25", "--step", "week", "--json")


def test_a_backtest_leaves_a_page_figures_tables_and_numbers(tested):
    project, done = tested
    assert done.exit_code in {0, 3}, done.stderr
    (folder,) = (project / "reports").glob("backtest-desk-*")
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert names == [
        "backtest.html", "backtest.json", "figures/coverage.svg", "figures/forecasts.svg", "forecasts.csv", "scores.csv",
    ]  # fmt: skip
    page = (folder / "backtest.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("<svg") == 2
    assert json.loads((folder / "backtest.json").read_text())["schema"] == "journeysim/backtest/1"


def test_the_document_holds_forecasts_scores_and_gates(tested):
    _, done = tested
    document = json.loads(done.stdout)
    assert document["schema"] == "journeysim/backtest/1"
    assert document["origins"] == ["2026-02-10", "2026-02-17"]
    assert {row["ahead"] for row in document["forecasts"]} == {1, 2}
    assert {"moves", "conversions", "reached no", "on the way"} <= {row["metric"] for row in document["scores"]}
    assert len(document["gates"]) == 3
    assert document["passed"] == (done.exit_code == 0)


def test_the_terminal_says_what_came_of_it(tested):
    _, done = tested
    assert "intervals held" in done.stderr
    assert "coverage of 90% intervals" in done.stderr


def test_a_date_before_the_log_is_bad_input(tested):
    project, _ = tested
    done = invoke(project, "--from", "2020-01-01")
    assert done.exit_code == 2
    assert "B001" in done.stderr
