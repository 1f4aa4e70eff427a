"""The run store: whole folders or none, nothing overwritten, nothing outside the project."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from journeysim.errors import BadInput
from journeysim.files.run_store import (
    RESERVED,
    digest_of,
    digest_of_file,
    existing_run,
    folder_name,
    run_name,
    writable,
    write_run,
    write_whole,
)

DIGEST = "0123456789abcdef" * 4


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def writer(text="all of it"):
    def write(folder):
        (folder / "tables").mkdir(parents=True)
        (folder / "tables" / "levels.csv").write_text(text)
        (folder / "results.json").write_text(text)

    return write


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Consumer loan: 2027", "consumer-loan-2027"),
        ("../../etc/passwd", "etc-passwd"),
        ("Été à Paris", "ete-a-paris"),
        ("日本", "run"),
        ("CON", "con-"),
        ("a" * 300, "a" * 60),
        (" . ", "run"),
    ],
)
def test_folder_name(name, expected):
    assert folder_name(name) == expected


def test_slug_never_ends_in_a_name_windows_keeps_for_itself():
    assert not RESERVED & {folder_name(name) for name in RESERVED}


def test_digest_depends_on_every_part_and_not_on_their_order():
    assert digest_of({"a": 1, "b": "x"}) == digest_of({"b": "x", "a": 1})
    assert len({digest_of(parts) for parts in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"})}) == 4


def test_digest_of_file_is_that_of_its_bytes(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"abc")
    assert digest_of_file(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_run_is_there_whole_and_found_again(tmp_path):
    reports = tmp_path / "reports"
    assert existing_run(reports, "Loan", DIGEST) is None
    done = write_run(tmp_path, reports, "Loan", DIGEST, writer())
    assert done == reports / "loan-0123456789" == existing_run(reports, "Loan", DIGEST)
    assert content(done) == {"tables/levels.csv": b"all of it", "results.json": b"all of it"}
    assert list((tmp_path / ".journeysim" / "staging").iterdir()) == []
    assert (tmp_path / ".journeysim" / ".gitignore").read_text() == "*\n"


def test_a_second_run_goes_beside_the_first(tmp_path):
    first = write_run(tmp_path, tmp_path / "reports", "Loan", DIGEST, writer("one"))
    second = write_run(tmp_path, tmp_path / "reports", "Loan", DIGEST, writer("two"))
    third = write_run(tmp_path, tmp_path / "reports", "Loan", DIGEST, writer("three"))
    assert [path.name for path in (second, third)] == [f"{first.name}-2", f"{first.name}-3"]
    assert (first / "results.json").read_text() == "one"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt(), ValueError("x")])
def test_a_run_that_fails_leaves_nothing(tmp_path, error):
    def write(folder):
        folder.mkdir()
        (folder / "results.json").write_text("half")
        raise error

    with pytest.raises(type(error)):
        write_run(tmp_path, tmp_path / "reports", "Loan", DIGEST, write)
    assert not (tmp_path / "reports").exists()
    assert list((tmp_path / ".journeysim" / "staging").iterdir()) == []


def test_a_killed_run_leaves_nothing_under_reports_and_does_not_disturb_the_next(tmp_path):
    script = (
        "import sys, time, pathlib\n"
        "from journeysim.files.run_store import write_run\n"
        "def write(folder):\n"
        "    folder.mkdir()\n"
        "    (folder / 'results.json').write_text('half')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        f"write_run(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1]) / 'reports', 'Loan', '{DIGEST}', write)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"writing"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "reports").exists()
    done = write_run(tmp_path, tmp_path / "reports", "Loan", DIGEST, writer())
    assert (done / "results.json").read_text() == "all of it"


def test_what_killed_runs_left_is_swept_after_a_day_and_not_before(tmp_path):
    staging = tmp_path / ".journeysim" / "staging"
    for name, age in (("old", 25 * 3600), ("young", 3600)):
        (staging / name).mkdir(parents=True)
        (staging / name / "part").write_text("half")
        os.utime(staging / name, (time.time() - age,) * 2)
    write_run(tmp_path, tmp_path / "reports", "Loan", DIGEST, writer())
    assert [left.name for left in staging.iterdir()] == ["young"]


def test_two_runs_at_once_do_not_replace_each_other(tmp_path):
    reports = tmp_path / "reports"

    def write(folder):
        folder.mkdir()
        (folder / "results.json").write_text("outer")
        write_run(tmp_path, reports, "Loan", DIGEST, writer("inner"))

    outer = write_run(tmp_path, reports, "Loan", DIGEST, write)
    assert (reports / "loan-0123456789" / "results.json").read_text() == "inner"
    assert outer.name == "loan-0123456789-2"


@pytest.mark.parametrize("folder", ["../elsewhere", "/etc", "reports/../../x"])
def test_a_folder_outside_the_project_is_refused(tmp_path, folder):
    from pathlib import Path

    with pytest.raises(BadInput, match="must lie inside the project folder"):
        writable(tmp_path, Path(folder), "--out")


@pytest.mark.parametrize("link", ["reports", "reports/loan"])
def test_a_symbolic_link_is_never_written_through(tmp_path, link):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    project = tmp_path / "project"
    (project / link).parent.mkdir(parents=True, exist_ok=True)
    (project / link).symlink_to(elsewhere)
    with pytest.raises(BadInput, match="symbolic link"):
        writable(project, project / "reports" / "loan", "--out")
    assert list(elsewhere.iterdir()) == []


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(BadInput, match="is a file"):
        writable(tmp_path, tmp_path / "reports", "--out")


def test_a_dangling_link_in_the_place_of_a_run_is_not_replaced(tmp_path):
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / run_name("Loan", DIGEST)).symlink_to(tmp_path / "nowhere")
    done = write_run(tmp_path, reports, "Loan", DIGEST, writer())
    assert done.name == "loan-0123456789-2"
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "draws.nc"
    write_whole(file, b"old")
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"newer")
    assert content(tmp_path) == {"draws.nc": b"new"}
