"""Bundles: worlds that all share, weights that add up, sizes that proposals have alone, and clashes."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.model import bundles as module
from journeysim.model.arms import World, build_arms
from journeysim.model.bundles import build_bundles
from journeysim.model.changes import AddTouchpoint, AdjustShare, Reroute, Terms
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Proposal, Scenario
from outcomes_builder import bank, bank_draws

SOME = Terms(reach=Fixed(0.6), start=30.0, ramp=60.0)
OTHERS = Terms(reach=Range(0.2, 0.5, Scale.SHARE))
MORE_CALLS = Proposal(
    "more calls", (AdjustShare("form", "call", "odds x", Range(1.1, 1.9, Scale.POSITIVE), None, SOME),)
)
MORE_SIGN = Proposal("more sign", (AdjustShare("call", "signed", "odds x", Fixed(1.4), None, OTHERS),))
BACK = Proposal("no way back", (Reroute("call", "form", "left", Fixed(1.0)),))


def bundled(*proposals, draws=None):
    draws = draws or bank_draws()
    arms = build_arms(Scenario("bank", bank(), proposals), draws, seed=4)[1:]
    return build_bundles(proposals, arms, seed=4)


def named(found):
    return [" + ".join(found.arms[k].name for k in chosen) for chosen in found.members]


def test_every_combination_is_there_over_shared_worlds():
    found = bundled(MORE_CALLS, MORE_SIGN, BACK)
    assert len(found.worlds) == 8
    assert len(found.members) == 7
    assert found.clashes == ()


def test_weights_add_up_and_a_proposal_alone_has_its_own():
    found = bundled(MORE_CALLS, MORE_SIGN)
    days = np.array([0.0, 45.0, 400.0])
    for realism in ((1.0, 1.0), (0.5, 0.25)):
        for chosen in found.members:
            weights = found.weights(chosen, days, realism)
            assert np.allclose(sum(np.broadcast_to(item, (40, 3)) for item in weights.values()), 1.0)
    alone = found.weights((0,), days, (1.0, 1.0))[(True,), (False,)]
    assert np.allclose(alone, found.arms[0].exposures[0].at(days))
    both = found.weights((0, 1), None, (0.5, 1.0))[(True,), (True,)]
    assert np.allclose(both, 0.5 * 0.6 * found.arms[1].exposures[0].reach)


def test_both_changes_hold_in_the_joint_world_with_the_sizes_they_have_alone():
    found = bundled(MORE_CALLS, MORE_SIGN)
    first, second = (
        found.worlds[pattern].draws.values("share") for pattern in (((True,), (False,)), ((False,), (True,)))
    )
    joint = found.worlds[(True,), (True,)].draws.values("share")
    assert np.array_equal(joint[..., :2], first[..., :2])
    assert np.array_equal(joint[..., 2:], second[..., 2:])
    assert not np.array_equal(joint[..., 2:], first[..., 2:])


def test_a_proposal_without_changes_is_like_today():
    found = bundled(Proposal("nothing", ()), MORE_CALLS, MORE_SIGN)
    assert named(found)[-1] == "nothing + more calls + more sign"
    assert len(found.worlds) == 4


def test_proposals_that_clash_are_named_with_the_reason_and_so_are_not_their_supersets():
    one, two = (Proposal(name, (AdjustShare("form", "call", "points", Fixed(0.24)),)) for name in ("one", "two"))
    found = bundled(one, MORE_SIGN, two, draws=bank_draws(seed=3))
    (clash,) = found.clashes
    assert [found.arms[k].name for k in clash[0]] == ["one", "two"]
    assert "form -> call" in clash[1]
    assert "one + more sign + two" not in named(found)
    assert "one + more sign" in named(found)


def test_what_adds_touchpoints_acts_last_so_that_others_find_their_links():
    from decision_builder import small_scenario

    scenario = small_scenario()
    adds = [p for p in scenario.proposals if any(isinstance(change, AddTouchpoint) for change in p.changes)]
    assert adds
    link = adds[0].changes[0].on[0]
    other = Proposal("other", (AdjustShare(*link, "odds x", Fixed(1.1)),))
    from journeysim.calibrate import prior_draws

    draws = prior_draws(scenario.journey, draws=20, seed=1)
    pair = (adds[0], other)
    arms = build_arms(Scenario("s", scenario.journey, pair), draws, seed=1)[1:]
    found = build_bundles(pair, arms, seed=1)
    assert [arm.name for arm in found.arms] == ["other", adds[0].name]
    assert found.clashes == ()


def test_bundles_stay_as_small_as_the_limit_on_worlds_asks(monkeypatch):
    monkeypatch.setattr(module, "MOST_WORLDS", 5)
    found = bundled(MORE_CALLS, MORE_SIGN, BACK)
    assert [len(chosen) for chosen in found.members] == [1, 1, 1]


def test_no_proposal_no_bundle():
    assert build_bundles((), (), seed=1).members == ()


@pytest.mark.parametrize("kept", [(), (0,), (1,), (0, 1)])
def test_a_part_of_a_proposal_has_the_sizes_of_the_whole(kept):
    from journeysim.model.arms import proposal_arm

    whole = Proposal(
        "p",
        (MORE_CALLS.changes[0], AdjustShare("call", "signed", "odds x", Range(1.1, 2.0, Scale.POSITIVE), None, SOME)),
    )
    today = World((), bank(), bank_draws())
    share = proposal_arm(whole, today, seed=4, kept=kept).worlds[-1].draws.values("share")
    full = proposal_arm(whole, today, seed=4).worlds[-1].draws.values("share")
    now = today.draws.values("share")
    assert np.array_equal(share[..., :2], (full if 0 in kept else now)[..., :2])
    assert np.array_equal(share[..., 2:], (full if 1 in kept else now)[..., 2:])
