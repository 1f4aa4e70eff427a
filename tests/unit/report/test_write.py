"""A run's folder: whole or not at all, the same bytes everywhere."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from journeysim.errors import BadInput
from journeysim.report import render, write

REPOSITORY = Path(__file__).parents[3]
MANIFEST = {"command": "journeysim run x.yaml", "versions": {"numpy": "2"}, "seconds": 1.5}


@pytest.fixture(scope="module")
def run(decision, scenario, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports") / "video-id-1a2b"
    render(decision, scenario, folder, manifest=MANIFEST)
    return folder


def test_leaves_what_it_promises(run):
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert {"report.html", "results.json", "manifest.json", "outcomes.parquet", "tables/decision.csv"} <= names
    assert {"figures/differences.svg", "figures/flow_0.svg"} <= names
    assert list(run.parent.iterdir()) == [run]
    assert json.loads((run / "manifest.json").read_text()) == MANIFEST


def test_parquet_holds_every_draw(run, decision):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW o AS SELECT * FROM '{run / 'outcomes.parquet'}'")  # noqa: S608
        columns = [row[0] for row in connection.execute("DESCRIBE o").fetchall()]
        assert {"metric", "arm", "persona", "view", "realism", "draw", "value"} <= set(columns)
        count, mean = connection.execute(
            "SELECT count(*), avg(value) FROM o "
            "WHERE metric='conversion' AND arm='today' AND persona='all' AND versus='' AND view='cohort'"
        ).fetchone()
    level = next(
        x for x in decision.comparison.levels if (x.metric, x.arm, x.persona) == ("conversion", "today", "all")
    )
    assert count == len(level.values)
    assert mean == pytest.approx(level.spread.mean)


def test_never_overwrites(run, decision, scenario):
    before = (run / "report.html").read_bytes()
    with pytest.raises(BadInput, match="never overwritten"):
        render(decision, scenario, run, manifest=MANIFEST)
    assert (run / "report.html").read_bytes() == before


@pytest.mark.parametrize("culprit", ["write_outcomes", "to_csv", "strict_json"])
def test_leaves_nothing_behind_when_writing_fails(culprit, decision, scenario, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(write, culprit, full)
    with pytest.raises(OSError, match="No space left"):
        render(decision, scenario, tmp_path / "run", manifest=MANIFEST)
    assert list(tmp_path.iterdir()) == []


def test_a_dangling_link_is_not_followed(decision, scenario, tmp_path):
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput):
        render(decision, scenario, tmp_path / "run", manifest=MANIFEST)
    assert not (tmp_path / "elsewhere").exists()


SCRIPT = """
import sys, pathlib
from decision_builder import build_decision, small_scenario
from journeysim.report import render
scenario = small_scenario()
render(build_decision(scenario, draws=120), scenario, pathlib.Path(sys.argv[1]), manifest={manifest!r})
"""


def test_same_bytes_under_another_hash_seed_time_zone_and_locale(run, tmp_path):
    environment = os.environ | {
        "PYTHONHASHSEED": "12345", "TZ": "Asia/Kolkata", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "tests")]),
    }  # fmt: skip
    script = SCRIPT.format(manifest=MANIFEST)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "again")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert _digests(tmp_path / "again") == _digests(run)


def _digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
