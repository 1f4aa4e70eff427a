"""From a problem's path inside a scenario to its place in the scenario's file."""

from __future__ import annotations

from pathlib import Path

from journeysim.errors import BadInput
from journeysim.files.yaml_positions import Steps, load
from journeysim.model.scenario import Scenario


def in_scenario_file(error: BadInput, scenario: Scenario, shown: str) -> BadInput:
    """Return the same problems with their places; paths count proposals, files name them."""
    document, _ = load(Path(scenario.path), shown)
    if document is None:
        return error
    return BadInput(problem.at(document.place(_named(problem.path, scenario))) for problem in error.problems)


def _named(path: Steps, scenario: Scenario) -> Steps:
    match path:
        case ("proposals", int(number), *rest) if number < len(scenario.proposals):
            return ("proposals", scenario.proposals[number].name, *rest)
        case ():
            # What is wrong with the data as a whole stands where the scenario names them.
            return ("calibration",) if scenario.calibration else ("events",) if scenario.events else ()
    return path
