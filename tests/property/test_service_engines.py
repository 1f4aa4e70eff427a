"""The compiled service kernel against its SimPy specification, customer by customer, on random blueprints."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.by_simpy import serve_by_simpy
from journeysim.simulate.service.desks import BUSY, OVERTIME, STAFFED
from journeysim.simulate.service.stage import first_room, run_draw, world_of
from journeysim.simulate.service.steps import DAY, ENTERED, GAVE_UP, WAIT
from service_maps import by_customer, some_journey, staged, used

SPAN = Span(warm_up=3.5, window=10.0, end=17.0)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_the_kernel_gives_the_lives_of_the_specification(seed):
    stage = staged(some_journey(seed), span=SPAN, seed=seed)
    count, room = run_draw(stage, 0, 0, first_room(stage))
    served = serve_by_simpy(count, world_of(stage, 0, 0, room), room.people)
    for mine, theirs in zip(by_customer(room.trace), by_customer(served.trace), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    counts, areas = used(room)
    np.testing.assert_allclose(counts, served.visits, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(areas, served.area, rtol=1e-9, atol=1e-9)


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
    np.testing.assert_array_equal(stage.blueprint.gives_up_to[where[before][~moved]], where[after][~moved])
    assert (time[after, DAY] >= time[before, DAY] + time[after, WAIT]).all()
    assert (time[:, WAIT] >= 0).all()
