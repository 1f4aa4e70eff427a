"""`discover`: a file or stdout, nothing overwritten, the account, and a log that calibrates on what it proposed."""

from __future__ import annotations

import pytest

COLUMNS = "customer=who,touchpoint=what,time=when"


def log(customers: int = 80) -> str:
    """Return a log in which three of four who ask say yes after a day or two, and the others are heard of no more."""
    rows = ["who,what,when"]
    for n in range(customers):
        rows.append(f"c{n},ask,2026-01-{1 + n % 20:02d}T00:{n % 60:02d}:00")
        if n % 4:
            rows.append(f"c{n},yes,2026-01-{2 + n % 20 + n % 2:02d}T{n % 24:02d}:30:00")
    return "\n".join([*rows, "last,ask,2026-06-01", ",ask,2026-01-01"]) + "\n"


@pytest.fixture
def logged(project):
    (project / "log.csv").write_text(log())
    return project


def test_a_folder_gets_a_journey_and_a_scenario_that_check(logged, call):
    done = call("discover", "log.csv", "--columns", COLUMNS, "--out", "new")
    assert done.code == 0
    assert done.machines == ""
    assert "Proposed: new/journey.yaml" in done.people
    assert call("check", "new/journey.yaml", "new/scenario.yaml").code == 0
    scenario = (logged / "new" / "scenario.yaml").read_text()
    assert "events: ../log.csv" in scenario.replace('"', "")
    assert "columns: {customer: who, touchpoint: what, time: when}" in scenario


def test_the_log_calibrates_on_what_it_proposed(logged, call):
    assert call("discover", "log.csv", "--columns", COLUMNS, "--out", "found.yaml").code == 0
    arguments = ("calibrate", "log.csv", "--columns", COLUMNS, "--journey", "found.yaml", "--draws", "50")
    done = call(*arguments)
    assert done.code in {0, 3}, done.people
    assert "Draws:" in done.people
    assert not (logged / "scenario.yaml.bak").exists()


@pytest.mark.usefixtures("logged")
def test_without_out_the_file_goes_to_stdout_and_the_account_to_people(call):
    done = call("discover", "log.csv", "--columns", COLUMNS)
    assert done.machines.startswith("# Proposed by `journeysim discover` from log.csv: 141 events of 81 customers,")
    assert "journeys that fit whole" in done.people
    assert "left silently" in done.people
    assert call("discover", "log.csv", "--columns", COLUMNS).machines == done.machines


def test_the_document_holds_the_account(logged, call):
    done = call("discover", "log.csv", "--columns", COLUMNS, "--json", "--out", "x.yaml")
    assert done.document["schema"] == "journeysim/discover/1"
    assert done.document["moves"] == {"seen": 60, "kept": 60}
    assert done.document["set_aside"] == [{"reason": "blank customer", "rows": 1}]
    assert done.document["silence"][0]["shown_by_the_log"]
    assert done.document["journey"] == (logged / "x.yaml").read_text()


def test_nothing_is_overwritten_unasked(logged, call):
    (logged / "x.yaml").write_text("mine")
    done = call("discover", "log.csv", "--columns", COLUMNS, "--out", "x.yaml")
    assert done.code == 2
    assert "E073" in done.people
    assert (logged / "x.yaml").read_text() == "mine"
    assert call("discover", "log.csv", "--columns", COLUMNS, "--out", "x.yaml", "--overwrite").code == 0
    assert (logged / "x.yaml").read_text() != "mine"
    (logged / "link.yaml").symlink_to(logged / "x.yaml")
    assert call("discover", "log.csv", "--columns", COLUMNS, "--out", "link.yaml", "--overwrite").code == 2


@pytest.mark.parametrize("support", ["1", "100%", "-1%", "much"])
def test_a_support_that_is_no_share_is_refused(logged, call, support):
    assert call("discover", "log.csv", "--columns", COLUMNS, f"--support={support}").code == 2
    assert logged.is_dir()


def test_a_log_outside_of_the_project_is_not_named_in_the_scenario(logged, call, tmp_path):
    outside = tmp_path / "elsewhere.csv"
    outside.write_text(log())
    assert call("discover", outside, "--columns", COLUMNS, "--out", "new").code == 0
    assert "# events: elsewhere.csv" in (logged / "new" / "scenario.yaml").read_text()
    assert call("check", "new/scenario.yaml").code == 0


