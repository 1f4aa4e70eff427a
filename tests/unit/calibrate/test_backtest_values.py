"""What moves are worth and what customers answer, as a backtest foretells it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from journeysim.calibrate import stated_draws
from journeysim.calibrate.backtest import Backtest, backtest, rolling
from journeysim.calibrate.backtest.ratings import Rated, Raters, seen_ratings
from journeysim.calibrate.backtest.tally import RATING, Counter, Crowd
from journeysim.calibrate.backtest.values import Payments, paid_before
from journeysim.calibrate.rewards.gamma_gamma import expected_spend
from journeysim.model.dwell import Family
from journeysim.model.event_log import EventLog
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.visits import visits_of
from logs import event_log
from maps import exponential
from worlds import world_log

N = 20_000
MARCH = np.datetime64("2025-03-01T00:00:00", "us")
SHOP = JourneyMap(
    "shop",
    (Touchpoint("buy", (Link("buy", Fixed(0.7), exponential(5.0)), Link("done", None, exponential(5.0)))),),
    (Outcome("done", conversion=True),),
    (("buy", Fixed(1.0)),),
)


def worth_data(*, spend: tuple[float, float, float] | None = None, zero: float = 0.0, value: float = 30.0):
    """Return one draw in which a payment is log-normal of mean 20 before it is scaled to `value` a visit."""
    data = stated_draws(SHOP).take(np.zeros(1, dtype=np.int64)).data
    shape, dims = (1, 1, 2), ("draw", "persona", "place")
    data["visit_value"].values[:] = value
    columns = {"value_zero": zero, "value_a": 20.0 * np.exp(-0.5 * 0.6**2), "value_b": 0.6}
    data = data.assign({name: (dims, np.full(shape, number)) for name, number in columns.items()})
    data = data.assign(value_family=(("place",), np.array([float(Family.LOGNORMAL), np.nan])))
    if spend is not None:
        data = data.assign(spend=((*dims, "spend_parameter"), np.tile(spend, (*shape, 1))))
    return data


def payments(data, paid: np.ndarray | None = None) -> Payments:
    zeros = np.zeros(N, dtype=np.int64)
    return Payments(data, zeros, zeros, np.zeros((N, 2, 2)) if paid is None else paid)


def test_payments_have_the_learned_mean_of_a_visit_zeros_included():
    """Within 4.5 standard errors; a place without values is worth nothing."""
    found = payments(worth_data(zero=0.25))
    rng, who = np.random.default_rng(1), np.arange(N)
    made = found.drawn(who, np.zeros(N, dtype=np.int64), rng)
    assert abs(made.mean() - 30.0) < 4.5 * made.std() / np.sqrt(N)
    assert np.mean(made == 0) == pytest.approx(0.25, abs=0.014)
    assert found.drawn(who, np.ones(N, dtype=np.int64), rng).max() == 0.0


def test_a_customer_who_paid_before_goes_on_like_that():
    """Ten payments of 80 where the average is 30: the gamma-gamma's expectation, within 4.5 standard errors."""
    p, q, gamma = 6.0, 4.0, 15.0
    paid = np.zeros((N, 2, 2))
    paid[:, 0] = [10.0, 800.0]
    made = payments(worth_data(spend=(p, q, gamma)), paid).drawn(
        np.arange(N), np.zeros(N, dtype=np.int64), np.random.default_rng(1)
    )
    (expected,) = expected_spend(np.array([[p, q, gamma]]), np.array([10.0]), np.array([80.0]))[:, 0]
    assert abs(made.mean() - expected) < 4.5 * made.std() / np.sqrt(N)


def test_payments_of_one_customer_hang_together_as_the_model_has_it():
    """Correlation of two payments of new customers: (p + 1)/p (q - 1)/(q - 2) against its closed form, within 0.05."""
    p, q = 6.0, 6.0
    found = payments(worth_data(spend=(p, q, 15.0)))
    rng, place = np.random.default_rng(1), np.zeros(N, dtype=np.int64)
    one, other = (found.drawn(np.arange(N), place, rng) for _ in range(2))
    between, within = 1 / (q - 2), (q - 1) / (q - 2) / p
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(between / (between + within), abs=0.05)


