"""What a run says about its engines' agreement: fifteen metrics an arm, quiet when they agree, loud when they do not."""

from dataclasses import replace

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.model.arms import build_arms
from journeysim.model.scenario import Scenario
from journeysim.simulate.agreement import agreement_of
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from maps import shop


@pytest.fixture(scope="module")
def outcomes():
    arms = build_arms(Scenario("shop", shop(), ()), prior_draws(shop(), draws=40, seed=1), seed=1)
    return simulate(arms, settings=Settings(30.0, 0.3, 0.1), seed=1)


def test_a_run_holds_fifteen_metrics_of_every_arm_against_lives(outcomes):
    found = {item.metric: item for item in outcomes.agreement}
    assert len(found) == 15
    assert all(np.isfinite([item.exact, item.walk, item.z]).all() for item in found.values())
    # 100,000 customers, fifteen dependent scores: false alarm below 4e-5
    assert max(abs(item.z) for item in found.values()) < 4.6
    assert sum(abs(item.z) > 0.05 for item in found.values()) >= 12


def test_lives_of_a_world_that_is_a_little_off_do_not_agree(outcomes):
    """A conversion 4 % of itself too large in the tally alone: only its own metric is loud."""
    arm = outcomes.arms[0]
    wrong = replace(arm, tallies=(replace(arm.tallies[0], converted=1.04 * arm.tallies[0].converted),))
    found = {item.metric: item.z for item in agreement_of(wrong, outcomes.engine)}
    assert abs(found["conversion"]) > 4.6
    assert abs(found["half_time_conversion"]) < 4.6


def test_the_error_of_money_is_that_of_customers_not_of_the_lives_that_happen_to_be_there(outcomes):
    """Lives that all bring the same, as where no life shows a rare payment, are as far off as they are, not infinitely far."""
    arm = outcomes.arms[0]
    alike = replace(arm.lives[0], value=np.full_like(arm.lives[0].value, arm.lives[0].value.mean()))
    before, now, blind = (
        {item.metric: item.z for item in agreement_of(one, outcomes.engine)}["revenue"]
        for one in (arm, replace(arm, lives=(alike,)), replace(arm, lives=(alike,), money=()))
    )
    assert now == pytest.approx(before, rel=1e-6)
    assert abs(blind) > 2 * abs(now)
