"""Long run: moments to the end and first passages, against walked lives, closed forms and a long horizon."""

import numpy as np
import pytest

from chains import build_chain, random_chain, with_arrays
from journeysim.model import dwell
from journeysim.model.dwell import Family
from journeysim.simulate.exact import absorption, exact_paths, exact_tally, long_run
from journeysim.simulate.exact.transforms import dwell_variances
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_lives

RATES = Settings(1e5, 0.2, 0.05)
CUSTOMERS, LIMIT = 200_000, 4.75


def journey():
    """Return a loop with gamma, Weibull and log-normal dwells, entry anywhere, values that vary, money by day and by link."""
    rows = {
        "a": {"b": (0.5, Family.GAMMA, 2.0, 1.7), "lost": (0.5, Family.WEIBULL, 6.0, 0.8)},
        "b": {
            "a": (0.4, Family.LOGNORMAL, 3.0, 0.6),
            "c": (0.35, Family.FIXED, 2.0),
            "lost": (0.25, Family.EXPONENTIAL, 4.0),
        },
        "c": {"won": (0.7, Family.LOGLOGISTIC, 2.0, 6.0), "b": (0.3, Family.FIXED, 0.0)},
    }
    money = {
        "visit_value": {"a": 1.0, "won": 60.0}, "visit_cost": {"a": 2.0, "c": 7.0}, "value_per_day": {"b": 0.5},
        "cost_per_day": {"a": 0.3, "b": 0.1}, "link_value": {"b -> c": 3.0}, "link_cost": {"b -> a": 1.5},
    }  # fmt: skip
    entry = {"a": 0.6, "b": 0.3, "won": 0.1}
    chain = build_chain(rows, outcomes=["won", "lost"], converts=["won"], entry=entry, **money)
    return with_arrays(chain, visit_value_sd=0.8 * chain.visit_value)


def test_moments_are_those_of_walked_lives():
    """A dozen z-scores against 4.75 (false alarm 3e-5); a variance 4 % off, or a mean 1 % off, would be caught."""
    chain = journey()
    found, lives = long_run(chain, RATES), walk_lives(chain, RATES, seed=3, draws=[0], customers=np.arange(CUSTOMERS))
    converted = np.isfinite(lives.convert_time[0])
    to_convert = np.where(converted, lives.convert_time[0], 0.0)
    margin, own = lives.value[0] - lives.cost[0], found.value - found.cost
    for single, mean, squares in (
        (converted, found.converted, found.converted), (to_convert, found.convert_days, found.convert_days_squares),
        (lives.end_time[0], found.days, found.days_squares), (lives.touches[0], found.touches, found.touches_squares),
        (lives.value[0], found.value, found.value_squares), (lives.cost[0], found.cost, found.cost_squares),
        (margin, own, found.margin_squares),
    ):  # fmt: skip
        values = np.asarray(single, dtype=np.float64)
        for power, expected in ((values, mean), (values**2, squares)):
            assert abs(power.mean() - expected.item()) < LIMIT * power.std() / np.sqrt(CUSTOMERS)
    for single, expected in ((lives.value_pv[0], found.value_pv), (lives.cost_pv[0], found.cost_pv)):
        assert abs(single.mean() - expected.item()) < LIMIT * single.std() / np.sqrt(CUSTOMERS)


def test_first_passages_are_those_of_a_long_horizon():
    chain, settings = journey(), Settings(2_000.0)
    found, (tally, _) = long_run(chain, settings), exact_tally(chain, settings)
    np.testing.assert_allclose(found.reached, exact_paths(chain, settings, tally).reached[..., :3], rtol=1e-4)
    np.testing.assert_allclose(found.converted, tally.converted, rtol=1e-4)
    np.testing.assert_allclose(found.ends, tally.ends, rtol=1e-4)


