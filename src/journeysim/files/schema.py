"""The JSON Schema that editors use for both kinds of file."""

from __future__ import annotations

from journeysim.files.file_model import JsonSchema
from journeysim.files.journey_shape import JourneyFile
from journeysim.files.scenario_shape import ScenarioFile
from journeysim.files.yaml_positions import FORMAT_VERSION


def json_schema() -> JsonSchema:
    """Return the JSON Schema that editors use for journey and scenario files alike."""
    from pydantic.json_schema import models_json_schema

    _, definitions = models_json_schema([(JourneyFile, "validation"), (ScenarioFile, "validation")], by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "journeysim: a journey file or a scenario file",
        "type": "object",
        "properties": {"journeysim": {"const": FORMAT_VERSION}},
        "if": {"anyOf": [{"required": ["touchpoints"]}, {"required": ["outcomes"]}]},
        "then": {"$ref": "#/$defs/JourneyFile"},
        "else": {"$ref": "#/$defs/ScenarioFile"},
        **definitions,
    }
