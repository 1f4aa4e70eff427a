"""Subscription retention (Fader and Hardie 2007): two groups, 1,000 customers each, years 0-7.

Published shifted-beta-geometric fit of High End on all years: alpha .668, beta 3.806.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from journeysim.calibrate import Calibration, calibrate
from journeysim.calibrate.differing.polya import Polya, log_likelihood
from journeysim.calibrate.layers.frailty import polya_of
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.observations import Observations, observe
from journeysim.model.quantity import Fixed
from logs import event_log, failed_draws, survivors_log, tell
from maps import days

pytestmark = pytest.mark.realdata
GROUPS = {"regular": "regular_survivors", "high end": "highend_survivors"}
YEAR = 365.0


def subscription(*personas: str) -> JourneyMap:
    links = (Link("subscribed", Fixed(0.8), days(YEAR)), Link("left", Fixed(0.2), days(YEAR)))
    return JourneyMap(
        "subscription", (Touchpoint("subscribed", links, seen=8.0),), (Outcome("left", churn=True),),
        (("subscribed", Fixed(1.0)),), personas=tuple(Persona(name, Fixed(1 / len(personas))) for name in personas),
    )  # fmt: skip


@pytest.fixture(scope="module")
def survivors(shared: Path) -> dict[str, list[float]]:
    file = shared / "data" / "subscription_retention" / "retention.csv"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    with file.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {group: [float(row[column]) for row in rows] for group, column in GROUPS.items()}


def calibrated(survivors: list[float], group: str) -> tuple[Observations, Calibration]:
    journey = subscription(group)
    observed = observe(event_log(survivors_log(survivors)), journey)
    return observed, calibrate(journey, observed, seed=1)


def parameters(found: Calibration) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of alpha (leaving) and beta (renewing)."""
    kappa, leaving = found.draws.values("frailty")[:, 0], found.draws.values("share")[:, 0, 0, 1]
    return kappa * leaving, kappa * (1 - leaving)


def test_high_end_gives_the_published_parameters(survivors):
    observed, found = calibrated(survivors["high end"], "high end")
    polya: Polya = polya_of(observed.patterns.at(0), np.arange(2), found.draws.data, np.zeros(2, dtype=bool))[0]

    def downhill(logs: np.ndarray) -> float:
        alpha, beta = np.exp(logs)
        rows = np.array([[[beta, alpha]]]) / (alpha + beta)
        return -float(log_likelihood(polya, np.array([alpha + beta]), rows)[0] @ polya.customers)

    best = np.exp(
        optimize.minimize(downhill, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}).x
    )
    alpha, beta = parameters(found)
    tell(f"\nHigh End, likeliest alpha {best[0]:.3f} beta {best[1]:.3f} (published .668, 3.806); posterior alpha "
          f"{np.quantile(alpha, [0.05, 0.5, 0.95]).round(3)} beta {np.quantile(beta, [0.05, 0.5, 0.95]).round(3)}")  # fmt: skip
    assert tuple(best.round(3)) == (0.668, 3.806)
    assert np.median(alpha) == pytest.approx(0.668, rel=0.05)
    assert np.median(beta) == pytest.approx(3.806, rel=0.05)
    assert failed_draws(found) == []


def ahead(
    alpha: np.ndarray, beta: np.ndarray, seen: int, alive: int, years: int, rng: np.random.Generator
) -> np.ndarray:
    """Return futures of the survivors of `seen` renewals, shape (draw, year): each renews as its own past says."""
    leaving = rng.beta(alpha[:, None], beta[:, None] + seen, size=(len(alpha), alive))
    last = rng.geometric(np.maximum(leaving, 1e-12))
    return np.stack([np.sum(last > year, axis=1) for year in range(1, years + 1)], axis=1)


@pytest.mark.parametrize("group", GROUPS)
def test_four_years_predict_the_next_three(survivors, group: str):
    """Regular: survivors of years 5-7 in 90 % intervals. High End: where the published fit on four years puts them.

    That is too low: 534, 486 and 444 of 551, 517 and 491. High End lost more in year 2 than in year 1, which no group of
    customers who only differ does, and so looks less varied than it is. Both come closer than customers who are alike.
    """
    years = survivors[group]
    _, found = calibrated(years[:5], group)
    assert failed_draws(found) == []
    tell(f"\n{group}: {found.choices[0]}")
    futures = ahead(*parameters(found), 4, int(years[4]), 3, np.random.default_rng(1))
    low, middle, high = np.quantile(futures, [0.05, 0.5, 0.95], axis=0)
    pooled = (years[0] - years[4]) / sum(years[:4])
    for k, actual in enumerate(years[5:]):
        alike = years[4] * (1 - pooled) ** (k + 1)
        interval = f"{middle[k]:.0f} (90 %: {low[k]:.0f} to {high[k]:.0f})"
        tell(f"{group}, year {5 + k}: {actual:.0f}, predicted {interval}, all alike {alike:.0f}")
        assert group == "high end" or low[k] <= actual <= high[k]
        assert abs(middle[k] - actual) < abs(alike - actual)
    if group == "high end":
        assert middle == pytest.approx([534.4, 485.8, 444.5], rel=0.02)


@pytest.mark.slow
def test_both_groups_in_one_map(survivors):
    """Two personas share kappa and have rows of their own: 37 % and 15 % of new customers leave in the first year."""
    events = [event for group in GROUPS for event in survivors_log(survivors[group], name=group)]
    journey = subscription(*GROUPS)
    personas = {customer: group for group in GROUPS for customer, _, _ in events if customer.startswith(group)}
    found = calibrate(journey, observe(event_log(events, personas=personas), journey), seed=1)
    assert failed_draws(found) == []
    leaving = found.draws.values("share")[:, :, 0, 1]
    tell(
        f"\nfirst-year churn: {leaving.mean(axis=0).round(3)}, kappa {np.median(found.draws.values('frailty')[:, 0]):.2f}"
    )
    assert leaving.mean(axis=0) == pytest.approx([0.369, 0.131], abs=0.05)
