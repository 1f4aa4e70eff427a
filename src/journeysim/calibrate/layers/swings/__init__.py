"""Weeks that all customers share: staff, holidays, campaigns make everybody faster, or send more of them one way.

In week w of the calendar the hazard of leaving a touchpoint over link l is that of the fit, times exp(z_lw). z_l swings
about a level: part of it lasts, part is the week's own (`series`), by sds that every link has of its own and all learn
together (`pooled`).
All links of a touchpoint up is speed, one of them up is its share. Without this the sum over a week's customers would
be as certain as if each of them waited alone. Days of the week have factors of their own (`days`), and what is expected of
a week takes them into account.

A model with one swing of speed per touchpoint and swings of shares around it has the same evidence on the loan log
(ahead by 3.5 at one date, behind by 2 and 5 at others) and is twice as large. Links with a
fixed dwell have no hazard and no swing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from journeysim.calibrate.counts import count_transitions, silent_outcomes
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Layer
from journeysim.calibrate.layers.swings.days import day_factors
from journeysim.calibrate.layers.swings.expected import expected_moves
from journeysim.calibrate.layers.swings.pooled import Swings, sd_of, swings_of
from journeysim.calibrate.layers.swings.series import Series
from journeysim.model.draws import names_on
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.observations import Observations
from journeysim.model.observed.by_week import DAYS, ByWeek
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LEAST_WEEKS", "learn_swings"]

#: With fewer weeks nothing is said about how they differ.
LEAST_WEEKS: Final = 4
#: Swings above this, and no more of them than that, are worth naming.
_TELLING, _NAMED = 0.1, 5


def learn_swings(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return how customers of one week move faster, or another way, than those of another; from a log of four weeks.

    Writes `swing_move` and `swing_day` (see `model.draws`).
    """
    weeks = observed.by_week
    if weeks is None or weeks.weeks < LEAST_WEEKS:
        return NOTHING_LEARNED
    silent = silent_outcomes(count_transitions(observed.transitions, journey), journey)
    daily = dict(_series(journey, weeks, data, silent))
    if not daily:
        return NOTHING_LEARNED
    links, each = list(daily), list(daily.values())
    days = day_factors(
        [one.name for one in each], np.stack([one.counts for one in each]),
        np.stack([one.expected.mean(axis=0) for one in each]), data.sizes["draw"], seed,
    )  # fmt: skip
    series = [_by_week(one, days[:, k].mean(axis=0)) for k, one in enumerate(each)]
    found = swings_of("moves by week", series, seed=seed)
    states = np.full((data.sizes["draw"], data.sizes["link"], 5), np.nan)
    factors = np.ones((data.sizes["draw"], data.sizes["link"], DAYS))
    states[:, links], factors[:, links] = found.states.transpose(1, 0, 2), days
    variables = {
        "swing_move": (("draw", "link", "swing"), states),
        "swing_day": (("draw", "link", "day_ahead"), factors),
    }
    return Layer(variables, notes=tuple(_notes(weeks.weeks, series, found)), choices=(found.choice,))


def _by_week(daily: Series, factors: Floats) -> Series:
    """Return a series of days as one of weeks, each day expected to bring what its place in the week does."""
    draws = len(daily.expected)
    expected = daily.expected.reshape(draws, -1, DAYS) @ factors
    return Series(daily.name, daily.counts.reshape(-1, DAYS).sum(axis=1), expected)


def _series(
    journey: JourneyMap, weeks: ByWeek, data: xr.Dataset, silent: frozenset[str]
) -> Iterator[tuple[int, Series]]:
    """Yield the position of every link that was taken, and its series by day."""
    labels = names_on(data, "link")
    pairs = [split_link(label) for label in labels]
    places = {name: k for k, name in enumerate(journey.place_names)}
    family = data["family"].values
    for i, name in enumerate(journey.touchpoint_names):
        own = np.array([k for k, (source, _) in enumerate(pairs) if source == name], dtype=np.int64)
        hidden = np.array([pairs[k][1] in silent for k in own])
        fixed = np.any(family[:, own] == Family.FIXED, axis=0)
        if not weeks.moved[i].any():
            continue
        expected = expected_moves(data, weeks, i, own, hidden)
        for k, link in enumerate(own.tolist()):
            seen = weeks.moved[i, places[pairs[link][1]]]
            if seen.any() and not fixed[k]:
                yield link, Series(labels[link], seen, expected[:, k])


def _notes(weeks: int, series: Sequence[Series], found: Swings) -> Iterator[str]:
    sd = {each.name: sd_of(state) for each, state in zip(series, found.states, strict=True)}
    telling = sorted((name for name in sd if sd[name] > _TELLING), key=lambda name: -sd[name])
    if telling:
        named = ", ".join(f'"{name}" ({sd[name]:.0%})' for name in telling[:_NAMED])
        more = f" and {len(telling) - _NAMED} more" if len(telling) > _NAMED else ""
        yield (f"customers of a week move faster or slower together ({weeks} weeks of log; sd of a week's factor): {named}"
               f"{more}; log density ahead of weeks that are all alike: {found.ahead:.0f}")  # fmt: skip
        yield "a backtest takes weeks that differ into account; engines do not use them yet"
