"""Customers who differ where some leave silently: open visits by hand, and kappa, rows and dwells against integrals on a grid."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from journeysim.calibrate.differing.open_visits import OpenVisits
from journeysim.calibrate.differing.polya import Polya, PolyaSums, log_likelihood
from journeysim.calibrate.differing.polya_target import DIFFER_MEDIAN, DIFFER_SPREAD, PolyaTarget, find_polya_mode
from journeysim.calibrate.differing.with_dwells import JointTarget, sample_joint
from journeysim.calibrate.gates import weight_size
from journeysim.calibrate.layers.frailty import against_memory
from journeysim.calibrate.layers.layer import Choice
from journeysim.calibrate.layers.memory.scores import Score

#: P(longer than 5 and than 30 days) of coming back, in three draws of its dwell: quick, slow, and slow for some.
SLOW = np.array([[0.4, 0.05], [0.45, 0.08], [0.5, 0.12]])
ALPHA = np.array([3.0, 2.0])
RETURNS = np.repeat([0, 1, 2, 4, 8], 2)


def opened(taken: np.ndarray, row: np.ndarray, customers: np.ndarray, *, each: int = 1) -> OpenVisits:
    """Return open visits to a touchpoint with the links back and silently gone, so many draws of each dwell."""
    curves = np.tile(np.stack([SLOW, np.ones(SLOW.shape)], axis=-1)[:, None], (each, 1, 1, 1))
    return OpenVisits.of(row, taken, customers, curves)


def target_of(returns: np.ndarray, row: np.ndarray, customers: np.ndarray, *, each: int = 1) -> JointTarget:
    """Return the density of customers who came back so often and then fell silent, for 5 days or 30."""
    taken = np.column_stack([returns, np.zeros_like(returns)])
    visits = opened(taken, row, customers, each=each)
    still = visits.curves.mean(axis=0)[0, row]
    polya = Polya(np.zeros(len(row), dtype=np.int64), taken, np.ones(len(row), dtype=bool), still, customers)
    done, average = (PolyaTarget(PolyaSums.of(each, 1), ALPHA, np.ones((1, 2))) for each in (polya.shut, polya))
    return JointTarget(done, visits, average)


def world(*, each: int = 1) -> JointTarget:
    """Return 300 customers, half of whom hardly ever come back and half of whom nearly always do."""
    customers = np.array([30.0, 90.0, 15.0, 25.0, 10.0, 15.0, 20.0, 15.0, 50.0, 30.0])
    return target_of(RETURNS, np.tile([0, 1], 5), customers, each=each)


def on_a_grid(target: JointTarget) -> tuple[np.ndarray, np.ndarray]:
    """Return chance of every draw of the dwells, and mean log kappa, by sums over log kappa and the share of going."""
    log_kappa, gone = np.linspace(-6, 12, 361), special.expit(np.linspace(-7, 5, 301))
    points = np.column_stack([each.ravel() for each in np.meshgrid(log_kappa, gone, indexing="ij")])
    taken, row = RETURNS, target.open.row
    kappa, share = np.exp(points[:, 0, None]), points[:, 1, None]
    prior = (
        ALPHA @ np.log([1 - points[:, 1], points[:, 1]])
        - 0.5 * ((points[:, 0] - np.log(DIFFER_MEDIAN)) / DIFFER_SPREAD) ** 2
    )
    urn = special.gammaln(kappa * (1 - share) + taken) - special.gammaln(kappa * (1 - share))
    urn += special.gammaln(kappa) - special.gammaln(kappa + taken)
    chance, mean = [], []
    for dwell in range(len(SLOW)):
        still = SLOW[dwell, row]
        last = np.log((kappa * (1 - share) + taken) * still + kappa * share) - np.log(kappa + taken)
        logs = prior + (urn + last) @ target.open.customers
        alike = ALPHA @ np.log([1 - gone, gone])
        alike += (
            taken * np.log1p(-gone[:, None]) + np.log((1 - gone[:, None]) * still + gone[:, None])
        ) @ target.open.customers
        chance.append(special.logsumexp(logs) - special.logsumexp(alike))
        mean.append(special.softmax(logs) @ points[:, 0])
    return special.softmax(chance), np.array(mean)


def test_an_open_visit_counts_as_in_the_urn():
    visits = opened(np.array([[2, 1]]), np.array([1]), np.ones(1))
    found = visits.log_each(np.array([4.0, np.inf]), np.tile([0.7, 0.3], (2, 1, 1)), np.array([1, 2]))
    expected = [(4.8 * 0.08 + 2.2) / 7.0, 0.7 * 0.12 + 0.3]
    assert np.exp(found[:, 0]) == pytest.approx(expected, rel=1e-12)


def test_with_one_draw_of_the_dwells_it_is_the_likelihood_of_patterns():
    target = world()
    kappa, rows = np.array([0.5, 20.0]), np.array([[[0.7, 0.3]], [[0.4, 0.6]]])
    still, taken = target.open.curves[1, 0, target.open.row], np.column_stack([RETURNS, np.zeros_like(RETURNS)])
    polya = Polya(np.zeros(10, dtype=np.int64), taken, np.ones(10, dtype=bool), still, target.open.customers)
    found = log_likelihood(polya.shut, kappa, rows) + target.open.log_each(kappa, rows, np.array([1, 1]))
    assert found == pytest.approx(log_likelihood(polya, kappa, rows), rel=1e-12)


def test_customers_who_are_alike_need_no_past():
    visits = world().open
    assert len(visits.joined.customers) == 2
    points = np.full(3, np.inf), np.tile([0.7, 0.3], (3, 1, 1)), np.arange(3)
    assert visits.joined.log_likelihood(*points) == pytest.approx(visits.log_likelihood(*points), rel=1e-12)


def test_kappa_without_end_is_the_fit_with_alike_customers():
    target, dwells = world(), np.arange(3)
    own = np.array([[-0.6], [0.2], [0.9]])
    without_end = target.differing(np.column_stack([np.full(3, 30.0), own]), dwells)
    prior = 0.5 * ((30.0 - np.log(DIFFER_MEDIAN)) / DIFFER_SPREAD) ** 2
    assert without_end + prior == pytest.approx(target.alike()(own, dwells), abs=1e-6)


def test_kappa_and_dwells_are_those_of_sums_over_a_grid():
    """5 errors of 3,000 effective draws (false alarm 6e-7 a figure): chances off by .05, log kappa by .09 sd are caught."""
    target = world(each=1000)
    chance, means = on_a_grid(target)
    drawn = sample_joint(target, find_polya_mode(target.average), seed=3, name="x")
    assert not drawn.weighted.poor
    assert weight_size(drawn.weighted.logs) > 3000
    weights = special.softmax(drawn.weighted.logs)
    found = np.bincount(drawn.dwells % 3, weights, minlength=3)
    assert found == pytest.approx(chance, abs=5 * 0.5 / np.sqrt(3000))
    assert chance.max() - 1 / 3 > 0.1  # the grid does say something about the dwells
    log_kappa = drawn.weighted.at[:, 0]
    sd = np.sqrt(weights @ (log_kappa - weights @ log_kappa) ** 2)
    assert weights @ log_kappa == pytest.approx(chance @ means, abs=5 * sd / np.sqrt(3000))


def test_customers_who_never_came_back_leave_dwells_and_kappa_as_they_were():
    """With one visit each nobody can be told apart: the fit with alike customers stands, and kappa keeps its prior."""
    target = target_of(np.zeros(2, dtype=np.int64), np.array([0, 1]), np.array([60.0, 40.0]))
    drawn = sample_joint(target, find_polya_mode(target.average), seed=1, name="x")
    weights = special.softmax(drawn.weighted.logs)
    assert np.bincount(drawn.dwells, weights, minlength=3) == pytest.approx(1 / 3, abs=0.06)
    assert weights @ drawn.weighted.at[:, 0] == pytest.approx(
        np.log(DIFFER_MEDIAN), abs=5 * DIFFER_SPREAD / np.sqrt(1500)
    )


def test_a_memory_that_predicts_clearly_better_is_used_instead():
    choice = Choice('customers at "x"', "differing", "alike", 5.0, 3.0)
    clear, close = (Score("order 2", np.array([margin / 2 + 3, margin / 2 - 3])) for margin in (40.0, 10.0))
    assert against_memory(choice, clear) == Choice(
        choice.subject, "order 2", "differing", 35.0, pytest.approx(np.hypot(6, 3))
    )
    assert against_memory(choice, close) == choice
    assert against_memory(choice, None) == choice
