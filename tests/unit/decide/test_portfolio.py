"""Portfolio, kinds of tasks and what each change adds, with a journey whose tallies are known in closed form."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from journeysim.compare import compare
from journeysim.decide import decide, horizon_months
from journeysim.decide.decision import Fit
from journeysim.decide.drivers.changes import orders_of, part_that_pays
from journeysim.decide.portfolio.matrix import kind_of
from journeysim.decide.portfolio.worth import Further
from journeysim.model.changes import AdjustShare, Terms
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Investment, Limits, Money, Proposal, SuccessRule
from outcomes_builder import bank_draws, bank_outcomes, more_calls, tally_of

MONEY = Money(discount_value=0.1, discount_cost=0.03, currency="CHF")
CALLS = more_calls(Range(1.1, 2.4, Scale.POSITIVE), invest=Investment(Fixed(8_000.0)), effort=2.0)
SIGN = Proposal(
    "more sign", (AdjustShare("call", "signed", "odds x", Range(1.0, 1.6, Scale.POSITIVE), None, Terms(reach=Fixed(0.7))),),
    invest=Investment(Fixed(9_000.0)), effort=4.0,
)  # fmt: skip
HARM = more_calls(0.8, name="fewer calls", effort=1.0)


def decided(*proposals, limits=None, draws=None, rules=()):
    draws = draws or bank_draws(120)
    comparison = compare(bank_outcomes(*proposals, draws=draws), horizon_months=horizon_months(MONEY))
    return decide(
        comparison, proposals=proposals, money=MONEY, fit=Fit("posterior"), seed=2, succeed_if=rules,
        limits=limits or Limits(), further=Further(lambda worlds: [tally_of(world) for world in worlds]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return decided(CALLS, SIGN, HARM)


def bundle(found, *names):
    return next(item for item in found.portfolio.bundles if set(item.members) == set(names))


def test_a_bundle_of_one_is_the_proposal_itself(found):
    for verdict in found.verdicts:
        assert np.allclose(bundle(found, verdict.proposal).net, verdict.full.net, rtol=1e-9, atol=1e-6)


def test_two_proposals_that_help_each_other_bring_more_than_their_sum(found):
    """More calls and more signatures per call: conversions multiply, so the joint gain exceeds the sum of gains."""
    one, two, both = bundle(found, "more calls"), bundle(found, "more sign"), bundle(found, "more calls", "more sign")
    assert (both.net > one.net + two.net)[both.net > 0].mean() > 0.9
    assert both.invested == pytest.approx(one.invested + two.invested)
    assert both.effort == 6.0


NO_HARM = SuccessRule("no persona worse off", "no_harm", 0.9, "conversion")


def saving(odds):
    """Return fewer calls, which save a lot of money and lose customers."""
    return more_calls(odds, name="fewer calls", invest=Investment(Fixed(-400_000.0)))


def test_a_bundle_that_harms_a_persona_is_not_chosen_however_much_it_brings():
    free, ruled = (decided(CALLS, SIGN, saving(0.2), rules=rules) for rules in ((), (NO_HARM,)))
    assert "fewer calls" in free.portfolio.best
    assert all(item.harmless for item in free.portfolio.bundles)
    met = {target.proposal: target.met for target in ruled.targets}
    assert met == {"more calls": True, "more sign": True, "fewer calls": False}
    for name, harmless in met.items():
        assert bundle(ruled, name).harmless == harmless
    assert set(ruled.portfolio.best) == {"more calls", "more sign"}
    barred = [item for item in ruled.portfolio.bundles if not item.choosable]
    assert {"fewer calls"} < {name for item in barred for name in item.members}
    assert all(item.p_best == 0.0 for item in barred)


def test_what_harms_alone_may_be_chosen_with_what_makes_up_for_it():
    """Odds of 0.8 beside odds of 1.1 to 2.4 and better signing: nobody is worse off; beside better signing alone some are."""
    found = decided(CALLS, SIGN, saving(0.8), rules=(NO_HARM,))
    assert not bundle(found, "fewer calls").harmless
    assert not bundle(found, "more sign", "fewer calls").harmless
    assert bundle(found, "more calls", "more sign", "fewer calls").harmless
    assert set(found.portfolio.best) == {"more calls", "more sign", "fewer calls"}


def test_the_best_is_the_best_and_its_regret_is_what_perfect_knowledge_would_add(found):
    portfolio = found.portfolio
    assert portfolio.best == portfolio.bundles[0].members
    assert portfolio.bundles[0].regret == pytest.approx(found.evpi, rel=1e-9)
    chances = [item.p_best for item in portfolio.bundles]
    assert sum(chances) <= 1.0 + 1e-12
    for first, second in pairwise(portfolio.bundles):
        assert first.net.mean() >= second.net.mean()
        assert first.regret <= second.regret


def test_limits_leave_out_what_does_not_fit():
    tight = decided(CALLS, SIGN, limits=Limits(budget=10_000.0)).portfolio
    assert {item.members for item in tight.bundles if item.affordable} == {("more calls",), ("more sign",)}
    assert len(tight.best) == 1
    easy = decided(CALLS, SIGN, limits=Limits(effort=3.0)).portfolio
    assert {item.members for item in easy.bundles if item.affordable} == {("more calls",)}
    unknown = decided(more_calls(2.0), SIGN, limits=Limits(effort=9.0)).portfolio
    assert {item.members for item in unknown.bundles if item.affordable} == {("more sign",)}


def test_the_roll_out_adds_up_to_the_bundle_and_starts_with_what_adds_most(found):
    steps = found.portfolio.order
    best = bundle(found, *found.portfolio.best)
    assert {step.proposal for step in steps} == set(best.members)
    assert sum(step.adds.mean for step in steps) == pytest.approx(best.npv.mean)
    singles = {name: bundle(found, name).net.mean() for name in best.members}
    assert steps[0].proposal == max(singles, key=singles.get)


def test_the_value_of_information_counts_bundles_as_choices(found):
    assert found.evpi >= 0
    for row in found.evidence:
        assert 0 <= row.evppi <= found.evpi


def test_what_changes_add_is_shared_out_whole_and_by_symmetry():
    """Two changes of one link with equal odds have equal shares; a change without effect has none; all add up."""
    twice = AdjustShare("form", "call", "odds x", Fixed(1.3))
    nothing = AdjustShare("call", "signed", "odds x", Fixed(1.0))
    proposal = Proposal("p", (twice, nothing, twice), invest=Investment(Fixed(9_000.0)))
    found = decided(proposal)
    first, idle, second = found.contributions
    assert first.shared.mean == pytest.approx(second.shared.mean)
    assert idle.shared.mean == idle.alone.mean == idle.last.mean == 0.0
    assert idle.break_even_part is None
    assert sum(item.shared.mean for item in found.contributions) == pytest.approx(page_one(found), rel=1e-9)
    assert first.last.mean < first.shared.mean < first.alone.mean


def page_one(found):
    """Return the gain before investment as page one has it, over all draws."""
    full = found.verdicts[0].full
    return full.npv.mean + full.invested


def test_parts_of_few_draws_add_up_to_the_mean_over_all_and_are_near_what_all_draws_say(monkeypatch):
    """50 of 120 draws: parts add up to page one to the last digit; each is within 3 % of what 120 draws give."""
    one = AdjustShare("form", "call", "odds x", Range(1.1, 2.4, Scale.POSITIVE))
    other = AdjustShare("call", "signed", "odds x", Range(1.0, 1.6, Scale.POSITIVE))
    proposal = Proposal("p", (one, other), invest=Investment(Fixed(9_000.0)))
    few = decided(proposal)
    monkeypatch.setattr("journeysim.decide.drivers.changes.PARTS_DRAWS", 120)
    every = decided(proposal)
    assert sum(item.shared.mean for item in few.contributions) == pytest.approx(page_one(few), rel=1e-9)
    for here, there in zip(few.contributions, every.contributions, strict=True):
        for name in ("shared", "alone", "last"):
            assert getattr(here, name).mean == pytest.approx(getattr(there, name).mean, rel=0.03)


def test_bundles_have_the_realism_of_their_proposals(found):
    """A bundle of one has its proposal's own cases; at half realism a quarter of customers responds to both of two."""
    for verdict in found.verdicts:
        cases = bundle(found, verdict.proposal).cases
        assert [case.realism for case in cases] == [(own.realism,) for own in verdict.cases]
        for case, own in zip(cases, verdict.cases, strict=True):
            assert case.npv.mean == pytest.approx(own.npv.mean, rel=1e-9, abs=1e-6)
            assert case.p_net_benefit == own.p_net_benefit
    both = bundle(found, "more calls", "more sign")
    assert [case.realism for case in both.cases] == [(0.25, 0.25), (0.5, 0.5), (1.0, 1.0)]
    alone = sum(bundle(found, name).npv.mean + bundle(found, name).invested for name in both.members)
    full = both.npv.mean + both.invested
    assert both.cases[1].npv.mean + both.invested == pytest.approx(full / 4 + alone / 4, rel=1e-9)
    assert both.cases[-1].npv.mean == both.npv.mean


