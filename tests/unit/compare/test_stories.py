"""Lives of chosen customers, told today and in every proposal."""

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.compare import stories_for
from journeysim.compare.luck import worlds_of
from journeysim.model.arms import build_arms
from journeysim.model.changes import AddTouchpoint, AdjustShare, Terms
from journeysim.model.journey import Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from maps import shop


@pytest.fixture(scope="module")
def outcomes():
    half = Terms(reach=Fixed(0.5))
    proposals = (
        Proposal("pay", (AdjustShare("cart", "paid", "odds x", Fixed(4.0), terms=half),)),
        Proposal("zebra", (AddTouchpoint(Touchpoint("zebra", ()), on=(("visit", "cart"),)),)),
    )
    scenario = Scenario("s", shop(), proposals, horizon=60.0)
    arms = build_arms(scenario, prior_draws(shop(), draws=3, seed=1), seed=1)
    return simulate(arms, settings=Settings(60.0), seed=3, customers=300)


def test_each_customer_is_told_in_each_proposal_as_they_live_there(outcomes):
    told = stories_for(outcomes, customers=range(40), draw=2)
    assert [(story.arm, story.customer) for story in told] == [(arm, k) for arm in ("pay", "zebra") for k in range(40)]
    pay = outcomes.proposals[0].arm
    reached = worlds_of(pay, seed=3, draws=np.array([2]), customers=np.arange(40))[0] > 0
    for story, met in zip(told[:40], reached, strict=True):
        if not met or "cart" not in dict(story.today):
            assert story.today == story.proposal
    assert any(story.today != story.proposal for story in told[:40])


def test_the_kind_says_what_the_two_lives_show(outcomes):
    for story in stories_for(outcomes, customers=range(60), draw=1):
        pays = ["paid" in dict(life) for life in (story.today, story.proposal)]
        ends = [life[-1][0] if life[-1][0] in {"paid", "left"} else "" for life in (story.today, story.proposal)]
        kinds = {(False, True): "saved", (True, False): "lost"}
        assert story.kind == kinds.get(tuple(pays), "unchanged" if ends[0] == ends[1] else "changed")


def test_a_neutral_insertion_adds_a_stop_and_nothing_else(outcomes):
    told = [story for story in stories_for(outcomes, customers=range(60), draw=0) if story.arm == "zebra"]
    for story in told:
        assert tuple(step for step in story.proposal if step[0] != "zebra") == story.today
    assert any("zebra" in dict(story.proposal) for story in told)


def test_a_draw_that_is_not_there_is_refused(outcomes):
    with pytest.raises(ValueError, match="draws 0 to 2; there is no draw 3"):
        stories_for(outcomes, customers=[1], draw=3)
