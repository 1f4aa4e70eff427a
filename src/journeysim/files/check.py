"""`check`: every problem in every file, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from journeysim.errors import Place, Problem
from journeysim.files.journey_file import journey_with_problems
from journeysim.files.journey_shape import JourneyFile
from journeysim.files.reading import in_order
from journeysim.files.scenario_file import scenario_with_problems
from journeysim.files.scenario_shape import ScenarioFile
from journeysim.files.yaml_positions import Document, Steps, load


def check_files(paths: Iterable[str | Path]) -> tuple[Problem, ...]:
    """Return every problem of journey and scenario files, and of the journeys that scenarios name.

    It never raises for content. Problems of one file are said once, however many scenarios name it.
    """
    found: dict[Problem, None] = {}
    seen: dict[Path, str] = {}
    for path in dict.fromkeys(Path(item) for item in paths):
        for problem in _check(path):
            found[_as_first_called(problem, seen)] = None
    return in_order(found)


def _check(path: Path) -> tuple[Problem, ...]:
    loaded = load(path, str(path))
    document, problems = loaded
    if document is None:
        return problems
    kind = kind_of(document)
    if kind == "journey":
        return journey_with_problems(loaded)[1]
    if kind == "scenario":
        return scenario_with_problems(path, loaded)[1]
    message = (
        'neither a journey file (it has no "touchpoints") nor a scenario file (it has no "proposals" or "question")'
    )
    return (*problems, Problem("J053", message, document.place(())))


def kind_of(document: Document) -> Literal["journey", "scenario"] | None:
    """Return which kind of file a document is, by the settings only that kind has; None when it has none of either."""
    settings = set(document.tree) if isinstance(document.tree, dict) else set()
    journey = settings & (set(JourneyFile.settings()) - set(ScenarioFile.settings()))
    scenario = settings & (set(ScenarioFile.settings()) - set(JourneyFile.settings()))
    if journey or scenario:
        return "journey" if len(journey) > len(scenario) else "scenario"
    return "scenario" if _names_a_file(document, ("journey",)) else None


def _names_a_file(document: Document, path: Steps) -> bool:
    tree = document.tree
    written = tree.get(str(path[0])) if isinstance(tree, dict) else None
    return isinstance(written, str) and written.endswith((".yaml", ".yml"))


def _as_first_called(problem: Problem, seen: dict[Path, str]) -> Problem:
    """Return a problem with its file called as it was the first time, so that equal ones are equal."""
    place = problem.place or Place("")
    name = seen.setdefault(Path(place.file).resolve(), place.file)
    return replace(problem, place=replace(place, file=name))
