"""`run`: what it leaves, that it never overwrites, and that nothing but its inputs decides the content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from journeysim.cli.init import examples
from journeysim.cli.pipeline import Options, prepare
from journeysim.cli.stored import read_run
from journeysim.errors import BadInput
from journeysim.files.block_store import BlockStore

from .conftest import JOURNEY, SCENARIO, new_project, write_project


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run in a project of its own, for the tests that only look at it."""
    project = new_project(tmp_path_factory.mktemp("finished"))
    done = real("run", "scenario.yaml", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    return project, done


def real(*arguments, cwd, **environment):
    """Call the command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "journeysim.cli", *map(str, arguments)],
        cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip


def reports(project):
    return sorted((project / "reports").iterdir()) if (project / "reports").exists() else []


def hashes(folder):
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_a_run_leaves_everything_in_one_folder(finished):
    project, _ = finished
    (folder,) = reports(project)
    assert {"report.html", "results.json", "outcomes.parquet", "net_benefit.parquet", "draws.nc", "manifest.json"} <= {
        file.name for file in folder.iterdir()
    }
    assert any((folder / "tables").glob("*.csv"))
    assert any((folder / "figures").glob("*.svg"))
    assert list((project / ".journeysim" / "staging").iterdir()) == []


def test_the_document_for_machines_holds_the_results(finished):
    project, done = finished
    document = json.loads(done.stdout)
    (run,) = document["runs"]
    (folder,) = reports(project)
    assert document["schema"] == "journeysim/run/1"
    assert (run["folder"], run["new"]) == (str(folder), True)
    assert run["results"] == json.loads((folder / "results.json").read_text())
    assert [arm["name"] for arm in run["results"]["arms"]] == ["today", "nudge", "push"]


def test_people_see_the_table_and_where_the_report_is(finished):
    project, done = finished
    assert "nudge" in done.stderr
    assert f"Report: reports/{reports(project)[0].name}/report.html" in done.stderr


def test_the_manifest_says_how_to_do_it_again(finished):
    project, _ = finished
    (folder,) = reports(project)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["command"] == "journeysim run scenario.yaml --json"
    assert manifest["inputs"] == {
        name: hashlib.sha256((project / name).read_bytes()).hexdigest() for name in ("journey.yaml", "scenario.yaml")
    }
    assert manifest["options"] == {"draws": 40, "lang": "en", "seed": 7}
    assert folder.name == f"{read_run(folder).scenario}-{manifest['digest'][:10]}"
    assert manifest["engine"]["name"] == "exact"
    assert set(manifest["versions"]) >= {"journeysim", "python", "numpy", "numba", "pymc"}
    assert all(seconds >= 0 for seconds in manifest["seconds"].values())


def test_the_draws_of_today_can_be_read_back(finished):
    import xarray as xr

    (folder,) = reports(finished[0])
    with xr.open_dataset(folder / "draws.nc", engine="h5netcdf") as data:
        assert data.sizes["draw"] == 40
        assert data["share"].sel(persona="new", link="cart -> paid").mean().item() == pytest.approx(0.5, abs=0.05)


@pytest.fixture
def again(finished, tmp_path, monkeypatch):
    """A copy of the finished project, as the current folder."""
    shutil.copytree(finished[0], tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def test_an_identical_run_is_found_and_not_repeated(again, call):
    before = hashes(again)
    done = call("run", "scenario.yaml", "--json")
    assert done.code == 0
    assert "an identical run is already there" in done.people
    assert done.document["runs"][0]["new"] is False
    assert hashes(again) == before


def test_again_goes_beside_it_with_the_same_results(again, call):
    before = hashes(again)
    assert call("run", "scenario.yaml", "--again").code == 0
    first, second = reports(again)
    assert second.name == f"{first.name}-2"
    assert (second / "results.json").read_bytes() == (first / "results.json").read_bytes()
    assert hashes(again).items() >= before.items()


@pytest.mark.parametrize("change", [("--seed", "8"), ("--draws", "41"), ("--lang", "fr")])
def test_every_option_that_decides_the_content_gives_another_folder(project, change):
    first = prepare(project / "scenario.yaml", Options())
    name, value = change
    options = Options(**{name[2:]: value if name == "--lang" else int(value)})
    assert prepare(project / "scenario.yaml", options).digest != first.digest


def test_the_digest_follows_the_files_and_not_their_folder(project):
    first = prepare(project / "scenario.yaml", Options())
    assert prepare(project / "scenario.yaml", Options()).digest == first.digest
    text = (project / "journey.yaml").read_text()
    (project / "journey.yaml").write_text(text + "# a comment\n")
    assert prepare(project / "scenario.yaml", Options()).digest != first.digest


def test_strict_asks_for_one_proposal_that_meets_every_rule(again, call):
    assert call("run", "scenario.yaml", "--strict").code == 0
    (again / "scenario.yaml").write_text(SCENARIO.replace("EUR 300", "EUR 90k").replace("EUR 100}", "EUR 90k}"))
    done = call("run", "scenario.yaml", "--strict")
    assert done.code == 3
    assert "no proposal meets P(net benefit > 0) >= 80%" in done.people
    assert len(reports(again)) == 2
    assert call("run", "scenario.yaml").code == 0


def test_a_failed_gate_gives_three_unless_it_is_accepted(again, call):
    """The gates of an existing run count as those of a new one do; here one is made to fail in the stored results."""
    (folder,) = reports(again)
    results = json.loads((folder / "results.json").read_text())
    results["fit"]["gates"] = [{"gate": "R-hat", "value": 1.2, "limit": "at most 1.01", "passed": False}]
    (folder / "results.json").write_text(json.dumps(results))
    done = call("run", "scenario.yaml")
    assert done.code == 3
    assert "R-hat (--accept R-hat to go on)" in done.people
    assert call("run", "scenario.yaml", "--accept", "R-hat").code == 0


def test_identical_arms_differ_by_exactly_nothing(project, call):
    changes = "    changes:\n      - change share: cart -> paid\n        odds x: 1.1 to 1.5\n        basis: expert\n"
    head, _, tail = SCENARIO.partition(changes)
    (project / "scenario.yaml").write_text(head + "    changes: []\n" + tail)
    done = call("run", "scenario.yaml", "--json")
    assert done.code == 0
    results = done.document["runs"][0]["results"]
    rows = [row for row in results["contrasts"] if row["arm"] == "nudge" and row["mean"] is not None]
    assert len(rows) > 20
    assert {row[name] for row in rows for name in ("mean", "q05", "q95")} == {0.0}
    assert "warning[J054]" in done.people
    assert "2 warnings" in done.people


@pytest.mark.parametrize("out", ["../elsewhere", "/elsewhere", "reports/../.."])
def test_out_must_stay_inside_the_project(project, call, out):
    done = call("run", "scenario.yaml", "--out", out)
    assert done.code == 2
    assert "must lie inside the project folder" in done.people
    assert reports(project) == []


def test_results_are_never_written_through_a_link(project, call, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / "reports").symlink_to(elsewhere)
    done = call("run", "scenario.yaml")
    assert done.code == 2
    assert "is a symbolic link, and results are never written through one" in done.people
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("setting", ["events: ../../../../../../etc/passwd", "calibration: /etc"])
def test_data_outside_the_project_is_refused(project, call, setting):
    (project / "scenario.yaml").write_text(SCENARIO.replace("horizon: 1", f"{setting}\nhorizon: 1"))
    done = call("run", "scenario.yaml")
    assert done.code == 2
    assert "error[J050]" in done.people


def test_a_name_cannot_lead_out_of_the_reports(project, call):
    odd = project / ".. evil"
    odd.mkdir()
    write_project(odd)
    done = call("run", odd / "scenario.yaml", "--draws", "20")
    assert done.code == 0
    assert [folder.name.rpartition("-")[0] for folder in reports(project)] == ["evil"]


def test_a_project_without_a_mark_is_the_folder_around_its_files(tmp_path):
    (tmp_path / "scenarios" / "loan").mkdir(parents=True)
    (tmp_path / "journey").mkdir()
    elsewhere = SCENARIO.replace("journey.yaml", "../../journey/journey.yaml")
    write_project(tmp_path / "scenarios" / "loan", scenario=elsewhere)
    (tmp_path / "scenarios" / "loan" / "journey.yaml").rename(tmp_path / "journey" / "journey.yaml")
    assert prepare(tmp_path / "scenarios" / "loan" / "scenario.yaml", Options()).project == tmp_path.resolve()
    write_project(tmp_path / "scenarios" / "loan")
    alone = prepare(tmp_path / "scenarios" / "loan" / "scenario.yaml", Options())
    assert alone.reports == tmp_path.resolve() / "scenarios" / "loan" / "reports"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_no_permission_leaves_what_was_there(again, call):
    before = hashes(again)
    (again / "reports").chmod(0o555)
    try:
        done = call("run", "scenario.yaml", "--seed", "8")
    finally:
        (again / "reports").chmod(0o755)
    assert done.code == 1
    assert "permission denied" in done.people
    assert hashes(again) == before


def test_a_full_disk_leaves_what_was_there(again, call, monkeypatch):
    from journeysim.cli import pipeline

    def full(_decision, folder):
        raise OSError(28, "No space left on device", str(folder))

    before = hashes(again)
    monkeypatch.setattr(pipeline, "write_money_draws", full)
    done = call("run", "scenario.yaml", "--seed", "8")
    assert done.code == 1
    assert "no space left on device" in done.people
    left = {name: digest for name, digest in hashes(again).items() if "blocks" not in name.parts}
    assert left == before  # beside finished blocks, from which the same command goes on once there is room


def test_interrupted_and_killed_it_leaves_nothing_and_goes_on_to_the_same_bytes(finished, tmp_path, call, monkeypatch):
    project = new_project(tmp_path)
    code, people = stopped(project, signal.SIGINT, 1, "--executor", "processes:2")
    assert code == 130, people
    assert "the same command goes on from the blocks that are finished" in people
    assert "Traceback" not in people
    before = len(blocks(project))
    assert stopped(project, signal.SIGKILL, before + 1)[0] == -signal.SIGKILL
    assert reports(project) == []
    kept, asked = {file.stem for file in blocks(project)}, []
    assert len(kept) > before
    get = BlockStore.get
    monkeypatch.setattr(BlockStore, "get", lambda store, name: asked.append(name) or get(store, name))
    monkeypatch.chdir(project)
    assert call("run", "scenario.yaml", "--executor", "serial").code == 0
    assert kept <= set(asked), "what is kept is what the same command asks for again"
    assert blocks(project) == []
    (one,), (other,) = reports(project), reports(finished[0])
    assert (one / "results.json").read_bytes() == (other / "results.json").read_bytes()


STAFFED = """\
journeysim: 1
question: Does another adviser help?
journey: journey.yaml
horizon: 10 days
draws: 20
customers: 300
proposals:
  third adviser:
    changes: [{change staff: advisers, staff: 3, starts: month 1}]
    realism: 100%
money: {discount rate: 6% per year, value horizon: 6 months}
succeed if: conversion +2 points
seed: 7
"""


def test_killed_where_customers_wait_for_staff_it_goes_on_to_the_same_bytes(tmp_path, call, monkeypatch):
    """Blocks of draws are kept there as anywhere else, and found again on another executor."""
    journey = (examples() / "telephone_advice" / "journey.yaml").read_text(encoding="utf-8")
    once, twice = (tmp_path / name / "advice" for name in ("once", "twice"))
    for project in (once, twice):
        (project / ".journeysim").mkdir(parents=True)
        write_project(project, journey, STAFFED)
    assert stopped(twice, signal.SIGKILL, 2, "--executor", "serial")[0] == -signal.SIGKILL
    assert reports(twice) == []
    kept, found = {file.stem for file in blocks(twice)}, set()
    assert len(kept) >= 2
    get = BlockStore.get
    monkeypatch.setattr(BlockStore, "get", lambda store, name: _noted(name, get(store, name), found))
    for project in (twice, once):
        monkeypatch.chdir(project)
        assert call("run", "scenario.yaml").code == 0
    assert kept <= found
    assert blocks(twice) == []
    (one,), (other,) = reports(once), reports(twice)
    assert (one / "results.json").read_bytes() == (other / "results.json").read_bytes()


def _noted(name, arrays, found):
    """Return what a store gave, and note its name where that was something."""
    if arrays is not None:
        found.add(name)
    return arrays


def blocks(project):
    return list((project / ".journeysim" / "blocks").glob("*/*.block"))


LISTENING = """
import signal
from journeysim.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
if __name__ == "__main__":
    main()
"""


def stopped(project, how, count, *options):
    """Run the project's scenario, stop it once so many blocks are kept, and return its code and what people read.

    It listens to Ctrl-C even where the tests run in the background of a shell, which has its jobs ignore it.
    """
    command = [sys.executable, "-c", LISTENING, "run", "scenario.yaml", *options]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and len(blocks(project)) < count:
            time.sleep(0.002)
        process.send_signal(how)
        people = process.communicate()[1]
    return process.returncode, people


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Kolkata", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"},
    ],
)
def test_hash_seed_time_zone_and_locale_change_no_byte(finished, tmp_path, environment):
    project = new_project(tmp_path)
    done = real("run", "scenario.yaml", cwd=project, **environment)
    assert done.returncode == 0, done.stderr
    (one,), (other,) = reports(finished[0]), reports(project)
    assert one.name == other.name
    same = ["results.json", *(f"tables/{file.name}" for file in (one / "tables").iterdir())]
    assert [name for name in same if (one / name).read_bytes() != (other / name).read_bytes()] == []


def test_a_truncated_file_of_draws_is_refused(project, call):
    import journeysim as js
    from journeysim.files.draws_store import save_draws

    folder = project / "kept"
    draws = js.prior_draws(js.read_journey(project / "journey.yaml"), draws=20, seed=1)
    save_draws(folder, draws, {})
    (project / "scenario.yaml").write_text(SCENARIO.replace("horizon: 1", "calibration: kept\nhorizon: 1"))
    content = (folder / "draws.nc").read_bytes()
    (folder / "draws.nc").write_bytes(content[: len(content) // 2])
    done = call("run", "scenario.yaml")
    assert done.code == 2
    assert "checksum mismatch; recalibrate" in done.people
    assert reports(project) == []


def test_a_damaged_run_is_told_apart_from_a_good_one(again):
    (folder,) = reports(again)
    (folder / "results.json").write_text("{")
    with pytest.raises(BadInput, match="is damaged"):
        read_run(folder)
    (folder / "results.json").unlink()
    with pytest.raises(BadInput, match="is no run"):
        read_run(folder)


def test_a_run_that_walks_finds_its_number_of_customers_says_so_and_can_be_rendered_again(project, call):
    felt = JOURNEY.replace("cost: EUR 1", "cost: EUR 1\n    feeling: 0.2 (sd 0.4)", 1)
    felt = felt.replace(
        "paid: {share: 50%, dwell: 1 day to 3 days}", "paid: {share: 50%, dwell: 1 day, sensitivity: 0.5}"
    )
    felt = felt.replace(
        "paid: {share: 70%, dwell: 1 day to 3 days}", "paid: {share: 70%, dwell: 1 day, sensitivity: 0.5}"
    )
    one = SCENARIO[: SCENARIO.index("  push:")] + SCENARIO[SCENARIO.index("money:") :]
    write_project(project, journey=felt, scenario=one)
    done = call("run", "scenario.yaml")
    assert done.code == 0, done.people
    (folder,) = reports(project)
    made = json.loads((folder / "results.json").read_text())["precision"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (made["found"], made["enough"]) == (True, True)
    assert made["customers"] % 512 == 0
    assert manifest["customers"] == {
        "per_draw": made["customers"], "found": True, "noise_share": made["arms"][0]["noise_share"], "asked": 0.2,
        "control_slope": made["control"]["slope"],
    }  # fmt: skip
    assert f"{made['customers']:,} customers in every draw" in (folder / "report.html").read_text(encoding="utf-8")
    assert call("report", folder).code == 0
