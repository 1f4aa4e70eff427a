"""Bundles by calendar month: what several proposals add together, from the tallies of the worlds they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from journeysim.compare.calendar import calendar_of, convolved, lived_through, steady
from journeysim.compare.comparison import Calendar
from journeysim.compare.contrast import difference
from journeysim.compare.metrics import metrics_at
from journeysim.compare.streams import stream
from journeysim.model.bundles import Bundles, Pattern
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.outcomes import Crowded
from journeysim.simulate.tally import Tally, mix_personas, mix_worlds
from journeysim.simulate.underway import SUMS

NOBODY: Final[Mapping[Pattern, Mapping[str, Floats]]] = {}


def bundle_calendars(
    bundles: Bundles, tallies: Mapping[Pattern, Tally], *, months: int, realism: Sequence[float],
    under_way: Mapping[str, Mapping[str, Floats]], together: Mapping[Pattern, Mapping[str, Floats]] = NOBODY,
) -> Iterator[tuple[Calendar, Calendar]]:  # fmt: skip
    """Yield today's calendar and each bundle's, in the order of `bundles.members`, at one realism per proposal.

    Parameters
    ----------
    bundles : Bundles
        With a tally for each of its worlds.
    months : int
        Calendar months from day 0.
    realism : sequence of float
        Of each arm of the bundles.
    under_way : mapping
        What customers under way add by proposal (`calendar.of_those_under_way`).
    together : mapping
        What those who meet several proposals add beyond that, by what is met (`together.together`).
    """
    worlds = bundles.worlds
    streams = {pattern: stream(tallies[pattern], world.draws) for pattern, world in worlds.items()}
    nobody = next(iter(worlds))
    base, today = steady(streams[nobody], months), streams[nobody]
    assumed = bool(np.isnan(worlds[nobody].draws.values("arrivals")).any())
    now = calendar_of("today", 1.0, base, {}, assumed=assumed)
    middles = (np.arange(months, dtype=np.float64) + 0.5) * DAYS_PER_MONTH
    for chosen in bundles.members:
        added = {name: np.zeros((len(today.arrivals), months)) for name in SUMS} | {"arrivals": 0.0 * today.arrivals}
        in_force = bundles.weights(chosen, None, realism)
        for pattern, weight in bundles.weights(chosen, middles, realism).items():
            if pattern == nobody:
                continue
            world = streams[pattern]
            added["arrivals"] = added["arrivals"] + in_force[pattern] * (world.arrivals - today.arrivals)
            for name in SUMS:
                added[name] += convolved(
                    np.broadcast_to(weight, (len(today.arrivals), months)), world.sums[name] - today.sums[name]
                )
        for k in chosen:
            for name, own in under_way.get(bundles.arms[k].name, {}).items():
                added[name] += realism[k] * own
        for pattern, weight in in_force.items():
            for name, own in together.get(pattern, {}).items():
                added[name] += weight[:, None] * own
        name = " + ".join(bundles.arms[k].name for k in chosen)
        yield now, calendar_of(name, 1.0, base, added, assumed=assumed)


def crowd_calendars(
    bundles: Bundles, crowds: Sequence[Crowded], today: Tally, *, months: int
) -> Iterator[tuple[Calendar, Calendar]]:
    """Yield today's calendar and each bundle's, in the order of `bundles.members`, where customers share staff.

    `crowds` holds what customers do under each bundle, `today` what they do today.
    """
    draws = next(iter(bundles.worlds.values())).draws
    own = stream(today, draws)
    base, assumed = steady(own, months), bool(np.isnan(draws.values("arrivals")).any())
    for chosen, crowd in zip(bundles.members, crowds, strict=True):
        name = " + ".join(bundles.arms[k].name for k in chosen)
        added = lived_through(crowd, own, months)
        yield calendar_of("today", 1.0, base, {}, assumed=assumed), calendar_of(name, 1.0, base, added, assumed=assumed)


def crowd_differences(
    bundles: Bundles, crowds: Sequence[Crowded], today: Tally, metric: str, *, everybody: bool = False
) -> Iterator[Floats | None]:
    """Yield a metric's difference from today as `bundle_differences` does, where customers share staff."""
    world = next(iter(bundles.worlds.values()))
    for crowd in crowds:
        here, there = crowd.full.tally, today
        if everybody:
            here = mix_personas(here, crowd.full.persona_shares)
            there = mix_personas(there, world.draws.values("persona_share"))
        known, before = ({item.name: item for item in metrics_at(tally, world.journey)} for tally in (here, there))
        both = metric in known and metric in before
        yield difference(known[metric].of(here), before[metric].of(there)) if both else None


def bundle_differences(
    bundles: Bundles, tallies: Mapping[Pattern, Tally], metric: str, *, realism: Sequence[float],
    everybody: bool = False,
) -> Iterator[Floats | None]:  # fmt: skip
    """Yield a metric's difference from today by draw and persona (D, G) for each bundle once all is in force.

    In the order of `bundles.members`; None where the tallies do not know the metric. Of everybody (D, 1) where asked.
    """
    nobody = next(iter(bundles.worlds))
    for chosen in bundles.members:
        parts = bundles.weights(chosen, None, realism)
        joint = [
            weight[:, None] * bundles.worlds[pattern].draws.values("persona_share") for pattern, weight in parts.items()
        ]
        total = sum(joint)
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = [np.where(total > 0, part / total, 1.0 / len(joint)) for part in joint]
        here = mix_worlds([tallies[pattern] for pattern in parts], weights)
        there = mix_worlds([tallies[nobody]] * len(weights), weights)
        if everybody:
            here, there = (mix_personas(tally, np.asarray(total)) for tally in (here, there))
        known = {item.name: item for item in metrics_at(here, bundles.worlds[nobody].journey)}
        yield difference(known[metric].of(here), known[metric].of(there)) if metric in known else None
