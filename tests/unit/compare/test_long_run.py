"""The long-run view: what every arm comes to without a horizon, mixed over worlds and personas as the cohort view is."""

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.compare import compare
from journeysim.compare.luck import lives_of, pooled_sd
from journeysim.model.arms import build_arms
from journeysim.model.changes import AdjustShare
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from maps import shop


@pytest.fixture(scope="module")
def comparison():
    more = Proposal("more", (AdjustShare("cart", "paid", "odds x", Fixed(1.5)),))
    arms = build_arms(Scenario("shop", shop(), (more,)), prior_draws(shop(), draws=30, seed=1), seed=1)
    return compare(simulate(arms, settings=Settings(3_000.0, 0.1, 0.1), seed=1))


def levels(comparison, view):
    return {(x.metric, x.arm, x.persona): x for x in comparison.levels if x.view == view}


def test_a_horizon_of_years_shows_nearly_all_of_it(comparison):
    far, whole = levels(comparison, "cohort"), levels(comparison, "long run")
    asked = [key for key in whole if key in far]
    assert {metric.partition("[")[0] for metric, _, _ in asked} >= {
        "conversion",
        "revenue",
        "cost",
        "margin",
        "clv",
        "touches",
        "reach",
    }
    assert {persona for _, _, persona in asked} == {"all", "old", "young"}
    for key in asked:
        np.testing.assert_allclose(whole[key].values, far[key].values, rtol=2e-4, atol=1e-9, err_msg=str(key))


def test_luck_is_that_of_single_customers(comparison):
    """Money by both exact ways; touches, and money discounted, by lives pooled over 30 draws x 2,500: three per cent is more
    than four standard errors of these deviations.
    """
    far, whole = levels(comparison, "cohort"), levels(comparison, "long run")
    for arm in ("today", "more"):
        for persona in ("all", "old", "young"):
            for metric in ("conversion", "revenue", "cost", "margin"):
                here, there = (view[metric, arm, persona].sd_luck for view in (far, whole))
                assert here == pytest.approx(there, rel=1e-3), metric
        assert whole["touches", arm, "all"].sd_luck == pytest.approx(far["touches", arm, "all"].sd_luck, rel=0.03)
        lives = next(item for item in comparison.outcomes.arms if item.arm.name == arm)
        seen = pooled_sd(*single_clv(lives, comparison.outcomes.seed))
        assert far["clv", arm, "all"].sd_luck == pytest.approx(seen, rel=0.03)


def single_clv(arm, seed):
    """Return the discounted margin of every life, and that all of them are asked for."""
    lives = lives_of(arm, seed=seed)
    return lives.value_pv - lives.cost_pv, np.ones(lives.value_pv.shape, dtype=bool)


def test_ends_add_up_and_days_are_there(comparison):
    whole = levels(comparison, "long run")
    total = whole["ends[paid]", "today", "all"].values + whole["ends[left]", "today", "all"].values
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)
    assert (
        0 < whole["days_to_convert", "today", "all"].spread.mean < whole["days_to_end", "today", "all"].spread.mean * 3
    )
    assert whole["days_to_end", "today", "all"].sd_luck > 0
