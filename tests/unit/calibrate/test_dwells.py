from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.choice import choose_family
from journeysim.calibrate.dwells.families import (
    CANDIDATES,
    bin_probability,
    from_log_moments,
    log_likelihood,
    survival,
    survival_by_draw,
    to_scale_shape,
)
from journeysim.calibrate.dwells.fit import TAU_VALUES, fit_dwell
from journeysim.calibrate.dwells.mode import DwellBelief, Normal, find_mode, prior_normal
from journeysim.calibrate.numerics.student import resample
from journeysim.model.dwell import Family, cdf, ppf, quantile_by_draw
from journeysim.model.transitions import coarse_edges

EDGES = coarse_edges(200.0)


def binned(values) -> Bins:
    counts = np.histogram(values, EDGES)[0].astype(float)
    hit = counts > 0
    return Bins(EDGES[:-1][hit], EDGES[1:][hit], counts[hit])


def sample(family: Family, a: float, b: float, n: int, seed: int) -> Bins:
    return binned(ppf(family, a, b, np.random.default_rng(seed).uniform(size=n)))


def belief(family: Family, personas: int = 1, seen: float = 1.0) -> DwellBelief:
    names = tuple(f"p{g}" for g in range(personas))
    return DwellBelief(family, 0.0, 1.0, 1.0 / np.sqrt(seen), seen, names, (0.0,) * personas)


@pytest.mark.parametrize("family", CANDIDATES)
def test_coordinates_match_the_log_moments(family: Family):
    a, b = to_scale_shape(family, *from_log_moments(family, 0.4, 0.8))
    logs = np.log(ppf(family, a, b, (np.arange(200_000) + 0.5) / 200_000))
    assert logs.mean() == pytest.approx(0.4, abs=2e-3)
    assert logs.std() == pytest.approx(np.pi / np.sqrt(6) if family is Family.EXPONENTIAL else 0.8, rel=5e-3)


def test_every_draw_is_read_in_its_own_family():
    families = np.array([Family.GAMMA, Family.EMPIRICAL, Family.LOGNORMAL, Family.EMPIRICAL], dtype=np.int8)
    a, b, t = np.full((4, 1, 1), 2.0), np.array([1.5, 1.0, 1.5, 0.0])[:, None, None], np.array([0.5, 3.0, 30.0])
    tables = np.array([[0.0, 1.0, 5.0], [1.0, 2.0, 9.0]])
    still = survival_by_draw(families, a, b, t, tables)[:, 0]
    np.testing.assert_allclose(still[1], [1.0, 0.75, 0.0])  # twice the quantiles 1, 2, 9
    np.testing.assert_allclose(still[3], [0.875, 0.4375, 0.0])  # twice the quantiles 0, 1, 5
    for row in (0, 2):
        np.testing.assert_allclose(still[row], 1 - cdf(Family(int(families[row])), 2.0, 1.5, t))
    days = quantile_by_draw(families, a[..., 0], b[..., 0], np.array([0.25]), tables)
    np.testing.assert_allclose(days[[1, 3], 0], [3.0, 1.0])
    np.testing.assert_allclose(1 - cdf(Family.GAMMA, 2.0, 1.5, days[0]), 0.75)


@pytest.mark.parametrize("family", CANDIDATES)
def test_survival_and_bins_agree_with_the_model(family: Family):
    t = np.array([0.0, 0.3, 1.0, 7.0])
    np.testing.assert_allclose(survival(family, 2.0, 1.3, t), 1 - cdf(family, 2.0, 1.3, t), atol=1e-14)
    mass = bin_probability(family, np.array([2.0]), np.array([1.3]), EDGES[:-1], EDGES[1:])
    assert mass.sum() == pytest.approx(float(cdf(family, 2.0, 1.3, EDGES[-1])), abs=1e-12)


def test_bins_far_in_the_tail_keep_their_probability():
    mass = bin_probability(Family.EXPONENTIAL, np.array([1.0]), np.array([1.0]), np.array([50.0]), np.array([51.0]))
    assert mass[0, 0] == pytest.approx(np.exp(-50) * (1 - np.exp(-1)), rel=1e-12)


@pytest.mark.parametrize("family", CANDIDATES[1:])
def test_the_true_family_is_chosen_and_its_parameters_are_found(family: Family):
    data = sample(family, 3.0, 1.7, 6000, seed=4)
    choice = choose_family(belief(Family.LOGNORMAL), [(data, NO_BINS)])
    assert choice.family is family
    assert choice.margin > 0
    fit = fit_dwell(family, belief(family), [(data, NO_BINS)], seed=1, draws=2000, name="link")
    for values, truth in ((fit.a, 3.0), (fit.b, 1.7)):
        assert abs(np.log(values).mean() - np.log(truth)) < 4 * np.log(values).std()
        assert np.log(values).std() < 0.06
    assert fit.effective > 1000


@pytest.mark.parametrize(("family", "shape"), [(Family.LOGNORMAL, 1.2), (Family.LOGLOGISTIC, 1.5)])
def test_the_family_is_not_chosen_by_the_fast_ones_alone(family: Family, shape: float):
    """2,000 customers arrive evenly over 20 days, half of them take longer than 10 and most of these are still there.

    Scored by the completed dwells alone, log-logistic wins where the truth is log-normal, and gamma where it is
    log-logistic: a family without room for slow customers puts more weight where the fast ones are.
    """
    rng = np.random.default_rng(1)
    dwell, age = ppf(family, 10.0, shape, rng.uniform(size=2000)), rng.uniform(0, 20, 2000)
    choice = choose_family(belief(Family.GAMMA), [(binned(dwell[dwell < age]), binned(age[dwell >= age]))])
    assert choice.family is family


