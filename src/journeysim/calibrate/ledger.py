"""The numbers behind draws that the evidence ledger accounts for: one value per draw for each uncertain number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from journeysim.model.draws import Assumption, names_on, tables_of
from journeysim.model.dwell import Family, quantile_by_draw
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

_MEDIAN: Final = "median dwell"
#: Variable -> how the ledger calls it. Dwell is represented by its median, which means the same in every family.
_PER_LINK: Final = {"share": "share", _MEDIAN: "dwell", "link_value": "value", "link_cost": "cost"}
_PER_PLACE: Final = {
    "visit_value": "value", "visit_cost": "cost", "value_per_day": "value per day", "cost_per_day": "cost per day",
    "effort": "effort", "feeling": "feeling",
}  # fmt: skip
MEASURED: Final = "measured"
_ROUNDING: Final = 1e-12


def assumptions_of(
    journey: JourneyMap, data: xr.Dataset, measured: Mapping[str, frozenset[str]] | None = None
) -> tuple[Assumption, ...]:
    """Return every number that differs between draws, averaged over personas by their share and over tenure periods.

    Names are "share: a -> b", "dwell: a -> b", "value: a", …, "persona share: small loans", "entry: a", "arrivals",
    "season: a -> b, Dec".
    `measured` maps "share" and "dwell" to the labels of links, and "entry" and "persona share" to names, whose
    values rest on more observed customers than the map's own weight; all others carry the touchpoint's basis.
    """
    observed = measured or {}
    basis = {touchpoint.name: touchpoint.basis for touchpoint in journey.touchpoints}
    found = []
    for kind, name, values in _numbers(data):
        place = split_link(name)[0]
        rests_on = MEASURED if name in observed.get(kind, ()) else basis.get(place, "guess")
        if np.ptp(values) > _ROUNDING * np.max(np.abs(values)):
            found.append(Assumption(f"{kind}: {name}" if name else kind, rests_on, values))
    return tuple(found)


def _numbers(data: xr.Dataset) -> Iterator[tuple[str, str, Floats]]:
    weights = np.asarray(data["persona_share"].values)
    links, places, personas = (names_on(data, axis) for axis in ("link", "place", "persona"))
    fixed = np.all(data["family"].values == Family.FIXED, axis=0)
    for variables, names in ((_PER_LINK, links), (_PER_PLACE, places)):
        for variable, kind in variables.items():
            values = _medians(data) if variable == _MEDIAN else np.asarray(data[variable].values)
            means = _population(values, weights)
            for position, name in enumerate(names):
                if not (variable == _MEDIAN and fixed[position] and not np.any(means[:, position])):
                    yield kind, name, means[:, position]
    entry = np.einsum("dg,dgs->ds", weights, np.asarray(data["entry"].values))
    yield from (("entry", name, entry[:, position]) for position, name in enumerate(places))
    yield from (("persona share", name, weights[:, position]) for position, name in enumerate(personas))
    if not np.any(np.isnan(data["arrivals"].values)):
        yield "arrivals", "", np.asarray(data["arrivals"].values)
    yield from _seasons(data, links)


def _seasons(data: xr.Dataset, links: tuple[str, ...]) -> Iterator[tuple[str, str, Floats]]:
    """Yield the factors of seasons, each by its link and its month or weekday."""
    for variable, kind in (("season_odds", "season"), ("season_dwell", "season of dwell")):
        if variable in data:
            values = np.asarray(data[variable].values)
            for k, s in zip(*np.nonzero(np.isfinite(values).all(axis=0)), strict=True):
                yield kind, f"{links[k]}, {names_on(data, 'season')[s]}", values[:, k, s]


def _medians(data: xr.Dataset) -> Floats:
    """Return the median dwell, axes as `dwell_a`."""
    a, b, family = (np.asarray(data[name].values) for name in ("dwell_a", "dwell_b", "family"))
    tables = tables_of(data)
    found = np.empty(a.shape)
    for link in range(a.shape[-1]):
        found[..., link] = quantile_by_draw(family[:, link], a[..., link], b[..., link], np.array(0.5), tables)
    return found


def _population(values: Floats, weights: Floats) -> Floats:
    """Return the average customer's value, shape (draw, names)."""
    return np.asarray(np.einsum("dg,dgpk->dk", weights, values) / values.shape[2])
