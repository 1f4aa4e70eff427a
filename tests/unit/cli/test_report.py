"""`report`: the same page from what the run kept, in either language; nothing else is read, computed or touched."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from journeysim.cli.app import journeysim
from journeysim.report.kept import FILE

from .conftest import new_project


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project with one run in English and one in French."""
    project = new_project(tmp_path_factory.mktemp("finished"))
    for lang in ("en", "fr"):
        done = CliRunner().invoke(journeysim, ["run", str(project / "scenario.yaml"), "--lang", lang, "--out", lang])
        assert done.exit_code == 0, done.stderr
    return project


@pytest.fixture
def run(finished, tmp_path, monkeypatch):
    """The English run in a copy of the project, which is the current folder."""
    shutil.copytree(finished, tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    return only(tmp_path / "shop" / "en")


def only(folder):
    (found,) = folder.iterdir()
    return found


def hashes(folder):
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_the_page_is_the_same_and_nothing_else_changes(run, call):
    before = hashes(run.parents[1])
    (run / "report.html").write_text("spoilt")
    done = call("report", run)
    assert done.code == 0
    assert done.people == f"Report: en/{run.name}/report.html\n"
    assert hashes(run.parents[1]) == before


def test_another_language_goes_beside_and_is_the_page_of_a_run_in_it(run, call):
    before = hashes(run)
    french = only(run.parents[1] / "fr") / "report.html"
    done = call("report", run, "--lang", "fr", "--json")
    page = run / "report.fr.html"
    assert done.document == {
        "schema": "journeysim/report/1", "run": str(run), "page": str(page), "lang": "fr", "replaced": False,
    }  # fmt: skip
    command = json.loads((run / "manifest.json").read_text())["command"]
    assert page.read_text() == french.read_text().replace(command_of(french.parent), command)
    assert hashes(run).items() - before.items() == {(page.relative_to(run), hashes(run)[page.relative_to(run)])}
    assert call("report", run, "--lang", "fr", "--json").document["replaced"] is True


def command_of(folder):
    return json.loads((folder / "manifest.json").read_text())["command"]


def test_the_runs_own_language_is_the_default(run, call):
    french = only(run.parents[1] / "fr")
    before = hashes(french)
    assert call("report", french, "--json").document["lang"] == "fr"
    assert hashes(french) == before


def test_neither_engines_nor_input_files_are_needed(run, call, monkeypatch, tmp_path):
    def never(*_, **__):
        raise AssertionError("computed")

    for name in (
        "simulate.run.simulate", "calibrate.load_or_calibrate", "calibrate.prior_draws", "compare.compare",
        "decide.decide", "model.arms.build_arms",
    ):  # fmt: skip
        monkeypatch.setattr(f"journeysim.{name}", never)
    before = hashes(run)
    moved = tmp_path / "elsewhere" / "run"
    shutil.move(run, moved)
    shutil.rmtree(tmp_path / "shop" / "fr")
    for name in ("journey.yaml", "scenario.yaml"):
        (tmp_path / "shop" / name).unlink()
    assert call("report", moved).code == 0
    assert hashes(moved) == before


def test_a_newer_program_says_whose_numbers_they_are(run, call):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["versions"]["journeysim"] = "0.0.1+old"
    (run / "manifest.json").write_text(json.dumps(manifest))
    done = call("report", run)
    assert done.code == 0
    assert "The run was made by journeysim 0.0.1+old, this page by" in done.people


def test_all_that_is_wrong_is_said_at_once(run, call):
    (run / "results.json").write_text("{")
    (run / "manifest.json").unlink()
    (run / FILE).write_bytes((run / FILE).read_bytes()[:-100])
    before = hashes(run)
    done = call("report", run)
    assert done.code == 2
    assert "results.json is not JSON" in done.people
    assert "manifest.json cannot be read" in done.people
    assert f"{FILE} is damaged" in done.people
    assert done.people.count("run the scenario again") >= 2
    assert "3 errors, 0 warnings. Nothing was written." in done.people
    assert hashes(run) == before


def test_a_folder_that_is_not_there_is_one_problem(run, call):
    done = call("report", run.with_name("nowhere"), "--json")
    assert done.code == 2
    assert [problem["code"] for problem in done.document["problems"]] == ["J098"]


def rewritten(run, change):
    """Change the JSON inside page.npz."""
    with np.load(run / FILE) as stored:
        parts = dict(stored)
    content = change(parts["content"].tobytes().decode())
    np.savez_compressed(run / FILE, **parts | {"content": np.frombuffer(content.encode(), dtype=np.uint8)})


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("journeysim/page/2", "journeysim/page/3", "made for journeysim/page/3"),
        ('"class":"Decision"', '"class":"Popen"', "Popen"),
        ('"horizon_months"', '"horizon_weeks"', "horizon_weeks"),
        ('{"array":0}', '{"array":9999}', "out of range"),
    ],
)
def test_another_version_is_refused_not_guessed(run, call, old, new, why):
    before = (run / "report.html").read_bytes()
    rewritten(run, lambda text: text.replace(old, new))
    done = call("report", run)
    assert done.code == 2
    assert "error[J092]" in done.people
    assert why in done.people
    assert (run / "report.html").read_bytes() == before


