"""While changes begin or end: what customers who share staff add by calendar month, those under way included.

A visit goes by the world in force when it begins, as everywhere (docs/design/0019). Nobody can be followed alone here, so
a proposal's calendar is lived through, from where its first change could touch anybody until all who are on the way came
after its last one; today's customers live through the same days. What is left is the difference by calendar month.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final, final

import numpy as np

from journeysim.model.arms import World
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.executors import Executor
from journeysim.simulate.seasons import by_month
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.crowd import Crowd, days_of, today_alone
from journeysim.simulate.service.run import months_of
from journeysim.simulate.service.staging import most_coming, staged
from journeysim.simulate.settings import Settings
from journeysim.simulate.underway import SUMS, Sums

MONTHS_OF_YEAR: Final = 12
_NEARLY: Final = 1e-9


@final
class Turning:
    """Lives through calendars; today's is lived through once for all crowds that turn on the same days."""

    def __init__(self, today: World, settings: Settings, seed: int, first_day: date | None, executor: Executor) -> None:
        self._today, self._settings, self._seed, self._first_day = today, settings, seed, first_day
        self._executor = executor
        self._known: dict[tuple[Span, bytes], Sums] = {}

    def year_of_today(self) -> Sums | None:
        """Return what today's customers bring in each of twelve calendar months from day 0, (D, 12); None where all are alike."""
        if not by_month(self._today.draws):
            return None
        span, _ = self._span((0.0,))
        end = MONTHS_OF_YEAR * DAYS_PER_MONTH
        year = replace(span, window=end, end=end)
        return self._lived_today(year, MONTHS_OF_YEAR, self._today.draws.values("arrivals"))

    def added(self, crowd: Crowd) -> Sums:
        """Return what a crowd that goes by its own dates adds to today by month until it is settled, (D, M) each.

        Where months differ, a whole year follows.
        """
        days = days_of(crowd)
        if not days:
            return {name: np.zeros((self._today.draws.count, 0)) for name in SUMS}
        span, months = self._span(days)
        rate = most_coming(crowd, self._today)
        own, today = self._lived(crowd, span, months, rate), self._lived_today(span, months, rate)
        return {name: own[name] - today[name] for name in SUMS}

    def _span(self, days: tuple[float, ...]) -> tuple[Span, int]:
        """Return the days to live through, and the months they end: a horizon to fill the queues, then all concerned."""
        horizon, first, last = self._settings.horizon, days[0], days[-1]
        months = max(1, int(np.ceil((last + horizon) / DAYS_PER_MONTH - _NEARLY)))
        months += MONTHS_OF_YEAR if by_month(self._today.draws) else 0
        end = months * DAYS_PER_MONTH
        return Span(max(0.0, 2 * horizon - first), end, end, self._first_day, first - horizon), months

    def _lived_today(self, span: Span, months: int, rate: Floats) -> Sums:
        key = span, rate.tobytes()
        if key not in self._known:
            self._known[key] = self._lived(today_alone(self._today), span, months, rate)
        return self._known[key]

    def _lived(self, crowd: Crowd, span: Span, months: int, rate: Floats) -> Sums:
        since = span.start + self._settings.horizon
        return months_of(
            staged(crowd, self._today, self._settings, span, seed=self._seed, rate=rate),
            months,
            since=since,
            executor=self._executor,
        )
