"""Weighted draws of what pools personas: against a fine grid, the prior, and PyMC's NUTS on a second statement."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD, PooledTarget, draw_pooled
from journeysim.calibrate.shares import ShareRows, fit_shares
from shares_nuts import sample_rows


def target(counts, alpha, tilt=None) -> PooledTarget:
    counts = np.asarray(counts, float)
    return PooledTarget(
        np.asarray(alpha, float), np.ones_like(counts) if tilt is None else np.asarray(tilt, float), counts
    )


def on_a_grid(alpha, tilt, counts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log odds of theta, score of kappa, and log density, for two links, written down person by person."""
    odds, score = np.meshgrid(np.linspace(-40, 40, 1200), np.linspace(-6, 6, 200), indexing="ij")
    kappa = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * score)
    theta = special.expit(odds)
    logs = alpha[0] * np.log(theta) + alpha[1] * special.log_expit(-odds) - 0.5 * score**2
    for (x, y), (up, down) in zip(counts, tilt, strict=True):
        own = np.clip(theta * up / (theta * up + (1 - theta) * down), 1e-15, 1 - 1e-15)
        logs += special.betaln(kappa * own + x, kappa * (1 - own) + y) - special.betaln(kappa * own, kappa * (1 - own))
    return odds, score, logs


WORLDS = {
    "alike": ([4.0, 4.0], [[1, 1], [1, 1]], [[60, 40], [6, 3]]),
    "opposite": ([4.0, 4.0], [[1, 1], [1, 1]], [[300, 2], [1, 200]]),
    "never seen": ([0.5, 0.5], [[1, 1], [1, 1]], [[20, 0], [0, 0]]),
    "own rows": ([5.0, 5.0], [[1.6, 0.4], [0.4, 1.6]], [[40, 10], [25, 300]]),
    "sure beforehand": ([200.0, 40.0], [[1, 1], [1, 1], [1, 1]], [[10, 30], [2, 9], [0, 4.5]]),
}


@pytest.mark.parametrize("world", WORLDS)
def test_draws_are_those_of_a_fine_grid(world: str):
    """Means within 5 and sds within 7 errors of 20,000 draws' effective number, the evidence within 5: below 1 in 100,000.

    An error of 0.04 sd in a mean would be seen.
    """
    alpha, tilt, counts = (np.asarray(part, float) for part in WORLDS[world])
    found = draw_pooled(target(counts, alpha, tilt), draws=20_000, seed=1, name=world)
    assert found.effective > 10_000
    assert found.tail < 0.5
    odds, score, logs = on_a_grid(alpha, tilt, counts)
    exact, weights = special.softmax(logs), special.softmax(found.logs)
    drawn = found.log_theta[:, 0] - found.log_theta[:, 1], (found.log_kappa - np.log(KAPPA_MEDIAN)) / KAPPA_SPREAD
    for grid, at in zip((odds, score), drawn, strict=True):
        mean = np.sum(exact * grid)
        sd = np.sqrt(np.sum(exact * (grid - mean) ** 2))
        assert weights @ at == pytest.approx(mean, abs=5 * sd / np.sqrt(found.effective))
        assert np.sqrt(weights @ (at - mean) ** 2) == pytest.approx(sd, rel=7 / np.sqrt(found.effective))
    cell = (odds[1, 0] - odds[0, 0]) * (score[0, 1] - score[0, 0])
    evidence = special.logsumexp(logs) + np.log(cell)
    error = np.sqrt(1 / found.effective - 1 / 20_000)
    assert special.logsumexp(found.logs) - np.log(20_000) == pytest.approx(evidence, abs=5 * error + 1e-3)


def test_without_customers_the_prior_comes_back():
    """Kolmogorov and Smirnov on 4,000 draws, false alarm 1e-4 each: notices a shift of a distribution function by 0.036."""
    counts = np.zeros((1, 3, 3))
    alpha = np.array([[2.0, 0.3, 0.7]])
    names = ("t",), (("x", "y", "z"),), ("a", "b", "c")
    fit = fit_shares(ShareRows(*names, counts, alpha, np.ones_like(counts), np.ones((1, 3), bool)), seed=3, draws=4000)
    assert all(gate.passed for gate in fit.gates)
    for j, own in enumerate(alpha[0]):
        assert stats.kstest(fit.theta[:, 0, j], stats.beta(own, 3.0 - own).cdf).pvalue > 1e-4
    assert stats.kstest((np.log(fit.kappa[:, 0]) - np.log(KAPPA_MEDIAN)) / KAPPA_SPREAD, stats.norm.cdf).pvalue > 1e-4


@pytest.mark.parametrize("links", [3, 12, 20])
@pytest.mark.parametrize("personas", [2, 8, 20])
def test_many_links_and_personas_with_many_zeros_keep_good_weights(links: int, personas: int):
    rng = np.random.default_rng(links * personas)
    theta = rng.dirichlet(np.full(links, 8 / links))
    sizes = rng.choice([0, 3, 100, 20_000], personas)
    counts = [rng.multinomial(n, rng.dirichlet(np.maximum(50 * theta, 1e-9))) for n in sizes]
    tilt = np.exp(0.5 * rng.normal(size=(personas, links)))
    tilt[0, -1] = 0.0  # a link that one persona does not have
    found = draw_pooled(
        target(np.where(tilt > 0, counts, 0), np.full(links, 8 / links), tilt), draws=2000, seed=1, name="x"
    )
    assert found.effective > 1000
    assert found.tail < 0.7


def test_a_mode_is_where_the_density_is_highest():
    point = target([[30, 5, 1], [2, 0, 9]], [3.0, 2.0, 0.5], [[1, 1, 1], [0.3, 2.0, 1.0]])
    score = np.array([-1.0, 0.0, 2.0])
    at = np.log(point.modes(score))
    best = point.log_density(at, score)
    for step in np.vstack([np.eye(3), -np.eye(3)]) * 1e-2:
        moved = at + step
        moved -= special.logsumexp(moved, axis=1, keepdims=True)
        assert np.all(point.log_density(moved, score) < best)


@pytest.mark.slow
def test_weighted_draws_and_nuts_agree():
    """Two samplers and two statements of the density: means within 5 errors of 400 draws each, sds within a quarter."""
    counts = np.array([[[600, 300, 100], [6, 3, 1]], [[50, 50, 0], [0, 0, 0]], [[400, 100, 0], [100, 400, 0]]], float)
    tilt = np.ones((3, 2, 3))
    tilt[2, :, :2] = [[1.6, 0.4], [0.4, 1.6]]
    weight = np.array([[6.0, 3.0, 1.0], [5.0, 4.0, 1.0], [5.0, 5.0, 0.0]])
    names = ("a", "b", "c"), (("x", "y", "z"),) * 3, ("p", "q")
    rows = ShareRows(*names, counts, weight, tilt, weight > 0)
    ours, nuts = fit_shares(rows, seed=1, draws=4000), sample_rows(rows, seed=1, draws=1000, chains=4, tune=500)
    assert [str(gate) for gate in (*ours.gates, *nuts.gates) if not gate.passed] == []
    pairs = [(ours.theta, nuts.theta), (np.log(ours.kappa), nuts.log_kappa), (ours.shares, nuts.expected)]
    for mine, theirs in pairs:
        a, b = (x.reshape(4000, -1) for x in (mine, theirs))
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / 400) + 1e-12
        assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error)
    for mine, theirs in pairs[:2]:
        a, b = (x.reshape(4000, -1).std(axis=0) for x in (mine, theirs))
        np.testing.assert_allclose(a, b, rtol=0.25, atol=1e-12)