def test_a_proposal_whose_realism_is_not_in_doubt_keeps_it():
    calls, sign = (replace(item, realism=grid) for item, grid in ((CALLS, (0.25, 0.5, 1.0)), (SIGN, (1.0,))))
    found = decided(calls, sign)
    assert [case.realism for case in bundle(found, "more sign").cases] == [(1.0,)]
    assert [case.realism for case in bundle(found, "more calls", "more sign").cases] == [
        (0.25, 1.0),
        (0.5, 1.0),
        (1.0, 1.0),
    ]


def test_the_part_of_a_change_that_pays():
    """Gains 40 without and 100 with the change, investment 70: half of its effect pays."""
    assert part_that_pays(40.0, 100.0, 70.0) == pytest.approx(0.5)
    assert part_that_pays(100.0, 40.0, 70.0) == pytest.approx(0.5)
    assert part_that_pays(80.0, 100.0, 70.0) is None
    assert part_that_pays(70.0, 70.0, 70.0) is None


def test_orders_cover_all_up_to_five_changes_and_stay_few_beyond():
    assert len(orders_of(4)) == 24
    many = orders_of(8)
    assert len(many) == 16
    for change in range(8):
        places = [order.index(change) for order in many]
        assert sorted(places) == sorted([*range(8), *range(8)])


