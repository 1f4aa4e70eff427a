"""Arrivals: coverage of rate, season, trend and dispersion on invented days, and when the log is not believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.calibrate.layers.arrivals import learn_arrivals
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Layer
from journeysim.calibrate.ledger import assumptions_of
from journeysim.calibrate.prior import prior_draws
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import Observations
from journeysim.model.observed.arrivals import Arrivals
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import Transitions

pytestmark = pytest.mark.statistical
JOURNEY = JourneyMap(
    "shop",
    (Touchpoint("look", (Link("end", None, Dwell(Family.EXPONENTIAL, Fixed(1.0))),)),),
    (Outcome("end"),),
    (("look", Fixed(1.0)),),
)
SEASON = np.array([1.3, 1.2, 1.1, 1.0, 1.0, 0.8, 0.6])
MONDAY = np.datetime64("2026-01-05", "D")
NO_TABLE = Transitions(Names.of([]), Names.of([]), Names.of([]), *(np.empty(0) for _ in range(3)))


def days(rng: np.random.Generator, size: int, *, rate: float, growth: float = 0.0, dispersion: float = 0.0) -> Arrivals:
    """Return days that end at `rate` per day, growing by `growth` (log) a year."""
    t = np.arange(size)
    mean = rate * SEASON[t % 7] / SEASON.mean() * np.exp(growth * (t - size + 1) / 365.25)
    luck = rng.gamma(1 / dispersion, dispersion, size) if dispersion else 1.0
    return Arrivals(MONDAY, rng.poisson(mean * luck).astype(float), np.ones(size), 1.0, 0.1)


def learned(arrivals: Arrivals, journey: JourneyMap = JOURNEY, seed: int = 1) -> Layer:
    data = prior_draws(journey, draws=600, seed=seed).data
    return learn_arrivals(journey, Observations(NO_TABLE, arrivals=arrivals), data, seed=seed)


def hits(worlds: int) -> np.ndarray:
    """Return how often rate, Monday's factor and dispersion lie in their 90 % intervals (12 weeks, overdispersed)."""
    rng, found = np.random.default_rng(6), np.zeros(3)
    truth = 40.0, SEASON[0] / SEASON.mean(), 0.05
    for world in range(worlds):
        variables = learned(days(rng, 84, rate=40.0, dispersion=0.05), seed=world).variables
        values = variables["arrivals"][1], variables["arrivals_weekday"][1][:, 0], variables["arrivals_dispersion"][1]
        ends = [np.quantile(np.asarray(value), [0.05, 0.95]) for value in values]
        found += [low <= right <= high for (low, high), right in zip(ends, truth, strict=True)]
    return found


def test_intervals_cover():
    """14 worlds x 3 figures: at least 9 of 14 each (90 % intervals miss that in 0.1 % of runs; half as wide in 70 %)."""
    assert np.all(hits(14) >= 9)


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_should():
    """600 worlds: 86-94 % each (3.3 binomial sd) raises a false alarm in 0.3 % of runs.

    A trend that is kept only where it looks good gives 76 % for the rate.
    """
    assert np.all(np.abs(hits(600) / 600 - 0.9) < 0.04)


def test_trend_and_dispersion_are_found_and_the_rate_is_that_of_the_end():
    """400 days that double in a year: rate within 10 % (4 sd), growth within 0.2 (5 sd), margin above 4 errors."""
    found = learned(days(np.random.default_rng(2), 400, rate=50.0, growth=np.log(2.0), dispersion=0.05))
    assert found.choices[0].chosen == "negative binomial, weekly season, trend"
    assert found.choices[0].margin > 4 * found.choices[0].margin_error
    assert np.mean(found.variables["arrivals"][1]) == pytest.approx(50.0, rel=0.1)
    assert np.mean(found.variables["arrivals_trend"][1]) == pytest.approx(np.log(2.0), abs=0.2)
    assert found.variables["arrivals_weekday"][1].mean(axis=1) == pytest.approx(1.0)
    assert [str(gate) for gate in found.gates if not gate.passed] == []
    assert found.measured == {"arrivals": frozenset({""})}


