"""The journey map and the flow picture."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from journeysim.report.flow_picture import Flow, Move, picture
from journeysim.report.journey_picture import columns, proposal_lanes, today_lanes
from journeysim.report.words import language

EN = language("en", "EUR")


@pytest.fixture(scope="module")
def arms(decision):
    return [item.arm for item in decision.comparison.outcomes.arms]


def test_today_shows_every_touchpoint_under_its_stage(arms, scenario):
    lanes = today_lanes(arms[0], EN)
    assert [card.point.name for card in lanes.cards] == list(scenario.journey.touchpoint_names)
    assert lanes.stages == (("apply", 2), ("decide", 2), ("close", 2))


def test_an_added_touchpoint_is_marked_where_it_stands(arms, scenario):
    lanes = proposal_lanes(arms[0], arms[1], scenario.proposals[0].changes, 1, EN)
    states = {card.point.name: card.state for card in lanes.cards}
    assert states["video ID check"] == "added"
    assert states["papers"] == "changed"
    assert states["credit check"] == ""
    names = [card.point.name for card in lanes.cards]
    assert names.index("offer call") < names.index("video ID check") < names.index("papers")
    told = next(card.changes for card in lanes.cards if card.point.name == "papers")
    assert told == ("change share: → contract; odds × 1.05–1.45",)
    assert not any("divert 1" in text for text in lanes.changes), (
        "what all new touchpoints do tells nothing of this one"
    )


def test_changes_are_told_in_the_language_of_the_page(arms, scenario):
    french = language("fr", "EUR")
    lanes = proposal_lanes(arms[0], arms[1], scenario.proposals[0].changes, 1, french)
    assert lanes.changes[0].startswith("ajouter le point de contact\u00a0: video ID check")
    told = next(card.changes for card in lanes.cards if card.point.name == "papers")
    assert told == ("changer la part\u00a0: → contract; cote × 1,05–1,45",)


def test_a_removed_touchpoint_stays_in_its_column(arms, scenario):
    lanes = proposal_lanes(arms[0], arms[2], scenario.proposals[1].changes, 2, EN)
    assert [card.state for card in lanes.cards][:2] == ["changed", "removed"]
    assert columns(arms[0].worlds[0].journey, arms[2].worlds[-1].journey) == scenario.journey.touchpoint_names


def test_feeling_curve_goes_through_the_feelings(arms):
    curve = today_lanes(arms[0], EN).curve
    heights = [float(y) for y in re.findall(r'<circle class="\w+" cx="[\d.]+" cy="([\d.]+)"', curve)]
    assert len(heights) == 6
    assert heights.index(max(heights)) == 4
    assert heights.index(min(heights)) == 5


def _flow(count=13):
    names = [f"step <{k}>" for k in range(count)]
    moves = [Move(a, b, 90.0 - 6 * k, 0.0) for k, (a, b) in enumerate(pairwise(names))]
    moves += [Move(name, "lost", 6.0, -1.0) for name in names[:-1]]
    moves += [
        Move(names[-1], "won", 18.0, 12.0),
        Move(names[6], names[2], 5.0, 0.0),
        Move(names[1], names[5], 3.0, 3.0),
    ]
    visits = dict.fromkeys(names, 50.0)
    cards = tuple((name, "added" if k == 3 else "") for k, name in enumerate(names))
    return Flow("today", cards, (("won", True), ("lost", False)), tuple(moves), visits, {names[0]: 100.0}, changes=True)


def test_flow_of_thirteen_touchpoints_is_well_formed_and_inside_its_sheet():
    root = ET.fromstring(picture(_flow(), "p", EN))  # noqa: S314 -- our own output
    _, _, wide, high = (float(x) for x in root.attrib["viewBox"].split())
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(text.attrib["x"]) <= wide
        assert 0 <= float(text.attrib["y"]) <= high
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= wide


def test_band_widths_are_proportional_to_moves():
    svg = picture(_flow(), "p", EN)
    widths = {
        title: float(width)
        for width, title in re.findall(r'class="band[^"]*" d="[^"]+" stroke-width="([\d.]+)"><title>([^<]+)', svg)
    }
    first, last = widths["step &lt;0&gt; → step &lt;1&gt;"], widths["step &lt;10&gt; → step &lt;11&gt;"]
    assert first / last == pytest.approx(90 / 30)


def test_labels_do_not_lie_on_each_other():
    svg = picture(_flow(), "p", EN)
    at = [
        (float(x), float(y)) for x, y in re.findall(r'<text class="(?:count|delta \w+)" x="([\d.]+)" y="([\d.]+)"', svg)
    ]
    close = [(a, b) for k, a in enumerate(at) for b in at[:k] if abs(a[0] - b[0]) < 20 and abs(a[1] - b[1]) < 10]
    assert not close


@pytest.mark.parametrize(
    ("now", "difference", "state"),
    [(5.0, 0.1, ""), (5.0, 1.0, "more"), (5.0, -1.0, "fewer"), (5.0, 5.0, "new"), (0.0, -5.0, "gone")],
)
def test_state_of_a_move(now, difference, state):
    assert Move("a", "b", now, difference).state == state
