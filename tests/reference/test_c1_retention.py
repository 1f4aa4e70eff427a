"""Shifted-beta-geometric retention (Fader and Hardie 2007): one touchpoint, renew or leave, customers who differ."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from journeysim.calibrate.differing.polya import Polya, PolyaSums, log_likelihood
from journeysim.calibrate.differing.polya_target import PolyaTarget, find_polya_mode

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def case(shared: Path):
    return json.loads((shared / "reference_cases" / "c1_sbg_fader_hardie_2007.json").read_text(encoding="utf-8"))


def patterns(*cohorts: list[float]) -> Polya:
    """Return cohorts' survivors by year as patterns of (renewed, left); those left at the end renewed to the end."""
    found: dict[tuple[int, int], float] = {}
    for survivors in cohorts:
        for year, (before, after) in enumerate(pairwise(survivors)):
            found[year, 1] = found.get((year, 1), 0.0) + before - after
        last = (len(survivors) - 1, 0)
        found[last] = found.get(last, 0.0) + survivors[-1]
    taken, n = np.array(list(found)), len(found)
    return Polya(
        np.zeros(n, dtype=np.int64), taken, np.zeros(n, dtype=bool), np.ones((n, 2)), np.array([*found.values()])
    )


def total(polya: Polya, alpha: float, beta: float) -> float:
    kappa = alpha + beta
    rows = np.array([[[beta / kappa, alpha / kappa]]])
    return float(log_likelihood(polya, np.array([kappa]), rows)[0] @ polya.customers)


def best(polya: Polya) -> tuple[float, float]:
    found = optimize.minimize(lambda logs: -total(polya, *np.exp(logs)), np.zeros(2), method="Nelder-Mead",
                              options={"xatol": 1e-10, "fatol": 1e-10, "maxiter": 4000})  # fmt: skip
    return float(np.exp(found.x[0])), float(np.exp(found.x[1]))


def fits(case) -> list[tuple[Polya, dict]]:
    years, expected = case["inputs"]["survivors_high_end"], case["expected"]
    return [
        (patterns(years[:5]), expected["high_end_fit_4y"]),
        (patterns(years), expected["high_end_fit_7y"]),
        (patterns(*expected["multi_cohort"]["data"]), expected["multi_cohort"]),
    ]


def test_log_likelihood_at_the_published_parameters(case):
    for polya, published in fits(case):
        assert total(polya, published["alpha"], published["beta"]) == pytest.approx(published["loglik"], rel=1e-12)


def test_the_best_parameters_are_the_published_ones(case):
    for polya, published in fits(case):
        alpha, beta = best(polya)
        assert alpha == pytest.approx(published["alpha"], rel=2e-5)
        assert beta == pytest.approx(published["beta"], rel=2e-5)


def test_survival_and_retention_follow_from_the_same_likelihood(case):
    """A customer who renewed t times and is still there has the likelihood S(t)."""
    for name in ("high_end_fit_4y", "high_end_fit_7y"):
        published = case["expected"][name]
        renewed = np.column_stack([np.arange(13), np.zeros(13, dtype=np.int64)])
        polya = Polya(np.zeros(13, dtype=np.int64), renewed, np.zeros(13, dtype=bool), np.ones((13, 2)), np.ones(13))
        kappa = published["alpha"] + published["beta"]
        rows = np.array([[[published["beta"] / kappa, published["alpha"] / kappa]]])
        survival = np.exp(log_likelihood(polya, np.array([kappa]), rows)[0])
        assert survival == pytest.approx(published["survival_0_12"], rel=1e-12)
        assert survival[1:] / survival[:-1] == pytest.approx(published["retention_1_12"], rel=1e-12)
        assert rows[0, 0, 1] == pytest.approx(published["mean_churn_year1"], rel=1e-12)


def test_the_mode_finds_the_published_parameters_when_the_map_weighs_nothing(case):
    polya, published = fits(case)[1]
    mode = find_polya_mode(PolyaTarget(PolyaSums.of(polya, 1), np.full(2, 1e-9), np.ones((1, 2))))
    assert np.exp(mode.log_kappa) == pytest.approx(published["alpha"] + published["beta"], rel=2e-3)
    assert mode.rows[0, 1] == pytest.approx(published["mean_churn_year1"], rel=1e-3)


def test_customers_who_are_alike_renew_as_the_published_geometric(case):
    """Kappa without end is the process without frailty, digit for digit."""
    polya, published = fits(case)[1][0], case["expected"]["high_end_geometric_fit_7y"]
    churn = published["theta"]
    rows = np.array([[[1 - churn, churn]]])
    alike = log_likelihood(polya, np.array([np.inf]), rows)[0]
    assert np.array_equal(alike, np.log(1 - churn) * polya.taken[:, 0] + np.log(churn) * polya.taken[:, 1])
    assert (1 - churn) ** 12 == pytest.approx(published["survival_12"], rel=1e-12)
    near = log_likelihood(polya, np.array([1e12]), rows)[0]
    assert near == pytest.approx(alike, rel=1e-9)
