"""Draws of customers who differ, as engines take them that hold all customers for alike."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.model.arms import build_arms
from journeysim.model.draws import OF_A_VISIT, alike, with_alike
from journeysim.model.scenario import Scenario
from maps import shop


@pytest.fixture(scope="module")
def visit():
    return prior_draws(shop(), draws=7, seed=1).data


@pytest.fixture(scope="module")
def differing(visit):
    """Customers differ at "cart" only; a layer has written new customers' shares and dwells everywhere."""
    kappa = np.full((7, visit.sizes["place"]), np.nan)
    kappa[:, list(visit["place"].values).index("cart")] = 3.0
    new = {name: visit[name] * 0.5 for name in ("share", "dwell_a")} | {"family": visit["family"] * 0 + np.int8(1)}
    return with_alike(visit.assign({**new, "frailty": (("draw", "place"), kappa)}), visit)


def test_where_customers_differ_an_average_visit_is_put_back_and_nowhere_else(visit, differing):
    found = alike(differing)
    at_cart = np.array([label.startswith("cart -> ") for label in visit["link"].values])
    assert at_cart.any()
    assert not at_cart.all()
    for name in ("share", "dwell_a"):
        assert np.array_equal(found[name].values[..., at_cart], visit[name].values[..., at_cart])
        assert np.array_equal(found[name].values[..., ~at_cart], 0.5 * visit[name].values[..., ~at_cart])
    assert np.array_equal(found["family"].values[:, at_cart], visit["family"].values[:, at_cart])
    assert np.all(found["family"].values[:, ~at_cart] == 1)
    assert all(found[name].dims == visit[name].dims and found[name].dtype == visit[name].dtype for name in OF_A_VISIT)
    assert set(found.data_vars) == set(visit.data_vars)


def test_alike_customers_stay_as_they_are(visit):
    assert with_alike(visit, visit) is visit
    assert alike(visit) is visit


def test_arms_get_average_visits(differing):
    draws = prior_draws(shop(), draws=7, seed=1)
    scenario = Scenario(name="shop", journey=shop(), proposals=(), horizon=30.0)
    (today,) = build_arms(scenario, draws.with_data(differing), seed=1)
    world = today.worlds[0].draws
    at_cart = [k for k, label in enumerate(world.links) if label.startswith("cart -> ")]
    assert np.array_equal(world.values("share")[..., at_cart], draws.values("share")[..., at_cart])
    assert "frailty" not in world.data
