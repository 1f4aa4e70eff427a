"""Customers under way when a change begins: cohorts by day of entry, who pass from one world to the next.

What an arm adds by a calendar date is an integral over days of entry. Had all stayed in the world they enter, whole
lives in each world would do. What the turns of a timeline add to that is taken at a few days of entry, followed as
spliced chains, and weighed by Simpson's rule; in a few trial draws panels are halved, the worst first, until what is
left to gain is below a hundredth of the integral.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.arms import Arm
from journeysim.model.quantity import Floats
from journeysim.model.seasons import YEAR
from journeysim.model.timeline import Timeline, crossings_of, timelines_of
from journeysim.model.units import DAYS_PER_MONTH, DAYS_PER_YEAR
from journeysim.simulate.chain import Chain
from journeysim.simulate.seasons import entered_on
from journeysim.simulate.splice import sharing_tables, spliced
from journeysim.simulate.tally import Tally

TOLERANCE: Final = 0.01
#: A day of entry that adds less than this part of the integral is left out: who entered long ago is mostly gone.
NOTHING: Final = 5e-4
MOST_PANELS: Final = 8
TRIAL_DRAWS: Final = 3
#: Calendar dates, from the first turn to the end of the last life, at which panels are compared.
TRIAL_DATES: Final = 25
#: Part of the horizon that stands for "just before" a turn.
JUST_BEFORE: Final = 1e-6
#: Months since entry are cut into so many parts where cohorts are followed.
PARTS_OF_MONTH: Final = 8
PART: Final = DAYS_PER_MONTH / PARTS_OF_MONTH
SUMS: Final = {"value": "value_month", "cost": "cost_month", "converted": "converted_month"}

Run = Callable[[Chain], Tally]
Sums = Mapping[str, Floats]


@final
@dataclass(frozen=True, slots=True)
class Way:
    """The worlds an entering customer passes through, and the days since entry on which they do.

    `entered` is the day of the year of seasons on which they enter; None where months do not differ.
    """

    worlds: tuple[int, ...]
    turns: tuple[float, ...] = ()
    entered: float | None = None

    @property
    def first_turn(self) -> float:
        """Days since entry until which they live as if the world they enter stayed."""
        return self.turns[0] if self.turns else 0.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Customers who enter on calendar day `day` and go `way`, standing for `width` days of entries.

    `sums` is what an entering customer brings by month since entry: value, cost and conversions, (D, M) each; `stays`
    what they would bring if the world they enter stayed.
    """

    day: float
    width: float
    way: Way
    sums: Sums
    stays: Sums


