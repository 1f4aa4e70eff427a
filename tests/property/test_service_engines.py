"""The compiled service kernel against its SimPy specification, customer by customer, on random blueprints."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import Resource
from journeysim.model.quantity import Fixed
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.by_simpy import AS_WRITTEN, Behaviour, joins, serve_by_simpy
from journeysim.simulate.service.desks import BUSY, OVERTIME, QUEUED, STAFFED, WAITING
from journeysim.simulate.service.stage import first_room, run_draw, world_of
from journeysim.simulate.service.steps import DAY, ENTERED, GAVE_UP, WAIT
from service_maps import assert_one_life_for_both, by_customer, some_journey, staged

SPAN = Span(warm_up=3.5, window=10.0, end=17.0)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_the_kernel_gives_the_lives_of_the_specification(seed):
    stage = staged(some_journey(seed), span=SPAN, seed=seed)
    assert_one_life_for_both(stage)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_staff_are_never_more_at_work_than_there(seed):
    stage = staged(some_journey(seed), span=SPAN, seed=seed)
    _, room = run_draw(stage, 0, 0, first_room(stage))
    area = room.desks.area
    assert (area[:, BUSY] <= area[:, STAFFED] + 1e-9).all()
    assert (area[:, [STAFFED, BUSY, OVERTIME]] >= 0).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_customers_are_conserved(seed):
    """Everybody enters once, moves over links or out of queues from where they are, and ends at most once, at the last."""
    stage = staged(some_journey(seed), span=SPAN, seed=seed)
    count, room = run_draw(stage, 0, 0, first_room(stage))
    place, time = by_customer(room.trace)
    who, where, link = place.T
    first = np.append(True, who[1:] != who[:-1])
    assert (link[first] == ENTERED).all()
    assert first.sum() == count
    before, after = np.flatnonzero(~first) - 1, np.flatnonzero(~first)
    assert (where[before] < len(stage.chain.touchpoints)).all()
    moved = link[after] >= 0
    np.testing.assert_array_equal(stage.chain.source[link[after][moved]], where[before][moved])
    np.testing.assert_array_equal(stage.chain.target[link[after][moved]], where[after][moved])
    assert (link[after][~moved] == GAVE_UP).all()
    np.testing.assert_array_equal(stage.blueprint.gives_up_to[0, where[before][~moved]], where[after][~moved])
    assert (time[after, DAY] >= time[before, DAY] + time[after, WAIT]).all()
    assert (time[:, WAIT] >= 0).all()


def test_custom_behaviour_plugs_into_the_specification():
    """Serving the shortest case first shortens the mean wait and changes who waits, not who comes."""
    journey = some_journey(0)
    calm = tuple(
        replace(
            item,
            staffed_by=item.staffed_by
            and replace(
                item.staffed_by,
                patience=None,
                balks=None,
                time=Dwell(Family.EXPONENTIAL, Fixed(0.25)),
                waiting_feels=0.0,
            ),
        )
        for item in journey.touchpoints
    )
    desks = tuple(Resource(item.name, Fixed(1.0)) for item in journey.resources)
    stage = staged(replace(journey, touchpoints=calm, resources=desks), span=SPAN, seed=0)
    count, room = run_draw(stage, 0, 0, first_room(stage))
    world = world_of(stage, 0, 0, room)
    shortest = Behaviour(joins, lambda desk: min(desk.queue, key=lambda visit: visit.service))
    first_come, by_length = (serve_by_simpy(count, world, room.people, rule) for rule in (AS_WRITTEN, shortest))
    assert by_length.visits[..., QUEUED].sum() > 20
    assert by_length.area[:, WAITING].sum() < 0.9 * first_come.area[:, WAITING].sum()
