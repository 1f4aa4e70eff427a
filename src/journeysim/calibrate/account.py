"""The account of a calibration: what every row and dwell rests on, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from journeysim.calibrate.counts import Counts, learnable
from journeysim.calibrate.dwells.choice import FamilyChoice
from journeysim.model.draws import names_on
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, Link, all_links, limited_resources, link_id

if TYPE_CHECKING:
    import xarray as xr


@final
@dataclass(frozen=True, slots=True)
class TouchpointAccount:
    """Customers seen leaving and still there, the weight of the map, and its part of the estimate (1: all prior)."""

    touchpoint: str
    moves: float
    open: float
    prior_weight: float
    prior_part: float


@final
@dataclass(frozen=True, slots=True)
class DwellAccount:
    """The dwell family of a link, on how many observed dwells, and the margin of the choice.

    `margin` is the expected log predictive density (leave one out) ahead of `runner_up`, with its standard error; no
    runner-up where the map's dwell was kept. Where silent exits are learned, it is the log evidence, without an error.
    `chance` is the posterior probability of the family: the part of the draws that have it.
    """

    link: str
    observed: float
    family: str
    runner_up: str = ""
    margin: float = 0.0
    margin_error: float = 0.0
    chance: float = 1.0

    @classmethod
    def of(cls, link: str, observed: float, family: Family, choice: FamilyChoice | None) -> DwellAccount:
        """Return the account of a link; without a choice the map's dwell was kept."""
        if choice is None or choice.runner_up is None:
            return cls(link, observed, family.name.lower())
        names = choice.family.name.lower(), choice.runner_up.name.lower()
        return cls(link, observed, *names, choice.margin, choice.margin_error)


def with_chances(accounts: Sequence[DwellAccount], data: xr.Dataset) -> tuple[DwellAccount, ...]:
    """Return the accounts with the probability of their family: the part of the draws that have it."""
    links = names_on(data, "link")
    families = {account.link: data["family"].values[:, links.index(account.link)] for account in accounts}
    codes = {account.link: Family[account.family.upper()] for account in accounts}
    return tuple(
        replace(account, chance=float(np.mean(families[account.link] == codes[account.link]))) for account in accounts
    )


def notes_on(
    journey: JourneyMap,
    counts: Counts,
    touchpoints: tuple[TouchpointAccount, ...],
    dwells: tuple[DwellAccount, ...],
    silent: frozenset[str] = frozenset(),
    by_tenure: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Return one sentence for everything that stayed as the map has it, and for open spells.

    Touchpoints `by_tenure` were learned from a log, by time since entry, and have notes of their own.
    """
    notes = []
    for row in (row for row in touchpoints if row.touchpoint not in by_tenure):
        if not learnable(journey.touchpoint(row.touchpoint)):
            notes.append(f'links of "{row.touchpoint}" differ by tenure, which a log can show, a transition table not: '
                         "posterior = prior for this row")  # fmt: skip
        elif row.moves == 0 and not (row.open and any(link.target in silent for link in _links(journey, row))):
            notes.append(f'"{row.touchpoint}" was never observed: posterior = prior for this row')
    hidden = {link_id(tp.name, target) for tp in journey.touchpoints for target in silent}
    for dwell in (dwell for dwell in dwells if dwell.link not in hidden):
        if not dwell.runner_up and dwell.observed > 0:
            notes.append(f'dwell of "{dwell.link}" is fixed on the map and stays so, though {dwell.observed:g} dwells '
                         "were observed")  # fmt: skip
        elif not dwell.runner_up:
            notes.append(f'"{dwell.link}" was never taken: its dwell is the prior')
    still = sum(row.open for row in touchpoints)
    if still:
        notes.append(f"{still:g} customers were still on the way at the cut-off; they count as active, not as lost"
                     + (", but for those who have left silently" if silent else ""))  # fmt: skip
    notes += [f'"{outcome.name}" is marked silent, but customers were seen reaching it: it counts as observed'
              for outcome in journey.outcomes if outcome.silent and outcome.name not in silent]  # fmt: skip
    if counts.population is not None:
        notes.append("weights that are not all whole numbers make the log a sample: its customers stand for "
                     f"{counts.population:,.0f} and are worth {counts.entered.sum():,.0f} unweighted ones (Kish); all counts "
                     "here are what they are worth")  # fmt: skip
    if not counts.entries.any():
        notes.append("no entries in the table: entry and persona shares are the prior")
    return tuple(notes)


def _links(journey: JourneyMap, row: TouchpointAccount) -> tuple[Link, ...]:
    return all_links(journey.touchpoint(row.touchpoint))


def notes_on_waits(journey: JourneyMap, dwells: Sequence[DwellAccount]) -> tuple[str, ...]:
    """Return one sentence for every touchpoint whose learned dwells contain waits that a run will add once more.

    A log that says when customers came to a touchpoint and when to the next does not say when their service began.
    """
    limited, notes = limited_resources([journey]), []
    for point in journey.touchpoints:
        learned = {account.link: account.observed for account in dwells if account.runner_up}
        observed = sum(learned.get(link_id(point.name, link.target), 0.0) for link in all_links(point))
        if point.staffed_by is not None and point.staffed_by.resource in limited and observed:
            notes.append(
                f"touchpoints.{point.name}: its {observed:g} observed dwells contain the waits for "
                f'"{point.staffed_by.resource}", and a run lets customers wait once more: waits count twice. Let the log say '
                "when service begins (a touchpoint "
                "of its own after the queue), or state these dwells on the map as fixed: those stay as they are"
            )
    return tuple(notes)


def notes_on_gone(gone: Mapping[str, tuple[float, float, float] | None]) -> tuple[str, ...]:
    """Return one sentence for every touchpoint where some of those still there have left silently."""
    return tuple(
        f'of those last seen at "{name}" and not since, {found[0]:.0f} have left silently (90 %: {found[1]:.0f} to '
        f"{found[2]:.0f})"
        for name, found in gone.items() if found is not None
    )  # fmt: skip
