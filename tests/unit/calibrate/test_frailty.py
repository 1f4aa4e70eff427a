from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate import Calibration, calibrate
from journeysim.calibrate.differing.polya import Polya, PolyaSums, log_likelihood
from journeysim.calibrate.differing.polya_target import PolyaTarget, find_polya_mode
from journeysim.calibrate.layers.frailty import LEAST_GAIN
from journeysim.calibrate.numerics import pymc_adapter
from journeysim.calibrate.numerics.student import sample_weighted
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.quantity import Fixed
from logs import event_log, survivors_log
from maps import days

HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)
ROW = np.array([0.5, 0.3, 0.2])


def subscription(*, silent: bool = False) -> JourneyMap:
    links = (Link("subscribed", Fixed(0.8), days(365.0)), Link("left", Fixed(0.2), days(365.0)))
    return JourneyMap("subscription", (Touchpoint("subscribed", links, seen=8.0),), (Outcome("left", silent=silent),),
                      (("subscribed", Fixed(1.0)),))  # fmt: skip


def calibrated(survivors: tuple[int, ...], *, silent: bool = False, years: float | None = None) -> Calibration:
    journey = subscription(silent=silent)
    events = [event for event in survivors_log(survivors) if not (silent and event[1] == "left")]
    cut_off = 365.0 * (years or len(survivors)) - 1
    return calibrate(journey, observe(event_log(events, cut_off=cut_off), journey), seed=1)


def sequences(length: int) -> Polya:
    """Return all patterns of a given number of visits over three links, with the number of orders as customers."""
    orders = list(product(range(3), repeat=length))
    taken, customers = np.unique([np.bincount(order, minlength=3) for order in orders], axis=0, return_counts=True)
    n = len(taken)
    return Polya(np.zeros(n, dtype=np.int64), taken, np.zeros(n, dtype=bool), np.ones((n, 3)), customers.astype(float))


def test_the_likelihood_is_the_average_over_customers_of_their_own_shares():
    """Against a million customers drawn from the Dirichlet: 4 standard errors, false alarm 0.006 % a figure."""
    own = np.random.default_rng(1).dirichlet(4.0 * ROW, size=1_000_000)
    polya = sequences(3)
    found = np.exp(log_likelihood(polya, np.array([4.0]), ROW[None, None])[0])
    for taken, expected in zip(polya.taken, found, strict=True):
        seen = np.prod(own**taken, axis=1)
        assert abs(seen.mean() - expected) < 4 * seen.std() / 1000


def test_the_patterns_of_any_number_of_visits_are_all_there_is():
    for kappa, length in product((0.3, 5.0, np.inf), (1, 2, 5)):
        polya = sequences(length)
        total = np.exp(log_likelihood(polya, np.array([kappa]), ROW[None, None])[0]) @ polya.customers
        assert total == pytest.approx(1.0, rel=1e-12)


def test_an_open_visit_counts_with_what_earlier_ones_say_of_it():
    polya = Polya(np.array([0]), np.array([[2, 0, 1]]), np.array([True]), np.array([[0.9, 0.5, 0.1]]), np.ones(1))
    shut = replace(polya, open=np.array([False]))
    kappa, rows = np.array([4.0, np.inf]), np.tile(ROW, (2, 1, 1))
    gap = log_likelihood(polya, kappa, rows)[:, 0] - log_likelihood(shut, kappa, rows)[:, 0]
    expected = [(4.0 * ROW + [2, 0, 1]) / 7.0 @ [0.9, 0.5, 0.1], ROW @ [0.9, 0.5, 0.1]]
    assert np.exp(gap) == pytest.approx(expected, rel=1e-12)


def test_the_sums_say_the_same_as_the_patterns():
    rng = np.random.default_rng(2)
    n = 30
    polya = Polya(
        rng.integers(0, 2, n),
        rng.integers(0, 5, (n, 3)),
        rng.random(n) < 0.5,
        np.ones((n, 3)),
        rng.integers(1, 9, n) * 1.0,
    )
    still = np.where(polya.open[:, None], rng.random((n, 3)), 1.0)
    polya = replace(polya, still=still)
    kappa, rows = rng.gamma(2.0, 3.0, 7), rng.dirichlet(np.ones(3), size=(7, 2))
    whole = log_likelihood(polya, kappa, rows) @ polya.customers
    assert PolyaSums.of(polya, 2).log_likelihood(kappa, rows) == pytest.approx(whole, rel=1e-12)


def test_retention_gives_the_published_spread():
    """Around the published High End fit: alpha .668, beta 3.806 (Fader and Hardie 2007), 1,000 customers, 7 years."""
    found = calibrated(HIGH_END)
    assert [str(gate) for gate in found.failed] == []
    kappa, churn = found.draws.values("frailty")[:, 0], found.draws.values("share")[:, 0, 0, 1]
    assert np.median(kappa * churn) == pytest.approx(0.668, rel=0.05)
    assert np.median(kappa * (1 - churn)) == pytest.approx(3.806, rel=0.05)
    assert abs(churn.mean() - 0.1493) < churn.std()
    choice = found.choices[0]
    assert (choice.chosen, choice.runner_up) == ("differing", "alike")
    assert choice.margin > 3 * choice.margin_error
    assert np.all(np.isnan(found.draws.values("frailty")[:, 1]))
    assert any("kappa 4.5" in note and "shares of their own" in note for note in found.notes)