def test_first_passage_of_a_fair_game_has_its_closed_form():
    """Gambler's ruin from 3 of 7 by fair steps of a day: who gets there takes (49 - 9) / 3 days (Feller I, XIV.3)."""
    rows = {f"{k}": {f"{k + 1}" if k < 6 else "7": 0.5, f"{k - 1}" if k > 1 else "0": 0.5} for k in range(1, 7)}
    chain = build_chain(rows, outcomes=["0", "7"], converts=["7"], entry={"3": 1.0})
    found = long_run(chain, RATES)
    np.testing.assert_allclose(found.converted, 3 / 7, rtol=1e-13)
    np.testing.assert_allclose(found.convert_days / found.converted, 40 / 3, rtol=1e-13)
    np.testing.assert_allclose(found.days, 12.0, rtol=1e-13)
    np.testing.assert_allclose(found.days_squares - found.days**2, 12 * (9 + 16 - 2) / 3, rtol=1e-12)
    np.testing.assert_allclose(found.reached[0, 0], [4 / 6, 4 / 5, 1.0, 3 / 4, 3 / 5, 3 / 6], rtol=1e-13)


def test_a_small_variance_beside_a_large_mean_keeps_its_digits():
    rows = {"a": {"b": 1.0}, "b": {"out": (1.0 - 1e-12, Family.FIXED, 1e6), "a": (1e-12, Family.FIXED, 1e6)}}
    found = absorption(build_chain(rows, outcomes=["out"]))
    np.testing.assert_allclose(found.moves_variance, 4e-12, rtol=1e-9)


@pytest.mark.parametrize(
    ("family", "a", "b"),
    [
        (Family.GAMMA, 2.0, 1.7),
        (Family.WEIBULL, 6.0, 0.8),
        (Family.LOGNORMAL, 3.0, 0.6),
        (Family.LOGLOGISTIC, 2.0, 4.5),
    ],
)
def test_variances_of_dwells_are_integrals_of_squared_quantiles(family, a, b):
    nodes, weights = np.polynomial.legendre.leggauss(400)
    # u = v^3 (10 - 15 v + 6 v^2) flattens both tails
    v = (nodes + 1) / 2
    u, du = v**3 * (10 - 15 * v + 6 * v**2), 30 * v**2 * (1 - v) ** 2 / 2 * weights
    days = dwell.ppf(family, a, b, u)
    mean = (days * du).sum()
    np.testing.assert_allclose(dwell.variance(family, a, b), (days**2 * du).sum() - mean**2, rtol=2e-3)


def test_variance_of_a_quantile_table_is_that_of_its_uniform_pieces():
    chain = build_chain(
        {"a": {"out": (1.0, Family.EMPIRICAL, 2.0, 0.0)}}, outcomes=["out"], table=np.array([[0.0, 1.0, 5.0]])
    )
    mean, squares = (1 + 6) / 2, (4 / 3 + (100 + 20 + 4) / 3) / 2
    np.testing.assert_allclose(dwell_variances(chain).item(), squares - mean**2)


def test_what_has_no_answer_is_left_out_or_empty():
    chain = random_chain(3, draws=2, personas=2, touchpoints=5, out_degree=3)
    endless = build_chain({"a": {"b": 1.0}, "b": {"a": 1.0}}, outcomes=["out"])
    assert long_run(endless, RATES) is None
    both = {name: np.repeat(getattr(chain, name), 2, axis=2) for name in ("share", "dwell_a", "dwell_b")}
    assert long_run(with_arrays(chain, period_end=np.array([9.0, np.inf]), **both), RATES) is None
    heavy = build_chain({"a": {"out": (1.0, Family.LOGLOGISTIC, 2.0, 1.5)}}, outcomes=["out"], cost_per_day={"a": 1.0})
    found = long_run(heavy, RATES)
    assert np.isfinite(found.days).all()
    assert np.isnan(found.days_squares).all()
    assert np.isnan(found.cost_squares).all()
    assert found.value_squares.item() == 0.0