def test_poisson_days_are_told_from_overdispersed_ones():
    found = learned(days(np.random.default_rng(3), 60, rate=200.0))
    assert found.choices[0].chosen.startswith("Poisson") or found.choices[0].margin < 2 * found.choices[0].margin_error
    assert learned(days(np.random.default_rng(3), 60, rate=200.0, dispersion=0.2)).choices[0].margin > 100


def test_exact_for_a_few_days_without_season():
    """Five days, Poisson or close to it, 100 customers: mean within 5 % of 20, sd within 30 % of 2 (the gamma posterior's)."""
    found = Arrivals(MONDAY, np.array([18.0, 22.0, 21.0, 19.0, 20.0]), np.ones(5), 1.0, 0.1)
    rate = np.asarray(learned(found).variables["arrivals"][1])
    assert rate.mean() == pytest.approx(20.0, rel=0.05)
    assert rate.std() == pytest.approx(2.0, rel=0.3)


def test_partial_days_do_not_drag_the_rate_down():
    """Eight full days at 30 and a last one covered for an hour, with nobody: left out, the mean stays within 10 % of 30."""
    found = Arrivals(MONDAY, np.array([*[30.0] * 8, 0.0]), np.array([*[1.0] * 8, 1 / 24]), 1.0, 0.1)
    assert np.mean(learned(found).variables["arrivals"][1]) == pytest.approx(30.0, rel=0.1)


def test_days_that_are_alike_count_for_less():
    """Slow waves of 15 %: the interval is at least 1.5 times as wide as that of shuffled weeks, and a note says so."""
    rng = np.random.default_rng(9)
    wave = np.exp(np.convolve(rng.normal(size=420), np.ones(21) / 21, "valid")[:399] * 0.7)
    alike = Arrivals(MONDAY, rng.poisson(60 * wave).astype(float), np.ones(399), 1.0, 0.1)
    mixed = replace(alike, count=rng.permutation(alike.count))
    widths = [np.std(np.log(np.asarray(learned(found).variables["arrivals"][1]))) for found in (alike, mixed)]
    assert widths[0] > 1.5 * widths[1]
    assert any("days in a row have alike arrivals" in note for note in learned(alike).notes)


def test_a_chosen_group_of_customers_says_nothing_about_arrivals():
    count = np.concatenate([np.full(60, 20.0), np.zeros(180)])
    found = learned(Arrivals(MONDAY, count, np.ones(240), 1.0, 180.0))
    assert not found.variables
    assert "chosen group" in found.notes[0]


def test_a_map_that_states_more_keeps_its_number_and_one_that_states_less_does_not():
    """A log of 40 a day: a map of 400 means that the log is a sample; one of 4 is corrected."""
    sample = learned(days(np.random.default_rng(4), 84, rate=40.0), replace(JOURNEY, arrivals_per_day=Fixed(400.0)))
    assert "arrivals" not in sample.variables
    assert "arrivals_weekday" in sample.variables
    assert sample.measured == {}
    assert any("taken for a sample" in note for note in sample.notes)
    believed = learned(days(np.random.default_rng(4), 84, rate=40.0), replace(JOURNEY, arrivals_per_day=Fixed(4.0)))
    assert np.mean(believed.variables["arrivals"][1]) == pytest.approx(40.0, rel=0.1)
    assert any("the log is believed" in note for note in believed.notes)


def test_the_ledger_says_that_arrivals_are_measured():
    """Once more customers were seen than the map's entry weighs."""
    for rate, basis in ((40.0, "measured"), (0.05, "guess")):
        data = prior_draws(JOURNEY, draws=50, seed=1).data
        layer = learned(days(np.random.default_rng(4), 40, rate=rate))
        data = data.assign({"arrivals": (("draw",), np.asarray(layer.variables["arrivals"][1])[:50])})
        found = {item.name: item.basis for item in assumptions_of(JOURNEY, data, layer.measured)}
        assert found["arrivals"] == basis


def test_off_without_a_log():
    assert learn_arrivals(JOURNEY, Observations(NO_TABLE), prior_draws(JOURNEY, draws=2, seed=1).data, seed=1) is (
        NOTHING_LEARNED
    )
