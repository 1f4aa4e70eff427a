"""Who arrives when: the customers of one draw in the order of their arrivals, each with their own address."""

# Compiled code takes plain arrays, so many of them.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.journey import ArrivalHours
from journeysim.model.quantity import Floats
from journeysim.simulate.service.hours import WEEK
from journeysim.simulate.streams import ENTRY, GAP, LARGEST, Words, compiled, compiled_inner, uniform_at
from journeysim.simulate.walk.kernel import first_above
from journeysim.simulate.walk.layout import Layout
from journeysim.simulate.walk.quantiles import log_of
from journeysim.simulate.walk.truth import Truth

_EVENLY: Final = np.array([[0.0, 0.0], [WEEK, 1.0]])


class People(NamedTuple):
    """The customers of one draw, in order of arrival; a customer's position here is who they are to an engine.

    Customer 0 is the first to arrive from day 0 on, 1 the next; those before are 2**32 - 1, 2**32 - 2, … backwards,
    so that a longer warm-up or window changes nobody.
    """

    time: Floats  # (A,) calendar day of arrival
    number: Words  # (A,) address
    persona: NDArray[np.int32]  # (A,)
    place: NDArray[np.int32]  # (A,) where they enter


def week_of(hours: Sequence[ArrivalHours], by_weekday: Floats | None, monday: float) -> Floats:
    """Return the share of a week's customers who have come by each moment, shape (k, 2): days into the run's week, share.

    `monday` is when the run's week has its Monday, in days (0 … 6). Without hours the weekdays' factors hold, without
    those customers come evenly.
    """
    if not hours and by_weekday is None:
        return _EVENLY
    spans = [(start, end, part.share / _length(part)) for part in hours for start, end in part.hours]
    if not hours and by_weekday is not None:
        spans = [(float(day), day + 1.0, float(by_weekday[day])) for day in range(7)]
    moved = [((start + monday) % WEEK, end - start, rate) for start, end, rate in spans]
    cut = [(start, min(WEEK, start + length), rate) for start, length, rate in moved]
    cut += [(0.0, start + length - WEEK, rate) for start, length, rate in moved if start + length > WEEK]
    times = np.unique([0.0, WEEK, *(time for start, end, _ in cut for time in (start, end))])
    rates = [sum(rate for start, end, rate in cut if start <= low < end) for low in times[:-1]]
    shares = np.concatenate([[0.0], np.cumsum(np.diff(times) * rates)])
    return np.column_stack([times, shares / shares[-1]])


def _length(part: ArrivalHours) -> float:
    return sum(end - start for start, end in part.hours)


@compiled
def arrivals(
    per_day: float, week: Floats, start: float, end: float, low: np.uint64, high: np.uint64, draw: np.uint64,
    time: Floats, number: Words,
) -> int:  # fmt: skip
    """Fill the customers who arrive in [start, end) in order and return how many they are; -1 where room is short.

    A Poisson process: exponential gaps in expected customers, from day 0 forwards and backwards, put on the calendar
    by the inverse of the expected number (Cinlar 1975, theorem 7.4 of chapter 4).
    """
    per_week = per_day * 7.0
    before, gap = 0, 0.0
    while True:
        gap += _gap(low, high, draw, np.uint32(LARGEST - 1 - before))
        day = _day_of(-gap, per_week, week)
        if day < start:
            break
        if before >= time.size:
            return -1
        time[before] = day
        number[before] = np.uint32(LARGEST - 1 - before)
        before += 1
    for k in range(before // 2):
        time[k], time[before - 1 - k] = time[before - 1 - k], time[k]
        number[k], number[before - 1 - k] = number[before - 1 - k], number[k]
    after, gap = 0, 0.0
    while True:
        gap += _gap(low, high, draw, np.uint32(after))
        day = _day_of(gap, per_week, week)
        if day >= end:
            return before + after
        if before + after >= time.size:
            return -1
        time[before + after] = day
        number[before + after] = np.uint32(after)
        after += 1


@compiled_inner
def _gap(low: np.uint64, high: np.uint64, draw: np.uint64, number: np.uint32) -> float:
    return -log_of(1.0 - uniform_at(low, high, draw, number, np.uint32(0), np.uint32(0), GAP)[0])


@compiled_inner
def _day_of(expected: float, per_week: float, week: Floats) -> float:
    """Return the calendar day by which so many customers are expected since day 0 (negative: before)."""
    weeks = np.floor(expected / per_week)
    part = expected / per_week - weeks
    k = 1
    while k < week.shape[0] - 1 and week[k, 1] <= part:
        k += 1
    width = week[k, 1] - week[k - 1, 1]
    within = (part - week[k - 1, 1]) / width if width > 0.0 else 1.0
    return float(weeks * 7.0 + week[k - 1, 0] + within * (week[k, 0] - week[k - 1, 0]))


@compiled
def enter(count: int, layout: Layout, truth: Truth, draw: np.uint64, people: People) -> None:
    """Fill who the first `count` customers are and where they enter: the walk's choices, from the same uniforms."""
    for k in range(count):
        words = uniform_at(layout.seed_low, layout.seed_high, draw, people.number[k], np.uint32(0), np.uint32(0), ENTRY)
        persona = layout.persona_order[first_above(truth.personas, words[0])]
        people.persona[k] = persona
        people.place[k] = layout.entry_order[first_above(truth.entry[persona], words[1])]