def test_draws_match_the_exact_posterior_on_a_fine_grid():
    family, few = Family.WEIBULL, sample(Family.WEIBULL, 2.0, 0.8, 7, seed=8)
    silent = Bins(np.array([3.0]), np.array([4.0]), np.array([1.6]))
    fit = fit_dwell(family, belief(family), [(few, silent)], seed=1, draws=8000, name="link")
    prior = prior_normal(belief(family), family)
    x, y = np.linspace(-3, 5, 500), np.linspace(-3, 3, 400)
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    off = points - prior.mean
    logs = log_likelihood(family, *to_scale_shape(family, points[..., 0], points[..., 1]), few, silent)
    weights = np.exp((z := logs - 0.5 * np.sum(off**2 * np.diag(prior.precision), axis=-1)) - z.max())
    weights /= weights.sum()
    exact_b = np.exp(points[..., 1])
    mean = float(np.sum(weights * exact_b))
    sd = float(np.sqrt(np.sum(weights * (exact_b - mean) ** 2)))
    assert fit.effective > 2000
    assert fit.b.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(fit.effective))
    assert fit.b.std() == pytest.approx(sd, rel=0.08)


def test_a_persona_with_few_dwells_borrows_from_the_other():
    many, few = sample(Family.LOGNORMAL, 5.0, 1.0, 4000, seed=1), sample(Family.LOGNORMAL, 40.0, 1.0, 2, seed=2)
    both = fit_dwell(Family.LOGNORMAL, belief(Family.LOGNORMAL, 2), [(many, NO_BINS), (few, NO_BINS)],
                     seed=1, draws=4000, name="link")  # fmt: skip
    alone = fit_dwell(Family.LOGNORMAL, belief(Family.LOGNORMAL), [(few, NO_BINS)], seed=1, draws=4000, name="link")
    assert np.median(both.a[:, 0]) == pytest.approx(5.0, rel=0.06)
    assert 5.0 < np.median(both.a[:, 1]) < np.median(alone.a[:, 0])
    assert np.log(both.a[:, 0]).std() < 0.03 < np.log(both.a[:, 1]).std()


def test_a_persona_never_observed_follows_the_others_with_room_for_difference():
    many = sample(Family.EXPONENTIAL, 5.0, 1.0, 4000, seed=1)
    fit = fit_dwell(Family.EXPONENTIAL, belief(Family.EXPONENTIAL, 2), [(many, NO_BINS), (NO_BINS, NO_BINS)],
                    seed=1, draws=4000, name="link")  # fmt: skip
    assert np.median(fit.a[:, 1]) == pytest.approx(np.median(fit.a[:, 0]), rel=0.1)
    assert TAU_VALUES[0] < np.log(fit.a[:, 1]).std() < TAU_VALUES[-1] + 0.1


def test_newton_finds_the_mode_from_far_away():
    data = [(sample(Family.GAMMA, 0.001, 2.0, 500, seed=3), NO_BINS)]
    flat = Normal(np.array([3.0, -1.0]), np.eye(2) * 1e-3)
    mode = find_mode(Family.GAMMA, flat, data, start=np.array([3.0, -1.0]))
    a, b = to_scale_shape(Family.GAMMA, *mode.mean)
    assert float(a * b) == pytest.approx(0.002, rel=0.15)
    assert float(b) == pytest.approx(2.0, rel=0.2)


def test_resampling_keeps_equal_weights_as_they_are():
    np.testing.assert_array_equal(resample(np.zeros(6), 6, 0.3), np.arange(6))
    assert np.bincount(resample(np.log([0.5, 0.25, 0.25]), 400, 0.5)).tolist() == [200, 100, 100]


@pytest.mark.parametrize("family", [Family.LOGNORMAL, Family.WEIBULL, Family.GAMMA])
def test_dwells_that_all_lie_in_the_shortest_bin_are_drawn_as_a_fine_grid_says(family: Family):
    # The likelihood is flat up to a cliff. Draws worth 800: the mean lies within 4 errors (0.14 sd), the sd within 15 %.
    prior, second = DwellBelief(family, 0.0, 2.0, 1.75, 1.3, ("p0",), (0.0,)), 1 / 86_400
    data = [(Bins(np.array([0.0]), np.array([second]), np.array([150.0])), NO_BINS)]
    fit = fit_dwell(family, prior, data, seed=5, draws=4000, name="x")
    assert fit.effective > 800
    normal = prior_normal(prior, family)
    points = np.stack(np.meshgrid(np.linspace(-20, -10, 500), np.linspace(-3.5, 5.5, 500), indexing="ij"), -1)
    a, b = to_scale_shape(family, points[..., 0], points[..., 1])
    off = points - normal.mean
    logs = -0.5 * np.sum(np.diag(normal.precision) * off**2, -1) + log_likelihood(family, a, b, *data[0])
    weights = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    for drawn, exact in ((fit.a[:, 0], a), (fit.b[:, 0], b)):
        mean = float(np.sum(weights * np.log(exact)))
        sd = float(np.sqrt(np.sum(weights * (np.log(exact) - mean) ** 2)))
        assert np.log(drawn).mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(800))
        assert np.log(drawn).std() == pytest.approx(sd, rel=0.15)


def test_two_personas_whose_dwells_all_lie_in_the_shortest_bin_get_enough_draws():
    second = 1 / 86_400
    data = [(Bins(np.array([0.0]), np.array([second]), np.array([count])), NO_BINS) for count in (861.0, 884.0)]
    for family in CANDIDATES:
        fit = fit_dwell(family, belief(family, personas=2, seen=1.3), data, seed=5, draws=4000, name="x")
        assert fit.effective > 400
        assert np.all(np.isfinite(fit.a))
        assert np.median(survival(family, fit.a, fit.b, second)) < 0.01
