"""Draws: joint parameter values, one possible truth per draw, with names on every axis.

The one dataset has these dimensions and variables (float64 unless said):

| variable      | dimensions                          | meaning                                                     |
|---------------|-------------------------------------|-------------------------------------------------------------|
| share         | draw, persona, period, link         | probability of the link when leaving its touchpoint         |
| dwell_a, dwell_b | draw, persona, period, link      | scale (days) and shape, see `model.dwell`                   |
| family        | draw, link (int8)                   | dwell family; which it is may be as uncertain as its scale  |
| dwell_table   | table, probability                  | optional: quantiles (days, before the factor `dwell_a`) of   |
|               |                                     | empirical dwells; `dwell_b` says which row                   |
| entry         | draw, persona, place                | probability of entering at a touchpoint                     |
| persona_share | draw, persona                       | share of the customers                                      |
| arrivals      | draw                                | customers entering per day (NaN when the map gives none)    |
| visit_value, visit_value_sd, visit_cost, effort, feeling | draw, persona, period, place | per visit, on arrival |
| value_per_day, cost_per_day | draw, persona, period, place | while there                                        |
| link_value, link_cost | draw, persona, period, link | when a move is completed                                    |
| value_zero, value_a, value_b | draw, persona, place | optional: chance that a visit brings nothing; scale and shape of |
|               |                                     | a positive value, up to a factor that gives `visit_value`; else NaN |
| value_family  | place                               | optional: its family as in `model.dwell`, NaN where none    |
| spend         | draw, persona, place, spend_parameter | optional: gamma-gamma p, q, gamma of customers who come back |
| arrivals_weekday | draw, weekday                    | optional: factor on arrivals by day of the week, Monday first, mean 1 |
| arrivals_trend | draw                               | optional: growth of the log of arrivals per year            |
| arrivals_dispersion | draw                          | optional: variance of a day's arrivals = mean + dispersion x mean^2 |
| swing_move    | draw, link, swing                   | optional: swings of weeks in a move's log hazard: level, what lasts |
|               |                                     | of the last week, its sd, part carried to the next week, sd of a |
|               |                                     | week's own; NaN if not learned                              |
| swing_day     | draw, link, day_ahead               | optional: factor on its hazard by day after the log's end, repeating |
|               |                                     | every week; 1 if not learned                                |
| swing_arrivals | draw, swing                        | optional: the same about `arrivals`, in place of the trend  |
| frailty       | draw, place                         | optional: kappa, own shares ~ Dirichlet(kappa x share), NaN if alike  |
| order2_share  | draw, persona, order2               | optional: share by the touchpoint before, where it matters  |
| visit_start   | draw, persona, link                 | optional: shift of the log weight at a first visit, NaN if none |
| visit_effect  | draw, link                          | optional: shift of the log weight per earlier visit (at most 3) |
| mood          | draw, persona                       | optional: satisfaction at entry, see `model.satisfaction`   |
| sensitivity   | draw, link                          | optional: shift of the log weight per unit of satisfaction, NaN if none |
| season_odds   | draw, link, season                  | optional: odds ratio of the share by month or weekday as the map     |
|               |                                     | states it, 1 where it says nothing, NaN if none, see `model.seasons` |
| season_dwell  | draw, link, season                  | optional: the same of the dwell, a factor                            |
| rating_cut    | draw, rating_cuts                   | optional, as all `rating_…`: cut-points, see `model.rating` |
| rating_answers | rating_answer                      | the answers, in order                                       |
| rating_touchpoint | draw, place                     | shift of the log-odds of a better answer; 0 where nobody answered |
| rating_persona | draw, persona                      | the same by persona                                         |
| rating_dwell  | draw                                | the same per unit of log(wait / rating_usual_wait)          |
| rating_late   | draw, rating_days                   | the same at `rating_late_days` (days late; negative: early) |
| rating_late_unknown | draw                          | the same where lateness is not known                        |
| rating_share  | draw, rating_cell                   | who rated what after which wait: share of each cell         |
| rating_persona_of, rating_place_of, rating_link_of | rating_cell | names of the cell                              |
| rating_wait_of, rating_late_of | rating_cell        | wait (days) and days late of the cell, NaN where there is none |
| staff         | draw, resource                      | optional: how many are there, where a change says so, else NaN        |
| service_factor | draw, resource                     | optional: factor on service times, where a change says so, else NaN   |
| rate_frailty  | draw, place                         | optional: r, own rate ~ Gamma(r, mean 1) / dwell_a, NaN if alike      |

Coordinates: persona, place (touchpoints, then outcomes) and link ("source -> target") by name; `slot` on link;
`period_end` (days since entry, last one infinite) on period; names of months or weekdays on season; `order2`
("touchpoint before | source -> target", "(enter) | …" at the first).
The period that holds at a visit is the first whose end lies above the time since entry at arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

LINK_FIELDS: Final = ("share", "dwell_a", "dwell_b", "link_value", "link_cost")
PLACE_FIELDS: Final = (
    "visit_value", "visit_value_sd", "visit_cost", "effort", "feeling", "value_per_day", "cost_per_day",
)  # fmt: skip
TABLE_SIZE: Final = 257
TABLE_AXES: Final = ("table", "probability")


@final
@dataclass(frozen=True, slots=True)
class Assumption:
    """One uncertain number behind an arm: its name, what it rests on, and its value in each draw, shape (draw,)."""

    name: str
    basis: str
    values: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Joint parameter values of one journey; see the module's table for `data`.

    `source` is `stated`, `prior` or `posterior`; `assumptions` are the numbers the evidence ledger accounts for.
    """

    data: xr.Dataset
    source: str
    assumptions: tuple[Assumption, ...] = field(default=())

    @property
    def count(self) -> int:
        """How many draws there are."""
        return int(self.data.sizes["draw"])

    @property
    def personas(self) -> tuple[str, ...]:
        """Names of the personas."""
        return names_on(self.data, "persona")

    @property
    def places(self) -> tuple[str, ...]:
        """Names of touchpoints, then outcomes."""
        return names_on(self.data, "place")

    @property
    def links(self) -> tuple[str, ...]:
        """Labels of the links."""
        return names_on(self.data, "link")

    def values(self, field_name: str) -> NDArray[np.float64]:
        """Return one variable as a plain array."""
        return np.asarray(self.data[field_name].values)

    def of_resource(self, field_name: str, resource: str) -> Floats | None:
        """Return what changes made of a resource, one value per draw; None where no change did."""
        if field_name not in self.data or resource not in names_on(self.data, "resource"):
            return None
        values = np.asarray(self.data[field_name].sel(resource=resource).values)
        return None if np.isnan(values).all() else values

    def with_data(self, data: xr.Dataset) -> Draws:
        """Return the same draws with another dataset."""
        return replace(self, data=data)

    def take(self, draws: NDArray[np.int64]) -> Draws:
        """Return the chosen draws only, in that order."""
        chosen = tuple(replace(item, values=item.values[draws]) for item in self.assumptions)
        return Draws(self.data.isel(draw=draws), self.source, chosen)


