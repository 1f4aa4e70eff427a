"""The house rules as tests, so that one command tells all: lint, format, types, layers, lock, start-up."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
LOCK = REPOSITORY / "requirements.lock"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("ruff", "check", "--quiet", "."), id="ruff-check"),
        pytest.param(("ruff", "format", "--check", "--quiet", "--diff", "."), id="ruff-format"),
        pytest.param(("mypy",), id="mypy"),
        pytest.param(("lint-imports", "--no-logo"), id="import-linter"),
    ],
)
def test_tool_finds_nothing(command):
    tool, *arguments = command
    done = run(str(TOOLS / tool), *arguments)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def locked_versions() -> dict[str, list[str]]:
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", LOCK.read_text(), flags=re.MULTILINE):
        versions.setdefault(name, []).append(version)
    return versions


def test_lock_satisfies_what_the_project_asks_for():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    asked = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
    ]
    locked = locked_versions()
    unmet = []
    for requirement in map(Requirement, asked):
        found = locked.get(canonicalize_name(requirement.name), [])
        if not found or not all(requirement.specifier.contains(version) for version in found):
            unmet.append(f"{requirement} (locked: {found})")
    assert not unmet, f"requirements.lock lags behind pyproject.toml; run `make lock`: {unmet}"


def test_lock_names_no_place_to_download_from():
    place = r"^.*(?:://|--index|--extra-index|--find-links|^-e|^\.?/).*$"
    assert not re.findall(place, LOCK.read_text(), flags=re.MULTILINE)


def test_command_line_starts_without_the_heavy_libraries():
    heavy = {"arviz", "matplotlib", "numba", "pymc", "pytensor"}
    done = run(sys.executable, "-c", "import journeysim.cli, sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert not heavy & set(done.stdout.split())
