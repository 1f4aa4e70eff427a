from __future__ import annotations

import numpy as np
import pytest

from journeysim.compare import compare
from journeysim.decide import decide, horizon_months
from journeysim.decide.decision import Fit
from journeysim.decide.verdicts import ranked
from journeysim.model.changes import AdjustShare, Terms
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Investment, Money, Proposal, SuccessRule
from outcomes_builder import bank_draws, bank_outcomes, more_calls

MONEY = Money(discount_value=0.1, discount_cost=0.03, currency="CHF")
UNSURE = Range(0.9, 2.4, Scale.POSITIVE)
DEAR = Investment(Range(8_000.0, 12_000.0, Scale.POSITIVE), Fixed(1.0))


def decision(*proposals, money=MONEY, rules=(), draws=None, fit=None):
    comparison = compare(bank_outcomes(*proposals, draws=draws), horizon_months=horizon_months(money))
    return decide(comparison, proposals=proposals, money=money, fit=fit or Fit("posterior"), seed=11, succeed_if=rules)


@pytest.fixture(scope="module")
def found():
    rules = (
        SuccessRule("P(net benefit > 0) >= 60%", "p_net_benefit", 0.6),
        SuccessRule("conversion +30 points", "difference", 0.3, "conversion"),
    )
    proposals = (
        more_calls(UNSURE, invest=DEAR, effort=3.0, terms=Terms(basis="expert")),
        more_calls(0.8, name="fewer calls"),
        more_calls(1.0, name="nothing", realism=(0.5,)),
    )
    return decision(*proposals, rules=rules, draws=bank_draws(300))


def test_the_net_is_linear_in_realism_and_breaks_even_where_it_says(found):
    verdict = found.verdicts[0]
    assert [case.realism for case in verdict.cases] == [0.25, 0.5, 1.0]
    nets = [case.net for case in verdict.cases]
    assert np.allclose(nets[1] - nets[0], (nets[2] - nets[1]) / 2)
    slope = (nets[2] - nets[1]).mean() / 0.5
    assert nets[2].mean() + slope * (verdict.break_even_realism - 1.0) == pytest.approx(0.0, abs=1e-6)
    assert 0 < verdict.break_even_realism < 1


def test_a_grid_that_stops_short_of_1_has_the_same_break_even():
    full, half = (
        decision(more_calls(2.0, invest=DEAR, realism=grid)).verdicts[0].break_even_realism
        for grid in ((0.25, 1.0), (0.5, 0.25))
    )
    assert half == pytest.approx(full)


def test_gain_less_investment_is_the_net(found):
    months = found.comparison.calendars
    own = next(item for item in months if item.arm == "more calls" and item.realism == 1.0)
    case = found.verdicts[0].full
    assert case.cumulative.shape == (300, 25)
    assert (case.cumulative[:, 0] < -5_000).all()
    undiscounted = (own.value - months[0].value - own.cost + months[0].cost).sum(axis=1)
    assert np.corrcoef(undiscounted, case.net)[0, 1] > 0.9
    assert (case.net < undiscounted)[undiscounted > 0].all()


def test_harm_is_negative_and_never_breaks_even(found):
    worse = found.verdicts[1]
    assert (worse.full.net < 0).all()
    assert worse.full.p_net_benefit == worse.full.p_pays_back == 0.0
    assert worse.full.expected_loss == pytest.approx(-worse.full.npv.mean)
    assert worse.break_even_realism is None
    assert worse.p_break_even.q05 is None
    assert worse.full.roi.mean is None


def test_an_identical_proposal_is_worth_exactly_nothing(found):
    nothing = found.verdicts[2]
    assert (nothing.full.net == 0).all()
    assert nothing.full.p_net_benefit == 0.0
    assert nothing.break_even_realism is None


def test_value_of_information_is_ordered(found):
    assert found.evpi > 0
    assert {row.proposal for row in found.evidence} == {"more calls", "fewer calls", "nothing"}
    for row in found.evidence:
        assert 0.0 <= row.evppi <= found.evpi
        assert 0.0 <= row.variance_share <= 1.0


def test_the_uncertain_effect_drives_its_own_proposal_only(found):
    share = {(row.proposal, row.assumption): row.variance_share for row in found.evidence}
    effect = "more calls: change share: form -> call, odds x"
    assert share["more calls", effect] > 0.7
    assert ("fewer calls", effect) not in share
    assert sum(value for (proposal, _), value in share.items() if proposal == "more calls") == pytest.approx(1.0)
    assert share["more calls", "more calls: invest upfront"] < 0.2
    assert sum(value for (proposal, _), value in share.items() if proposal == "nothing") == 0.0