@final
@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Customers on one timeline, with the cohorts into whose life a turn falls."""

    timeline: Timeline
    cohorts: tuple[Cohort, ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Underway:
    """An arm's groups, and what whole lives of `length` days in each of its worlds bring, counted as in the cohorts.

    In seasons of the year `parts_of_year` says what those bring who enter in each equal part of the year, from its beginning
    on: by world, then by part; `day0` is the day of the year that calendar day 0 is.
    """

    groups: tuple[Group, ...]
    whole: tuple[Sums, ...]
    length: float
    parts_of_year: tuple[tuple[Sums, ...], ...] = ()
    day0: float = 0.0

    @property
    def part_days(self) -> float:
        """Length of a part of the year in days."""
        return DAYS_PER_YEAR / len(self.parts_of_year[0])

    def part_of(self, day: float) -> int:
        """Return the part of the year that a calendar day lies in."""
        return int(np.floor((self.day0 + day) / self.part_days)) % len(self.parts_of_year[0])


def underway(arm: Arm, chains: Sequence[Chain], run: Run, *, length: float, first_day: str | None = None) -> Underway:
    """Return who is under way when the worlds of an arm change, and what they bring.

    Parameters
    ----------
    arm : Arm
        A proposal's arm.
    chains : sequence of Chain
        Its worlds, compiled; today's first.
    run : callable
        Chain in, tally over `length` days out; the same random numbers at every call.
    length : float
        How long each customer is followed.
    first_day : str, optional
        The date of calendar day 0, from which the seasons of days of entry follow.
    """
    same = worlds_alike(chains)
    rows = np.unique(np.linspace(0, chains[0].draws - 1, TRIAL_DRAWS).astype(np.int64))
    trial, whole = (Ways(own, run, first_day) for own in ([chain.take(rows) for chain in chains], chains))
    groups = []
    for timeline in timelines_of(arm, same):
        nodes = [
            node
            for start, end in crossings_of(timeline.turns, length)
            for node in _nodes(timeline, start, end, trial, length)
        ]
        groups.append(Group(timeline, tuple(_cohort(*node, whole) for node in nodes)))
    return _underway(groups, whole, same, length)


def _cohort(day: float, width: float, way: Way, lives: Ways) -> Cohort:
    way = lives.on(day, way)
    return Cohort(day, width, way, lives.of(way), lives.of(replace(way, worlds=way.worlds[:1], turns=())))


def _underway(groups: Sequence[Group], lives: Ways, same: Sequence[int], length: float) -> Underway:
    whole = tuple(lives.of(Way((world,))) for world in same)
    if lives.day0 is None:
        return Underway(tuple(groups), whole, length)
    days = lives.entries()
    parts = tuple(tuple(lives.of(Way((world,), entered=day)) for day in days) for world in same)
    return Underway(tuple(groups), whole, length, parts, lives.day0)


def worlds_alike(chains: Sequence[Chain]) -> list[int]:
    """Return of each chain the first one that equals it, itself if none does."""
    return [next(k for k, other in enumerate(chains) if _equal(other, chain)) for chain in chains]


def along(plan: Underway, chains: Sequence[Chain], run: Run, rows: NDArray[np.int64]) -> Underway:
    """Return what customers of the same days of entry bring in other worlds that are passed through on the same days.

    `rows` are the draws of `plan` that `chains` hold. Worlds that were equal in the plan are not passed between.
    """
    lives = Ways(chains, run)
    lives.day0 = plan.day0 if plan.parts_of_year else None
    groups = [
        Group(
            replace(group.timeline, weight=group.timeline.weight[rows]),
            tuple(_cohort(cohort.day, cohort.width, cohort.way, lives) for cohort in group.cohorts),
        )
        for group in plan.groups
    ]
    return _underway(groups, lives, range(len(chains)), plan.length)


def way_from(timeline: Timeline, day: float, length: float) -> Way:
    """Return the way of a customer of a timeline who enters on a calendar day."""
    passed = sum(turn <= day for turn in timeline.turns)
    inside = tuple(round(turn - day, 9) for turn in timeline.turns[passed:] if turn - day < length)
    return Way(timeline.worlds[passed : passed + len(inside) + 1], inside)


def brought_by(months: Floats, days: Floats, *, after: float = 0.0) -> Floats:
    """Return sums by month since entry (D, M) as sums up to each day since entry (K,), shape (D, K).

    A month's sum comes evenly over it; before day `after` there is nothing, and that month's sum comes evenly over its rest.
    """
    total = np.hstack([np.zeros((len(months), 1)), np.cumsum(months, axis=1)])
    place = np.clip(days / PART, 0.0, months.shape[1])
    low = np.minimum(place.astype(np.int64), months.shape[1] - 1)
    found = total[:, low] + (place - low) * (total[:, low + 1] - total[:, low])
    month = min(int(after / PART), months.shape[1] - 1)
    rest = (days - after) / ((month + 1) * PART - after)
    return np.where(days <= after, 0.0, np.where(low > month, found, total[:, [month + 1]] * rest))


@final
class Ways:
    """What customers bring on each way they go through worlds; every way is run once."""

    def __init__(self, chains: Sequence[Chain], run: Run, first_day: str | None = None) -> None:
        self.chains = sharing_tables(chains)
        self._run = run
        self._known: dict[Way, Sums] = {}
        season = chains[0].season
        #: Day of the year that calendar day 0 is; None where months do not differ.
        self.day0 = season.cycle.day_of(first_day) if season is not None and season.cycle is YEAR else None

    def on(self, day: float, way: Way) -> Way:
        """Return the way of customers who enter on a calendar day: where months differ, with that day of the year."""
        return way if self.day0 is None else replace(way, entered=round((self.day0 + day) % YEAR.days, 9))

    def entries(self) -> tuple[float, ...]:
        """Return the days of the year that stand for all days of entry."""
        season = self.chains[0].season
        return () if season is None else replace(season, entered=None).entries()

    def of(self, way: Way) -> Sums:
        """Return what an entering customer brings by month since entry, (D, M) each."""
        if way not in self._known:
            parts = [self.chains[world] for world in way.worlds]
            tally = self._run(entered_on(spliced(parts, way.turns), way.entered))
            share = parts[0].persona_share
            self._known[way] = {
                name: np.einsum("dg,dgm->dm", share, getattr(tally, source)) for name, source in SUMS.items()
            }
        return self._known[way]

    def added(self, day: float, way: Way, dates: Floats) -> Floats:
        """Return what the turns of entries of one day add by calendar dates, shape (3, D, K)."""
        way = self.on(day, way)
        arrivals = np.nan_to_num(self.chains[way.worlds[0]].arrivals, nan=1.0)[:, None]
        own, stays = self.of(way), self.of(Way(way.worlds[:1], entered=way.entered))
        gaps = (arrivals * (own[name] - stays[name]) for name in SUMS)
        return np.stack([brought_by(gap, dates - day, after=way.first_turn) for gap in gaps])


Node = tuple[float, float, Way]


def _nodes(timeline: Timeline, start: float, end: float, trial: Ways, length: float) -> Iterator[Node]:
    """Yield days of entry from `start` to `end` with the days they stand for, and the way of each."""
    end -= JUST_BEFORE * length
    turns = [turn for turn in timeline.turns if start < turn < end + 2 * length]
    dates = np.linspace(min(turns), end + length, TRIAL_DATES)

    def added(day: float) -> Floats:
        return trial.added(day, way_from(timeline, day, length), dates)

    widths = days_of_entry(start, end, added)
    parts = {day: np.abs(width * added(day)).max(axis=(1, 2)) for day, width in widths.items()}
    whole = sum(parts.values())
    for day, width in widths.items():
        if (parts[day] > NOTHING * whole).any():
            yield day, width, way_from(timeline, day, length)


def days_of_entry(
    start: float, end: float, added: Callable[[float], Floats], *, tolerance: float = TOLERANCE, most: int = MOST_PANELS,
    halved: bool = False,
) -> dict[float, float]:  # fmt: skip
    """Return days of entry from `start` to `end`, and the days each stands for, for an integral of what they add.

    `added` gives what entries of a day add, (sums, D, dates). Simpson's rule on at most `most` panels, or on their halves,
    which have been looked at to judge the panels.
    """
    widths: dict[float, float] = {}
    for whole in _panels(start, end, added, tolerance, most):
        middle = (whole[0] + whole[1]) / 2
        for low, high in ((whole[0], middle), (middle, whole[1])) if halved else (whole,):
            for day, part in ((low, 1 / 6), ((low + high) / 2, 4 / 6), (high, 1 / 6)):
                widths[day] = widths.get(day, 0.0) + part * (high - low)
    return widths


def _panels(
    start: float, end: float, added: Callable[[float], Floats], tolerance: float, most: int
) -> list[tuple[float, float]]:
    """Return panels from `start` to `end` on which Simpson's rule is good enough."""
    known: dict[float, Floats] = {}

    def simpson(low: float, high: float) -> Floats:
        days = (low, (low + high) / 2, high)
        for day in days:
            if day not in known:
                known[day] = added(day)
        return (high - low) / 6 * (known[low] + 4 * known[days[1]] + known[high])

    def halved(low: float, high: float) -> tuple[Floats, Floats]:
        middle = (low + high) / 2
        better = simpson(low, middle) + simpson(middle, high)
        return better, np.abs(better - simpson(low, high))

    middle = (start + end) / 2
    panels = {(low, high): halved(low, high) for low, high in ((start, middle), (middle, end))}
    while len(panels) < most:
        scale = np.abs(sum(better for better, _ in panels.values())).max(axis=(1, 2))
        errors = {
            panel: float(np.max(error.max(axis=(1, 2)) / np.where(scale > 0, scale, np.inf)))
            for panel, (_, error) in panels.items()
        }
        if sum(errors.values()) <= tolerance:
            break
        low, high = max(errors, key=lambda panel: errors[panel])
        middle = (low + high) / 2
        del panels[low, high]
        panels |= {(low, middle): halved(low, middle), (middle, high): halved(middle, high)}
    return sorted(panels)


def _equal(one: object, other: object) -> bool:
    """Return whether two values hold the same, arrays and parts of parts included."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        floats = one.dtype.kind == "f"
        return one.shape == other.shape and np.array_equal(one, other, equal_nan=floats)
    if is_dataclass(one) and is_dataclass(other):
        return type(one) is type(other) and all(
            _equal(getattr(one, item.name), getattr(other, item.name)) for item in fields(one)
        )
    return bool(one == other)
