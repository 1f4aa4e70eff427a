"""What is counted, period by period: the same way in the log and in what is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.event_log import Bools, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.paths import conversions
from journeysim.model.quantity import Floats

MOVES: Final = "moves"
CONVERSIONS: Final = "conversions"
OF_ENTRANTS: Final = "conversions of entrants"
TO_CONVERT: Final = "days to convert"
GOING: Final = "on the way"
ENTRANTS: Final = "entrants"
VALUE: Final = "value"
RATING: Final = "rating"
#: A median of fewer converts, or a mean of fewer ratings, than this is not judged.
_LEAST: Final = 5


@final
@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Customers: in which unit (draw) they live, persona, day of entry, whether they have converted already, and weight.

    A customer of weight w counts as w; medians and who is enough for a mean count customers.
    """

    unit: Ints
    persona: Ints
    entered: Floats
    converted: Bools
    weight: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Metrics by name, each of shape (unit, persona + 1, period); the last persona is everybody."""

    metrics: dict[str, Floats]


def unit_of(metric: str) -> str:
    """Return the unit of a metric."""
    return {TO_CONVERT: "days", VALUE: "money", RATING: "points"}.get(metric, "count")


@final
class Counter:
    """Collects moves in time order and counts them by unit, persona and period; lives inside one prediction.

    `edges` are days; what lies outside of them is left out.
    """

    def __init__(self, journey: JourneyMap, crowd: Crowd, edges: Floats, units: int) -> None:
        self.journey, self.crowd, self.edges = journey, crowd, edges
        self.shape = (units, len(journey.personas), len(edges) - 1)
        self.converts = conversions(journey)
        self.converted = crowd.converted.copy()
        self.arrived = np.zeros((len(journey.place_names), *self.shape))
        self.first = np.zeros(self.shape)
        self.entrants = np.zeros(self.shape)
        self.times: list[tuple[Ints, Floats]] = []
        self.worth: Floats | None = None
        self.ratings: Floats | None = None

    def add(self, rows: Ints, place: Ints, day: Floats, worth: Floats | None = None) -> None:
        """Count moves of customers (rows of the crowd), each customer's own in time order, and what they are worth."""
        period = self._period(day)
        inside = period >= 0
        at, weight = (place[inside], *self._cell(rows[inside], period[inside])), self.crowd.weight[rows[inside]]
        np.add.at(self.arrived, at, weight)
        if worth is not None:
            self.worth = np.zeros(self.shape) if self.worth is None else self.worth
            np.add.at(self.worth, at[1:], weight * worth[inside])
        self._convert(rows, place, day, period)

    def rate(self, rows: Ints, day: Floats, answer: Floats) -> None:
        """Count answers of customers; NaN is none."""
        self.ratings = np.zeros((3, *self.shape)) if self.ratings is None else self.ratings
        period = self._period(day)
        given = np.flatnonzero((period >= 0) & np.isfinite(answer))
        at, weight = self._cell(rows[given], period[given]), self.crowd.weight[rows[given]]
        for total, part in zip(self.ratings, (np.ones(len(given)), weight, weight * answer[given]), strict=True):
            np.add.at(total, at, part)

    def _period(self, day: Floats) -> Ints:
        period = np.searchsorted(self.edges, day, side="right") - 1
        return np.where((period >= 0) & (period < self.shape[2]), period, -1)

    def _cell(self, rows: Ints, period: Ints) -> tuple[Ints, Ints, Ints]:
        return self.crowd.unit[rows], self.crowd.persona[rows], period

    def _convert(self, rows: Ints, place: Ints, day: Floats, period: Ints) -> None:
        """Count everybody's first conversion."""
        fresh = np.flatnonzero(self.converts[place] & ~self.converted[rows])
        _, first = np.unique(rows[fresh], return_index=True)
        at = fresh[first]
        self.converted[rows[at]] = True
        at = at[period[at] >= 0]
        who, when = rows[at], period[at]
        np.add.at(self.first, self._cell(who, when), self.crowd.weight[who])
        entered = self.crowd.entered[who]
        at_once = self._period(entered) == when
        np.add.at(self.entrants, self._cell(who[at_once], when[at_once]), self.crowd.weight[who[at_once]])
        cell = np.ravel_multi_index(self._cell(who, when), self.shape)
        self.times.append((np.asarray(cell, dtype=np.int64), day[at] - entered))

    def result(self, going: Floats, *, silent: frozenset[str]) -> Tally:
        """Return the metrics; `going` (unit, persona) are those on the way when the first period begins."""
        n = len(self.journey.touchpoints)
        ended = np.cumsum(self.arrived[n:].sum(axis=0), axis=-1)
        came = np.zeros(self.shape)
        period = self._period(self.crowd.entered)
        inside = np.flatnonzero(period >= 0)
        np.add.at(came, self._cell(inside, period[inside]), self.crowd.weight[inside])
        found = {ENTRANTS: came, MOVES: self.arrived.sum(axis=0), GOING: going[..., None] + np.cumsum(came, -1) - ended}
        found |= {f"visits to {name}": self.arrived[k] for k, name in enumerate(self.journey.touchpoint_names)}
        seen = [(k, name) for k, name in enumerate(self.journey.outcome_names) if name not in silent]
        found |= {f"reached {name}": self.arrived[n + k] for k, name in seen}
        if self.converts.any():
            found |= {CONVERSIONS: self.first, OF_ENTRANTS: self.entrants}
        if self.worth is not None:
            found[VALUE] = self.worth
        whole = {name: np.concatenate([each, each.sum(axis=1, keepdims=True)], axis=1) for name, each in found.items()}
        whole |= {TO_CONVERT: self._medians()} if self.converts.any() else {}
        return Tally(whole if self.ratings is None else whole | {RATING: _means(self.ratings)})

    def _medians(self) -> Floats:
        """Return the median days from entry to conversion of those who converted in a period; NaN for a handful."""
        units, personas, periods = self.shape
        cell = np.concatenate([cells for cells, _ in self.times] or [np.empty(0, dtype=np.int64)])
        days = np.concatenate([each for _, each in self.times] or [np.empty(0)])
        unit, persona, period = np.unravel_index(cell, self.shape)
        size = (units, personas + 1, periods)
        both = [np.ravel_multi_index((unit, who, period), size) for who in (persona, np.full_like(persona, personas))]
        return _grouped_medians(np.concatenate(both), np.tile(days, 2), units * (personas + 1) * periods).reshape(size)


def _means(ratings: Floats) -> Floats:
    """Return mean answers by unit, persona (and everybody) and period; NaN for a handful."""
    answers, weight, total = np.concatenate([ratings, ratings.sum(axis=2, keepdims=True)], axis=2)
    return np.where(answers >= _LEAST, total / np.where(weight > 0, weight, 1.0), np.nan)


def _grouped_medians(group: Ints, values: Floats, groups: int) -> Floats:
    order = np.lexsort((values, group))
    values, count = values[order], np.bincount(group, minlength=groups)
    starts = np.cumsum(count) - count
    enough = count >= _LEAST
    found = np.full(groups, np.nan)
    low, high = starts + (count - 1) // 2, starts + count // 2
    found[enough] = (values[low[enough]] + values[high[enough]]) / 2
    return found