def test_targets(found):
    results = {(target.proposal, target.rule.measure): target for target in found.targets}
    assert len(results) == 6
    first = results["more calls", "p_net_benefit"]
    assert first.result == found.verdicts[0].full.p_net_benefit
    assert first.met == (first.result >= 0.6)
    assert not results["fewer calls", "p_net_benefit"].met
    change = results["more calls", "difference"]
    assert 0 < change.result < 0.3
    assert not change.met


@pytest.mark.parametrize(("size", "met"), [(-0.001, True), (-0.9, False)])
def test_what_should_fall_is_met_by_a_fall_of_at_least_that_much(size, met):
    rules = [
        SuccessRule("conversion -x points", "difference", size, "conversion", at_most=True),
        SuccessRule("conversion >= -x points", "difference", size, "conversion"),
    ]
    fall, limit = decision(more_calls(0.8, name="fewer calls"), rules=rules).targets
    assert -0.9 < fall.result == limit.result < -0.001
    assert (fall.met, limit.met) == (met, not met)


def harm(text="no persona worse off", threshold=0.9, metric="conversion", allowed=0.0, good=1):
    return SuccessRule(text, "no_harm", threshold, metric, allowed=allowed, good=good)


def test_no_persona_worse_off_is_judged_by_the_persona_worst_off():
    """The reversal of a proposal that helps everybody harms everybody; the rule turns with it, and so does churn's sign."""
    helps, harms = decision(more_calls(2.0), more_calls(0.5, name="fewer"), rules=(harm(),)).targets
    assert (helps.result, helps.met) == (1.0, True)
    assert (harms.result, harms.met) == (0.0, False)
    churn = decision(more_calls(2.0), more_calls(0.5, name="fewer"), rules=(harm(metric="churn", good=-1),)).targets
    assert [item.result for item in churn] == [1.0, 0.0]


def test_a_little_harm_may_be_allowed():
    slight = more_calls(0.97)
    (strict,) = decision(slight, rules=(harm(),)).targets
    (lenient,) = decision(slight, rules=(harm(allowed=0.05),)).targets
    assert (strict.met, lenient.met, lenient.result) == (False, True, 1.0)


def test_a_proposal_that_harms_a_persona_is_never_the_best():
    """It pays, but only the small loans are asked again and the large ones are sent away."""
    first = AdjustShare("form", "call", "odds x", Fixed(4.0), None, Terms(personas=("large",)))
    second = AdjustShare("form", "call", "odds x", Fixed(0.6), None, Terms(personas=("small",)))
    mixed = Proposal("mixed", (first, second))
    assert decision(mixed).best == "mixed"
    barred = decision(mixed, more_calls(1.05), rules=(harm(),))
    assert barred.best == "more calls"
    assert [item.met for item in barred.targets] == [False, True]


def test_what_is_not_defined_meets_no_rule():
    for at_most in (False, True):
        assert not SuccessRule("", "difference", 0.0, "conversion", at_most).met(float("nan"))


def test_a_rule_about_an_unknown_metric_says_which_are_known():
    rule = SuccessRule("happiness up", "difference", 0.0, "happiness")
    with pytest.raises(ValueError, match="known are conversion"):
        decision(more_calls(2.0), rules=(rule,))


def test_the_best_has_the_highest_expected_net_benefit_unless_today_is_better(found):
    assert found.best == "more calls"
    assert [verdict.proposal for verdict in ranked(found.verdicts)] == ["more calls", "nothing", "fewer calls"]
    assert decision(more_calls(0.8)).best is None
    assert decision(more_calls(1.0)).best is None


def test_what_is_passed_on(found):
    assert (found.currency, found.horizon_months) == ("CHF", 24)
    assert found.verdicts[0].effort == 3.0
    assert found.trust.grade == "B"  # no backtest was named


def test_no_proposal_at_all():
    empty = decision()
    assert (empty.verdicts, empty.best, empty.evpi, empty.evidence) == ((), None, 0.0, ())


def test_another_horizon_or_other_proposals_are_refused():
    comparison = compare(bank_outcomes(more_calls(2.0)), horizon_months=12)
    with pytest.raises(ValueError, match="covers 12"):
        decide(comparison, proposals=[more_calls(2.0)], money=MONEY, fit=Fit("prior"), seed=1)
    with pytest.raises(ValueError, match="more calls"):
        decide(comparison, proposals=[], money=MONEY, fit=Fit("prior"), seed=1)
