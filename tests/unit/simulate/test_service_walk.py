"""With unlimited staff the service engines live the walk's customers: same path, same times, every customer."""

import dataclasses

import numpy as np
import pytest

from journeysim.model.journey import Resource
from journeysim.model.quantity import Fixed
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.by_simpy import serve_by_simpy
from journeysim.simulate.service.stage import Arriving, first_room, run_draw, stage_of, world_of
from journeysim.simulate.service.steps import DAY, WHERE
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import life_story, walk_lives
from service_maps import by_customer, some_journey, staged
from walk_reference import rich_chain

HORIZON = 7.0


def unlimited(seed):
    """Return a random blueprint whose every resource is always there for everybody."""
    journey = some_journey(seed)
    desks = tuple(Resource(item.name, Fixed(np.inf)) for item in journey.resources)
    return dataclasses.replace(journey, resources=desks)


def stories_of(trace, people, count):
    """Return each customer's (places, days) within the horizon, by address."""
    place, time = by_customer(trace)
    stories = {}
    for who in range(count):
        own = (place[:, 0] == who) & (time[:, DAY] <= HORIZON)
        stories[int(people.number[who])] = (place[own, WHERE], time[own, DAY])
    return stories


@pytest.mark.parametrize("seed", range(6))
def test_every_customer_lives_the_walks_life(seed):
    stage = staged(unlimited(seed), span=Span(0.0, 6.0, 6.0 + HORIZON), horizon=HORIZON, seed=seed)
    count, room = run_draw(stage, 0, 0, first_room(stage))
    measured = int((room.people.time[:count] < 6.0).sum())
    served = serve_by_simpy(count, world_of(stage, 0, 0, room), room.people)
    names = stage.chain.touchpoints + stage.chain.outcomes
    assert measured > 20
    for trace in (room.trace, served.trace):
        for number, (places, days) in stories_of(trace, room.people, measured).items():
            told = life_story(stage.chain, stage.settings, seed=seed, draw=0, customer=number)
            assert [names[place] for place in places] == [step.place for step in told]
            np.testing.assert_array_equal(days, [step.day for step in told])


def test_every_layer_of_the_chain_lives_on():
    """Coupled rows, three personas and periods, every dwell family: a chain that no map has to be written for."""
    chain, settings = rich_chain(5), Settings(60.0)
    base = staged(unlimited(1), span=Span(0.0, 20.0, 80.0))
    points = len(chain.touchpoints)
    rules = {
        name: np.resize(getattr(base.blueprint, name), points)
        for name in (
            "resource",
            "holds",
            "patient",
            "balk_share",
            "balk_from",
            "called_back",
            "waiting_feels",
        )
    }
    clocks = {name: np.resize(getattr(base.blueprint, name), 2 * points) for name in ("family", "gamma_place")}
    blueprint = dataclasses.replace(
        base.blueprint,
        **rules, **clocks, level=np.zeros((3, points), dtype=np.int32), scale=np.ones((2, 1, 2 * points)),
        gives_up_to=np.resize(base.blueprint.gives_up_to, (1, points)),
        shape=np.ones((2, 2 * points)), table=np.zeros((2 * points, 9)), staff=np.repeat(base.blueprint.staff, 2, axis=0),
    )  # fmt: skip
    arriving = Arriving(np.repeat(base.arriving.per_day, 2), base.arriving.week * 2)
    stage = stage_of(chain, blueprint, arriving, settings, base.span, seed=9)
    count, room = run_draw(stage, 1, 1, first_room(stage))
    count = int((room.people.time[:count] < 20.0).sum())
    place, time = by_customer(room.trace)
    lives = walk_lives(chain, settings, seed=9, draws=[1], customers=room.people.number[:count])
    last = np.array([np.flatnonzero((place[:, 0] == who) & (time[:, DAY] <= 60.0))[-1] for who in range(count)])
    ended = lives.end[0] >= 0
    np.testing.assert_array_equal(place[last, WHERE][ended], lives.end[0][ended])
    np.testing.assert_array_equal(time[last, DAY][ended], lives.end_time[0][ended])
    assert 20 < ended.sum() < count
