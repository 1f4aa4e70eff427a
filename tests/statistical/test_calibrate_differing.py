"""Customers who differ: kappa and a new customer's shares lie in their intervals, where the pooled share is far off.

In each world customers renew or leave each month for up to two years, each with a share of leaving of their own,
Beta(kappa x 0.2, kappa x 0.8), and enter evenly over a year and a half; the log is cut off after two years.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate import calibrate
from journeysim.calibrate.layers.repeats import rates_at
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import Observations, observe
from journeysim.model.quantity import Fixed
from logs import event_log, failed_draws
from maps import days
from repeat_worlds import purchases, repeat_map

pytestmark = pytest.mark.statistical
MONTH, MONTHS, LEAVING = 30.0, 24, 0.2


def journey() -> JourneyMap:
    links = (Link("member", Fixed(0.8), days(MONTH)), Link("left", Fixed(0.2), days(MONTH)))
    return JourneyMap("club", (Touchpoint("member", links, seen=4.0),), (Outcome("left"),), (("member", Fixed(1.0)),))


def world(kappa: float, customers: int, rng: np.random.Generator) -> list[tuple[str, str, float]]:
    own = rng.beta(kappa * LEAVING, kappa * (1 - LEAVING), customers)
    stays = rng.geometric(np.maximum(own, 1e-9))
    start = rng.integers(0, 18 * 30, customers).astype(float)
    found = []
    for k, (stay, day) in enumerate(zip(stays, start, strict=True)):
        seen = min(int(stay), int((MONTHS * MONTH - day) // MONTH) + 1)
        found += [(f"c{k}", "member", day + MONTH * m) for m in range(seen)]
        if day + MONTH * stay <= MONTHS * MONTH:
            found.append((f"c{k}", "left", day + MONTH * stay))
    return found


def observed(events: list[tuple[str, str, float]], on: JourneyMap, until: float) -> Observations:
    """Return what is observed, without the paths that replicas are compared with: that check has tests of its own."""
    return replace(observe(event_log(events, cut_off=until), on), paths=None)


def fitted(kappa: float, customers: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return draws of log kappa and of a new customer's share of leaving, and the pooled share of visits."""
    events = world(kappa, customers, np.random.default_rng(seed))
    found = calibrate(journey(), observed(events, journey(), MONTHS * MONTH), seed=seed)
    assert failed_draws(found) == []
    left = sum(event[1] == "left" for event in events)
    renewed = sum(event[1] == "member" for event in events) - customers
    return np.log(found.draws.values("frailty")[:, 0]), found.draws.values("share")[:, 0, 0, 1], left / (left + renewed)


@pytest.mark.parametrize(
    ("kappa", "customers", "worlds", "least"),
    [
        (2.0, 300, 20, 14),
        pytest.param(2.0, 3000, 40, 30, marks=pytest.mark.slow),
        pytest.param(10.0, 3000, 40, 30, marks=pytest.mark.slow),
    ],
)
def test_intervals_hold_kappa_and_the_share_of_a_new_customer(kappa: float, customers: int, worlds: int, least: int):
    """So many worlds in 90 % intervals, and z scores as a standard normal's, for both.

    A correct posterior falls below 14 hits of 20 in 0.24 % of runs, below 30 of 40 in 0.15 %, and fails each test on z
    (4 sd) in 0.006 %. Of 40 worlds, intervals half as wide as they should be, or off by one posterior sd, fail 99 times
    in 100.
    """
    runs = [fitted(kappa, customers, seed) for seed in range(worlds)]
    for column, true in ((0, np.log(kappa)), (1, LEAVING)):
        draws = np.stack([run[column] for run in runs])
        low, high = np.quantile(draws, [0.05, 0.95], axis=1)
        z = (draws.mean(axis=1) - true) / draws.std(axis=1)
        assert np.sum((low <= true) & (true <= high)) >= least
        assert abs(z.mean()) < 4 / np.sqrt(worlds)
        assert abs(z.std() - 1) < 4 / np.sqrt(2 * worlds)


def test_taking_customers_for_alike_is_far_off():
    """The pooled share of leaving misses a new customer's by 10 binomial sds or more, in every one of three worlds."""
    for seed in range(3):
        log_kappa, share, pooled = fitted(2.0, 3000, 100 + seed)
        sd = np.sqrt(pooled * (1 - pooled) / 3000)
        assert abs(share.mean() - LEAVING) < 4 * share.std()
        assert abs(log_kappa.mean() - np.log(2.0)) < 4 * log_kappa.std()
        assert LEAVING - pooled > 5 * sd


def test_customers_who_are_alike_are_seldom_said_to_differ():
    """At a gain of 2 in likelihood, 2.3 % of worlds: 3 or more of 12 have a chance of 0.3 %."""
    found = []
    for seed in range(12):
        events = world(1e6, 300, np.random.default_rng(seed))
        found.append(
            "frailty" in calibrate(journey(), observed(events, journey(), MONTHS * MONTH), seed=seed).draws.data
        )
    assert sum(found) < 3
    assert stats.binom.sf(2, 12, 0.023) < 0.003


@pytest.mark.slow
def test_intervals_hold_rates_and_shares_of_customers_who_leave_in_silence():
    """30 worlds of 500 customers: r, alpha, a, b each in at least 21 of 30 90 % intervals; false alarm 0.2 % each."""
    true = {"r": 0.5, "alpha": 10.0, "a": 1.0, "b": 3.0}
    hits = dict.fromkeys(true, 0)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rates, leaving = np.maximum(rng.gamma(0.5, 0.1, 500), 1e-9), rng.beta(1.0, 3.0, 500)
        events = purchases(rates, leaving, rng.uniform(0, 100, 500), 300.0, rng)
        draws = calibrate(repeat_map(), observed(events, repeat_map(), 300.0), seed=seed).draws
        found = rates_at(draws, "purchase again")
        for name, value in true.items():
            low, high = np.quantile(getattr(found, name), [0.05, 0.95])
            hits[name] += int(low <= value <= high)
    assert min(hits.values()) >= 21, hits
    assert stats.binom.cdf(20, 30, 0.9) < 0.0021
