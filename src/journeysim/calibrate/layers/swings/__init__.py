"""Weeks that all customers share: staff, holidays, campaigns make everybody faster, or send more of them one way.

In week w of the calendar the hazard of leaving a touchpoint over link l is that of the fit, times exp(z_lw). z_l swings
about a level: part of it lasts, part is the week's own (`series`), by sds that every link has of its own and all learn
together (`pooled`).
All links of a touchpoint up is speed, one of them up is its share. Without this the sum over a week's customers would
be as certain as if each of them waited alone.

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
from journeysim.calibrate.layers.swings.expected import expected_moves
from journeysim.calibrate.layers.swings.pooled import Swings, sd_of, swings_of
from journeysim.calibrate.layers.swings.series import Series
from journeysim.model.draws import names_on
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.observations import Observations
from journeysim.model.observed.by_week import ByWeek

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LEAST_WEEKS", "learn_swings"]

#: With fewer weeks nothing is said about how they differ.
LEAST_WEEKS: Final = 4
#: Swings above this, and no more of them than that, are worth naming.
_TELLING, _NAMED = 0.1, 5


def learn_swings(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return how customers of one week move faster, or another way, than those of another; from a log of four weeks.

    Writes `swing_move` (see `model.draws`).
    """
    weeks = observed.by_week
    if weeks is None or weeks.weeks < LEAST_WEEKS:
        return NOTHING_LEARNED
    silent = silent_outcomes(count_transitions(observed.transitions, journey), journey)
    series = dict(_series(journey, weeks, data, silent))
    if not series:
        return NOTHING_LEARNED
    found = swings_of("moves by week", list(series.values()), seed=seed)
    states = np.full((data.sizes["draw"], data.sizes["link"], 5), np.nan)
    for link, state in zip(series, found.states, strict=True):
        states[:, link] = state
    notes = tuple(_notes(weeks.weeks, list(series.values()), found))
    return Layer({"swing_move": (("draw", "link", "swing"), states)}, notes=notes, choices=(found.choice,))


def _series(
    journey: JourneyMap, weeks: ByWeek, data: xr.Dataset, silent: frozenset[str]
) -> Iterator[tuple[int, Series]]:
    """Yield the position of every link that was taken, and its series."""
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
