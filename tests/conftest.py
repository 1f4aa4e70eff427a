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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the unit tests that compile nothing before those that do.

    Of two processes the second begins an eighth down the list, and what the first has compiled by then is on disk: on a
    new machine both would otherwise compile every kernel, at the same time, which takes minutes.
    """
    items.sort(key=_compiles)


def _compiles(item: pytest.Item) -> bool:
    place = item.path.relative_to(REPOSITORY).parts
    return place[:2] == ("tests", "unit") and len(place) > 3 and place[2] not in {"files", "model"}


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
