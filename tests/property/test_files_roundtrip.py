"""A written journey reads back as the same journey, whatever is in it; and what the strategies build is valid."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from journeysim.errors import BadInput
from journeysim.files import check_files, read_journey, write_journey
from journeysim.files.yaml_positions import parse
from journeysim.model.checks import check_contradictions
from journeysim.model.checks.proposals import check_changes
from journeysim.model.journey import JourneyMap
from journeysim.model.scenario import Scenario
from strategies import journeys, scenarios

# A whole journey is a large example: shrinking one takes minutes, so failures are shown as found.
WHOLE_JOURNEYS = settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def there_and_back(journey: JourneyMap) -> tuple[str, JourneyMap]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journey.yaml"
        path.write_text(write_journey(journey), encoding="utf-8", newline="\n")
        return path.read_text(encoding="utf-8"), read_journey(path)


@WHOLE_JOURNEYS
@given(journeys())
def test_a_written_journey_reads_back_the_same(journey):
    written, read = there_and_back(journey)
    assert read == journey
    assert write_journey(read) == written


@WHOLE_JOURNEYS
@given(scenarios())
def test_generated_scenarios_have_no_errors(scenario: Scenario):
    for proposal in scenario.proposals:
        assert check_contradictions(proposal) == ()
        assert check_changes(proposal, scenario.journey) == ()


@WHOLE_JOURNEYS
@given(journeys(most_touchpoints=2), st.data())
def test_a_file_with_anything_cut_out_never_crashes_the_reader(journey, data):
    lines = write_journey(journey).splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(1, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journey.yaml"
        path.write_text("".join(lines[:at] + lines[at + cut :]), encoding="utf-8", newline="\n")
        problems = check_files([path])
        if any(problem.severity == "error" for problem in problems):
            with pytest.raises(BadInput):
                read_journey(path)
        else:
            assert read_journey(path).touchpoints


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_place(text):
    document, problems = parse(text, "any.yaml")
    assert (document is None) <= bool(problems)
    for problem in problems:
        assert problem.place is not None
        assert problem.place.line >= 1
        assert problem.place.column >= 1
