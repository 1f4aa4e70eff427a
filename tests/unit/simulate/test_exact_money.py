"""Moments of one customer's money up to the horizon: products of matrices, closed forms, the long run, and walked lives."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from chains import build_chain, random_chain, stack, with_arrays
from journeysim.model import dwell
from journeysim.model.dwell import Family
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.exact import exact_money, exact_tally, long_run
from journeysim.simulate.exact.grid import Cut
from journeysim.simulate.exact.halves import limited_square, survival
from journeysim.simulate.exact.spread import TOLERANCE, on_grid
from journeysim.simulate.layers import NO_LAYERS, Values
from journeysim.simulate.money import mixed, of_everybody, variances, variances_of
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_lives

BY_PERIOD = (
    "share", "today_share", "dwell_a", "dwell_b", "visit_value", "visit_cost", "effort", "value_per_day", "cost_per_day",
    "link_value", "link_cost",
)  # fmt: skip
TABLE = np.array([[0.0, 1.0, 2.5, 7.0, 20.0]])
SHAPES = [
    (Family.EXPONENTIAL, 5.0, 1.0), (Family.GAMMA, 2.0, 0.6), (Family.GAMMA, 2.0, 4.0), (Family.WEIBULL, 6.0, 0.7),
    (Family.WEIBULL, 6.0, 3.0), (Family.LOGNORMAL, 4.0, 1.2), (Family.LOGLOGISTIC, 4.0, 1.5), (Family.EMPIRICAL, 1.0, 0.0),
]  # fmt: skip


def tenured(seed):
    """Return a random journey of three personas whose rows change after 3 and after 9 days, with money of all kinds."""
    many = random_chain(seed, draws=9, personas=1, touchpoints=4, out_degree=3)
    rows = {name: getattr(many, name).reshape(1, 3, 3, -1) for name in BY_PERIOD}
    rows["visit_value_sd"] = 0.4 * rows["visit_value"]
    return with_arrays(
        many, **rows, personas=("one", "two", "three"), period_end=np.array([3.0, 9.0, np.inf]), family=many.family[:1],
        entry=np.random.default_rng(seed).dirichlet(np.ones(6), size=(1, 3)), persona_share=np.full((1, 3), 1 / 3),
        arrivals=np.ones(1),
    )  # fmt: skip


def by_matrices(chain, settings, g):
    """Return E[v], E[c], E[v^2], E[v c], E[c^2], discounted, of a chain whose dwells are all one day, forwards in time.

    Mass, and first and second moments of what has been brought so far, are carried from place to place: a stay's money by day
    with the part of the day until the horizon.
    """
    n, s = len(chain.touchpoints), len(chain.converts)
    force = [np.log1p(rate) / DAYS_PER_YEAR for rate in (settings.discount_value, settings.discount_cost)]
    last = int(settings.horizon)

    def worth(side, first, length):
        return np.exp(-force[side] * first) * (
            length if force[side] == 0 else -np.expm1(-force[side] * length) / force[side]
        )

    def plus(held, sums, spread):
        """Return the moments after adding to each place its sums (value, cost), of which the value has a variance."""
        mass, v, c, vv, vc, cc = held
        a, b = sums
        return np.stack([
            mass, v + a * mass, c + b * mass, vv + 2 * a * v + (a**2 + spread) * mass,
            vc + a * c + b * v + a * b * mass, cc + 2 * b * c + b**2 * mass,
        ])  # fmt: skip

    def visits(held, k, p):
        down = [np.exp(-rate * k) for rate in force]
        sums = down[0] * chain.visit_value[0, g, p], down[1] * chain.visit_cost[0, g, p]
        return plus(held, sums, (down[0] * chain.visit_value_sd[0, g, p]) ** 2)

    held = visits(np.outer([1.0, 0, 0, 0, 0, 0], chain.entry[0, g]), 0, 0)
    done = held[:, n:].sum(axis=1)
    for k in range(last + 1):
        p = int(np.searchsorted(chain.period_end, k, side="right"))
        stay = min(1.0, settings.horizon - k)
        daily = chain.value_per_day[0, g, p, :n], chain.cost_per_day[0, g, p, :n]
        here = plus(held[:, :n], [rate * worth(side, k, stay) for side, rate in enumerate(daily)], 0.0)
        if k == last:
            return (done + here.sum(axis=1))[1:]
        arrived = np.zeros((6, s))
        for link, (i, j) in enumerate(zip(chain.source, chain.target, strict=True)):
            sums = [
                np.exp(-rate * (k + 1)) * table[0, g, p, link]
                for rate, table in zip(force, (chain.link_value, chain.link_cost), strict=True)
            ]
            arrived[:, j] += chain.share[0, g, p, link] * plus(here[:, i], sums, 0.0)
        held = visits(arrived, k + 1, int(np.searchsorted(chain.period_end, k + 1, side="right")))
        done = done + held[:, n:].sum(axis=1)
    raise AssertionError


@pytest.mark.parametrize("horizon", [12.0, 12.5, 3.0])
def test_dwells_of_a_day_are_products_of_matrices(horizon):
    chain = tenured(5)
    chain = with_arrays(chain, family=np.zeros_like(chain.family), dwell_a=np.ones_like(chain.dwell_a))
    settings = Settings(horizon, 0.4, 0.1)
    found = exact_money(chain, settings)
    assert found.error == 0.0
    for g in range(3):
        np.testing.assert_allclose(found.moments[0, g, 0], by_matrices(chain, Settings(horizon), g), rtol=1e-12)
        np.testing.assert_allclose(found.moments[0, g, 1], by_matrices(chain, settings, g), rtol=1e-12)
    tally = exact_tally(chain, settings)[0]
    np.testing.assert_allclose(found.moments[:, :, 1, 0], tally.value_pv, rtol=1e-12)
    np.testing.assert_allclose(found.moments[:, :, 0, 1], tally.cost, rtol=1e-12)


def test_within_cycle_weights_count_as_in_the_tally():
    chain = build_chain(
        {"a": {"a": 0.7, "out": 0.3}}, outcomes=["out"], value_per_day={"a": 2.0}, visit_cost={"a": 1.0}
    )
    settings = Settings(9.0, 0.3, 0.1, within_cycle="half")
    found, tally = exact_money(chain, settings), exact_tally(chain, settings)[0]
    np.testing.assert_allclose(found.moments[0, 0, :, 0], [tally.value.item(), tally.value_pv.item()], rtol=1e-12)
    np.testing.assert_allclose(found.moments[0, 0, :, 1], [tally.cost.item(), tally.cost_pv.item()], rtol=1e-12)


@pytest.mark.parametrize(("family", "a", "b"), SHAPES)
def test_a_paid_stay_that_the_horizon_cuts_is_an_integral(family, a, b):
    """E[x(min(T, H))^k] = k times the integral of x' x^(k-1) S, with x the discounted days: natively, without tunnels."""
    table = None if family is not Family.EMPIRICAL else TABLE
    chain = build_chain(
        {"a": {"out": (1.0, family, a, b)}}, outcomes=["out"], value_per_day={"a": 3.0}, table=table,
    )  # fmt: skip
    horizon, rate = 11.0, 0.6
    found, force = exact_money(chain, Settings(horizon, rate)), np.log1p(rate) / DAYS_PER_YEAR

    def alive(t):
        return 1.0 - float(
            np.interp(t, TABLE[0], np.linspace(0, 1, 5)) if table is not None else dwell.cdf(family, a, b, t)
        )

    def integrand(t, power, down):
        days = -np.expm1(-down * t) / down if down else t
        return power * np.exp(-down * t) * days ** (power - 1) * alive(t)

    for pair, down in enumerate((0.0, force)):
        first, second = (
            integrate.quad(integrand, 0, horizon, args=(power, down), limit=200, points=[1.0, 2.5, 7.0])[0]
            for power in (1, 2)
        )
        variance = variances_of(found.moments)[0, 0, pair, 0]
        assert np.sqrt(variance) == pytest.approx(3.0 * np.sqrt(second - first**2), rel=1.5 * TOLERANCE)
    assert found.error <= TOLERANCE


