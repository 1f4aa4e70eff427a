"""The calendar view: what a budget sees, month by month, while customers keep arriving.

Today is steady: a month holds what one month's entries bring, those on the way on day 0 among them; where months of the
year differ, it holds what entries of the months before bring in it. What a proposal adds
goes by the date of each move (`by_date`). Where customers share staff the months in which anything turns have been lived
through (`simulate.service.turning`), and those after are the difference of two steady months (`_lived_through`). For single
changes of a proposal everybody lives on in the world they enter (`by_entry`): entries are spread evenly over a month, and
the money of a month since entry evenly over that month, so the money of month m since entry of those who enter in calendar
month s falls half into s + m and half into s + m + 1 (the sum of two uniforms is triangular over two months).

A proposal's month is today's month plus what every other world adds to it, weighted by who meets it. Since the first
world is today and weights add up to 1 this equals the weighted sum over worlds; written so, an arm whose worlds equal
today's gives exactly today's months, and the effect is linear in realism to the last digit, except where customers share
staff: there every realism has a queue of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from journeysim.compare.by_date import by_date, months_of_year
from journeysim.compare.comparison import Calendar
from journeysim.compare.streams import Stream, stream, stream_of
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.outcomes import ArmOutcomes, Crowded, Outcomes
from journeysim.simulate.underway import SUMS


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
    base = _base(outcomes, today, months)
    found = [calendar_of(outcomes.today.arm.name, 1.0, base, {}, assumed=assumed)]
    for arm in outcomes.proposals:
        if arm.crowds:
            found += [_of_crowd(outcomes, arm, realism, months) for realism in arm.arm.realism]
            continue
        added = _added(arm, today, months)
        found += [calendar_of(arm.arm.name, realism, base, added, assumed=assumed) for realism in arm.arm.realism]
    return tuple(found)


def _base(outcomes: Outcomes, today: Stream, months: int) -> dict[str, Floats]:
    """Return today's months: alike, but where months of the year differ."""
    base, plan, year = steady(today, months), outcomes.today.underway, outcomes.today.year
    if plan is not None and plan.parts_of_year:
        return base | months_of_year(plan, today, months)
    return base if year is None else base | {name: _yearly(year[name], months) for name in SUMS}


def _yearly(known: Floats, months: int) -> Floats:
    """Return so many months (D, months), given the first ones: the last twelve of those come again every year."""
    last = known.shape[1]
    at = [month if month < last else last - 12 + (month - last) % 12 for month in range(months)]
    return np.asarray(known[:, at])


def unanswered(outcomes: Outcomes, *, months: int) -> tuple[Calendar, ...]:
    """Return the calendars of proposals that nobody answers to, where these bring something all the same: their staff."""
    acting = (arm for arm in outcomes.proposals if any(crowd.realism == 0.0 for crowd in arm.crowds))
    return tuple(_of_crowd(outcomes, arm, 0.0, months) for arm in acting)


def _of_crowd(outcomes: Outcomes, arm: ArmOutcomes, realism: float, months: int) -> Calendar:
    """Return a proposal's calendar at one realism where customers share staff."""
    today = stream(outcomes.today.tallies[0], outcomes.today.arm.worlds[0].draws)
    assumed = bool(np.isnan(outcomes.today.arm.worlds[0].draws.values("arrivals")).any())
    added = lived_through(arm.crowd(realism), today, months)
    return calendar_of(arm.arm.name, realism, _base(outcomes, today, months), added, assumed=assumed, part=1.0)


def lived_through(crowd: Crowded, today: Stream, months: int) -> dict[str, Floats]:
    """Return what a crowd adds to today's months, each (D, months) and arrivals (D,)."""
    full = stream_of(crowd.full.tally, crowd.full.arrivals, crowd.full.persona_shares)
    end = today if crowd.end is None else stream_of(crowd.end.tally, crowd.end.arrivals, crowd.end.persona_shares)
    found = {"arrivals": full.arrivals - today.arrivals}
    for name in SUMS:
        if crowd.yearly and crowd.turning[name].shape[1]:
            found[name] = _yearly(crowd.turning[name], months)
            continue
        turning, lasting = crowd.turning[name][:, :months], end.steady(name) - today.steady(name)
        rest = np.repeat(lasting[:, None], months - turning.shape[1], axis=1)
        found[name] = np.hstack([turning, rest])
    return found


def steady(today: Stream, months: int) -> dict[str, Floats]:
    """Return today's months: those who enter from day 0 on, and those who were already on the way."""
    found = {name: np.repeat(today.steady(name)[:, None], months, axis=1) for name in today.sums}
    return found | {"arrivals": today.arrivals}


def of_those_under_way(outcomes: Outcomes, *, months: int) -> dict[str, dict[str, Floats]]:
    """Return by proposal what acting by the date of each move adds to acting from entry on, each (D, months).

    That is what customers under way bring when a change begins, and what comes earlier or later within a month.
    """
    found = {}
    for arm in outcomes.proposals:
        if arm.underway is not None:
            worlds = [stream(tally, world.draws) for tally, world in zip(arm.tallies, arm.arm.worlds, strict=True)]
            moving, staying = by_date(arm.underway, worlds, months), by_entry(arm, worlds, months)
            found[arm.arm.name] = {name: moving[name] - staying[name] for name in SUMS}
    return found


def _added(arm: ArmOutcomes, today: Stream, months: int) -> dict[str, Floats]:
    """Return what a proposal adds to today's months at full effect, each (D, months) and arrivals (D,)."""
    worlds = [stream(tally, world.draws) for tally, world in zip(arm.tallies, arm.arm.worlds, strict=True)]
    reached = arm.world_weights([exposure.reach for exposure in arm.arm.exposures], 1.0)
    arrivals = sum((part * (world.arrivals - today.arrivals) for part, world in zip(reached, worlds, strict=True)), 0.0)
    found = by_entry(arm, worlds, months) if arm.underway is None else by_date(arm.underway, worlds, months)
    return found | {"arrivals": np.asarray(arrivals)}


def by_entry(arm: ArmOutcomes, worlds: Sequence[Stream], months: int) -> dict[str, Floats]:
    """Return what is added where everybody lives on in the world they enter, each (D, months)."""
    middles = (np.arange(months, dtype=np.float64) + 0.5) * DAYS_PER_MONTH
    weights = arm.world_weights([exposure.at(middles) for exposure in arm.arm.exposures], 1.0)
    total = {name: np.zeros((len(worlds[0].arrivals), months)) for name in SUMS}
    for weight, world in zip(weights[1:], worlds[1:], strict=True):
        for name in SUMS:
            total[name] += convolved(weight, world.sums[name] - worlds[0].sums[name])
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
    arm: str, realism: float, base: dict[str, Floats], added: dict[str, Floats], *, assumed: bool,
    part: float | None = None,
) -> Calendar:  # fmt: skip
    """Return an arm's calendar: today's months, and what the arm adds to them, as far as it is real or in the part given."""
    part = realism if part is None else part
    sums = {name: months + part * added[name] if added else months for name, months in base.items()}
    return Calendar(arm, realism, assumed_arrivals=assumed, **sums)
