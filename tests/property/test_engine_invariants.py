"""What must hold of every engine on every map (MODEL section 9)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from journeysim.calibrate.prior import prior_draws, stated_draws
from journeysim.model.arms import build_arms
from journeysim.model.changes import AddTouchpoint
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_lives, walk_tally
from strategies import journeys

# shrinking a map takes minutes and says little more than the map itself
MAPS = settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# a coarse grid will do: what is tested holds on every grid
YEAR = Settings(horizon=200.0, discount_value=0.08, discount_cost=0.03, tolerance=1.0)
CUSTOMERS = np.arange(200)


def exact(chain):
    return exact_tally(chain, YEAR)[0]


def walked(chain):
    return walk_tally(chain, YEAR, seed=5, customers=200)[0]


def compiled(journey: JourneyMap):
    return compile_world(journey, prior_draws(journey, draws=2, seed=1))


@pytest.mark.parametrize("engine", [exact, walked])
@given(journey=journeys())
@MAPS
def test_everybody_who_entered_is_somewhere(engine, journey):
    tally = engine(compiled(journey))
    assert tally.ends.sum(axis=-1) + tally.active == pytest.approx(np.ones_like(tally.active), abs=1e-9)
    assert (tally.churned + tally.lost <= tally.ends.sum(axis=-1) + 1e-9).all()
    assert (np.diff(tally.converted_by, axis=-1) >= -1e-12).all()
    assert tally.converted_by[..., -1] == pytest.approx(tally.converted, abs=1e-9)
    assert tally.converted_month.sum(axis=-1) == pytest.approx(tally.converted, abs=1e-9)


@pytest.mark.parametrize("engine", [exact, walked])
@given(journey=journeys())
@MAPS
def test_money_is_the_same_sum_over_places_and_over_months(engine, journey):
    tally = engine(compiled(journey))
    for total, places, months in (
        (tally.value, tally.value_at, tally.value_month),
        (tally.cost, tally.cost_at, tally.cost_month),
    ):
        size = 1e-9 * (1.0 + np.abs(places).sum(axis=-1).max())
        assert places.sum(axis=-1) == pytest.approx(total, abs=size, rel=1e-9)
        assert months.sum(axis=-1) == pytest.approx(total, abs=size, rel=1e-9)


@pytest.mark.parametrize("engine", [exact, walked])
@given(journey=journeys())
@MAPS
def test_flow_in_is_flow_out(engine, journey):
    chain = compiled(journey)
    tally = engine(chain)
    into = chain.entry.copy() if engine is exact else None
    arrivals = np.zeros_like(tally.visits)
    for k, target in enumerate(chain.target):
        arrivals[..., target] += tally.moves[..., k]
    entered = tally.visits - arrivals
    assert entered.sum(axis=-1) == pytest.approx(np.ones(entered.shape[:-1]), abs=1e-9)
    if into is not None:
        assert entered == pytest.approx(into, abs=1e-9)


@given(journey=journeys(), turn=st.randoms(use_true_random=False))
@MAPS
def test_the_order_in_the_file_changes_nothing(journey, turn):
    points = list(journey.touchpoints)
    turn.shuffle(points)
    turned = replace(journey, touchpoints=tuple(points))
    one, two = (compile_world(item, stated_draws(item)) for item in (journey, turned))
    lives = [walk_lives(chain, YEAR, seed=3, draws=np.array([0]), customers=CUSTOMERS) for chain in (one, two)]
    assert (lives[0].end_time == lives[1].end_time).all() or np.array_equal(
        lives[0].end_time, lives[1].end_time, equal_nan=True
    )
    assert (lives[0].cost == lives[1].cost).all()
    assert exact(one).value_pv == pytest.approx(exact(two).value_pv, rel=1e-9, abs=1e-12)


@given(journey=journeys())
@MAPS
def test_a_touchpoint_nobody_reaches_changes_nothing(journey):
    end = journey.outcome_names[0]
    island = Touchpoint("island nobody reaches", (Link(end, Fixed(1.0)),))
    more = replace(journey, touchpoints=(*journey.touchpoints, island))
    one, two = (compile_world(item, stated_draws(item)) for item in (journey, more))
    lives = [walk_lives(chain, YEAR, seed=3, draws=np.array([0]), customers=CUSTOMERS) for chain in (one, two)]
    assert np.array_equal(lives[0].end_time, lives[1].end_time, equal_nan=True)
    assert (lives[0].value_pv == lives[1].value_pv).all()
    assert (exact(one).cost_pv == exact(two).cost_pv).all()


@given(journey=journeys(), at=st.integers(0, 10**6))
@MAPS
def test_a_neutral_insertion_leaves_every_fate_the_same(journey, at):
    pairs = [
        (point.name, link.target)
        for point in journey.touchpoints
        for link in point.links
        if not point.by_persona and not point.by_tenure
    ]
    if not pairs:
        return
    new = AddTouchpoint(Touchpoint("a neutral step", ()), on=(pairs[at % len(pairs)],))
    scenario = Scenario("s", journey, (Proposal("p", (new,)),))
    today, arm = build_arms(scenario, prior_draws(journey, draws=2, seed=1), seed=2)
    before, after = today.worlds[0], arm.worlds[-1]
    chains = (
        compile_world(before.journey, before.draws),
        compile_world(after.journey, after.draws, before.draws),
    )
    lives = [walk_lives(chain, YEAR, seed=3, draws=np.arange(2), customers=CUSTOMERS) for chain in chains]
    ends = [np.array([*life.places, "on the way"])[life.end] for life in lives]
    assert (ends[0] == ends[1]).all()
    assert lives[1].end_time == pytest.approx(lives[0].end_time, nan_ok=True, rel=1e-9, abs=1e-9)


@given(journey=journeys(), factor=st.floats(0.1, 50.0))
@MAPS
def test_scaling_all_prices_scales_all_money(journey, factor):
    draws = prior_draws(journey, draws=2, seed=1)
    money = ("visit_value", "visit_value_sd", "visit_cost", "value_per_day", "cost_per_day", "link_value", "link_cost")
    dearer = draws.with_data(draws.data.assign({name: draws.data[name] * factor for name in money}))
    one, two = compile_world(journey, draws), compile_world(journey, dearer)
    assert exact(two).value_pv == pytest.approx(exact(one).value_pv * factor, rel=1e-9, abs=1e-9)
    assert walked(two).cost == pytest.approx(walked(one).cost * factor, rel=1e-9, abs=1e-9)
    assert (walked(two).ends == walked(one).ends).all()


def test_persona_names_and_place_names_are_only_names():
    from maps import shop

    journey = shop()
    renamed = replace(
        journey,
        personas=tuple(replace(item, name=f"{item.name}!") for item in journey.personas),
        touchpoints=tuple(
            replace(point, by_persona=tuple((f"{name}!", row) for name, row in point.by_persona))
            for point in journey.touchpoints
        ),
    )
    one, two = (compile_world(item, stated_draws(item)) for item in (journey, renamed))
    assert (exact(one).value_pv == exact(two).value_pv).all()
    assert isinstance(journey.outcomes[0], Outcome)
