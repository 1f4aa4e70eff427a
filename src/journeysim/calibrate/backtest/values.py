"""What moves are worth: values seen in the log, and values drawn from what was fitted.

Customers who come back spend alike for good where `spend` was learned: a payment is Gamma(p, nu), and of a customer with
x payments of z in all nu is Gamma(p x + q, gamma + z) (Fader, Hardie and Lee 2005, equation 12). Drawing nu anew before
every payment, given those before it, gives payments of one customer that hang together as the model has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from journeysim.calibrate.predict.steps import upper_quantile
from journeysim.calibrate.rewards.moments import family_moments
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


def paid_before(visits: Visits, values: Floats | None, customers: Ints, places: int) -> Floats:
    """Return how many payments the customers (codes of the log) made at every place and their sum, (customer, place, 2)."""
    found = np.zeros((len(customers), places, 2))
    if values is None:
        return found
    row = np.full(int(max(visits.customer.max(initial=-1), customers.max(initial=-1))) + 1, -1, dtype=np.int64)
    row[customers] = np.arange(len(customers))
    used = np.flatnonzero((values > 0) & (row[visits.customer] >= 0))
    at = (row[visits.customer[used]], visits.place[used])
    np.add.at(found[..., 0], at, 1.0)
    np.add.at(found[..., 1], at, values[used])
    return found


@final
class Payments:
    """Draws what moves are worth and remembers what every customer has paid; lives inside one prediction.

    `draw` and `persona` are those of the customers, `paid` (customer, place, 2) is what they had paid before.
    """

    def __init__(self, data: xr.Dataset, draw: Ints, persona: Ints, paid: Floats) -> None:
        self.draw, self.persona, self.paid = draw, persona, paid
        self.zero, self.a, self.b = (np.asarray(data[name].values) for name in ("value_zero", "value_a", "value_b"))
        self.family = np.asarray(data["value_family"].values)
        self.scale = _scale(data, self.zero, self.a, self.b, self.family)
        self.spend = np.asarray(data["spend"].values) if "spend" in data else None

    def drawn(self, who: Ints, place: Ints, rng: np.random.Generator) -> Floats:
        """Return the value of one arrival of each of these customers; 0 where no values were learned."""
        at = (self.draw[who], self.persona[who], place)
        pays = rng.random(len(place)) >= np.nan_to_num(self.zero[at], nan=1.0)
        tail = rng.random(len(place))
        made = np.zeros(len(place))
        for number in np.unique(self.family[place[pays & np.isfinite(self.family[place])]]):
            rows = np.flatnonzero((self.family[place] == number) & pays)
            here = tuple(axis[rows] for axis in at)
            made[rows] = self.scale[here] * upper_quantile(Family(int(number)), self.a[here], self.b[here], tail[rows])
        if self.spend is not None:
            rows = np.flatnonzero(pays & np.isfinite(self.spend[at][:, 0]))
            made[rows] = self._alike(who[rows], place[rows], self.spend[tuple(axis[rows] for axis in at)], rng)
        return made

    def _alike(self, who: Ints, place: Ints, parameters: Floats, rng: np.random.Generator) -> Floats:
        """Return payments of customers who spend alike for good, and remember them."""
        p, q, gamma = parameters.T
        times, total = self.paid[who, place].T
        own = rng.gamma(p * times + q) / (gamma + total)
        made = np.asarray(rng.gamma(p) / own)
        self.paid[who, place] += np.stack([np.ones(len(made)), made], axis=1)
        return made


def _scale(data: xr.Dataset, zero: Floats, a: Floats, b: Floats, family: Floats) -> Floats:
    """Return the factor on a drawn value that makes its mean the learned one, shape (draw, persona, place)."""
    scale = np.ones_like(a)
    mean = np.asarray(data["visit_value"].values)[:, :, 0]
    for s in np.flatnonzero(np.isfinite(family)):
        own = family_moments(Family(int(family[s])), a[..., s], b[..., s])[0] * (1.0 - zero[..., s])
        scale[..., s] = np.divide(mean[..., s], own, out=np.ones_like(own), where=own > 0)
    return scale
