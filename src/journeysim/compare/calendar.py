"""The calendar view: what a budget sees, month by month, while customers keep arriving.

Entries are spread evenly over a month, and the money of a month since entry evenly over that month, so the money of
month m since entry of those who enter in calendar month s falls half into s + m and half into s + m + 1 (the sum of
two uniforms is triangular over two months). Money that moves at the very moment of entry is thereby counted half a
month late, in every arm alike.

A proposal's month is today's month plus what every other world adds to it, weighted by who meets it. Since the first
world is today and weights add up to 1 this equals the weighted sum over worlds; written so, an arm whose worlds equal
today's gives exactly today's months, and the effect is linear in realism to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.compare.comparison import Calendar
from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.outcomes import ArmOutcomes, Outcomes
from journeysim.simulate.tally import Tally

ASSUMED_ARRIVALS: Final = 1_000.0
SUMS: Final = {"value": "value_month", "cost": "cost_month", "converted": "converted_month"}


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One world's arrivals per month (D,), and what those who enter in one month bring by month from then on.

    `sums` holds value, cost and conversions, each (D, M + 1).
    """

    arrivals: Floats
    sums: dict[str, Floats]


def calendars(outcomes: Outcomes, *, months: int) -> tuple[Calendar, ...]:
    """Return today's calendar, then each proposal's at every realism of its grid: sums over all customers.

    Parameters
    ----------
    outcomes : Outcomes
        Its tallies' profiles by month since entry end at the horizon; money after that is not counted.
    months : int
        Calendar months from day 0. Where the map gives no arrivals 1,000 per month are assumed and flagged.
    """
    today = stream(outcomes.today.tallies[0], outcomes.today.arm.worlds[0].draws)
    assumed = bool(np.isnan(outcomes.today.arm.worlds[0].draws.values("arrivals")).any())
    base = steady(today, months)
    found = [calendar_of(outcomes.today.arm.name, 1.0, base, {}, assumed=assumed)]
    for arm in outcomes.proposals:
        added = _added(arm, today, months)
        found += [calendar_of(arm.arm.name, realism, base, added, assumed=assumed) for realism in arm.arm.realism]
    return tuple(found)


def stream(tally: Tally, draws: Draws) -> Stream:
    """Return one world's stream."""
    per_day, shares = draws.values("arrivals"), draws.values("persona_share")
    arrivals = np.where(np.isnan(per_day), ASSUMED_ARRIVALS, per_day * DAYS_PER_MONTH)
    by_month = {name: np.einsum("dg,dgm->dm", shares, getattr(tally, source)) for name, source in SUMS.items()}
    return Stream(arrivals, {name: arrivals[:, None] * _smeared(profile) for name, profile in by_month.items()})


def _smeared(profile: Floats) -> Floats:
    """Return a profile by month since entry (D, M) as seen by calendar months from the month of entry, (D, M + 1)."""
    nothing = np.zeros((len(profile), 1))
    return np.asarray((np.hstack([profile, nothing]) + np.hstack([nothing, profile])) / 2)


def steady(today: Stream, months: int) -> dict[str, Floats]:
    """Return today's months: those who enter from day 0 on, and those who were already on the way."""
    found = {name: np.repeat(sums.sum(axis=1, keepdims=True), months, axis=1) for name, sums in today.sums.items()}
    return found | {"arrivals": today.arrivals}


def _added(arm: ArmOutcomes, today: Stream, months: int) -> dict[str, Floats]:
    """Return what a proposal adds to today's months at full effect, each (D, months) and arrivals (D,)."""
    middles = (np.arange(months, dtype=np.float64) + 0.5) * DAYS_PER_MONTH
    weights = arm.world_weights([exposure.at(middles) for exposure in arm.arm.exposures], 1.0)
    reached = arm.world_weights([exposure.reach for exposure in arm.arm.exposures], 1.0)
    total = {name: np.zeros((len(today.arrivals), months)) for name in SUMS} | {"arrivals": 0.0 * today.arrivals}
    for k in range(1, len(arm.tallies)):
        world = stream(arm.tallies[k], arm.arm.worlds[k].draws)
        total["arrivals"] += reached[k] * (world.arrivals - today.arrivals)
        for name in SUMS:
            total[name] += convolved(weights[k], world.sums[name] - today.sums[name])
    return total


def convolved(entries: Floats, profile: Floats) -> Floats:
    """Return sums by calendar month given weights by month of entry (D, K) and a profile from then on (D, M + 1)."""
    months = entries.shape[1]
    out = np.zeros(entries.shape)
    for entered in range(months):
        length = min(profile.shape[1], months - entered)
        out[:, entered : entered + length] += entries[:, entered, None] * profile[:, :length]
    return out


def calendar_of(
    arm: str, realism: float, base: dict[str, Floats], added: dict[str, Floats], *, assumed: bool
) -> Calendar:
    """Return an arm's calendar: today's months, and what the arm adds to them as far as it is real."""
    sums = {name: months + realism * added[name] if added else months for name, months in base.items()}
    return Calendar(arm, realism, assumed_arrivals=assumed, **sums)
