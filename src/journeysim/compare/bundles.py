"""Bundles by calendar month: what several proposals add together, from the tallies of the worlds they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from journeysim.compare.calendar import SUMS, calendar_of, convolved, steady, stream
from journeysim.compare.comparison import Calendar
from journeysim.model.bundles import Bundles, Pattern
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.tally import Tally


def bundle_calendars(
    bundles: Bundles, tallies: Mapping[Pattern, Tally], *, months: int, realism: Sequence[float]
) -> Iterator[tuple[Calendar, Calendar]]:
    """Yield today's calendar and each bundle's, in the order of `bundles.members`, at one realism per proposal.

    Parameters
    ----------
    bundles : Bundles
        With a tally for each of its worlds.
    months : int
        Calendar months from day 0.
    realism : sequence of float
        Of each arm of the bundles.
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
        name = " + ".join(bundles.arms[k].name for k in chosen)
        yield now, calendar_of(name, 1.0, base, added, assumed=assumed)
