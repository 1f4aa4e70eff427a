"""`compare`: one table over runs, and who can be told apart."""

from __future__ import annotations

import csv
import io
import shutil

import numpy as np
import pytest

from journeysim.cli.compare import pairs_of
from journeysim.cli.money_draws import NET, differences_by_draw
from journeysim.cli.stored import read_run

from .conftest import SCENARIO, write_project


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A project with two scenarios, both run once."""
    from click.testing import CliRunner

    from journeysim.cli.app import journeysim

    project = tmp_path_factory.mktemp("compared")
    (project / ".journeysim").mkdir()
    for name, seed in (("one", "seed: 7"), ("two", "seed: 8")):
        (project / name).mkdir()
        write_project(project / name, scenario=SCENARIO.replace("seed: 7", seed))
    scenarios = [str(project / name / "scenario.yaml") for name in ("one", "two")]
    assert CliRunner().invoke(journeysim, ["run", *scenarios]).exit_code == 0
    return project


@pytest.fixture
def two(base, tmp_path, monkeypatch):
    shutil.copytree(base, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return sorted((tmp_path / "copy" / "reports").iterdir())


def test_runs_stand_in_one_table(two, call):
    done = call("compare", *two)
    assert done.code == 0
    words = (two[0].name[:8], two[1].name[:8], "today", "nudge", "push", "P(better)")
    assert [word for word in words if word not in done.people] == []
    assert "without a chance of being better" in done.people
    assert done.people.count("draws (net benefit)") == 2


def test_the_document_has_every_arm_and_every_pair(two, call):
    document = call("compare", *two, "--json").document
    assert document["schema"] == "journeysim/compare/1"
    assert [[arm["name"] for arm in run["arms"]] for run in document["runs"]] == [["today", "nudge", "push"]] * 2
    assert [(pair["first"], pair["second"]) for pair in document["pairs"]] == [("nudge", "push")] * 2


def test_pairs_are_counted_draw_by_draw(two):
    run = read_run(two[0])
    measure, nets = differences_by_draw(run)
    (pair,) = pairs_of(run)
    assert measure == "net benefit"
    assert {len(values) for values in nets.values()} == {40}
    assert pair.p_first_better == np.mean(nets["nudge"] > nets["push"])
    assert pair.told_apart == (pair.p_first_better >= 0.95 or pair.p_first_better <= 0.05)
    by_name = {arm.name: arm for arm in run.arms}
    assert {name: values.mean() for name, values in nets.items()} == pytest.approx(
        {name: by_name[name].npv.mean for name in nets}
    )


def test_without_money_pairs_are_compared_on_conversion(two):
    (two[0] / NET).unlink()
    measure, by_draw = differences_by_draw(read_run(two[0]))
    run = read_run(two[0])
    assert measure == "conversion"
    assert {name: values.mean() for name, values in by_draw.items()} == pytest.approx(
        {arm.name: arm.difference.mean for arm in run.arms if arm.role == "proposal"}
    )


def test_scenarios_are_run_first_and_found_again(two, call):
    before = len(two)
    done = call("compare", "one/scenario.yaml", two[1])
    assert done.code == 0
    assert "an identical run is already there" in done.people
    assert len(list(two[0].parent.iterdir())) == before


def test_the_table_as_csv(two, call, tmp_path):
    file = tmp_path / "table.csv"
    assert call("compare", *two, "--csv", file).code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [row["arm"] for row in rows] == ["today", "nudge", "push"] * 2
    assert float(rows[1]["mean"]) == pytest.approx(read_run(two[0]).arms[1].level.mean, rel=1e-9)
    assert rows[0]["difference_mean"] == ""
    assert call("compare", *two, "--csv", file).code == 1


def test_another_metric(two, call):
    assert call("compare", two[0], "--metric", "margin").code == 0
    done = call("compare", two[0], "--metric", "margn")
    assert done.code == 2
    assert 'has no metric "margn"; did you mean "margin"?' in done.people


def test_what_is_no_run_is_said(tmp_path, call):
    done = call("compare", tmp_path)
    assert done.code == 2
    assert "error[J098]" in done.people
    assert "is no run" in done.people
