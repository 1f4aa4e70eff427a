"""Several proposals on customers under way: what they add to one another there, and not one by one.

A proposal's own turns are followed over today's world (`by_date`). Whoever meets several proposals passes from today's world
to that of the first, then to that of both. What this adds to the sum of the proposals' own turns is followed in a few
draws for every two proposals, with every ramp and decay taken at its middle, and carried to all draws by regression on what
the same two add to one another among customers who enter later. Who meets three or more gets the sum over pairs: what only
three together do to customers under way is left out (an analysis of variance up to the second order).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain as joined
from itertools import combinations
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.compare.streams import ASSUMED_ARRIVALS, stream
from journeysim.model.bundles import Bundles, Pattern
from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.timeline import Timeline, at_half, crossings_of
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.chain import Chain, compile_world
from journeysim.simulate.tally import Tally
from journeysim.simulate.underway import (
    JUST_BEFORE,
    SUMS,
    TRIAL_DATES,
    Run,
    Ways,
    days_of_entry,
    way_from,
    worlds_alike,
)

#: Draws in which it is followed, evenly spread over all of them.
FOLLOWED: Final = 12
#: Panels of days of entry, whose halves are used, are chosen so that they give what two proposals add to one another to
#: this part of itself: the halves are about sixteen times as good.
TOLERANCE: Final = 0.1
MOST_PANELS: Final = 3
_PAIR: Final = 2

Ints = NDArray[np.int64]
Sums = Mapping[str, Floats]


def together(
    bundles: Bundles, tallies: Mapping[Pattern, Tally], run: Run, *, months: int, length: float,
    first_day: str | None = None,
) -> dict[Pattern, Sums]:  # fmt: skip
    """Return what meeting several proposals adds under way, beyond each alone, by what is met: each (D, months).

    Parameters
    ----------
    bundles : Bundles
        With a tally for each of its worlds.
    run : callable
        Follows a chain over `length` days, as the run's own cohorts were.
    first_day : str, optional
        The date of calendar day 0.
    """
    pairs = [pattern for pattern in bundles.worlds if len(_met(pattern)) == _PAIR]
    if not pairs:
        return {}
    count = next(iter(bundles.worlds.values())).draws.count
    rows = np.unique(np.linspace(0, count - 1, FOLLOWED).round().astype(np.int64))
    few_met = {pattern: world for pattern, world in bundles.worlds.items() if len(_met(pattern)) <= _PAIR}
    passing = _Passing(replace(bundles, worlds=few_met), rows, run, length, first_day)
    streams = {pattern: stream(tallies[pattern], world.draws) for pattern, world in bundles.worlds.items()}
    dates = DAYS_PER_MONTH * np.arange(months + 1, dtype=np.float64)
    found: dict[Pattern, Sums] = {}
    for pattern in pairs:
        few = np.diff(passing.beyond(pattern, dates), axis=2)
        later = {name: _beyond(pattern, {key: item.steady(name) for key, item in streams.items()}) for name in SUMS}
        found[pattern] = {name: carried(few[k], later[name], rows) for k, name in enumerate(SUMS)}
    return {pattern: _by_pairs(pattern, found) for pattern in bundles.worlds if len(_met(pattern)) >= _PAIR}


def _by_pairs(pattern: Pattern, found: Mapping[Pattern, Sums]) -> Sums:
    """Return the sum over the pairs of proposals that are met."""
    own = [found[_only(pattern, *pair)] for pair in combinations(_met(pattern), _PAIR)]
    return {name: np.asarray(sum(item[name] for item in own)) for name in SUMS}


def _met(pattern: Pattern) -> list[int]:
    return [k for k, exposed in enumerate(pattern) if any(exposed)]


def _only(pattern: Pattern, *numbers: int) -> Pattern:
    """Return a pattern with what some proposals change and nothing else."""
    return tuple(exposed if k in numbers else (False,) * len(exposed) for k, exposed in enumerate(pattern))


def _beyond(pattern: Pattern, values: Mapping[Pattern, Floats]) -> Floats:
    """Return what a pattern adds to today's beyond the sum of what its proposals add alone."""
    today = values[_only(pattern)]
    alone = sum(values[_only(pattern, k)] - today for k in _met(pattern))
    return np.asarray(values[pattern] - today - alone)


