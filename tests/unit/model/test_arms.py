"""Arms: worlds of exposures, their weights, and when customers meet them."""

import numpy as np
import pytest

from journeysim.calibrate.prior import prior_draws
from journeysim.errors import BadInput
from journeysim.model.arms import Exposure, build_arms
from journeysim.model.changes import AddTouchpoint, AdjustShare, ScaleDwell, Terms
from journeysim.model.journey import Touchpoint
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Proposal, Scenario
from maps import shop


def scenario(*changes, name="plan"):
    return Scenario("s", shop(), (Proposal(name, changes),))


def test_changes_with_the_same_terms_are_met_together():
    some = Terms(reach=Fixed(0.6))
    up = AdjustShare("cart", "paid", "odds x", Fixed(1.5), terms=some)
    fast = ScaleDwell("visit", None, Fixed(0.5), terms=some)
    late = ScaleDwell("help", None, Fixed(0.5), terms=Terms(start=30.0))
    _, arm = build_arms(scenario(up, fast, late), prior_draws(shop(), draws=20, seed=1), seed=2)
    assert [world.exposed for world in arm.worlds] == [(False, False), (False, True), (True, False), (True, True)]
    weights = arm.weights([exposure.reach for exposure in arm.exposures])
    assert np.stack(weights).sum(axis=0) == pytest.approx(np.ones(20))
    assert weights[3] == pytest.approx(np.full(20, 0.6))
    assert weights[1] == pytest.approx(np.full(20, 0.4))
    assert arm.worlds[0].draws.data.identical(
        build_arms(scenario(up), arm.worlds[0].draws, seed=2)[0].worlds[0].draws.data
    )


def test_the_same_share_of_customers_in_two_places_means_the_same_customers():
    first = AdjustShare("cart", "paid", "odds x", Fixed(1.5), terms=Terms(reach=Fixed(0.6)))
    later = ScaleDwell("visit", None, Fixed(0.5), terms=Terms(reach=Fixed(0.6), start=60.0, ramp=30.0))
    _, arm = build_arms(scenario(first, later), prior_draws(shop(), draws=3, seed=1), seed=2)
    assert [world.exposed for world in arm.worlds] == [(False, False), (True, False), (True, True)]
    u = np.array([0.1, 0.59, 0.61])
    assert arm.world_of(u, [0.6, 0.3]).tolist() == [2, 1, 0]


def test_a_change_of_a_touchpoint_that_is_not_added_here_is_passed_over():
    add = AddTouchpoint(Touchpoint("call", ()), on=(("visit", "cart"),), terms=Terms(reach=Fixed(0.5)))
    slow = ScaleDwell("call", None, Fixed(2.0), terms=Terms(start=10.0))
    arm = build_arms(scenario(add, slow), prior_draws(shop(), draws=5, seed=1), seed=2)[1]
    assert ["call" in world.journey.touchpoint_names for world in arm.worlds] == [False, False, True, True]


def test_sizes_are_addressed_by_the_change_not_by_its_position():
    up = AdjustShare("cart", "paid", "odds x", Range(1.1, 1.6, Scale.POSITIVE))
    fast = ScaleDwell("visit", None, Range(0.4, 0.8, Scale.POSITIVE))
    draws = prior_draws(shop(), draws=50, seed=1)
    one = {a.name: a.values for a in build_arms(scenario(up, fast), draws, seed=2)[1].assumptions}
    other = {a.name: a.values for a in build_arms(scenario(fast, up), draws, seed=2)[1].assumptions}
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_an_exposure_starts_grows_and_fades():
    exposure = Exposure("x", np.array([0.8]), start=10.0, ramp=20.0, decay=40.0)
    assert exposure.at(np.array([0.0, 10.0, 20.0, 30.0, 50.0, 70.0, 99.0]))[0] == pytest.approx(
        [0.0, 0.0, 0.4, 0.8, 0.4, 0.0, 0.0]
    )
    assert Exposure("x", np.array([0.8]), start=10.0).at(np.array([9.9, 10.0]))[0].tolist() == [0.0, 0.8]


def test_what_is_never_in_force_together_still_has_a_world_for_the_cohort():
    terms = [
        Terms(reach=Fixed(0.5), decay=10.0),
        Terms(reach=Fixed(0.7), decay=10.0),
        Terms(reach=Fixed(0.9), start=100.0),
    ]
    changes = [ScaleDwell("visit", None, Fixed(0.9), terms=term) for term in terms]
    arm = build_arms(scenario(*changes), prior_draws(shop(), draws=2, seed=1), seed=2)[1]
    weights = arm.weights([exposure.reach for exposure in arm.exposures])
    assert sum(weights) == pytest.approx(np.ones(2))
    assert len(arm.world_of(np.array([0.1, 0.6, 0.8, 0.95]), [0.5, 0.7, 0.9])) == 4


def test_every_proposal_with_an_impossible_effect_is_named():
    big = AdjustShare("visit", "left", "relative x", Fixed(3.0))
    bad = Scenario("s", shop(), (Proposal("a", (big,)), Proposal("b", (big,))))
    with pytest.raises(BadInput) as caught:
        build_arms(bad, prior_draws(shop(), draws=5, seed=1), seed=2)
    assert {problem.path[:2] for problem in caught.value.problems} == {("proposals", 0), ("proposals", 1)}


def test_too_many_different_terms_are_refused_with_the_cure():
    changes = [ScaleDwell("visit", None, Fixed(0.9), terms=Terms(start=float(k))) for k in range(5)]
    with pytest.raises(BadInput, match="at most 4"):
        build_arms(scenario(*changes), prior_draws(shop(), draws=5, seed=1), seed=2)
