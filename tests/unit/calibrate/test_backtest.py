"""Backtest: nothing leaks from after the origin, a right model covers as it should, a wrong one is told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from journeysim.calibrate import stated_draws
from journeysim.calibrate.backtest import Backtest, backtest
from journeysim.calibrate.backtest import rolling as verb
from journeysim.calibrate.backtest.cut import cut_log, origins_of, shifted
from journeysim.calibrate.backtest.naive import last_period, observed_average
from journeysim.calibrate.backtest.predict import drawn_arrivals, on_the_way
from journeysim.calibrate.backtest.tally import Counter, Crowd
from journeysim.calibrate.predict import predictor_of
from journeysim.errors import BadInput
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.visits import visits_of
from maps import exponential, shop
from worlds import CUT_OFF, event_log, world_log

MARCH = np.datetime64("2025-03-01T00:00:00", "us")
VISIT = (
    Link("ask", Fixed(0.4), exponential(2.0)),
    Link("bought", Fixed(0.3), exponential(3.0)),
    Link("left", None, exponential(9.0)),
)
ASK = (
    Link("bought", Fixed(0.5), exponential(1.0)),
    Link("visit", Fixed(0.2), exponential(4.0)),
    Link("gone", Fixed(0.3)),
)


def one() -> JourneyMap:
    """Return a map of one persona with a loop and a silent exit: its fits need no sampler."""
    ends = (Outcome("bought", conversion=True), Outcome("left"), Outcome("gone", silent=True))
    return JourneyMap("one", (Touchpoint("visit", VISIT), Touchpoint("ask", ASK)), ends, (("visit", Fixed(1.0)),))


def as_stated(factor: float = 1.0):
    """Return a `calibrate` that knows the world's true map, all dwells multiplied by a factor."""

    def known(journey, observed, *, seed, draws):  # noqa: ARG001
        found = stated_draws(journey).take(np.zeros(draws, dtype=np.int64))
        found.data["dwell_a"].values[:] *= factor
        return SimpleNamespace(draws=found, failed=())

    return known


def of(log: EventLog, journey: JourneyMap, **settings) -> Backtest:
    return backtest(log, journey, MARCH, step="week", seed=1, draws=200, **settings)


def test_a_right_model_covers_at_its_level(monkeypatch: pytest.MonkeyPatch):
    """5 worlds, 20 origins, 10 metrics by 2 personas: coverage within 7 points, at most 2 of 15 gates (1 % each) fail."""
    monkeypatch.setattr(verb, "calibrate", as_stated())
    found = [of(world_log(shop(), 800, 90.0, seed=seed), shop()) for seed in range(5)]
    held = np.array(
        [item.held for each in found for item in each.forecasts if item.ahead == 1 and item.persona != "all"]
    )
    assert len(held) > 300
    np.testing.assert_allclose(held.mean(axis=0), [0.5, 0.8, 0.9], atol=0.07)
    assert sum(len(each.failed) for each in found) <= 2


def test_a_model_that_is_three_times_too_slow_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verb, "calibrate", as_stated(3.0))
    found = of(world_log(shop(), 1500, 90.0, seed=1), shop())
    assert len(found.failed) == 3
    assert all("held" in gate.name for gate in found.failed)


def test_a_fitted_model_beats_both_naive_forecasts_where_few_have_entered_lately():
    """Nobody enters in the last month: those on the way are all there is, and the past is no guide."""
    whole = world_log(one(), 1500, 60.0, seed=2)
    entry = np.full(len(whole.customer.labels), np.datetime64("NaT", "us"))
    entry[whole.customer.codes[::-1]] = whole.time[::-1]
    early = entry[whole.customer.codes] < MARCH
    log = replace(whole, customer=whole.customer.take(early), touchpoint=whole.touchpoint.take(early),
                  time=whole.time[early], persona=None)  # fmt: skip
    found = backtest(log, one(), MARCH, until=MARCH + np.timedelta64(14, "D"), step="week", seed=1, draws=200)
    moves = next(score for score in found.scores if score.metric == "moves" and score.ahead is None)
    assert moves.crps_beside < 0.5 * min(moves.crps_last, moves.crps_average)
    assert found.origins == ("2025-03-01", "2025-03-08")


