"""Real customers who come back: the published gamma-gamma fit of their spend, and what the calibration makes of it.

Published: p 6.25, q 3.74, gamma 15.44, log likelihood -4055.92 on 946 customers with repeat purchases (Fader and Hardie
2013, The gamma-gamma model of monetary value; the figures are also the reference of the R package CLVTools).
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from journeysim.calibrate.layers.values import learn_values
from journeysim.calibrate.prior import prior_draws
from journeysim.calibrate.rewards.gamma_gamma import Payers, expected_spend, fit_spend, spend_log_likelihood
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.observed.values import Values
from journeysim.model.quantity import Fixed

pytestmark = pytest.mark.realdata
PUBLISHED = np.array([6.25, 3.74, 15.44])
WEEKS = Dwell(Family.EXPONENTIAL, Fixed(60.0))
JOURNEY = JourneyMap(
    "store",
    (
        Touchpoint("first purchase", (Link("repeat purchase", Fixed(0.4), WEEKS), Link("gone", None))),
        Touchpoint("repeat purchase", (Link("repeat purchase", Fixed(0.6), WEEKS), Link("gone", None))),
    ),
    (Outcome("gone", silent=True),),
    (("first purchase", Fixed(1.0)),),
)


@dataclass(frozen=True)
class Store:
    log: EventLog
    values: Values
    often: np.ndarray  # repeat purchases with a value, and their mean, per customer: not reduced
    mean: np.ndarray


@pytest.fixture(scope="module")
def store(shared: Path) -> Store:
    file = shared / "data" / "repeat_purchase" / "purchases.csv.gz"
    if not file.is_file():
        pytest.skip("needs the observed purchases: the folder `repeat_purchase` of the observed data")
    spent: dict[tuple[str, str], float] = {}
    with gzip.open(file, "rt") as stream:
        for row in csv.DictReader(stream):  # purchases of one day are one, as in the published analysis
            key = row["customer_id"], row["date"]
            spent[key] = spent.get(key, 0.0) + float(row["value"])
    rows = sorted(spent)
    customers = [customer for customer, _ in rows]
    first = [i == 0 or customers[i - 1] != customer for i, customer in enumerate(customers)]
    log = EventLog(
        Names.of(customers),
        Names.of(["first purchase" if is_first else "repeat purchase" for is_first in first]),
        np.array([date for _, date in rows], dtype="datetime64[us]"),
        np.datetime64("1997-10-01", "us"),
        value=np.array([spent[row] for row in rows]),
    )
    values = observe(log, JOURNEY).values
    assert values is not None
    paid = ~np.array(first) & (np.array([spent[row] for row in rows]) > 0)
    owner = log.customer.codes[paid]
    often = np.bincount(owner, minlength=len(log.customer.labels))
    total = np.bincount(owner, weights=log.value[paid], minlength=len(often))
    return Store(log, values, often[often > 0].astype(float), total[often > 0] / often[often > 0])


def table(store: Store) -> Payers:
    found = store.values.repeats
    columns = (found.visits, found.mean, found.mean_log, found.variance, found.customers)
    return Payers(*(column[found.place == 1] for column in columns))


def test_the_published_likelihood_comes_out(store: Store):
    """946 customers; the published fit has the published log likelihood to the second decimal."""
    found = spend_log_likelihood(np.log(PUBLISHED), Payers.single(store.often, store.mean)).sum()
    assert (len(store.often), found) == (946, pytest.approx(-4055.92, abs=0.05))


def test_the_counted_table_has_the_same_best_fit(store: Store):
    """Maximum likelihood on the reduced table: the published figures within 1 %, as close as they are printed."""
    payers = table(store)
    best = optimize.minimize(
        lambda logs: -float(spend_log_likelihood(logs, payers) @ payers.customers), np.log(PUBLISHED * 1.3)
    )
    assert np.exp(best.x) == pytest.approx(PUBLISHED, rel=0.01)


def test_the_posterior_holds_the_published_fit(store: Store):
    """Expected spend of a new customer, published p gamma / (q - 1) = 35.2, in the 90 % interval, and each parameter too."""
    spend = fit_spend(table(store), seed=1, draws=2000, name="repeat purchase")
    assert spend is not None
    assert [str(gate) for gate in spend.gates if not gate.passed] == []
    low, high = np.quantile(spend.expected, [0.05, 0.95])
    assert low < PUBLISHED[0] * PUBLISHED[2] / (PUBLISHED[1] - 1) < high
    ends = np.quantile(spend.parameters, [0.05, 0.95], axis=0)
    assert np.all((ends[0] < PUBLISHED) & (ends[1] > PUBLISHED))
    assert spend.correlation == pytest.approx(0.11, abs=0.03)


def test_customers_are_expected_between_their_own_mean_and_everyone_s(store: Store):
    spend = fit_spend(table(store), seed=1, draws=500, name="repeat purchase")
    assert spend is not None
    own = expected_spend(spend.parameters, store.often, store.mean).mean(axis=0)
    centre = np.median(spend.expected)
    assert np.all((own - centre) * (store.mean - centre) >= -1.0)
    assert np.abs(own - centre).mean() < np.abs(store.mean - centre).mean()


def test_the_layer_learns_values_of_first_and_repeat_purchases(store: Store):
    """Mean value per purchase, zeros included, within the 99 % interval of the fit, for both touchpoints."""
    observed = observe(store.log, JOURNEY)
    layer = learn_values(JOURNEY, observed, prior_draws(JOURNEY, draws=1000, seed=1).data, seed=1)
    assert [str(gate) for gate in layer.gates if not gate.passed] == []
    found = layer.variables["visit_value"][1][:, 0, 0]
    for s in range(2):
        mean = store.values.sums[0, s, 1] / store.values.told[0, s]
        low, high = np.quantile(found[:, s], [0.005, 0.995])
        assert low < mean < high, JOURNEY.place_names[s]
