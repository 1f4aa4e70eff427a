"""`calibrate`: rows set aside, gates, and the artefact that a scenario can use."""

from __future__ import annotations

import json

import pytest

from journeysim.cli.calibrate import kind_of
from journeysim.files.draws_store import load_draws

from .conftest import SCENARIO, new_project

JOURNEY = """\
journeysim: 1
journey: Desk
touchpoints:
  ask:
    next:
      yes: {share: 50%, dwell: 1 day to 3 days}
      no: {share: 50%, dwell: 1 day to 3 days}
outcomes:
  yes: {conversion: true}
  no: {}
enter: {ask: 100%}
arrivals: 10 per day
"""


def log(customers=80) -> str:
    """Return a log in which three of four say yes after one to four days."""
    rows = ["who,what,when"]
    for n in range(customers):
        rows.append(f"c{n},ask,2026-01-01T00:{n % 60:02d}:00")
        rows.append(f"c{n},{'no' if n % 4 == 0 else 'yes'},2026-01-{2 + n % 4:02d}T{n % 24:02d}:30:00")
    return "\n".join([*rows, ",ask,2026-01-01", "c1,ask,never"]) + "\n"


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A project with one calibrated log."""
    from click.testing import CliRunner

    from journeysim.cli.app import journeysim

    project = new_project(tmp_path_factory.mktemp("calibrated"))
    (project / "journey.yaml").write_text(JOURNEY)
    (project / "log.csv").write_text(log())
    arguments = ["calibrate", project / "log.csv", "--journey", project / "journey.yaml", "--draws", "100", "--json"]
    done = CliRunner().invoke(journeysim, [*map(str, arguments), "--columns", "customer=who,touchpoint=what,time=when"])
    return project, done


def test_rows_set_aside_are_shown_with_their_reason(calibrated):
    project, done = calibrated
    assert "162 rows, 80 customers" in done.stderr
    for line in ("160  used", "1  set aside: blank customer", "1  set aside: time cannot be read", "162  read"):
        assert line in done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert rows["read"] == rows["used"] + sum(item["count"] for item in rows["set_aside"] if item["of"] == "rows")
    assert (project / "calibration" / "shop" / "rejects.csv").read_text().splitlines() == [
        "row,reason,who,what,when", "162,blank customer,,ask,2026-01-01", "163,time cannot be read,c1,ask,never",
    ]  # fmt: skip


def test_every_gate_is_shown_and_decides_the_exit_code(calibrated):
    _, done = calibrated
    document = json.loads(done.stdout)
    assert document["schema"] == "journeysim/calibrate/1"
    assert len(document["gates"]) >= 1
    assert all(gate["gate"] in done.stderr for gate in document["gates"])
    assert done.exit_code == (0 if all(gate["passed"] for gate in document["gates"]) else 3)


def test_the_artefact_holds_the_posterior(calibrated):
    project, _ = calibrated
    draws, manifest = load_draws(project / "calibration" / "shop")
    assert (draws.source, draws.count) == ("posterior", 100)
    shares = draws.data["share"].sel(link="ask -> yes").values
    # 60 of 80 said yes, and the map's 50 % weighs 8 customers: (4 + 60) / (8 + 80).
    assert shares.mean() == pytest.approx(64 / 88, abs=0.03)
    assert manifest["made_from"]


def test_a_scenario_runs_on_the_artefact(calibrated, call, monkeypatch):
    project, _ = calibrated
    monkeypatch.chdir(project)
    scenario = SCENARIO.replace("horizon: 1", "calibration: calibration/shop\nhorizon: 1")
    (project / "scenario.yaml").write_text(scenario.replace("cart -> paid", "ask -> yes"))
    done = call("run", "scenario.yaml", "--json")
    assert done.code in {0, 3}, done.people
    results = done.document["runs"][0]["results"]
    assert results["fit"]["source"] == "posterior"
    assert len(results["fit"]["gates"]) >= 1


def test_the_artefact_stays_inside_the_project(calibrated, call):
    project, _ = calibrated
    done = call("calibrate", project / "log.csv", "--journey", project / "journey.yaml", "--out", "..")
    assert done.code == 2
    assert "must lie inside the project folder" in done.people


def test_columns_are_pairs(calibrated, call):
    project, _ = calibrated
    done = call("calibrate", project / "log.csv", "--journey", project / "journey.yaml", "--columns", "customer")
    assert done.code == 2
    assert "is not NAME=COLUMN" in done.people


@pytest.mark.parametrize(
    ("header", "kind"),
    [("persona,from,to,dwell_from_days,dwell_to_days,count", "transitions"), ("customer,touchpoint,time", "events")],
)
def test_a_table_is_known_by_its_columns(tmp_path, header, kind):
    import gzip

    (tmp_path / "x.csv").write_text(header + "\n")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(header.encode()))
    assert [kind_of(tmp_path / name) for name in ("x.csv", "x.csv.gz")] == [kind, kind]
    assert kind_of(tmp_path) == "events"
    (tmp_path / "transitions.csv").write_text("")
    assert kind_of(tmp_path) == "transitions"
    assert kind_of(tmp_path / "missing.csv") == "events"
