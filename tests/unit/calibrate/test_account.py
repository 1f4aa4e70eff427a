"""What a calibration says about dwells that contain waits for staff."""

from dataclasses import replace

import pytest

from journeysim.calibrate.account import DwellAccount, notes_on_waits
from journeysim.model.journey import ALWAYS, JourneyMap, Link, Outcome, Resource, Staffing, Touchpoint
from journeysim.model.quantity import Fixed
from maps import exponential


def office(staff: float) -> JourneyMap:
    call = Touchpoint("call", (Link("done", Fixed(0.7), exponential(1.0)), Link("left", None, exponential(2.0))),
                      staffed_by=Staffing("agents", exponential(0.1)))  # fmt: skip
    form = Touchpoint("form", (Link("call", Fixed(1.0), exponential(1.0)),))
    return JourneyMap(
        "office", (form, call), (Outcome("done"), Outcome("left")), (("form", Fixed(1.0)),),
        resources=(Resource("agents", Fixed(staff), hours=ALWAYS),),
    )  # fmt: skip


LEARNED = (
    DwellAccount("form -> call", 90.0, "gamma", "weibull"),
    DwellAccount("call -> done", 60.0, "gamma", "weibull"),
    DwellAccount("call -> left", 20.0, "gamma", "weibull"),
)


def test_learned_dwells_of_a_touchpoint_with_limited_staff_are_named_with_their_number_and_the_cure():
    (note,) = notes_on_waits(office(2.0), LEARNED)
    assert note.startswith('touchpoints.call: its 80 observed dwells contain the waits for "agents"')
    assert "as fixed" in note


@pytest.mark.parametrize(
    ("journey", "dwells"),
    [
        (office(float("inf")), LEARNED),
        (office(2.0), LEARNED[:1]),
        (office(2.0), tuple(replace(item, runner_up="") for item in LEARNED)),
    ],
)
def test_nothing_is_said_where_nobody_waits_or_the_map_is_kept(journey, dwells):
    assert notes_on_waits(journey, dwells) == ()
