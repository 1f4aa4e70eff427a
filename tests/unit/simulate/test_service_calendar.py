"""Days and hours of a run: when resources are open, when customers come, and who they are."""

from datetime import date

import numpy as np
import pytest

from journeysim.model.journey import ArrivalHours
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.hours import open_spans
from journeysim.simulate.service.people import week_of
from journeysim.simulate.service.stage import first_room, people_of
from service_maps import some_journey, staged

OFFICE = tuple((day + 1 / 3, day + 0.75) for day in range(5))


def test_day_0_is_a_monday_unless_it_has_a_date():
    spans = open_spans(OFFICE, (), None, -7.0, 14.0)
    assert len(spans) == 15
    np.testing.assert_allclose(spans[5], (1 / 3, 0.75))
    saturday = open_spans(OFFICE, (), date(2027, 1, 2), 0.0, 7.0)
    np.testing.assert_allclose(saturday[0], (2 + 1 / 3, 2.75))


def test_a_closed_day_is_closed_and_midnight_closes_nothing():
    first = date(2026, 12, 28)
    assert len(open_spans(OFFICE, ("2027-01-01",), first, 0.0, 7.0)) == 4
    np.testing.assert_allclose(open_spans(((0.0, 7.0),), (), None, -9.5, 20.0), [(-9.5, 20.0)])
    np.testing.assert_allclose(open_spans(((0.0, 7.0),), ("2027-01-01",), first, 0.0, 7.0), [(0, 4), (5, 7)])


def test_customers_come_in_the_stated_hours_only():
    hours = (ArrivalHours("", ((0.25, 0.5),), 0.75), ArrivalHours("", ((5.0, 6.0),), 0.25))
    week = week_of(hours, None, 0.0)
    assert np.interp([0.25, 0.375, 0.5, 5.0, 6.0, 7.0], *week.T) == pytest.approx([0, 0.375, 0.75, 0.75, 1, 1])
    moved = week_of(hours, None, 3.0)
    assert np.interp([1.0, 2.0, 3.25, 3.5], *moved.T) == pytest.approx([0.0, 0.25, 0.25, 1.0])


def test_a_longer_warm_up_or_window_changes_nobody():
    """Customers keep their number and their hour; a factor on arrivals moves their hours alone."""
    journey, found = some_journey(4), []
    for span in (Span(7.0, 14.0, 21.0), Span(21.0, 14.0, 28.0)):
        stage = staged(journey, span=span, seed=3)
        count, room = people_of(stage, 0, 0, first_room(stage))
        found.append((room.people.number[:count], room.people.time[:count]))
    (few, when), (many, others) = found
    inside = (others >= -7.0) & (others < 21.0)
    np.testing.assert_array_equal(few, many[inside])
    np.testing.assert_array_equal(when, others[inside])
    assert few[np.searchsorted(when, 0.0)] == 0
    rate, days = float(staged(journey, span=Span(21.0, 14.0, 28.0)).arriving.per_day[0]), 49.0
    assert len(many) == pytest.approx(rate * days, abs=4.6 * np.sqrt(rate * days))