def test_what_was_paid_is_counted_by_customer_and_place():
    log = event_log([("a", "buy", 0.0), ("a", "buy", 1.0), ("b", "buy", 2.0)], cut_off=5.0)
    visits = visits_of(log, SHOP)
    found = paid_before(visits, np.array([10.0, 0.0, 7.0]), np.array([1, 0]), 2)
    assert found.tolist() == [[[1, 7], [0, 0]], [[1, 10], [0, 0]]]


def test_answers_come_as_often_and_as_high_as_they_should():
    """Chance 0.3, answers 1, 3 and 5 at 20, 30 and 50 %: within 4.5 standard errors."""
    levels = np.array([1.0, 3.0, 5.0])
    raters = Raters(np.full((1, 1, 2), 0.3), np.tile([0.2, 0.3, 0.5], (1, 1, 2, 1)), levels)
    zeros = np.zeros(N, dtype=np.int64)
    found = raters.drawn(zeros, zeros, zeros, np.random.default_rng(1))
    given = found[np.isfinite(found)]
    assert len(given) / N == pytest.approx(0.3, abs=0.015)
    assert np.mean(given) == pytest.approx(3.6, abs=0.1)
    assert np.mean(given == 1.0) == pytest.approx(0.2, abs=0.025)


def test_mean_ratings_are_weighted_and_a_handful_is_not_judged():
    crowd = Crowd(np.zeros(6, dtype=int), np.zeros(6, dtype=int), np.full(6, -1.0), np.zeros(6, dtype=bool),
                  np.array([2.0, 1, 1, 1, 1, 1]))  # fmt: skip
    counter = Counter(SHOP, crowd, np.array([0.0, 7.0, 14.0]), 1)
    counter.rate(np.arange(6), np.full(6, 3.0), np.array([5.0, 1, 1, 1, 1, np.nan]))
    counter.rate(np.arange(4), np.full(4, 9.0), np.full(4, 2.0))
    found = counter.result(np.array([[6.0]]), silent=frozenset()).metrics[RATING]
    assert found[0, 0, 0] == pytest.approx((2 * 5 + 4) / 6)
    assert found[0, 1].tolist()[0] == found[0, 0, 0]
    assert np.isnan(found[0, 0, 1])


def test_a_rating_belongs_to_the_visit_of_its_row():
    log = event_log([("a", "buy", 0.0), ("a", "buy", 1.0), ("b", "buy", 2.0)], cut_off=5.0)
    rated = seen_ratings(visits_of(log, SHOP), replace(log, rating=np.array([np.nan, 4.0, 2.0])), SHOP)
    assert isinstance(rated, Rated)
    assert (rated.visit.tolist(), rated.answer.tolist()) == ([1, 2], [4.0, 2.0])
    assert seen_ratings(visits_of(log, SHOP), log, SHOP) is None


def of(log: EventLog) -> Backtest:
    return backtest(log, SHOP, MARCH, until=MARCH + np.timedelta64(7, "D"), step="week", seed=1, draws=200)


def test_a_customer_of_weight_three_counts_three_times(monkeypatch: pytest.MonkeyPatch):
    """The same walk, everybody three times: what came and what was foretold, to the digit."""

    def known(journey, observed, *, seed, draws):  # noqa: ARG001
        return SimpleNamespace(draws=stated_draws(journey).take(np.zeros(draws, dtype=np.int64)), failed=())

    monkeypatch.setattr(rolling, "calibrate", known)
    log = replace(world_log(SHOP, 400, 60.0, seed=3), persona=None)
    once, thrice = of(log), of(replace(log, weight=np.full(len(log.time), 3.0)))
    assert len(once.forecasts) > 4
    for one, three in zip(once.forecasts, thrice.forecasts, strict=True):
        times = 1 if one.unit == "days" else 3
        assert three.actual == times * one.actual
        assert three.quantiles == pytest.approx(np.array(one.quantiles) * times)


@pytest.mark.slow
def test_ratings_are_foretold_where_the_log_has_them():
    """Answers of 2 to 4 at every second visit: the mean of a week lies near 3."""
    log = replace(world_log(SHOP, 400, 60.0, seed=3), persona=None)
    rng = np.random.default_rng(1)
    answer = np.where(rng.uniform(size=len(log.time)) < 0.5, rng.choice([2.0, 3.0, 4.0], len(log.time)), np.nan)
    (rating,) = [item for item in of(replace(log, rating=answer)).forecasts if item.metric == "rating"]
    assert rating.unit == "points"
    assert 2.6 < rating.quantiles[0] < rating.quantiles[3] < rating.quantiles[-1] < 3.4
