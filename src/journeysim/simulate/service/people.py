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
from journeysim.simulate.service.ways import Answers, Entering, Ways, group_of, in_one_world, phase_on, stays_away
from journeysim.simulate.streams import (
    BLOCK,
    ENTRY,
    GAP,
    LARGEST,
    PURPOSE_SHIFT,
    Words,
    compiled,
    compiled_inner,
    unit,
    visit_words,
)
from journeysim.simulate.walk.kernel import first_above
from journeysim.simulate.walk.lanes import CUSTOMER, DWELL, KEY, LINK, VISIT_NUMBER
from journeysim.simulate.walk.layout import Layout
from journeysim.simulate.walk.quantiles import log_of
from journeysim.simulate.walk.truth import cumulate

_GAP_TAG: Final = np.uint32(GAP << PURPOSE_SHIFT)
_ENTRY_TAG: Final = np.uint32(ENTRY << PURPOSE_SHIFT)
_EVENLY: Final = np.array([[0.0, 0.0], [WEEK, 1.0]])


class People(NamedTuple):
    """The customers of one draw, in order of arrival; a customer's position here is who they are to an engine.

    Customer 0 is the first to arrive from day 0 on, 1 the next; those before are 2**32 - 1, 2**32 - 2, … backwards,
    so that a longer warm-up or window changes nobody.
    """

    time: Floats  # (A,) calendar day of arrival
    number: Words  # (A,) address
    persona: NDArray[np.int32]  # (A,)
    group: NDArray[np.int32]  # (A,) see `Ways`
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
    time: Floats, number: Words, words: Words, gaps: Floats,
) -> int:  # fmt: skip
    """Fill the customers who arrive in [start, end) in order and return how many they are; -1 where room is short.

    A Poisson process: exponential gaps in expected customers, from day 0 forwards and backwards, put on the calendar
    by the inverse of the expected number (Cinlar 1975, theorem 7.4 of chapter 4). `words` and `gaps` are room for
    a block's.
    """
    before = _one_way(-1, 0, per_day, week, start, low, high, draw, time, number, words, gaps)
    if before < 0:
        return before
    for k in range(before // 2):
        time[k], time[before - 1 - k] = time[before - 1 - k], time[k]
        number[k], number[before - 1 - k] = number[before - 1 - k], number[k]
    return _one_way(1, before, per_day, week, end, low, high, draw, time, number, words, gaps)


@compiled_inner
def _one_way(
    sign: int, at: int, per_day: float, week: Floats, until: float, low: np.uint64, high: np.uint64, draw: np.uint64,
    time: Floats, number: Words, words: Words, gaps: Floats,
) -> int:  # fmt: skip
    """Fill customers from position `at` on, from day 0 forwards (sign 1) or backwards (-1); return where they end."""
    per_week, expected, came = per_day * 7.0, 0.0, 0
    while True:
        for k in range(BLOCK):
            words[CUSTOMER + k] = np.uint32(came + k) if sign > 0 else np.uint32(LARGEST - 1 - came - k)
            words[KEY + k] = np.uint32(0)
            words[VISIT_NUMBER + k] = _GAP_TAG
        visit_words(BLOCK, low, high, draw, words)
        for k in range(BLOCK):
            gaps[k] = -log_of(1.0 - unit(words[LINK + k]))
        for k in range(BLOCK):
            expected += gaps[k]
            day = _day_of(sign * expected, per_week, week)
            if (day >= until) if sign > 0 else (day < until):
                return at
            if at >= time.size:
                return -1
            time[at] = day
            number[at] = words[CUSTOMER + k]
            at += 1
        came += BLOCK


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


class Doors(NamedTuple):
    """Who enters where in one draw, F phases: cumulative shares, in the walk's order."""

    personas: Floats  # (F, G)
    entry: Floats  # (F, G, s)


def new_doors(layout: Layout, phases: int) -> Doors:
    """Return room for one draw."""
    places = layout.place_key.size
    return Doors(np.zeros((phases, layout.personas)), np.zeros((phases, layout.personas, places)))


@compiled
def fill_doors(layout: Layout, entering: Entering, row: int, doors: Doors) -> None:
    """Make one draw ready."""
    for phase in range(doors.personas.shape[0]):
        cumulate(entering.persona_share[row, phase], layout.persona_order, doors.personas[phase])
        for persona in range(layout.personas):
            cumulate(entering.entry[row, phase, persona], layout.entry_order, doors.entry[phase, persona])


@compiled
def gather(
    count: int, layout: Layout, ways: Ways, answers: Answers, entering: Entering, row: int, draw: np.uint64,
    people: People,
) -> int:  # fmt: skip
    """Fill the groups of the first `count` customers, leave out whoever does not come, and return how many do."""
    low, high, kept = layout.seed_low, layout.seed_high, 0
    for k in range(count):
        number, day = people.number[k], people.time[k]
        group = group_of(answers, row, low, high, draw, number)
        comes = entering.comes[row, phase_on(ways, group, day, 0.0)]
        if not stays_away(comes, low, high, draw, number):
            people.number[kept], people.time[kept], people.group[kept] = number, day, group
            kept += 1
    return kept


@compiled
def enter(count: int, layout: Layout, ways: Ways, doors: Doors, draw: np.uint64, people: People, words: Words) -> None:
    """Fill who the first `count` customers are and where they enter: the walk's choices, from the same uniforms."""
    personas, entry, alike = doors.personas[0], doors.entry[0], in_one_world(ways)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        for k in range(size):
            words[CUSTOMER + k] = people.number[start + k]
            words[KEY + k] = np.uint32(0)
            words[VISIT_NUMBER + k] = _ENTRY_TAG
        visit_words(size, layout.seed_low, layout.seed_high, draw, words)
        for k in range(size):
            who = start + k
            if not alike:
                phase = phase_on(ways, people.group[who], people.time[who], 0.0)
                personas, entry = doors.personas[phase], doors.entry[phase]
            persona = layout.persona_order[first_above(personas, unit(words[LINK + k]))]
            people.persona[who] = persona
            people.place[who] = layout.entry_order[first_above(entry[persona], unit(words[DWELL + k]))]
