"""Frontiers: reference case j1 to the last digit, acceptability by hand, and the frontier of a decision."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare import compare
from journeysim.decide import decide, horizon_months
from journeysim.decide.decision import Fit
from journeysim.decide.frontier.dominance import acceptability, best_at, frontier
from journeysim.decide.portfolio.worth import Case, Further, mixed
from journeysim.model.bundles import build_bundles
from journeysim.model.changes import AdjustShare
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Investment, Limits, Money, Proposal
from journeysim.simulate.tally import Paths
from outcomes_builder import bank_arms, bank_draws, bank_outcomes, more_calls, tally_of

STATUS = {"ND": "on", "D": "dominated", "ED": "extendedly dominated"}


@pytest.mark.parametrize("name", ["herc", "paltiel_hiv"])
def test_published_frontiers(name, shared):
    case = json.loads((shared / "reference_cases" / "j1_icer_frontier.json").read_text())
    given, expected = case["inputs"][name], case["expected"][name]
    costs, effects = ([option[part] for option in given.values()] for part in ("cost", "effect"))
    found = {option.name: option for option in frontier(list(given), costs, effects)}
    for option, row in expected.items():
        assert found[option].status == STATUS[row["status"]], option
        for ours, theirs in (("step_cost", "inc_cost"), ("step_effect", "inc_effect"), ("step", "icer")):
            wanted = row.get(theirs)
            value = getattr(found[option], ours)
            assert value is None if wanted is None else value == pytest.approx(wanted, rel=1e-9), (option, theirs)


def test_the_same_cost_and_effect_twice_is_dominated_once():
    statuses = [option.status for option in frontier(["a", "b"], [0.0, 0.0], [1.0, 1.0])]
    assert statuses == ["on", "dominated"]


def test_acceptability_by_hand_and_the_best_in_expectation_is_not_the_one_most_often_best(shared):
    case = json.loads((shared / "reference_cases" / "j2_evpi_ceac.json").read_text())
    benefits = np.array(case["inputs"]["hand_psa_net_benefit"])
    expected = case["expected"]["hand_psa"]
    chances = acceptability(-benefits, np.zeros_like(benefits), np.array([0.0, 5.0]))
    assert np.allclose(chances, expected["prob_best"], rtol=1e-9)
    assert best_at(-benefits, np.zeros_like(benefits), np.zeros(1)) == (expected["best_arm_index"],)
    skewed = np.array([[0.0, -1.0], [0.0, -1.0], [0.0, 9.0]])
    assert np.allclose(acceptability(-skewed, 0 * skewed, np.zeros(1)), [[2 / 3, 1 / 3]])
    assert best_at(-skewed, 0 * skewed, np.zeros(1)) == (1,)


def test_chances_add_up_and_ties_are_shared():
    chances = acceptability(np.zeros((4, 3)), np.ones((4, 3)), np.array([0.0, 7.0]))
    assert np.allclose(chances, 1 / 3)


def test_the_frontier_of_a_decision_costs_investment_and_running_cost_but_not_what_customers_bring():
    money = Money(discount_value=0.2, discount_cost=0.05)
    dear = more_calls(Range(1.2, 2.0, Scale.POSITIVE), invest=Investment(Fixed(5_000.0)))
    harm = more_calls(0.8, name="fewer calls", invest=Investment(Fixed(100.0)))
    draws = bank_draws(80)
    comparison = compare(bank_outcomes(dear, harm, draws=draws), horizon_months=horizon_months(money))
    found = decide(comparison, proposals=(dear, harm), money=money, fit=Fit("posterior"), seed=2)
    goal = next(item for item in found.frontiers if item.goal == "conversions")
    options = {option.name: option for option in goal.options}
    more = next(
        c
        for c in comparison.contrasts
        if (c.metric, c.arm, c.view, c.realism) == ("conversions", "more calls", "calendar", 1.0)
    )
    assert options["more calls"].effect == pytest.approx(more.spread.mean)
    months = found.verdicts[0].full.months
    factors = 1.05 ** (-(np.arange(24) + 0.5) / 12)
    assert options["more calls"].cost == pytest.approx(5_000 + (months.cost * factors).sum(), rel=1e-9)
    assert options["today"].cost == options["today"].effect == 0.0
    assert goal.best[0] in {"today", "fewer calls"}
    assert goal.best[-1] == "more calls"
    assert np.allclose(goal.chances.sum(axis=1), 1.0)


def test_bundles_stand_on_the_frontier_with_what_they_cost_and_add_together():
    """Two proposals that help each other: their bundle's conversions are more than the sum, and its step the cheapest."""
    money = Money(discount_value=0.2, discount_cost=0.05)
    calls = more_calls(Range(1.4, 2.0, Scale.POSITIVE), invest=Investment(Fixed(50_000.0)))
    sign = Proposal(
        "more sign", (AdjustShare("call", "signed", "odds x", Fixed(1.6)),), invest=Investment(Fixed(60_000.0))
    )
    comparison = compare(bank_outcomes(calls, sign, draws=bank_draws(80)), horizon_months=horizon_months(money))
    found = decide(
        comparison, proposals=(calls, sign), money=money, fit=Fit("posterior"), seed=2,
        further=Further(lambda worlds: [tally_of(world) for world in worlds]),
    )  # fmt: skip
    goal = next(item for item in found.frontiers if item.goal == "conversions")
    options = {option.name: option for option in goal.options}
    assert set(options) == {"today", "more calls", "more sign", "more calls + more sign"}
    both, one, other = (options[name] for name in ("more calls + more sign", "more calls", "more sign"))
    assert both.effect > one.effect + other.effect
    alone = decide(comparison, proposals=(calls, sign), money=money, fit=Fit("posterior"), seed=2)
    single = {option.name: option for option in alone.frontiers[0].options}
    for name in ("more calls", "more sign"):
        assert options[name].cost == pytest.approx(single[name].cost, rel=1e-9)
        assert options[name].effect == pytest.approx(single[name].effect, rel=1e-9)
    investments = 110_000.0
    assert both.cost > investments
    assert both.status == "on"
    assert goal.best[-1] == "more calls + more sign"
    assert np.allclose(goal.chances.sum(axis=1), 1.0)
    assert goal.left_out == 0