def test_nothing_after_the_origin_changes_a_forecast():
    """Everybody does something else after the origin, and has another persona and end: the same forecasts."""
    log = world_log(one(), 800, 60.0, seed=3)
    late = log.time >= MARCH
    codes = np.where(late & (log.touchpoint.codes != 2), 3, log.touchpoint.codes)
    changed = replace(log, touchpoint=Names(codes, log.touchpoint.labels))
    both = [of(each, one(), given="forecast", until=MARCH + np.timedelta64(7, "D")) for each in (log, changed)]
    foretold = [{(item.metric, item.persona): item.quantiles for item in each.forecasts} for each in both]
    actual = [[item.actual for item in each.forecasts] for each in both]
    shared = set(foretold[0]) & set(foretold[1])
    assert len(shared) >= 6
    assert all(foretold[0][key] == foretold[1][key] for key in shared)
    assert actual[0] != actual[1]


def test_an_outcome_column_tells_nothing_of_what_is_to_come():
    days = np.array([-40.0, -35.0, -40.0, -20.0])
    log = event_log(one(), np.array([0, 0]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), days, CUT_OFF)
    log = replace(log, outcome=Names(np.array([0, 0, 0, 0]), ("bought",)))
    cut = cut_log(log, CUT_OFF - np.timedelta64(30, "D"))
    assert len(cut.time) == 3
    assert cut.outcome is not None
    assert sorted(zip(cut.customer.codes.tolist(), cut.outcome.codes.tolist(), strict=True)) == [
        (0, 0),
        (0, 0),
        (1, -1),
    ]
    found = visits_of(cut, one())
    assert sorted(found.place.tolist()) == [0, 0, 1, 2]


def test_those_on_the_way_are_where_they_were_last_seen():
    """Customer 0 went visit, ask, visit; customer 1 has ended; customer 2 has just entered."""
    log = event_log(one(), np.zeros(3, dtype=int), np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 0, 0, 2, 0]),
                    np.array([-9.0, -8.0, -5.0, -9.0, -1.0, -0.5]), CUT_OFF)  # fmt: skip
    start = on_the_way(visits_of(log, one()), one()).start
    assert start.place.tolist() == [0, 0]
    np.testing.assert_allclose(start.silent, [5.0, 0.5])
    np.testing.assert_allclose(start.entered, [-9.0, -0.5])
    assert start.previous.tolist() == [1, 2]
    assert start.earlier.tolist() == [[2, 1], [1, 0]]
    assert start.taken.tolist() == [[1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]]


def test_counts_by_period_are_those_of_the_moves():
    """Two customers in one unit: one converts in its first period, one enters before and converts in the second."""
    crowd = Crowd(np.zeros(2, dtype=int), np.zeros(2, dtype=int), np.array([0.5, -3.0]), np.zeros(2, dtype=bool),
                  np.ones(2))  # fmt: skip
    counter = Counter(one(), crowd, np.array([0.0, 7.0, 14.0]), 1)
    counter.add(np.array([0, 1]), np.array([1, 1]), np.array([1.0, 2.0]))
    counter.add(np.array([0, 1]), np.array([2, 2]), np.array([3.0, 9.0]))
    found = counter.result(np.array([[1.0]]), silent=frozenset({"gone"})).metrics
    assert found["moves"][0, 0].tolist() == [3, 1]
    assert found["visits to ask"][0, 0].tolist() == [2, 0]
    assert found["reached bought"][0, 1].tolist() == [1, 1]
    assert found["conversions of entrants"][0, 0].tolist() == [1, 0]
    assert found["on the way"][0, 0].tolist() == [1, 0]
    assert "reached gone" not in found
    assert np.isnan(found["days to convert"]).all()