SHAPE = ("--drop", "no*", "--rename", "yes=agreed", "--again", "ask=ask again", "--session-gap", "30 days")


def test_shape_is_the_same_for_discover_calibrate_and_scenario(project, call):
    lines = [line for n, line in enumerate(log(40).splitlines()) if n]
    lines += ["c1,noise,2026-01-05", "c1,ask,2026-01-06", "c1,ask,2026-05-06", "c3,ask,2026-01-05"]
    (project / "log.csv").write_text("\n".join(["who,what,when", *lines]) + "\n")
    assert call("discover", "log.csv", "--columns", COLUMNS, *SHAPE, "--out", "new").code == 0
    journey = (project / "new" / "journey.yaml").read_text()
    assert "ask again:" in journey
    assert "The log was shaped first" in journey
    scenario = (project / "new" / "scenario.yaml").read_text()
    assert 'drop: ["no*"]' in scenario
    assert "session gap: 30 days" in scenario
    assert call("check", "new/journey.yaml", "new/scenario.yaml").code == 0
    done = call("calibrate", "log.csv", "--columns", COLUMNS, *SHAPE, "--journey", "new/journey.yaml", "--draws", "20")
    assert done.code in {0, 3}, done.people
    assert "left out, as asked (drop)" in done.people
    table = call("count", "log.csv", "--columns", COLUMNS, *SHAPE, "--journey", "new/journey.yaml")
    assert table.code == 0
    assert "ask again" in table.machines


def test_a_scenario_reads_back_the_settings_it_was_started_with(project):
    from journeysim.files import read_scenario
    from journeysim.files.scenario_starter import starter_scenario
    from journeysim.model.log_settings import LogSettings
    from journeysim.model.log_shape import After, LogShape

    shape = LogShape(
        ("life cycle",), ("a", "b: c"), (("x", "y"), ("z*", "y")), (After("y", "q", "y 2"),), 0.5, float("inf")
    )
    settings = LogSettings(
        (("customer", "who"),), "Europe/Paris", "%d/%m/%Y", "ms", ",", reactivation=True, shape=shape
    )
    (project / "log.csv").write_text("who\n")
    (project / "scenario.yaml").write_text(starter_scenario(project, project / "log.csv", settings))
    assert read_scenario(project / "scenario.yaml").log == settings


def test_an_engine_elsewhere_shapes_its_table_and_says_what_is_said_here(project, call):
    import duckdb

    (project / "log.csv").write_text(log() + "c1,noise_1,2026-01-02\n")
    shape = ("--drop", "noise_*", "--rename", "yes=agreed", "--again", "ask=ask again", "--collapse", "any")
    assert call("discover", "log.csv", "--columns", COLUMNS, *shape, "--out", "new.yaml").code == 0
    with duckdb.connect(project / "log.duckdb") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        typed = '* REPLACE ("when"::TIMESTAMPTZ AS "when")'
        connection.execute(f"CREATE TABLE log AS SELECT {typed} FROM '{project}/log.csv'")  # noqa: S608 - a path
    asked = ("--columns", COLUMNS, *shape, "--journey", "new.yaml")
    here = call("count", "log.csv", *asked)
    there = call("count", "log", *asked, "--engine", f"duckdb://{project / 'log.duckdb'}")
    assert (there.code, there.machines) == (0, here.machines)
    assert "left out, as asked (drop)" in there.people
    assert told(there.people) == told(here.people)
    query = call("count", "log", *asked, "--sql", "pyspark")
    assert query.code == 0
    refused = call("count", "log", *asked, "--sql", "pyspark", "--zone", "Europe/Paris", "--epoch", "ms")
    assert refused.code == 2
    assert "E076" in refused.people
    assert "--zone, --epoch" in refused.people
    assert "LIKE" in query.machines


def told(people: str) -> list[str]:
    """Return what is said of a log, without its name, warnings and where its rows stand."""
    lines = [line.partition("  line")[0].rstrip() for line in people.splitlines() if line.startswith(" ")]
    return [line for line in lines if "for example" not in line]


@pytest.mark.parametrize(
    "options", [("--rename", "x"), ("--session-gap", "3"), ("--collapse", "all"), ("--again", "=b")]
)
def test_a_shape_that_cannot_be_read_is_refused(logged, call, options):
    assert call("discover", "log.csv", "--columns", COLUMNS, *options).code == 2
    assert logged.is_dir()
