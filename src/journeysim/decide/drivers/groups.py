"""What a decision rests on, in groups that one would get to know together.

Every assumption of a proposal is a group of its own; today's numbers are grouped by what one study would measure: the
shares of a row, the dwells of a touchpoint, its money, its seasons. Shares count on their log-odds, positive numbers on
their logs, single numbers by their normal scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.decide.drivers.smooth import Directions, bending, spread_out
from journeysim.model.draws import Assumption, Draws, tables_of
from journeysim.model.dwell import quantile_by_draw
from journeysim.model.journey import split_link
from journeysim.model.quantity import Floats, Scale

MEASURED: Final = "measured"
BELIEFS: Final = "map beliefs"
_EDGE: Final = 1e-12
_MONEY_LINKS: Final = ("link_value", "link_cost")
_MONEY_PLACES: Final = ("visit_value", "visit_cost", "value_per_day", "cost_per_day")
_MONEY_KINDS: Final = ("value", "cost", "value per day", "cost per day")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Numbers that one would get to know together: name, what they rest on, and what a regression may use of them.

    `values` (D,) are those of a single number, None for a group of several; `prior_share` is the part of what is known
    about today's numbers that still comes from the map (None for a proposal's).
    """

    name: str
    basis: str
    directions: Directions
    values: Floats | None = None
    prior_share: float | None = None


def of_assumption(assumption: Assumption) -> Group:
    """Return a single number as a group, by its normal scores (ties share their mean rank)."""
    return Group(assumption.name, assumption.basis, bending(normal_scores(assumption.values)), assumption.values)


def normal_scores(values: Floats) -> Floats:
    """Return the normal quantiles of the ranks."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[which]
    return np.asarray(special.ndtri(ranks / len(ranks)))


def of_today(draws: Draws, prior_parts: Mapping[str, float]) -> tuple[Group, ...]:
    """Return today's numbers as groups: shares, dwell, money and seasons of each place, entry, personas, arrivals.

    Groups that do not vary between draws are left out. The basis is "measured" where draws are a posterior (unless
    the ledger of the draws says that none of the group's numbers was seen in data) and "map beliefs" otherwise.
    `prior_parts` gives the map's part of single numbers by their name in the ledger.
    """
    ledger = {item.name: item.basis for item in draws.assumptions}
    found = []
    for name, scale, arrays, entries in _today(draws):
        directions = spread_out(_scaled(arrays, scale))
        if not directions.empty:
            parts = [prior_parts[entry] for entry in entries if entry in prior_parts]
            share = float(np.mean(parts)) if parts else None if draws.source == "posterior" else 1.0
            found.append(Group(f"today: {name}", _basis(draws.source, ledger, entries), directions, prior_share=share))
    return tuple(found)


def _basis(source: str, ledger: dict[str, str], entries: Sequence[str]) -> str:
    if source != "posterior":
        return BELIEFS
    seen = {ledger[entry] for entry in entries if entry in ledger}
    return MEASURED if not seen or MEASURED in seen else BELIEFS


def _today(draws: Draws) -> Iterator[tuple[str, Scale, list[Floats], list[str]]]:
    """Yield each group's name, its scale, its arrays (D, …) and its names in the ledger."""
    for place in draws.places:
        yield from _at_place(draws, place)
    yield "entry", Scale.SHARE, [draws.values("entry")], [f"entry: {place}" for place in draws.places]
    personas = [f"persona share: {name}" for name in draws.personas]
    yield "personas", Scale.SHARE, [draws.values("persona_share")], personas
    if not np.isnan(draws.values("arrivals")).any():
        yield "arrivals", Scale.POSITIVE, [draws.values("arrivals")], ["arrivals"]


def _at_place(draws: Draws, place: str) -> Iterator[tuple[str, Scale, list[Floats], list[str]]]:
    own = [k for k, link in enumerate(draws.links) if split_link(link)[0] == place]
    at, labels = draws.places.index(place), [draws.links[k] for k in own]
    shares = [draws.values("share")[..., own]]
    yield f"shares at {place}", Scale.SHARE, shares, [f"share: {link}" for link in labels]
    yield f"dwell at {place}", Scale.POSITIVE, _dwells(draws, own), [f"dwell: {link}" for link in labels]
    money = [draws.values(name)[..., own] for name in _MONEY_LINKS]
    money += [draws.values(name)[..., at] for name in _MONEY_PLACES]
    entries = [f"{kind}: {name}" for kind in _MONEY_KINDS for name in (place, *labels)]
    yield f"value and cost at {place}", Scale.POSITIVE, money, entries
    if "season_odds" in draws.data and own:
        seasons = [draws.values(name)[:, own].reshape(draws.count, -1) for name in ("season_odds", "season_dwell")]
        found = [values[:, np.isfinite(values).all(axis=0)] for values in seasons]
        names = tuple(item.name for item in draws.assumptions if item.name.startswith("season"))
        yield f"seasons at {place}", Scale.POSITIVE, found, [name for name in names if f": {place} -> " in name]


def _dwells(draws: Draws, links: list[int]) -> list[Floats]:
    """Return median and 90th percentile of dwells: the scales and shapes of different families are different things."""
    a, b = (draws.values(name)[..., links] for name in ("dwell_a", "dwell_b"))
    family, tables, found = draws.data["family"].values[:, links], tables_of(draws.data), []
    for part in (0.5, 0.9):
        days = np.empty(a.shape)
        for k in range(len(links)):
            days[..., k] = quantile_by_draw(family[:, k], a[..., k], b[..., k], np.array(part), tables)
        found.append(days)
    return found


def _scaled(arrays: Sequence[Floats], scale: Scale) -> Floats:
    """Return the columns that vary, on their scale (positive numbers that reach 0 as they are), shape (D, p)."""
    flat = np.hstack([array.reshape(len(array), -1) for array in arrays])
    varying = flat[:, np.ptp(flat, axis=0) > 0]
    if scale is Scale.SHARE:
        return scale.forward(np.clip(varying, _EDGE, 1 - _EDGE))
    positive = (varying > 0).all(axis=0)
    varying[:, positive] = scale.forward(varying[:, positive])
    return varying