def test_an_exponential_stay_has_its_closed_form():
    chain = build_chain({"a": {"out": (1.0, Family.EXPONENTIAL, 10.0)}}, outcomes=["out"], cost_per_day={"a": 1.0})
    x = 25.0 / 10.0
    fine = on_grid(chain, Settings(25.0), Cut(25.0 / 960, 960, lattice=False))
    mean, square = -10.0 * np.expm1(-x), 200.0 * (1.0 - np.exp(-x) * (1.0 + x))
    assert fine[0, 0, 0, 1] == pytest.approx(mean, rel=1e-12)
    assert fine[0, 0, 0, 4] == pytest.approx(square, rel=1e-5)


def rich():
    """Return a loop with every family, dwells of no time, whole days and between, entry anywhere, money of all kinds."""
    rows = {
        "a": {"b": (0.4, Family.GAMMA, 2.0, 1.7), "lost": (0.4, Family.WEIBULL, 6.0, 0.8), "c": (0.2, Family.FIXED, 1.3)},
        "b": {
            "a": (0.4, Family.LOGNORMAL, 3.0, 0.6), "c": (0.35, Family.FIXED, 2.0), "lost": (0.25, Family.EXPONENTIAL, 4.0),
        },
        "c": {"won": (0.7, Family.LOGLOGISTIC, 2.0, 6.0), "b": (0.2, Family.FIXED, 0.0), "d": (0.1, Family.EXPONENTIAL, 0.01)},
        "d": {"c": (0.5, Family.EXPONENTIAL, 0.02), "won": (0.5, Family.EMPIRICAL, 1.0, 0.0)},
    }  # fmt: skip
    money = {
        "visit_value": {"a": 1.0, "won": 60.0}, "visit_cost": {"a": 2.0, "c": 7.0}, "value_per_day": {"b": 2.5},
        "cost_per_day": {"a": 0.3, "b": 0.1}, "link_value": {"b -> c": 3.0}, "link_cost": {"b -> a": 1.5, "d -> c": 4.0},
    }  # fmt: skip
    entry = {"a": 0.6, "b": 0.3, "won": 0.1}
    chain = build_chain(rows, outcomes=["won", "lost"], converts=["won"], entry=entry, table=TABLE, **money)
    return with_arrays(chain, visit_value_sd=0.3 * chain.visit_value)