def test_the_row_is_the_new_customers_not_the_survivors():
    """The pooled share of visits says 10 % leave a year; of new customers 15 % do."""
    found = calibrated(HIGH_END)
    events = sum(HIGH_END[:-1])
    pooled = (HIGH_END[0] - HIGH_END[-1]) / events
    assert found.draws.values("share")[:, 0, 0, 1].mean() - pooled > 4 * np.sqrt(pooled * (1 - pooled) / events)


def test_customers_who_are_alike_change_nothing():
    """A constant 85 % retention, rounded to customers: the layer stays off and the row is the Dirichlet of the counts."""
    survivors = tuple(round(1000 * 0.85**year) for year in range(8))
    found = calibrated(survivors)
    assert "frailty" not in found.draws.data
    events, left = sum(survivors[:-1]), survivors[0] - survivors[-1]
    churn = found.draws.values("share")[:, 0, 0, 1]
    expected = stats.beta(1.6 + left, 6.4 + events - left)
    assert churn.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / np.sqrt(1000))
    assert churn.std() == pytest.approx(expected.std(), rel=0.1)


def test_a_table_of_transitions_says_nothing_about_customers():
    journey = subscription()
    observed = observe(event_log(survivors_log(HIGH_END)), journey)
    assert "frailty" not in calibrate(journey, observed.transitions, seed=1).draws.data


def test_silent_exits_with_known_dwells_give_the_retention_model_too():
    """Who has been silent for more than a year has left: kappa within 6 % (5 errors of medians of 1,000 draws each).

    491 of 1,000 may still be there, and of them fewer have left than of new customers.
    """
    told, silent = (calibrated(HIGH_END, silent=silent, years=7.5) for silent in (False, True))
    kappas = [found.draws.values("frailty")[:, 0] for found in (told, silent)]
    assert np.median(kappas[1]) == pytest.approx(np.median(kappas[0]), rel=0.06)
    leaving = silent.draws.values("share")[:, 0, 0, 1]
    gone = 509 + 491 * np.mean(kappas[1] * leaving / (kappas[1] + 7))
    assert any(f"{gone:.0f} have left silently" in note for note in silent.notes)
    assert silent.choices[0].margin == pytest.approx(told.choices[0].margin, abs=1.0)


def target() -> tuple[Polya, PolyaTarget]:
    """Return 600 customers who differ (kappa 3) over three links."""
    rng = np.random.default_rng(5)
    taken = np.array([rng.multinomial(rng.integers(1, 6), rng.dirichlet(3 * ROW)) for _ in range(600)])
    polya = Polya(np.zeros(600, dtype=np.int64), taken, np.zeros(600, dtype=bool), np.ones((600, 3)), np.ones(600))
    return polya, PolyaTarget(PolyaSums.of(polya, 1), np.array([4.0, 3.0, 2.0]), np.ones((1, 3)))


@pytest.mark.slow
def test_weighted_draws_are_those_of_a_sampler_of_the_plain_model():
    """Means within 5 standard errors at 400 effective draws of each (false alarm 1e-6), spreads within 15 %."""
    polya, place = target()
    mode = find_polya_mode(place)
    assert mode.gain > LEAST_GAIN
    start = place.flat(mode.rows, mode.log_kappa)
    weighted = sample_weighted(place.log_density, start, draws=4000, seed=1, names=("x",))
    assert not weighted.poor

    def build(pymc: ModuleType, tensor: ModuleType) -> None:
        log_kappa = pymc.Normal("log_kappa", np.log(10.0), 2.0)
        urn = tensor.exp(log_kappa) * pymc.Dirichlet("row", place.alpha)
        gone = tensor.gammaln(urn + polya.taken) - tensor.gammaln(urn)
        whole = tensor.gammaln(tensor.exp(log_kappa)) - tensor.gammaln(tensor.exp(log_kappa) + polya.visits)
        pymc.Potential("visits", gone.sum() + whole.sum())

    run = pymc_adapter.sample(build, draws=1000, tune=500, chains=4, seed=1)
    theirs = np.column_stack([run.values["log_kappa"].ravel(), run.values["row"].reshape(-1, 3)])
    weights = np.exp(weighted.logs - weighted.logs.max())
    ours = np.column_stack([weighted.at[:, 0], np.exp(place.log_rows(weighted.at))[:, 0]])
    mean = np.average(ours, axis=0, weights=weights)
    sd = np.sqrt(np.average((ours - mean) ** 2, axis=0, weights=weights))
    assert np.all(np.abs(mean - theirs.mean(axis=0)) <= 5 * sd * np.sqrt(2 / 400))
    assert sd == pytest.approx(theirs.std(axis=0), rel=0.15)
