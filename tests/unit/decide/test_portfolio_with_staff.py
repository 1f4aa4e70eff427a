"""Bundles where customers share staff: one queue per bundle, the same customers answering as to each proposal alone."""

import dataclasses
from functools import partial

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.cli.init import examples
from journeysim.compare import compare
from journeysim.decide import decide, horizon_months
from journeysim.decide.decision import Fit
from journeysim.decide.portfolio.worth import Crowding
from journeysim.files import read_scenario
from journeysim.model.arms import build_arms
from journeysim.model.bundles import build_bundles
from journeysim.model.changes import AdjustShare, ChangeStaff
from journeysim.model.changes.base import Terms
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Investment, Proposal, SuccessRule
from journeysim.simulate.run import simulate
from journeysim.simulate.service.crowd import crowd_of_bundle, in_full, timetable_of
from journeysim.simulate.service.together import crowds_together
from journeysim.simulate.settings import Settings

LATER = Terms(start=40.0)
FORM = AdjustShare("application form", "advice call", "odds x", Fixed(4.0))
ADVISER = ChangeStaff("advisers", staff=Fixed(3.0), terms=LATER)
DEAR = Investment(upfront=Fixed(5_000.0))
PROPOSALS = (
    Proposal("form", (FORM,), (1.0,), invest=DEAR),
    Proposal("adviser", (ADVISER,), (1.0,), invest=DEAR),
    Proposal("form and adviser", (FORM, ADVISER), (1.0,), invest=DEAR),
)


@pytest.fixture(scope="module")
def scenario():
    read = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    return dataclasses.replace(read, proposals=PROPOSALS)


@pytest.fixture(scope="module")
def outcomes(scenario):
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=4, seed=1), seed=1)
    return simulate(arms, settings=Settings(30.0), seed=1, customers=2_000)


def test_two_proposals_together_are_one_proposal_with_the_changes_of_both(outcomes):
    """To the last bit, in the queue that has settled and while one of the two begins under way."""
    arms = [arm.arm for arm in outcomes.proposals[:2]]
    bundles = build_bundles(PROPOSALS[:2], arms, seed=1)
    alone, other, both = crowds_together(bundles, outcomes)
    assert alone is outcomes.proposals[0].crowd(1.0)
    assert other is outcomes.proposals[1].crowd(1.0)
    whole = outcomes.proposals[2].crowd(1.0)
    for name in ("converted", "value", "visits", "waited", "at_work"):
        np.testing.assert_array_equal(getattr(both.full.tally, name), getattr(whole.full.tally, name))
    for name, months in both.turning.items():
        np.testing.assert_array_equal(months, whole.turning[name])


def test_customers_answer_to_each_proposal_of_a_bundle_independently(scenario):
    some = dataclasses.replace(PROPOSALS[0], name="some", realism=(0.25,)), dataclasses.replace(
        PROPOSALS[0], name="others", changes=(AdjustShare("calculator", "application form", "odds x", Fixed(2.0)),),
        realism=(0.5,),
    )  # fmt: skip
    changed = dataclasses.replace(scenario, proposals=some)
    arms = build_arms(changed, prior_draws(scenario.journey, draws=4, seed=1), seed=1)[1:]
    crowd = crowd_of_bundle(build_bundles(some, arms, seed=1), (0, 1), None)
    crowd = dataclasses.replace(crowd, settled=in_full(crowd))
    met = dict(enumerate(crowd.worlds))
    weight = {met[group.worlds[-1]]: float(group.weight[0]) for group in timetable_of(crowd).groups}
    assert weight == pytest.approx(
        {(False, False): 0.375, (True, False): 0.125, (False, True): 0.375, (True, True): 0.125}
    )


def test_a_decision_weighs_bundles_that_share_a_queue(scenario, outcomes):
    """Form and adviser together are worth what the one proposal with both changes is, less the second investment."""
    money, rule = scenario.money, SuccessRule("no persona worse off", "no_harm", 0.9, "conversion")
    found = decide(
        compare(outcomes, horizon_months=horizon_months(money)), proposals=PROPOSALS, money=money, fit=Fit("prior"), seed=1,
        succeed_if=(rule,), further=Crowding(partial(crowds_together, outcomes=outcomes), outcomes.today.tallies[0]),
    )  # fmt: skip
    bundles = {item.members: item for item in found.portfolio.bundles}
    whole = next(item for item in found.verdicts if item.proposal == "form and adviser")
    assert len(bundles) == 7
    np.testing.assert_allclose(bundles["form", "adviser"].net, whole.full.net - 5_000.0, rtol=1e-9)
    np.testing.assert_allclose(bundles["form",].net, found.verdicts[0].full.net, rtol=1e-9)
    assert all(item.harmless is not None for item in bundles.values())
    assert found.portfolio.best