def test_a_long_horizon_has_the_spread_of_the_long_run():
    chain = rich()
    run, found = long_run(chain, Settings(1.0)), exact_money(chain, Settings(800.0))
    expected = {
        "revenue": run.value_squares - run.value**2, "cost": run.cost_squares - run.cost**2,
        "margin": run.margin_squares - (run.value - run.cost) ** 2,
    }  # fmt: skip
    for name, variance in expected.items():
        np.testing.assert_allclose(np.sqrt(variances(found)[name]), np.sqrt(variance), rtol=TOLERANCE, err_msg=name)


def test_stays_far_shorter_than_a_step_keep_their_own_spread():
    """Talks of a quarter of an hour, paid by time, within a year: a step of six days must not make them last days.

    Straight lines through squares would be 21 % off at 60 steps.
    """
    rows = {
        "a": {"a": (0.5, Family.EXPONENTIAL, 0.01), "b": (0.5, Family.EXPONENTIAL, 0.01)},
        "b": {"out": (0.6, Family.GAMMA, 0.02, 1.5), "a": (0.4, Family.LOGNORMAL, 1.0, 1.0)},
    }
    chain = build_chain(rows, outcomes=["out"], cost_per_day={"a": 500.0, "b": 300.0})
    run, found = long_run(chain, Settings(1.0)), on_grid(chain, Settings(365.0), Cut(365.0 / 60, 60, lattice=False))
    expected = np.sqrt(run.cost_squares - run.cost**2).item()
    assert np.sqrt(variances_of(found)[0, 0, 0, 1]) == pytest.approx(expected, rel=1e-3)
    assert exact_money(chain, Settings(365.0)).error <= TOLERANCE


@pytest.mark.parametrize("horizon", [2.0, 9.0, 40.0])
def test_the_error_stated_holds(horizon):
    """Against 1,920 steps, extrapolated with half of them; it is an estimate from coarser grids, so a fifth is left to it."""
    chain, settings = rich(), Settings(horizon, 0.5, 0.2)
    coarse, fine = (on_grid(chain, settings, Cut(horizon / steps, steps, lattice=False)) for steps in (960, 1_920))
    best = np.sqrt(variances_of((4 * fine - coarse) / 3))
    found = exact_money(chain, settings)
    assert found.error <= TOLERANCE
    assert np.abs(np.sqrt(variances_of(found.moments)) / best - 1).max() <= 1.2 * found.error + 1e-6


