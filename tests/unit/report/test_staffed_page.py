"""A report about staff says where proposals are compared how long customers wait, and marks whose staff change."""

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.cli.init import examples
from journeysim.compare import compare
from journeysim.decide import decide
from journeysim.decide.decision import Fit
from journeysim.files import read_scenario
from journeysim.model.arms import build_arms
from journeysim.report.answer import said_of
from journeysim.report.journey_picture import proposal_lanes
from journeysim.report.plots.conversion import figure
from journeysim.report.tables import tables_of
from journeysim.report.words import language
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings

EN = language("en", "EUR")


@pytest.fixture(scope="module")
def staffed():
    scenario = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=24, seed=1), seed=1)
    comparison = compare(simulate(arms, settings=Settings(30.0), seed=1, customers=300), horizon_months=24)
    rules, fit = scenario.succeed_if, Fit("prior")
    decision = decide(comparison, proposals=scenario.proposals, money=scenario.money, fit=fit, seed=1, succeed_if=rules)
    return scenario, arms, decision, tables_of(decision, scenario)


def test_waits_are_said_beside_conversion_with_todays(staffed):
    _, _, decision, tables = staffed
    told = [str(item) for item in said_of(decision, tables, EN).differences]
    assert len(told) == 4
    today = tables["staff"].at(0, "wait_hours_mean")
    assert f"(today {today:.1f})" in told[2]
    assert "leave unserved" in told[3]


def test_a_map_marks_the_touchpoint_whose_staff_change_and_by_how_much(staffed):
    scenario, arms, _, _ = staffed
    lanes = proposal_lanes(arms[0], arms[2], scenario.proposals[1].changes, 1, EN)
    call = next(card for card in lanes.cards if card.point.name == "advice call")
    assert call.state == "changed"
    assert any("staff 3" in text for text in call.changes)


def test_customers_of_the_only_persona_are_shown_once(staffed):
    *_, tables = staffed
    for name in ("personas", "flips"):
        rows = [(row.cells[0], row.cells[tables[name].position("proposal")]) for row in tables[name].rows]
        assert len(rows) == len(set(rows))


def test_a_targets_result_is_in_points(staffed):
    _, _, decision, tables = staffed
    result = next(item.result for item in decision.targets)
    assert f"+{100 * result:.1f}" in str(said_of(decision, tables, EN).targets[0][0])


def test_no_curve_is_cut_off(staffed):
    *_, tables = staffed
    item = tables["conversion_over_time"]
    proposals = [arm for arm in dict.fromkeys(row.cells[0] for row in item.rows) if arm != "today"]
    made = figure(item, "today", proposals, EN)
    highest = np.max(item.numbers("q95"))
    assert all(panel.get_ylim()[1] >= highest for panel in made.axes)