def answering(worlds):
    """Return tallies in which NPS rises with conversion, as if customers had been walked."""
    found = []
    for world in worlds:
        tally = tally_of(world)
        share, none = tally.converted, 0.0 * tally.converted
        places = np.zeros((*share.shape, 4))
        found.append(
            replace(
                tally,
                paths=Paths(
                    reached=places,
                    staged=places[..., :0],
                    bounced=none,
                    touches_to_convert=none,
                    effort_to_convert=none,
                    satisfied=places,
                    promoters=share,
                    detractors=1.0 - share,
                    stages=(),
                    felt=frozenset({"call"}),
                ),
            )
        )
    return found


def test_points_of_nps_of_bundles_are_walked_in_some_draws(monkeypatch):
    """20 of 60 draws: the frontier is over these, and a bundle's NPS is that of its worlds, 200 points per conversion here."""
    monkeypatch.setattr("journeysim.decide.portfolio.worth.WALKED_DRAWS", 20)
    calls = more_calls(Range(1.4, 2.0, Scale.POSITIVE), invest=Investment(Fixed(50_000.0)))
    sign = Proposal("more sign", (AdjustShare("call", "signed", "odds x", Fixed(1.6)),))
    arms = bank_arms(calls, sign, draws=bank_draws(60))
    bundles = build_bundles((calls, sign), arms[1:], seed=2)
    case = Case((calls, sign), arms[1:], (), Money(), Limits(), 24, walked=answering)
    joint = mixed(case, bundles, lambda worlds: [tally_of(world) for world in worlds])
    points = [found[:, 0] for found in joint.differences("nps", True)]
    assert [int(np.isfinite(found).sum()) for found in points] == [20, 20, 20]
    share = [found[:, 0] for found in joint.differences("conversion", True)]
    for nps, converted in zip(points, share, strict=True):
        known = np.isfinite(nps)
        assert np.allclose(nps[known], 200.0 * converted[known])


def test_bundles_beyond_the_limits_are_no_options_and_are_counted():
    money = Money(discount_value=0.2, discount_cost=0.05)
    one, other = (
        more_calls(odds, name=name, invest=Investment(Fixed(500.0))) for odds, name in ((1.3, "a"), (1.5, "b"))
    )
    comparison = compare(bank_outcomes(one, other), horizon_months=horizon_months(money))
    found = decide(
        comparison, proposals=(one, other), money=money, fit=Fit("posterior"), seed=2, limits=Limits(budget=600.0),
        further=Further(lambda worlds: [tally_of(world) for world in worlds]),
    )  # fmt: skip
    goal = found.frontiers[0]
    assert {option.name for option in goal.options} == {"today", "a", "b"}
    assert goal.left_out == 1