def scores(chains, settings, scale=1.0):
    """Return for each chain how far the walk's variance of the discounted margin is from the exact one, in its errors."""
    found = []
    for seed, chain in enumerate(chains):
        lives = walk_lives(chain, settings, seed=seed, draws=[0], customers=np.arange(20_000))
        variance = variances(exact_money(chain, settings))["clv"][0] * scale**2
        for g in range(len(chain.personas)):
            margin = (lives.value_pv - lives.cost_pv)[lives.persona == g]
            away = (margin - margin.mean()) ** 2
            found.append((away.mean() - variance[g]) / (away.std() / np.sqrt(len(away))))
    return np.asarray(found)


def test_walked_lives_spread_as_the_exact_engine_says():
    """Eight maps of three personas each whose rows change with tenure: the mean of 24 z-scores, at 4.5 standard errors.

    False alarm 7e-6 (the scores' own skewness apart); standard deviations 2 % off are caught by the same test.
    """
    chains, settings = [tenured(seed) for seed in range(8)], Settings(21.0, 0.7, 0.2)
    z = scores(chains, settings)
    assert abs(z.sum()) / np.sqrt(len(z)) < 4.5
    assert (z**2).sum() < stats.chi2.isf(1e-5, len(z))
    wrong = scores(chains, settings, 1.02)
    assert abs(wrong.sum()) / np.sqrt(len(z)) > 4.5


def test_worlds_and_personas_mix_with_what_lies_between_them():
    """Two kinds of customers, each alike: one brings 1, the other 5."""
    one, two = (build_chain({"a": {"out": 1.0}}, outcomes=["out"], visit_value={"a": value}) for value in (1.0, 5.0))
    low, high = (exact_money(chain, Settings(3.0)) for chain in (one, two))
    assert variances(low)["revenue"].item() == variances(high)["revenue"].item() == 0.0
    half = np.full((1, 1), 0.5)
    assert variances(mixed([low, high], [half, half]))["revenue"].item() == pytest.approx(4.0)
    both = exact_money(stack([one, two], axis=1), Settings(3.0))
    assert variances(of_everybody(both, np.full((1, 2), 0.5)))["clv"].item() == pytest.approx(4.0)


def test_customers_who_differ_for_good_in_spending_have_none():
    chain = build_chain({"a": {"out": 1.0}}, outcomes=["out"], visit_value={"a": 3.0})
    shape, spend = np.array([[[2.0, np.nan]]]), np.full((1, 1, 2, 3), 2.0)
    family = np.full(2, float(Family.GAMMA))
    for common, known in ((np.nan, True), (1.0, False)):
        values = Values(zero=0 * shape, shape=shape, family=family, spend=common * spend)
        found = exact_money(with_arrays(chain, layers=replace(NO_LAYERS, values=values)), Settings(3.0))
        assert (found is not None) == known


@pytest.mark.parametrize(("family", "a", "b"), SHAPES)
def test_limited_squares_are_integrals_of_the_survival_function(family, a, b):
    for t in (0.05, 2.5, 11.0, 70.0):
        expected = 2.0 * integrate.quad(
            lambda v: survival(int(family), a, b, TABLE, float(np.exp(v))) * np.exp(2.0 * v), -40.0, np.log(t),
            epsabs=1e-13, limit=500, points=np.log([0.01, 0.5, 1.0, 2.0]) if family is Family.EMPIRICAL else None,
        )[0]  # fmt: skip
        assert limited_square(int(family), a, b, TABLE, t, np.zeros(2)) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("family", "a", "b"), SHAPES)
def test_survival_is_what_the_distribution_functions_leave(family, a, b):
    t = np.array([0.0, 1e-3, 0.4, 2.5, 6.0, 19.0, 80.0])
    ours = [survival(int(family), a, b, TABLE, float(x)) for x in t]
    if family is Family.EMPIRICAL:
        expected = 1.0 - np.interp(t, TABLE[0], np.linspace(0, 1, 5))
    else:
        expected = 1.0 - dwell.cdf(family, a, b, t)
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-14)
