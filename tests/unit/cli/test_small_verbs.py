"""init, explain, schema and doctor."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from journeysim.cli.init import EXAMPLES, TEMPLATES, copy_example, examples
from journeysim.errors import BadInput
from journeysim.files import CODES

ALL = sorted({*EXAMPLES, *TEMPLATES})


@pytest.mark.parametrize("name", ALL)
def test_every_example_is_commented_checked_and_complete(tmp_path, call, name):
    folder = tmp_path / "mine"
    option = "--example" if name in EXAMPLES else "--template"
    done = call("init", folder, option, name)
    assert done.code == 0
    assert {file.name for file in folder.iterdir()} == {"journey.yaml", "scenario.yaml", "events.csv"}
    assert all((folder / file).read_text().count("#") >= 3 for file in ("journey.yaml", "scenario.yaml"))
    assert call("check", folder / "scenario.yaml").people == "1 file checked, no problems.\n"


@pytest.mark.parametrize("name", ALL)
def test_every_example_runs_on_its_log_too(tmp_path, name):
    """The log beside each map is read whole: no row is set aside and nothing looks odd."""
    import journeysim as js
    from journeysim.model.transitions import to_transitions

    copy_example(name, tmp_path / "mine")
    log = js.read_events(tmp_path / "mine" / "events.csv")
    _, aside = to_transitions(log, js.read_journey(tmp_path / "mine" / "journey.yaml"))
    assert log.customers >= 100
    assert (log.set_aside, log.warnings, aside) == ((), (), ())


def test_the_logs_are_those_that_their_script_makes(tmp_path, monkeypatch):
    from importlib.util import module_from_spec, spec_from_file_location

    from .conftest import REPOSITORY

    spec = spec_from_file_location("build", REPOSITORY / "calibration" / "examples" / "build.py")
    build = module_from_spec(spec)
    spec.loader.exec_module(build)
    for name in ALL:
        copy_example(name, tmp_path / name)
        (tmp_path / name / "events.csv").unlink()
    monkeypatch.setattr(build, "EXAMPLES", tmp_path)
    build.main()
    for name in ALL:
        assert (tmp_path / name / "events.csv").read_bytes() == (examples() / name / "events.csv").read_bytes()


def test_init_never_overwrites(tmp_path, call):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "scenario.yaml").write_text("my work")
    done = call("init", tmp_path / "mine")
    assert done.code == 2
    assert "scenario.yaml is already there; name a new folder: nothing is overwritten" in done.people
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["scenario.yaml"]
    with pytest.raises(BadInput, match="it is a file"):
        copy_example("aida", tmp_path / "mine" / "scenario.yaml")


def test_init_takes_one_of_the_two(tmp_path, call):
    done = call("init", tmp_path / "mine", "--example", "online_shop", "--template", "aida")
    assert done.code == 2
    assert "not both" in done.people


def test_init_for_machines(tmp_path, call):
    done = call("init", tmp_path / "mine", "--template", "aida", "--json")
    assert done.document["schema"] == "journeysim/init/1"
    assert done.document["files"] == ["events.csv", "journey.yaml", "scenario.yaml"]


@pytest.mark.parametrize("code", ["J014", "j031"])
def test_explain_says_rule_and_cure(call, code):
    done = call("explain", code)
    entry = CODES[code.upper()]
    assert done.code == 0
    assert done.people.startswith(f"{entry.code}  {entry.rule}\n")
    assert f"Cure: {entry.cure}" in done.people
    assert call("explain", code, "--json").document["rule"] == entry.rule


def test_explain_an_unknown_code(call):
    done = call("explain", "J01")
    assert done.code == 2
    assert 'there is no code "J01"; did you mean' in done.people


def test_schema_goes_to_stdout_or_a_file(tmp_path, call):
    done = call("schema")
    assert done.code == 0
    assert done.document["$schema"].startswith("https://json-schema.org/")
    assert call("schema", "--out", tmp_path / "new" / "schema.json").code == 0
    assert json.loads((tmp_path / "new" / "schema.json").read_text()) == done.document


def test_doctor(project, call):
    before = sorted(project.rglob("*"))
    done = call("doctor", "--json")
    names = {row["name"] for row in done.document["findings"]}
    assert done.code == 0
    assert done.document["good"] is True
    assert {"journeysim", "python", "numba", "pymc", "arviz", "cache", "reports"} <= names
    assert sorted(project.rglob("*")) == before


@pytest.mark.usefixtures("project")
def test_doctor_names_what_is_missing(call, monkeypatch):
    from journeysim.cli import doctor

    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    done = call("doctor")
    assert done.code == 1
    assert "BAD  no-such-library" in done.people
    assert "Look at: no-such-library" in done.people


def test_a_reader_that_goes_away_is_no_error():
    command = [sys.executable, "-m", "journeysim.cli", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
