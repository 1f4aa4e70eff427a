"""What every test shares: the folder with observed data, and repeatable property tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parents[1]

# A failure must be the change's doing: examples derive from the test itself, and no clock is watched.
settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")


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