def test_a_run_of_before_page_npz(run, call):
    (run / FILE).unlink()
    done = call("report", run)
    assert done.code == 2
    assert f"{FILE} cannot be read (No such file or directory)" in done.people
    assert "run the scenario again" in done.people


class Trap:
    """A pickle that would make a folder when it is loaded."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("inside", [True, False])
def test_nothing_in_the_file_is_executed(run, call, tmp_path, inside):
    trap = Trap(tmp_path / "sprung")
    if inside:
        content = io.BytesIO()
        np.savez(content, content=np.array([trap], dtype=object))
        (run / FILE).write_bytes(content.getvalue())
    else:
        (run / FILE).write_bytes(pickle.dumps(trap))
    assert call("report", run).code == 2
    assert not (tmp_path / "sprung").exists()


def test_results_that_were_changed_are_noticed(run, call):
    results = json.loads((run / "results.json").read_text())
    results["metrics"][0]["mean"] += 0.01
    (run / "results.json").write_text(json.dumps(results))
    before = hashes(run)
    done = call("report", run)
    assert done.code == 2
    assert "error[J093]" in done.people
    assert hashes(run) == before


def test_out_is_a_new_file_in_the_project(run, call, tmp_path):
    before = hashes(run)
    assert call("report", run, "--out", "pages/board.html").code == 0
    assert (tmp_path / "shop" / "pages" / "board.html").read_bytes() == (run / "report.html").read_bytes()
    for taken in (run / "results.json", "pages/board.html", run / "report.html"):
        done = call("report", run, "--out", taken)
        assert done.code == 2
        assert "error[J094]" in done.people
    done = call("report", run, "--out", tmp_path / "board.html")
    assert done.code == 2
    assert "error[J095]" in done.people
    assert not (tmp_path / "board.html").exists()
    assert hashes(run) == before


def test_a_link_is_not_written_through(run, call, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "page.html").write_text("mine")
    (tmp_path / "shop" / "pages").symlink_to(outside)
    (run / "report.fr.html").symlink_to(outside / "page.html")
    assert call("report", run, "--out", "pages/new.html").code == 2
    assert call("report", run, "--lang", "fr").code == 0
    assert {file.name: file.read_text() for file in outside.iterdir()} == {"page.html": "mine"}
    assert not (run / "report.fr.html").is_symlink()


def test_a_full_disk_leaves_the_old_page(run, call, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    before = hashes(run)
    done = call("report", run)
    assert done.code == 1
    assert "no space left on device" in done.people
    assert hashes(run) == before
