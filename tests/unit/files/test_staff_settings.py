"""What a journey file says about staff and waiting: read as meant, and refused at its place."""

import pytest

from journeysim.errors import BadInput
from journeysim.files import read_journey
from journeysim.files.journey_file import journey_with_problems
from journeysim.files.yaml_positions import load
from journeysim.model.journey import Balking, gives_up_to

FILE = """\
journeysim: 1
journey: calls
personas: {small: 60%, large: 40%}
touchpoints:
  call:
    feeling: 0.4
    staffed by:
      resource: desk
      time: as the dwell
      patience: 1 h to 8 h
      gives up to: gone
      priority: {large: 2}
      balks: 40% from 5 waiting
      called back: 25%
      waiting feels: -0.1 per hour
    next: {done: {share: 80%, dwell: 10 min}, gone: rest}
outcomes: {done: {conversion: true}, gone: {silent: true}}
resources:
  desk: {staff: 3, open: "Mon-Fri 08:00-12:00, Mon-Fri 13:00-17:00", closed: [2027-01-01], queue: priority, room: 20}
enter: {call: 100%}
arrivals: 100 per day
arrive: {"Mon-Fri 08:00-18:00": 90%, "Sat 10:00-12:00": 10%}
"""


def read(tmp_path, text=FILE):
    path = tmp_path / "journey.yaml"
    path.write_text(text, encoding="utf-8")
    return read_journey(path)


def test_every_setting_is_read_as_meant(tmp_path):
    journey = read(tmp_path)
    staffing, desk = journey.touchpoints[0].staffed_by, journey.resources[0]
    assert staffing.time is None
    assert (staffing.gives_up_to, staffing.called_back) == ("gone", 0.25)
    assert staffing.balks == Balking(0.4, 5)
    assert staffing.priority_by_persona == (("large", 2.0),)
    assert staffing.waiting_feels == pytest.approx(2.4)
    assert (desk.queue, desk.room, desk.closed) == ("priority", 20.0, ("2027-01-01",))
    assert desk.hours[:2] == ((8 / 24, 0.5), (13 / 24, 17 / 24))
    assert desk.open_days_per_week == pytest.approx(40 / 24)
    assert [part.share for part in journey.arrival_hours] == [0.9, 0.1]


def test_the_unserved_go_where_they_are_lost_when_nothing_is_said(tmp_path):
    journey = read(tmp_path, FILE.replace("      gives up to: gone\n", ""))
    assert gives_up_to(journey, journey.touchpoints[0]) == "gone"


def test_a_place_reached_by_giving_up_alone_is_reached(tmp_path):
    path = tmp_path / "journey.yaml"
    path.write_text(
        FILE.replace("gives up to: gone", "gives up to: hung up").replace(
            "{silent: true}}", "{silent: true}, hung up: {}}"
        )
    )
    _, problems, _ = journey_with_problems(load(path, "journey.yaml"))
    assert problems == ()


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("gives up to: gone", "gives up to: gonne", "J076", 11),
        ("gives up to: gone", "gives up to: call", "J076", 11),
        ("{large: 2}", "{larg: 2}", "J042", 12),
        ("40% from 5 waiting", "40% above 5", "J020", 13),
        ("called back: 25%", "called back: 125%", "J030", 14),
        ("-0.1 per hour", "-0.1", "J026", 15),
        ("queue: priority", "queue: fifo", "J016", 19),
        ("[2027-01-01]", "[2027-13-01]", "J020", 19),
        ("13:00-17:00", "11:00-17:00", "J027", 19),
        ('18:00": 90%', '18:00": 80%', "J038", 22),
    ],
)  # fmt: skip
def test_a_problem_stands_at_its_place(tmp_path, old, new, code, line):
    with pytest.raises(BadInput) as caught:
        read(tmp_path, FILE.replace(old, new))
    assert [(item.code, item.place.line) for item in caught.value.problems] == [(code, line)]
