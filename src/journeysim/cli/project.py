"""The project folder of a scenario: results and caches are written nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from journeysim.files.places import PROJECT_MARKS
from journeysim.model.scenario import Scenario


def marked_project(folder: Path) -> Path | None:
    """Return the nearest folder, from this one upwards, that is marked as a project."""
    whole = folder.resolve()
    marked = (above for above in (whole, *whole.parents) if any((above / mark).exists() for mark in PROJECT_MARKS))
    return next(marked, None)


def project_of(scenario: Scenario) -> Path:
    """Return the marked folder around a scenario, or else the smallest folder that holds all its files."""
    file = Path(scenario.path).resolve()
    return marked_project(file.parent) or _around(file, inputs_of(scenario))


def inputs_of(scenario: Scenario) -> tuple[Path, ...]:
    """Return the paths a scenario reads: its own file, its journey, and its data where it names any."""
    named = (scenario.path, scenario.journey_path, scenario.calibration, scenario.events, scenario.backtest)
    return tuple(Path(path).resolve() for path in named if path)


def _around(file: Path, inputs: Iterable[Path]) -> Path:
    return Path(os.path.commonpath([file.parent, *(path if path.is_dir() else path.parent for path in inputs)]))
