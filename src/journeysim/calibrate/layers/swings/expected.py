"""What a fit expects of every day: moves over each link, given who was at its touchpoint and for how long.

The hazard of link l, shares P and dwells with survival S, is P_l f_l / (exit + sum P_j S_j); its integral over a step of
ages is P_l times the fall of S_l, over the logarithmic mean of the denominator. Where customers differ or remember, the
average row is used: who was there on a day may then differ a little from the average, and passes for a swing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from journeysim.calibrate.dwells.families import survival_by_draw
from journeysim.model.draws import tables_of
from journeysim.model.event_log import Bools, Ints
from journeysim.model.observed.by_week import DAYS, ByWeek
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

_GONE: Final = 1e-12


def expected_moves(data: xr.Dataset, observed: ByWeek, touchpoint: int, links: Ints, silent: Bools) -> Floats:
    """Return expected moves, shape (draw, link, day); `links` are all links of the touchpoint, some of them silent."""
    hazard = _hazards(data, links, silent, observed.ages)
    exposed = _exposed(observed, touchpoint, hazard.shape[1], hazard.shape[2])
    return np.asarray(np.einsum("gptb,dgplb->dlt", exposed, hazard, optimize=True))


def _exposed(observed: ByWeek, touchpoint: int, personas: int, periods: int) -> Floats:
    rows, table = observed.exposed.touchpoint == touchpoint, observed.exposed
    found = np.zeros((personas, periods, DAYS * observed.weeks, len(observed.ages)))
    at = tuple(column[rows] for column in (table.persona, table.period, table.day, table.age))
    np.add.at(found, at, table.count[rows])
    return found


def _hazards(data: xr.Dataset, links: Ints, silent: Bools, ages: Floats) -> Floats:
    """Return cumulative hazards up to each age, shape (draw, persona, period, link, age); 0 for silent links."""
    share = data["share"].values[..., links][..., None]
    still = np.ones((*share.shape[:-1], len(ages) + 1))
    for k in np.flatnonzero(~silent):
        a, b = (data[name].values[..., links[k], None] for name in ("dwell_a", "dwell_b"))
        still[..., k, 1:] = survival_by_draw(data["family"].values[:, links[k]], a, b, ages, tables_of(data))
    there = np.maximum(np.sum(share * still, axis=-2), _GONE)
    fall = there[..., :-1] - there[..., 1:]
    lost = np.log(there[..., :-1] / there[..., 1:])
    mean = np.where(fall > _GONE, fall / np.where(lost > 0, lost, 1.0), there[..., 1:])
    return np.asarray(np.cumsum(share * (still[..., :-1] - still[..., 1:]) / mean[..., None, :], axis=-1))