def tables_of(data: xr.Dataset) -> Floats:
    """Return the tables of empirical dwells, shape (table, probability); no row where there is no such dwell."""
    return np.asarray(data["dwell_table"].values) if "dwell_table" in data else np.empty((0, TABLE_SIZE))


def with_more_tables(data: xr.Dataset, tables: Floats) -> xr.Dataset:
    """Return the data with more tables of empirical dwells; the first of them is row `len(tables_of(data))`."""
    if not len(tables):
        return data
    whole = np.concatenate([tables_of(data), tables])
    return data.drop_vars("dwell_table", errors="ignore").assign(dwell_table=(TABLE_AXES, whole))


def names_on(data: xr.Dataset, dimension: str) -> tuple[str, ...]:
    """Return the labels of a dimension as Python strings."""
    return tuple(str(name) for name in data[dimension].values)


def new_data(
    *,
    personas: tuple[str, ...],
    places: tuple[str, ...],
    links: tuple[str, ...],
    slots: tuple[str, ...],
    period_ends: tuple[float, ...],
    draws: int,
) -> xr.Dataset:
    """Return a dataset of the documented shape, all zero; fill it before use."""
    import xarray as xr

    per_link = ("draw", "persona", "period", "link")
    per_place = ("draw", "persona", "period", "place")
    sizes = {
        "draw": draws,
        "persona": len(personas),
        "period": len(period_ends),
        "link": len(links),
        "place": len(places),
    }

    def zeros(dimensions: tuple[str, ...]) -> tuple[tuple[str, ...], Floats]:
        return dimensions, np.zeros([sizes[name] for name in dimensions])

    return xr.Dataset(
        {name: zeros(per_link) for name in LINK_FIELDS}
        | {name: zeros(per_place) for name in PLACE_FIELDS}
        | {
            "entry": zeros(("draw", "persona", "place")),
            "persona_share": zeros(("draw", "persona")),
            "arrivals": (("draw",), np.full(draws, np.nan)),
            "family": (("draw", "link"), np.zeros((draws, len(links)), dtype=np.int8)),
        },
        coords={
            "persona": list(personas),
            "place": list(places),
            "link": list(links),
            "slot": ("link", list(slots)),
            "period_end": ("period", list(period_ends)),
        },
    )
