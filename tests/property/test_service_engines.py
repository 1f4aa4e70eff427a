"""The compiled service kernel against its SimPy specification, customer by customer, on random blueprints."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.by_simpy import serve_by_simpy
from journeysim.simulate.service.desks import BUSY, OVERTIME, STAFFED
from journeysim.simulate.service.stage import first_room, run_draw, world_of
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
