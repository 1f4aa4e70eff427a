"""The command line starts at once, shows its verbs and says what it does not know."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import journeysim as js
from journeysim.cli.app import journeysim

HEAVY = {"arviz", "duckdb", "matplotlib", "numba", "pandas", "pymc", "pytensor", "xarray"}
VERBS = [
    "init",
    "discover",
    "check",
    "calibrate",
    "count",
    "backtest",
    "run",
    "compare",
    "report",
    "score",
    "schema",
    "explain",
    "doctor",
]


def modules_after(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_nothing_heavy_not_even_numpy():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom journeysim.cli.app import journeysim\n"
        "assert CliRunner().invoke(journeysim, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(journeysim, ['run', '--help']).exit_code == 0\nprint(*sys.modules)"
    )
    assert not (HEAVY | {"numpy", "scipy"}) & modules_after(code)


def test_check_loads_no_library_that_only_a_run_needs(project):
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom journeysim.cli.app import journeysim\n"
        f"done = CliRunner().invoke(journeysim, ['check', {str(project / 'scenario.yaml')!r}])\n"
        "assert done.exit_code == 0, done.output\nprint(*sys.modules)"
    )
    assert not HEAVY & modules_after(code)


def test_the_verbs_stand_in_the_order_one_meets_them(call):
    done = call("--help")
    assert done.code == 0
    lines = done.machines.split("Commands:")[1].splitlines()
    assert [line.split()[0] for line in lines if line.strip()] == VERBS == list(journeysim.commands)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(call, verb):
    done = call(verb, "--help")
    assert done.code == 0
    assert "Usage: journeysim " + verb in done.machines


def test_an_unknown_verb_gets_a_suggestion(call):
    done = call("rum")
    assert done.code == 2
    assert 'no command "rum"; did you mean "run"?' in done.people


def test_importing_the_package_loads_nothing():
    loaded = modules_after("import sys\nimport journeysim\nprint(*sys.modules)")
    assert not (HEAVY | {"numpy", "scipy", "click"}) & loaded
    assert not {name for name in loaded if name.startswith("journeysim.")}


def test_types_and_names_tell_the_same():
    stub = Path(js.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert sorted(re.findall(r" as (\w+)$", stub, flags=re.MULTILINE)) == sorted(js.__all__)


def test_every_public_name_is_there_and_no_other():
    assert all(callable(getattr(js, name)) for name in js.__all__)
    assert set(js.__all__) <= set(dir(js))
    with pytest.raises(AttributeError, match="no attribute 'simulated'"):
        js.simulated  # noqa: B018 - looking it up is the test


@pytest.mark.parametrize("verb", ["calibrate", "simulate", "compare", "decide"])
def test_a_verb_is_callable_whether_its_package_was_imported_before_or_not(verb):
    code = (
        "import inspect, journeysim as js\nimport importlib\n"
        f"before = inspect.signature(js.{verb})\n"
        f"package = importlib.import_module('journeysim.{verb}')\n"
        f"assert js.{verb} is package and inspect.signature(package) == before\n"
        "from journeysim.compare.comparison import Comparison\n"
        "print(callable(package), len(before.parameters) > 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
