"""e1: removal effects of touchpoints on conversion, as proposals that remove a touchpoint and lose its inflow."""

import json

import pytest

from cohorts import cohort, run
from journeysim.model.changes import RemoveTouchpoint
from journeysim.model.dwell import Dwell, Family
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal

pytestmark = pytest.mark.reference
DAY = Dwell(Family.FIXED, Fixed(1.0))


@pytest.fixture(scope="module")
def case(shared):
    return json.loads((shared / "reference_cases" / "e1_channel_attribution.json").read_text())


def conversions(expected):
    """Return P(conversion) today and with each touchpoint removed."""
    states = expected["states"]
    journey = cohort(
        states,
        expected["P"],
        ends=["(conversion)", "(null)"],
        start="(start)",
        conversion="(conversion)",
        dwell=DAY,
    )
    channels = [name for name in states if not name.startswith("(")]
    removals = [Proposal(name, (RemoveTouchpoint(name, "lost", lost_to="(null)"),)) for name in channels]
    outcomes = run(journey, removals, horizon=200.0)
    return {arm.arm.name: arm.cohort().converted.item() for arm in outcomes.arms}


@pytest.mark.parametrize("paths", ["toy", "seven_paths"])
def test_removal_effects_and_attributed_conversions(case, paths):
    expected = case["expected"][paths]
    found = conversions(expected)
    today = found.pop("today")
    assert today == pytest.approx(expected["p_conv"], abs=1e-9)
    removal = {name: 1.0 - value / today for name, value in found.items()}
    assert removal == pytest.approx(expected["removal"], abs=1e-9)
    total = sum(path["conversions"] for path in case["inputs"][paths])
    attribution = {name: effect / sum(removal.values()) * total for name, effect in removal.items()}
    assert attribution == pytest.approx(expected["attribution"], abs=1e-9 * total)
