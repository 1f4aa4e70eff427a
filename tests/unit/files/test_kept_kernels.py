"""Compiled code that is kept on disk: found again while its sources are the same, made anew when one of them changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from journeysim.files import kept_kernels as module

PACKAGE = Path(__file__).parents[3] / "src" / "journeysim"
WHOLE = """
from journeysim.simulate.part import part
from journeysim.simulate.streams import compiled

@compiled
def whole(x: float) -> float:
    return part(x)
"""
PART = """
from journeysim.simulate.number import STEP
from journeysim.simulate.streams import compiled_inner

@compiled_inner
def part(x: float) -> float:
    return x + STEP
"""
ASK = """
from journeysim.simulate.whole import whole

print(whole(1.0), sum(whole.stats.cache_hits.values()))
"""


@pytest.fixture
def copied(tmp_path):
    """Return a copy of the package, with a function that calls one of another module, which takes a number from a third."""
    package = tmp_path / "journeysim"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in (("whole", WHOLE), ("part", PART), ("number", "STEP = 1.0\n")):
        (package / "simulate" / f"{name}.py").write_text(text)
    return package / "simulate"


def answer(simulate):
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(simulate.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_change_in_what_is_called_is_seen_and_no_change_compiles_nothing(copied):
    assert answer(copied) == ["2.0", "0"]
    assert answer(copied) == ["2.0", "1"]
    (copied / "part.py").write_text(PART.replace("x + STEP", "x + 2.0 * STEP"))
    assert answer(copied) == ["3.0", "0"]
    (copied / "number.py").write_text("STEP = 2.0\n")
    assert answer(copied) == ["5.0", "0"]


def test_a_module_counts_with_all_it_imports_and_with_nothing_else(tmp_path):
    package = tmp_path / "some"
    (package / "inner").mkdir(parents=True)
    texts = {
        "__init__.py": "",
        "inner/__init__.py": "",
        "top.py": "import numpy\nfrom some.inner import (\n    middle,\n)\n",
        "inner/middle.py": "import some.low\nfrom numpy import pi\n",
        "low.py": "LOW = 1\n",
        "other.py": "OTHER = 1\n",
    }
    digests = []
    for changed in (None, "inner/__init__.py", "inner/middle.py", "low.py", "other.py"):
        for name, text in texts.items():
            (package / name).write_text(text + ("# changed\n" if name == changed else ""))
        module.sources_digest.cache_clear()
        module._imported.cache_clear()
        digests.append(module.sources_digest(package / "top.py"))
    assert len(set(digests[:4])) == 4
    assert digests[4] == digests[0]
