"""Compiled tails of dwells, and the likelihood made of them, against SciPy's functions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.families import CANDIDATES, log_likelihood, survival
from journeysim.calibrate.dwells.tails import gamma_tails, tails
from journeysim.model.dwell import Family

PEERS = {
    Family.EXPONENTIAL: lambda a, _: stats.expon(scale=a),
    Family.GAMMA: lambda a, b: stats.gamma(b, scale=a),
    Family.WEIBULL: lambda a, b: stats.weibull_min(b, scale=a),
    Family.LOGNORMAL: lambda a, b: stats.lognorm(b, scale=a),
    Family.LOGLOGISTIC: lambda a, b: stats.fisk(b, scale=a),
}


def test_incomplete_gamma_functions_are_those_of_scipy() -> None:
    # Shapes over the whole range of the fit (e^-4 to e^6), times from far below to far above; 2e-12 of either tail.
    rng = np.random.default_rng(1)
    shape = np.exp(rng.uniform(-4, 6, 3000))
    x = shape * np.exp(3 * rng.normal(size=3000) / np.sqrt(1 + shape))
    x[::3] = np.exp(rng.uniform(-20, 6.5, 1000))
    found = np.array([gamma_tails(*pair) for pair in zip(shape, x, strict=True)]).T
    for mine, peer in zip(found, (special.gammaincc(shape, x), special.gammainc(shape, x)), strict=True):
        seen = peer > 1e-290
        np.testing.assert_allclose(mine[seen], peer[seen], rtol=2e-12)
        assert np.all(mine[~seen] < 1e-289)


@pytest.mark.parametrize("family", CANDIDATES)
def test_both_tails_keep_their_digits(family: Family) -> None:
    a, b = 2.0, 1.0 if family is Family.EXPONENTIAL else 0.7
    peer = PEERS[family](a, b)
    times = 2.0 * np.exp(np.linspace(-12, 4, 60))
    longer, over = tails(int(family), a, b, times)
    np.testing.assert_allclose(longer, peer.sf(times), rtol=1e-12)
    np.testing.assert_allclose(over, peer.cdf(times), rtol=1e-12)
    np.testing.assert_allclose(survival(family, a, b, times), peer.sf(times), rtol=1e-12)
    at_once = tails(int(family), a, b if family is Family.EXPONENTIAL else 0.02, np.zeros(1))
    assert at_once[0][0] == 1.0
    assert at_once[1][0] < 1e-300  # nobody moves at once, whatever the shape


@pytest.mark.parametrize("family", CANDIDATES)
def test_likelihood_of_bins_and_open_spells(family: Family) -> None:
    edges = np.array([0.0, 0.5, 0.6, 2.0, 40.0, 41.0])
    done = Bins(edges[[0, 1, 2, 4]], edges[[1, 2, 3, 5]], np.array([3.0, 1.0, 2.5, 0.5]))  # with a gap
    silent = Bins(np.array([0.0, 7.0]), np.array([1.0, 8.0]), np.array([2.0, 0.25]))
    a, b = np.array([[0.3, 2.0], [9.0, 1.0]]), np.full((2, 2), 1.0 if family is Family.EXPONENTIAL else 0.8)
    peer = PEERS[family](a[..., None], b[..., None])
    inside = np.where(
        peer.sf(done.low) < 0.5, peer.sf(done.low) - peer.sf(done.high), peer.cdf(done.high) - peer.cdf(done.low)
    )
    wanted = np.log(inside) @ done.count + peer.logsf(silent.middle) @ silent.count
    np.testing.assert_allclose(log_likelihood(family, a, b, done, silent), wanted, rtol=1e-11)


@pytest.mark.parametrize("family", CANDIDATES)
def test_likelihood_does_not_depend_on_who_else_is_asked_for(family: Family) -> None:
    # Blocks end where they do: of 5,000 dwells at 43 edges each has to the bit what it has alone.
    rng = np.random.default_rng(2)
    edges = np.append(0.0, np.geomspace(1e-4, 90.0, 42))
    done = Bins(edges[:-1], edges[1:], rng.uniform(0, 3, 42))
    a, b = np.exp(rng.normal(0, 3, 5000)), np.exp(rng.uniform(-2, 3, 5000))
    b = np.ones(5000) if family is Family.EXPONENTIAL else b
    all_at_once = log_likelihood(family, a, b, done, NO_BINS)
    for i in (0, 46, 47, 48, 4999):
        assert log_likelihood(family, a[i : i + 1], b[i : i + 1], done, NO_BINS)[0] == all_at_once[i]
    assert np.array_equal(log_likelihood(family, a[:9], b[:9], NO_BINS, NO_BINS), np.zeros(9))


def test_arrays_of_one_shape_are_taken_without_a_word() -> None:
    # A broadcast view made numba warn, and a warning is an error here.
    a, b, t = np.array([1.0, 2.0]), np.array([0.5, 3.0]), np.array([0.2, 9.0])
    np.testing.assert_allclose(survival(Family.GAMMA, a, b, t), stats.gamma(b, scale=a).sf(t), rtol=1e-12)
    np.testing.assert_allclose(
        survival(Family.GAMMA, a[:, None], b[:, None], t[None])[0], stats.gamma(0.5).sf(t), rtol=1e-12
    )
