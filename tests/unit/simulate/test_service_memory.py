"""What a run of the service engine keeps: who is on the way and who is measured, not everybody who ever came."""

from dataclasses import replace

import numpy as np
import pytest

from journeysim.errors import JourneysimError
from journeysim.model.quantity import Fixed
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.stage import first_room, run_draw
from journeysim.simulate.service.steps import WHO
from service_maps import by_customer, some_journey, staged


def test_a_longer_warm_up_keeps_no_more_records_and_no_more_slots():
    sizes = []
    for warm_up in (14.0, 1400.0):
        stage = staged(some_journey(3), span=Span(warm_up, 7.0, 14.0), seed=1)
        count, room = run_draw(stage, 0, 0, first_room(stage), measured=True)
        sizes.append((int(room.trace.size[0]) // 50, len(room.trace.place), len(room.customers.free)))
    assert count > 20 * 500 / 4
    assert sizes[0][1:] == sizes[1][1:]
    assert sizes[0][0] == pytest.approx(sizes[1][0], abs=1)


def test_the_records_of_the_measured_are_those_of_everybody():
    stage = staged(some_journey(5), span=Span(7.0, 7.0, 14.0), seed=2)
    count, room = run_draw(stage, 0, 0, first_room(stage))
    everybody = [column.copy() for column in by_customer(room.trace)]
    first, last = np.searchsorted(room.people.time[:count], [0.0, 7.0])
    _, room = run_draw(stage, 0, 0, room, measured=True)
    chosen = (everybody[0][:, WHO] >= first) & (everybody[0][:, WHO] < last)
    assert 0 < chosen.sum() < len(chosen)
    for mine, whole in zip(by_customer(room.trace), everybody, strict=True):
        np.testing.assert_array_equal(mine, whole[chosen])


def test_more_customers_than_can_be_told_apart_are_refused():
    journey = replace(some_journey(0), arrivals_per_day=Fixed(1e9))
    with pytest.raises(JourneysimError, match="can be told apart"):
        first_room(staged(journey, span=Span(7.0, 7.0, 14.0)))