@final
class _Passing:
    """Customers who pass through the worlds of bundles, and what they add by it."""

    def __init__(self, bundles: Bundles, rows: Ints, run: Run, length: float, first_day: str | None) -> None:
        chains = _chains(bundles, rows)
        same = worlds_alike(chains)
        self._index = {_flat(pattern): same[k] for k, pattern in enumerate(bundles.worlds)}
        self._exposures = [exposure for arm in bundles.arms for exposure in arm.exposures]
        self._ways, self._length = Ways(chains, run, first_day), length

    def beyond(self, pattern: Pattern, dates: Floats) -> Floats:
        """Return what a pattern's turns add by calendar dates beyond each proposal's own, (3, D, K)."""
        whole = at_half(self._exposures, _flat(pattern), self._index)
        alone = [at_half(self._exposures, _flat(_only(pattern, k)), self._index) for k in _met(pattern)]
        found = np.zeros((len(SUMS), self._ways.chains[0].draws, len(dates)))
        for start, end in crossings_of(whole.turns, self._length):
            last = end - JUST_BEFORE * self._length
            if self._meet((start + last) / 2, whole, alone):
                few = np.linspace(min(turn for turn in whole.turns if turn > start), last + self._length, TRIAL_DATES)
                added = partial(self._added, whole, alone, few)
                days = days_of_entry(start, last, added, tolerance=TOLERANCE, most=MOST_PANELS, halved=True)
                for day, width in days.items():
                    found += width * self._added(whole, alone, dates, day)
        return found

    def _meet(self, day: float, whole: Timeline, alone: Sequence[Timeline]) -> bool:
        """Return whether entries of a day pass to worlds of several proposals and not of one alone."""
        ways = [way_from(timeline, day, self._length) for timeline in (whole, *alone)]
        return ways[0] not in ways[1:] or sum(bool(way.turns) for way in ways[1:]) > 1

    def _added(self, whole: Timeline, alone: Sequence[Timeline], dates: Floats, day: float) -> Floats:
        own, *others = (self._ways.added(day, way_from(item, day, self._length), dates) for item in (whole, *alone))
        return np.asarray(own - sum(others))


def _flat(pattern: Pattern) -> tuple[bool, ...]:
    return tuple(joined.from_iterable(pattern))


def _chains(bundles: Bundles, rows: Ints) -> list[Chain]:
    few: dict[int, Draws] = {}
    thin = {pattern: few.setdefault(id(w.draws), w.draws.take(rows)) for pattern, w in bundles.worlds.items()}
    today = next(iter(thin.values()))
    chains = (
        compile_world(world.journey, thin[pattern], None if thin[pattern] is today else today)
        for pattern, world in bundles.worlds.items()
    )
    assumed = ASSUMED_ARRIVALS / DAYS_PER_MONTH
    return [replace(chain, arrivals=np.nan_to_num(chain.arrivals, nan=assumed)) for chain in chains]


def carried(found: Floats, known: Floats, rows: Ints) -> Floats:
    """Return values of the chosen draws (d, K) carried to all (D, K), by least squares on what is known in all (D,).

    What was found stands where it was; elsewhere residuals count as 0, so that the mean over draws has no bias.
    """
    few = known[rows] - known[rows].mean()
    squares = float(few @ few)
    slope = few @ found / squares if squares > 1e-18 * max(float(known @ known), 1e-300) else np.zeros(found.shape[1])
    values = found.mean(axis=0) + np.outer(known - known[rows].mean(), slope)
    values[rows] = found
    return np.asarray(values)
