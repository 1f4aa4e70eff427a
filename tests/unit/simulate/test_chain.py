"""Compiling: rows in slot order, today's row beside each, and nothing that depends on the order in a file."""

from dataclasses import replace

import numpy as np
import pytest

from journeysim.calibrate.prior import prior_draws, stated_draws
from journeysim.model.arms import build_arms
from journeysim.model.changes import AddTouchpoint, AdjustShare, RemoveTouchpoint
from journeysim.model.journey import Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.simulate.chain import compile_world
from maps import shop


def worlds(*changes):
    today, arm = build_arms(Scenario("s", shop(), (Proposal("p", changes),)), stated_draws(shop()), seed=1)
    return today.worlds[0], arm.worlds[-1]


def row(chain, name):
    at = chain.touchpoints.index(name)
    return slice(chain.row_start[at], chain.row_start[at + 1])


def test_links_stand_outcomes_first_then_by_name():
    chain = compile_world(shop(), stated_draws(shop()))
    assert [chain.links[k] for k in range(*row(chain, "cart").indices(99))] == [
        "cart -> left",
        "cart -> paid",
        "cart -> help",
    ]
    assert not chain.coupled.any()
    assert (chain.share == chain.today_share).all()


def test_the_order_in_the_file_does_not_matter():
    journey = shop()
    turned = replace(
        journey,
        touchpoints=tuple(replace(point, links=point.links[::-1]) for point in journey.touchpoints[::-1]),
    )
    one = compile_world(journey, prior_draws(journey, draws=6, seed=1))
    two = compile_world(turned, prior_draws(turned, draws=6, seed=1))
    by_label = [two.links.index(label) for label in one.links]
    assert two.share[..., by_label] == pytest.approx(one.share, abs=1e-15)
    for name in one.touchpoints:
        assert one.key[one.touchpoints.index(name)] == two.key[two.touchpoints.index(name)]


def test_a_neutral_insertion_leaves_the_row_uncoupled_and_in_place():
    today, then = worlds(AddTouchpoint(Touchpoint("zebra", ()), on=(("visit", "cart"),)))
    before, after = compile_world(today.journey, today.draws), compile_world(then.journey, then.draws, today.draws)
    assert not after.coupled.any()
    places = [after.links[k] for k in range(*row(after, "visit").indices(99))]
    assert places == ["visit -> left", "visit -> zebra", "visit -> help"]
    assert (after.share[..., row(after, "visit")] == before.share[..., row(before, "visit")]).all()


def test_a_changed_row_carries_todays_row_beside_it():
    today, then = worlds(AdjustShare("cart", "paid", "odds x", Fixed(2.0)), RemoveTouchpoint("help", "redistribute"))
    chain = compile_world(then.journey, then.draws, today.draws)
    assert chain.coupled.tolist() == [True, True]
    for name in chain.touchpoints:
        assert chain.today_share[..., row(chain, name)].sum(axis=-1) == pytest.approx(np.ones((1, 2, 1)))
        assert chain.share[..., row(chain, name)].sum(axis=-1) == pytest.approx(np.ones((1, 2, 1)))
    gone = chain.links.index("visit -> help")
    assert (chain.share[..., gone] == 0).all()
    assert (chain.today_share[..., gone] > 0).all()


def test_every_money_field_follows_the_places():
    chain = compile_world(shop(), stated_draws(shop()))
    at = chain.touchpoints.index("help")
    assert (chain.visit_cost[..., at] == 6.0).all()
    paid = len(chain.touchpoints) + chain.outcomes.index("paid")
    assert (chain.visit_value_sd[..., paid] == 40.0).all()
    assert chain.converts.tolist() == [False, False, False, True, False]
