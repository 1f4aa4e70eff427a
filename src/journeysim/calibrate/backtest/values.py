"""What moves are worth: values seen in the log, and values drawn from the fitted hurdle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeysim.calibrate.predict.steps import upper_quantile
from journeysim.model.dwell import Family
from journeysim.model.event_log import EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.rows import visit_of_rows
from journeysim.model.quantity import Floats
from journeysim.model.visits import Visits

if TYPE_CHECKING:
    import xarray as xr


def seen_values(visits: Visits, log: EventLog, journey: JourneyMap) -> Floats | None:
    """Return the value of every visit, 0 where none is stated or it is a refund; None for a log without values."""
    if log.value is None:
        return None
    at = visit_of_rows(visits, log, journey)
    used = np.isfinite(log.value) & (at >= 0)
    sums = np.bincount(at[used], weights=log.value[used], minlength=len(visits.row))
    return np.asarray(np.maximum(sums, 0.0))


def drawn_values(data: xr.Dataset, draw: Ints, persona: Ints, place: Ints, rng: np.random.Generator) -> Floats | None:
    """Return a value for every arrival at a place, each on its own; None where no values were learned.

    That customers who come back spend alike for good (`spend`) is not used, so sums vary a little less than they do.
    """
    if "value_a" not in data:
        return None
    at = (draw, persona, place)
    zero, a, b = (np.asarray(data[name].values)[at] for name in ("value_zero", "value_a", "value_b"))
    family = np.asarray(data["value_family"].values)[place]
    pays, tail = rng.random(len(place)) >= np.nan_to_num(zero, nan=1.0), rng.random(len(place))
    made = np.zeros(len(place))
    for number in np.unique(family[(family >= 0) & pays]):
        rows = np.flatnonzero((family == number) & pays)
        made[rows] = upper_quantile(Family(int(number)), a[rows], b[rows], tail[rows])
    return made