@pytest.mark.parametrize(
    ("net", "easy", "kind"),
    [(80, True, "quick_win"), (80, False, "major_project"), (20, True, "fill_in"), (20, False, "thankless"),
     (-1, True, "thankless"), (0, False, "thankless"), (50, True, "quick_win")],
)  # fmt: skip
def test_kinds_of_tasks(net, easy, kind):
    assert kind_of(net, 50.0, easy=easy) == kind


def test_each_task_has_its_kind_and_chance(found):
    tasks = {item.proposal: item for item in found.tasks}
    assert tasks["fewer calls"].kind == "thankless"
    assert tasks["fewer calls"].p_kind == 1.0
    net = bundle(found, "more calls").net
    bar = 0.5 * max(verdict.full.net.mean() for verdict in found.verdicts)
    assert tasks["more calls"].kind == "quick_win"
    assert tasks["more calls"].p_kind == pytest.approx(np.mean(net >= bar))


def test_without_more_simulations_proposals_exclude_one_another():
    comparison = compare(bank_outcomes(CALLS, SIGN), horizon_months=horizon_months(MONEY))
    alone = decide(comparison, proposals=(CALLS, SIGN), money=MONEY, fit=Fit("posterior"), seed=11)
    assert alone.portfolio.bundles == alone.contributions == ()
