"""What every test shares: the folder with observed data, and repeatable property tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before NumPy is there: two processes with two threads each wait for each other at every small matrix (L-BFGS-B of
# SciPy 1.15 and later: 27 times the processor time on a busy machine). Commands that tests start have it from here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

REPOSITORY = Path(__file__).parents[1]

# A failure must be the change's doing: examples derive from the test itself, and no clock is watched.
settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")


#: Places of tests that fit and simulate, that fit, and that compile nothing; all others compile engines.
BOTH = ("tests/realdata/test_known", "tests/scenarios", "tests/unit/cli", "tests/validation", "tests/unit/validation")
FITS = ("tests/realdata", "tests/statistical/test_calibrate", "tests/statistical/test_discover", "tests/unit/calibrate")
LIGHT = ("tests/unit/files", "tests/unit/model", "tests/unit/test_house", "tests/property/test_files")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that fit at the head of the first half, those that simulate too behind them, the rest at the second's.

    Of two processes with `--dist worksteal` one begins at the head of each half, and takes from the other's tail when its
    own half is done. So on a new machine each compiles its own kernels while the other compiles others, and finds those
    on disk when it comes to them; with both at the same kernels they would be compiled twice. Tails are light, so both
    end together.
    """
    both, fits, light, engines = (list[pytest.Item]() for _ in range(4))
    for item in items:
        place = item.path.relative_to(REPOSITORY).as_posix()
        kinds = ((BOTH, both), (FITS, fits), (LIGHT, light))
        next((of for places, of in kinds if place.startswith(places)), engines).append(item)
    fits.sort(key=lambda item: item.path.stem != "test_loan_calibration")  # the longest, whose fit the golden run takes
    rest = max(0, len(items) // 2 - len(fits) - len(both))
    items[:] = [*fits, *both, *light[:rest], *engines, *light[rest:]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with observed data, published tables and bad inputs; skip where it is absent."""
    named = os.environ.get("JOURNEYSIM_SHARED")
    folder = Path(named) if named else REPOSITORY.parent / "shared"
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"JOURNEYSIM_SHARED names {named}, which is not a folder")
    pytest.skip("needs the observed data: set JOURNEYSIM_SHARED, or put `shared` beside the checkout")
