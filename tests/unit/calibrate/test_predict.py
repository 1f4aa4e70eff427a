"""The predictive simulator against closed forms; the engines' own answers are in tests/statistical."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate import stated_draws
from journeysim.calibrate.predict import Predictor, Start, predictor_of, steps
from journeysim.calibrate.predict.steps import upper_quantile
from journeysim.model.dwell import Dwell, Family, ppf
from journeysim.model.journey import JourneyMap, Link, Outcome, Row, Tenure, Touchpoint
from journeysim.model.quantity import Fixed
from maps import days, exponential

N = 40_000


def one(*links: Link, seen: float = 8.0) -> JourneyMap:
    ends = tuple(Outcome(link.target, silent=link.target == "gone") for link in links if link.target != "a")
    return JourneyMap("one", (Touchpoint("a", links, seen=seen),), ends, (("a", Fixed(1.0)),))


def predictor(journey: JourneyMap) -> Predictor:
    silent = frozenset(outcome.name for outcome in journey.outcomes if outcome.silent)
    return predictor_of(journey, stated_draws(journey).data, silent)


def at(place: int, *, silent: float = 0.0, count: int = N, touchpoints: int = 1) -> Start:
    zeros = np.zeros(count, dtype=np.int64)
    start = Start.entering(zeros, zeros + place, np.zeros(count), touchpoints)
    return replace(start, silent=np.full(count, silent))


def walked(model: Predictor, start: Start, end: float = 1e6):
    return list(steps(model, start, np.zeros(start.size, dtype=np.int64), end=end, rng=np.random.default_rng(1)))


@pytest.mark.parametrize("family", [f for f in Family if f is not Family.EMPIRICAL])
def test_the_upper_quantile_is_the_quantile_from_above(family: Family):
    u = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(upper_quantile(family, 2.0, 1.7, 1 - u), ppf(family, 2.0, 1.7, u), rtol=1e-9)


def test_upper_quantiles_far_out_do_not_saturate():
    far = upper_quantile(Family.WEIBULL, np.array(1.0), np.array(1.0), np.array([1e-20, 1e-40]))
    np.testing.assert_allclose(far, -np.log([1e-20, 1e-40]))


def test_a_first_move_has_the_links_shares_and_dwells():
    """Chi-square and Kolmogorov-Smirnov at 1e-4 each."""
    journey = one(
        Link("x", Fixed(0.3), exponential(2.0)), Link("y", Fixed(0.7), Dwell(Family.GAMMA, Fixed(1.5), Fixed(2.0)))
    )
    (step,) = walked(predictor(journey), at(0))
    taken = np.bincount(step.target, minlength=3)[1:]
    assert stats.chisquare(taken, N * np.array([0.3, 0.7])).pvalue > 1e-4
    assert stats.kstest(step.day[step.target == 1], stats.expon(scale=2.0).cdf).pvalue > 1e-4
    assert stats.kstest(step.day[step.target == 2], stats.gamma(2.0, scale=1.5).cdf).pvalue > 1e-4


def test_what_is_left_after_a_silence_is_the_conditional_distribution():
    """P(x | silent for t) = P_x S_x / sum, and an exponential has no memory, a gamma has; each at 1e-4."""
    journey = one(
        Link("x", Fixed(0.3), exponential(2.0)), Link("y", Fixed(0.7), Dwell(Family.GAMMA, Fixed(1.5), Fixed(2.0)))
    )
    (step,) = walked(predictor(journey), at(0, silent=4.0))
    alive = np.array([0.3 * np.exp(-2.0), 0.7 * stats.gamma(2.0, scale=1.5).sf(4.0)])
    taken = np.bincount(step.target, minlength=3)[1:]
    assert stats.chisquare(taken, N * alive / alive.sum()).pvalue > 1e-4
    assert stats.kstest(step.day[step.target == 1] - 4.0, stats.expon(scale=2.0).cdf).pvalue > 1e-4
    left = stats.gamma(2.0, scale=1.5)
    own = step.day[step.target == 2]
    assert np.all(own >= 4.0)
    assert stats.kstest(own, lambda t: 1 - left.sf(t) / left.sf(4.0)).pvalue > 1e-4


def test_silence_is_evidence_of_having_left():
    """0.2 left silently; after t days 0.2 / (0.2 + 0.8 exp(-t)) of those still silent have; 1e-4."""
    journey = one(Link("x", Fixed(0.8), exponential(1.0)), Link("gone", Fixed(0.2)))
    seen = walked(predictor(journey), at(0, silent=2.0))[0]
    left = 0.2 / (0.2 + 0.8 * np.exp(-2.0))
    assert stats.binomtest(len(seen.customer), N, 1 - left).pvalue > 1e-4


def test_an_empirical_dwell_follows_its_table_also_after_a_silence():
    table = Dwell(Family.EMPIRICAL, Fixed(2.0), quantiles=((0.0, 1.0), (0.5, 2.0), (1.0, 6.0)))
    (step,) = walked(predictor(one(Link("x", Fixed(1.0), table))), at(0))
    assert np.quantile(step.day, [0.25, 0.5, 0.75]) == pytest.approx([3.0, 4.0, 8.0], abs=0.1)
    (late,) = walked(predictor(one(Link("x", Fixed(1.0), table))), at(0, silent=4.0))
    assert np.quantile(late.day, [0.0, 0.5, 1.0]) == pytest.approx([4.0, 8.0, 12.0], abs=0.1)


def test_a_silence_longer_than_any_move_takes_shows_nothing_more():
    seen = walked(predictor(one(Link("x", Fixed(1.0), days(3.0)))), at(0, silent=5.0))
    assert sum(len(step.customer) for step in seen) == 0


def test_nothing_is_shown_after_the_end():
    step, *_ = walked(predictor(one(Link("x", Fixed(1.0), exponential(1.0)))), at(0), end=0.5)
    assert step.day.max() <= 0.5
    assert stats.binomtest(len(step.day), N, 1 - np.exp(-0.5)).pvalue > 1e-4


def test_shares_follow_the_time_since_entry():
    early = Row(links=(Link("a", Fixed(1.0), days(1.0)), Link("x", Fixed(0.0), days(1.0))))
    links = (Link("a", Fixed(0.0), days(1.0)), Link("x", Fixed(1.0), days(1.0)))
    touchpoint = Touchpoint("a", links, by_tenure=(Tenure(3.0, early),))
    journey = JourneyMap("tenure", (touchpoint,), (Outcome("x"),), (("a", Fixed(1.0)),))
    found = walked(predictor(journey), at(0, count=10))
    assert [set(step.target.tolist()) for step in found] == [{0}, {0}, {0}, {1}]


def test_customers_who_differ_are_a_beta_geometric():
    """P(still there after k of k) = B(a + k, b) / B(a, b) with a = kappa P; 1e-4 each."""
    model = predictor(one(Link("a", Fixed(0.6), days(1.0)), Link("x", Fixed(0.4), days(1.0))))
    model = replace(model, frailty=np.array([[2.0]]))
    found = walked(model, at(0), end=4.5)
    assert len(found) == 4
    for k, step in enumerate(found, start=1):
        expected = np.prod([(1.2 + i) / (2.0 + i) for i in range(k)])
        assert stats.binomtest(int(np.sum(step.target == 0)), N, expected).pvalue > 1e-4


def test_a_customers_own_past_counts_for_those_who_differ():
    model = replace(
        predictor(one(Link("a", Fixed(0.5), days(1.0)), Link("x", Fixed(0.5), days(1.0)))), frailty=np.array([[2.0]])
    )
    start = replace(at(0), earlier=np.full((N, 1), 4), taken=np.tile([3, 0], (N, 1)))
    step = walked(model, start, end=1.5)[0]
    assert stats.binomtest(int(np.sum(step.target == 0)), N, (1 + 3) / (2 + 3)).pvalue > 1e-4


def test_an_effect_of_visits_shifts_the_log_of_the_share():
    model = predictor(one(Link("a", Fixed(0.5), days(1.0)), Link("x", Fixed(0.5), days(1.0))))
    model = replace(model, visit_effect=np.array([[0.0, 1.0]]))
    first, second, *_ = walked(model, at(0), end=2.5)
    assert stats.binomtest(int(np.sum(first.target == 1)), N, 0.5).pvalue > 1e-4
    assert stats.binomtest(int(np.sum(second.target == 1)), len(second.target), np.e / (1 + np.e)).pvalue > 1e-4


def test_a_first_visit_has_its_own_shift_and_only_three_earlier_visits_count():
    model = predictor(one(Link("a", Fixed(0.5), days(1.0)), Link("x", Fixed(0.5), days(1.0))))
    model = replace(model, visit_start=np.array([[[0.0, -1.0]]]), visit_effect=np.array([[0.0, 0.5]]))
    first = walked(model, at(0), end=1.5)[0]
    assert stats.binomtest(int(np.sum(first.target == 1)), N, 1 / (1 + np.e)).pvalue > 1e-4
    late = replace(at(0), earlier=np.full((N, 1), 40), taken=np.tile([39, 0], (N, 1)))
    step = walked(model, late, end=1.5)[0]
    assert stats.binomtest(int(np.sum(step.target == 1)), N, np.exp(0.5) / (1 + np.exp(0.5))).pvalue > 1e-4


def test_where_a_customer_came_from_decides_where_order_two_is_known():
    import xarray as xr

    journey = one(Link("a", Fixed(0.5), days(1.0)), Link("x", Fixed(0.5), days(1.0)))
    data = stated_draws(journey).data.assign(
        order2_share=xr.DataArray(
            [[[0.9, 0.1]]], dims=("draw", "persona", "order2"), coords={"order2": ["a | a -> a", "a | a -> x"]}
        )
    )
    first, second, *_ = walked(predictor_of(journey, data, frozenset()), at(0), end=2.5)
    assert stats.binomtest(int(np.sum(first.target == 0)), N, 0.5).pvalue > 1e-4
    assert stats.binomtest(int(np.sum(second.target == 0)), len(second.target), 0.9).pvalue > 1e-4