def test_what_moves_are_worth_is_foretold_where_the_log_has_values():
    """One purchase in four brings nothing, the others about 50: what came lies within half and double every 90 % interval."""
    log = world_log(one(), 800, 60.0, seed=6)
    rng = np.random.default_rng(1)
    bought = log.touchpoint.codes == 2
    value = np.where(bought, rng.choice([0.0, 40.0, 50.0, 60.0], len(bought)), np.nan)
    found = of(replace(log, value=value), one(), until=MARCH + np.timedelta64(14, "D"))
    sums = [item for item in found.forecasts if item.metric == "value"]
    assert len(sums) == 3
    assert all(item.unit == "money" and item.last is not None for item in sums)
    assert all(item.quantiles[0] / 2 < item.actual < 2 * item.quantiles[-1] for item in sums)


def test_arrivals_are_drawn_as_often_as_they_come():
    """Mean 5 a day over 20 days and 400 draws: within 4.5 sd of the mean (1 in 150,000)."""
    journey = one()
    data = stated_draws(journey).take(np.zeros(400, dtype=np.int64)).data
    data["arrivals"].values[:] = 5.0
    model = predictor_of(journey, data, frozenset({"gone"}))
    start, draw = drawn_arrivals(model, data, MARCH, 20.0, np.arange(400), np.random.default_rng(1))
    assert abs(start.size - 400 * 100) < 4.5 * np.sqrt(400 * 100)
    assert np.bincount(draw, minlength=400).var() == pytest.approx(100.0, rel=0.35)
    assert start.entered.min() >= 0
    assert start.entered.max() < 20


def test_arrivals_of_a_week_swing_together_and_days_lose_what_weeks_have():
    """A level of log 2 doubles 5 a day; an sd of 0.3 a week spreads weekly sums by as much, and days no more than before."""
    journey = one()
    data = stated_draws(journey).take(np.zeros(2000, dtype=np.int64)).data
    data["arrivals"].values[:] = 50.0
    state = np.tile([np.log(2.0), 0.0, 0.3, 0.0, 0.0], (2000, 1))
    data = data.assign(swing_arrivals=(("draw", "swing"), state), arrivals_trend=(("draw",), np.full(2000, 9.0)),
                       arrivals_dispersion=(("draw",), np.full(2000, np.expm1(0.09))))  # fmt: skip
    model = predictor_of(journey, data, frozenset({"gone"}))
    start, draw = drawn_arrivals(model, data, MARCH, 14.0, np.arange(2000), np.random.default_rng(1))
    weeks = np.bincount(2 * draw + (start.entered >= 7), minlength=4000).reshape(2000, 2) / 700
    assert weeks.mean(axis=0) == pytest.approx(np.exp(0.045) * np.ones(2), rel=0.03)
    assert np.log(weeks).std(axis=0) == pytest.approx([0.3, 0.3], rel=0.08)
    assert abs(np.corrcoef(weeks.T)[0, 1]) < 0.08


def test_naive_forecasts_have_the_centre_and_the_spread_of_the_past():
    past = np.array([90.0, 110.0, 95.0, 105.0])
    last, average = last_period(past, 1, counts=True), observed_average(past, counts=True)
    assert last is not None
    assert average is not None
    assert np.median(last) == pytest.approx(105.0, abs=0.5)
    assert np.median(average) == pytest.approx(100.0, abs=0.5)
    assert last.std() > average.std() > 10.0
    assert last_period(np.empty(0), 1, counts=True) is None
    assert observed_average(np.array([3.0]), counts=False) is None


def test_months_keep_their_day_or_their_last_one():
    january = np.datetime64("2025-01-31T06:00", "us")
    assert str(shifted(january, "month", 1)) == "2025-02-28T06:00:00.000000"
    assert str(shifted(january, "month", -2)) == "2024-11-30T06:00:00.000000"
    assert [str(day)[:10] for day in origins_of(january, np.datetime64("2025-04-29", "us"), "month")] == [
        "2025-01-31", "2025-02-28",
    ]  # fmt: skip


def test_a_backtest_without_a_past_or_a_future_is_refused():
    log = world_log(one(), 50, 30.0, seed=3)
    with pytest.raises(BadInput, match="nothing to fit"):
        backtest(log, one(), np.datetime64("2024-01-01"))
    with pytest.raises(BadInput, match="no whole month lies between"):
        backtest(log, one(), np.datetime64("2025-03-20"))
