"""Bytes to values and back: journey and scenario files with every problem at its line and column.

Each name is loaded when it is first used: the run store needs no YAML, and `explain` needs no schema.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from journeysim.files.check import check_files
    from journeysim.files.codes import CODES, Explanation, explanation
    from journeysim.files.journey_file import read_journey
    from journeysim.files.journey_writer import write_journey
    from journeysim.files.scenario_file import read_scenario, read_scenario_with_warnings
    from journeysim.files.schema import json_schema

__all__ = [
    "CODES",
    "Explanation",
    "check_files",
    "explanation",
    "json_schema",
    "read_journey",
    "read_scenario",
    "read_scenario_with_warnings",
    "write_journey",
]

_HOMES: Final = {
    "CODES": "codes",
    "Explanation": "codes",
    "check_files": "check",
    "explanation": "codes",
    "json_schema": "schema",
    "read_journey": "journey_file",
    "read_scenario": "scenario_file",
    "read_scenario_with_warnings": "scenario_file",
    "write_journey": "journey_writer",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - one of the names in __all__, typed above
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
