"""Customers of several worlds in one queue: kernel against specification, and against the walk where nobody waits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeysim.model.journey import Resource
from journeysim.model.quantity import Fixed
from journeysim.simulate.chain import compile_world
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.crowd import timetable_of
from journeysim.simulate.service.desks import BUSY, STAFFED
from journeysim.simulate.service.stage import first_room, run_draw
from journeysim.simulate.service.staging import staged, with_arrivals
from journeysim.simulate.service.steps import DAY, WHERE
from journeysim.simulate.settings import Settings
from journeysim.simulate.splice import spliced
from journeysim.simulate.walk import life_story
from service_maps import assert_one_life_for_both, by_customer, some_bundle, some_crowd, some_journey

HORIZON = 7.0
SPAN = Span(warm_up=3.5, window=10.0, end=17.0)


@settings(max_examples=24)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_the_kernel_gives_the_lives_of_the_specification_in_a_crowd(seed, dated, together):
    crowd, today = (some_bundle if together else some_crowd)(seed, some_journey(seed), dated=dated)
    stage = staged(crowd, today, Settings(HORIZON), SPAN, seed=seed)
    areas = assert_one_life_for_both(stage)
    assert (areas[:, BUSY] <= areas[:, STAFFED] + 1e-9).all()


def unlimited(seed):
    """Return a random blueprint whose every resource is always there for everybody, whatever a change says."""
    journey = some_journey(seed)
    points = tuple(replace(item, staffed_by=None) for item in journey.touchpoints)
    return replace(journey, touchpoints=points, resources=(Resource(journey.resources[0].name, Fixed(np.inf)),))


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_where_nobody_waits_everybody_lives_the_walks_life_in_the_worlds_they_pass_through(seed, dated):
    crowd, today = some_crowd(seed, unlimited(seed), dated=dated)
    stage = staged(crowd, today, Settings(HORIZON), SPAN, seed=seed)
    stage = replace(stage, blueprint=replace(stage.blueprint, staff=np.full_like(stage.blueprint.staff, np.inf)))
    chains = [
        compile_world(own.journey, own.draws, None if own.draws.data.identical(today.draws.data) else today.draws)
        for own in map(with_arrivals, crowd.worlds.values())
    ]
    groups = {group.number: group for group in timetable_of(crowd).groups}
    count, room = run_draw(stage, 0, 0, first_room(stage))
    place, time = by_customer(room.trace)
    names, seen = stage.chain.touchpoints + stage.chain.outcomes, set()
    for who in range(0, count, 3):
        entered, number = room.people.time[who], int(room.people.number[who])
        if entered + HORIZON > SPAN.end:
            break
        group = groups[int(room.people.group[who])]
        left = sum(turn <= entered for turn in group.turns)
        worlds, turns = group.worlds[left:], [turn - entered for turn in group.turns[left:]]
        seen.add(worlds)
        told = life_story(
            spliced([chains[k] for k in worlds], turns), stage.settings, seed=seed, draw=0, customer=number
        )
        own = (place[:, 0] == who) & (time[:, DAY] <= HORIZON)
        assert [names[at] for at in place[own, WHERE]] == [step.place for step in told]
        np.testing.assert_array_equal(time[own, DAY], [step.day for step in told])
    assert len(seen) > 1 or not dated
