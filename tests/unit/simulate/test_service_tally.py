"""The service engine's tallies: the walk's where staff are unlimited, and what resources did."""

import dataclasses

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.model.arms import World
from journeysim.model.journey import Resource, Reward
from journeysim.model.quantity import Fixed
from journeysim.simulate.chain import compile_world
from journeysim.simulate.service.blueprint import Span, blueprint_of
from journeysim.simulate.service.run import run_stage
from journeysim.simulate.service.stage import arriving_of, stage_of
from journeysim.simulate.service.ways_out import with_ways_out
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_lives
from service_maps import some_journey

SPAN = Span(3.5, 14.0, 21.0)
MONEY = {
    "value": Reward(Fixed(12.0), 5.0),
    "cost": Reward(Fixed(2.0)),
    "cost_per_day": Fixed(0.5),
    "effort": Fixed(1.5),
}


def priced(seed):
    """A random blueprint in which visits cost and bring something."""
    journey = some_journey(seed)
    points = tuple(dataclasses.replace(point, **MONEY) for point in journey.touchpoints)
    return dataclasses.replace(journey, touchpoints=points)


def run(journey, *, draws=3, customers=100):
    world = with_ways_out(World((), journey, prior_draws(journey, draws=draws, seed=5)))
    chain = compile_world(world.journey, world.draws)
    blueprint = blueprint_of([world.journey], world.draws, chain, SPAN, seed=5)
    arriving = arriving_of(world.journey, world.draws, SPAN)
    stage = stage_of(chain, blueprint, arriving, Settings(7.0, 0.1, 0.05), SPAN, seed=5)
    return stage, run_stage(stage, lives=np.arange(draws), customers=customers)


@pytest.mark.parametrize("seed", [2, 11])
def test_with_unlimited_staff_the_lives_are_the_walks(seed):
    journey = priced(seed)
    desks = tuple(Resource(item.name, Fixed(np.inf)) for item in journey.resources)
    stage, found = run(dataclasses.replace(journey, resources=desks), customers=40)
    lives = found.lives
    assert len(lives.customers) == 40
    walked = walk_lives(stage.chain, stage.settings, seed=5, draws=lives.draws, customers=lives.customers)
    for item in dataclasses.fields(lives):
        np.testing.assert_array_equal(getattr(lives, item.name), getattr(walked, item.name))


@pytest.mark.parametrize("seed", [0, 3, 7])
def test_counts_and_money_add_up(seed):
    stage, found = run(priced(seed))
    tally = found.tally
    ended = tally.ends.sum(axis=-1)
    np.testing.assert_allclose(tally.active + ended, 1.0)
    np.testing.assert_allclose(tally.value_at.sum(axis=-1), tally.value)
    np.testing.assert_allclose(tally.cost_month.sum(axis=-1), tally.cost)
    arrived = tally.moves @ (stage.chain.target[:, None] == np.arange(tally.visits.shape[-1]))
    entered = tally.visits - arrived
    np.testing.assert_allclose(entered.sum(axis=-1), 1.0)
    assert (entered > -1e-12).all()


def test_resources_report_what_they_did():
    _, found = run(priced(3))
    tally = found.tally
    assert tally.resources
    assert (tally.unserved <= tally.asked).all()
    assert (tally.at_work <= tally.on_duty + 1e-12).all()
    assert tally.waited.sum() > 0


def test_who_gives_up_is_counted_on_a_link():
    """A queue that leads where no link leads gets one of share 0, so that drop-off and visits hold for the unserved."""
    journey = some_journey(3)
    first = journey.touchpoints[0]
    links = tuple(link for link in first.links if link.target != "refused")
    staffing = dataclasses.replace(first.staffed_by, gives_up_to="refused")
    journey = dataclasses.replace(
        journey,
        touchpoints=(dataclasses.replace(first, links=links, staffed_by=staffing), *journey.touchpoints[1:]),
        resources=tuple(dataclasses.replace(item, room=0.0) for item in journey.resources),
    )
    stage, found = run(journey)
    assert "step 0 -> refused" in stage.chain.links
    assert (found.tally.moves[..., stage.chain.links.index("step 0 -> refused")] > 0).all()
