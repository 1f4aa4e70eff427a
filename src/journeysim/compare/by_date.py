"""What a proposal adds by calendar month where its changes act by the date of each move, on customers under way too.

With D_c(t) what a customer who enters on day c brings up to t days after entry, less what they would bring today, the
arm has added integral of rate x D_c(x - c) over c by calendar day x. As if all stayed in the world they enter, D is
shared by all days on which that world is in force, and its part an antiderivative at both ends of these; what it adds
that customers under way pass to another world comes as cohorts (`simulate.underway`). Where months differ, D is shared by
the days of one part of one year, and today's months are an integral of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from journeysim.compare.streams import Stream
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.underway import PART, SUMS, Group, Underway, brought_by


def by_date(underway: Underway, worlds: Sequence[Stream], months: int) -> dict[str, Floats]:
    """Return what is added at full effect to today's months from day 0, each (D, months).

    Months that no turn of a timeline touches, nor a life that ends in them, are steady: the difference of two worlds. No
    month is where months differ.
    """
    total = {name: np.zeros((len(worlds[0].arrivals), months)) for name in SUMS}
    dates = DAYS_PER_MONTH * np.arange(months + 1, dtype=np.float64)
    for group in underway.groups:
        for name in SUMS:
            moving = np.diff(_up_to(dates, name, group, underway, worlds), axis=1)
            steady = moving if underway.parts_of_year else _settled(moving, name, group, worlds, dates)
            total[name] += group.timeline.weight[:, None] * steady
    return total


def _up_to(dates: Floats, name: str, group: Group, underway: Underway, worlds: Sequence[Stream]) -> Floats:
    """Return what a group has added by each date (D, K), as if it were all customers."""
    arrivals = [world.arrivals[:, None] / DAYS_PER_MONTH for world in worlds]
    found = np.zeros((len(arrivals[0]), len(dates)))
    timeline = group.timeline
    for world, first, last in zip(timeline.worlds[1:], timeline.turns, (*timeline.turns[1:], np.inf), strict=True):
        for start, end, wholes in _alike(underway, first, last, dates[-1]):
            added = arrivals[world] * wholes[world][name] - arrivals[0] * wholes[0][name]
            found += _entered_since(added, dates - start) - _entered_since(added, dates - end)
    for cohort in group.cohorts:
        rate = arrivals[cohort.way.worlds[0]]
        added = rate * cohort.sums[name] - rate * cohort.stays[name]
        found += cohort.width * brought_by(added, dates - cohort.day, after=cohort.way.first_turn)
    return found


def _alike(
    underway: Underway, start: float, end: float, last: float
) -> Iterator[tuple[float, float, Sequence[Mapping[str, Floats]]]]:
    """Yield days of entry on which whole lives are alike, with what these bring in each world, up to a last date."""
    if not underway.parts_of_year:
        yield start, end, underway.whole
        return
    for first, until, part in _parts_between(underway, start, min(end, last)):
        yield first, until, [world[part] for world in underway.parts_of_year]


def months_of_year(underway: Underway, today: Stream, months: int) -> dict[str, Floats]:
    """Return what today's customers bring by calendar month where months differ, each (D, months)."""
    dates = DAYS_PER_MONTH * np.arange(months + 1, dtype=np.float64)
    rate = today.arrivals[:, None] / DAYS_PER_MONTH
    found = {name: np.zeros((len(rate), months + 1)) for name in SUMS}
    for first, last, part in _parts_between(underway, -underway.length - underway.part_days, dates[-1]):
        for name, brought in underway.parts_of_year[0][part].items():
            found[name] += _entered_since(rate * brought, dates - first) - _entered_since(rate * brought, dates - last)
    return {name: np.diff(values, axis=1) for name, values in found.items()}


def _parts_between(underway: Underway, start: float, end: float) -> Iterator[tuple[float, float, int]]:
    """Yield the days of entry between two calendar days, cut where parts of the year begin, with the part they are in."""
    length = underway.part_days
    first = np.floor((underway.day0 + start) / length) * length - underway.day0
    edges = np.arange(first, end + length, length)
    for low, high in pairwise(edges):
        if min(high, end) > max(low, start):
            yield max(low, start), min(high, end), underway.part_of((low + high) / 2)


def _entered_since(added: Floats, days: Floats) -> Floats:
    """Return what entries of the last `days` days (K,) have added, shape (D, K), given what those of one day do.

    `added` (D, M) is by part of a month since entry, evenly over it, so that its sum is a straight line and this a
    parabola within a part; after the last one it goes on straight.
    """
    total = np.hstack([np.zeros((len(added), 1)), np.cumsum(added, axis=1)])
    area = np.hstack([np.zeros((len(added), 1)), np.cumsum((total[:, 1:] + total[:, :-1]) / 2, axis=1)])
    slope = np.hstack([added, np.zeros((len(added), 1))])
    place = np.maximum(days, 0.0) / PART
    low = np.minimum(place.astype(np.int64), added.shape[1])
    part = place - low
    return np.asarray(PART * (area[:, low] + part * total[:, low] + part**2 / 2 * slope[:, low]))


def _settled(moving: Floats, name: str, group: Group, worlds: Sequence[Stream], dates: Floats) -> Floats:
    """Return the months with the steady ones put in."""
    found, turns = moving.copy(), group.timeline.turns
    length = DAYS_PER_MONTH * worlds[0].profiles[name].shape[1]
    for month in range(len(dates) - 1):
        first, last = dates[month] - length, dates[month + 1]
        if not any(first < turn < last for turn in turns):
            world = worlds[group.timeline.worlds[sum(turn <= first for turn in turns)]]
            found[:, month] = world.steady(name) - worlds[0].steady(name)
    return found
