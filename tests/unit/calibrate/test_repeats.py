from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate import Calibration, calibrate
from journeysim.calibrate.differing.repeats import (
    Rates,
    expected_repeats,
    log_likelihood,
    log_likelihood_alike,
    simulate_repeats,
    still_coming,
)
from journeysim.calibrate.layers.repeats import rates_at
from journeysim.calibrate.predict import Predictor, Start, predictor_of, steps
from journeysim.model.dwell import Family
from journeysim.model.observations import Observations, observe
from journeysim.model.observed.repeats import Repeats
from logs import event_log
from repeat_worlds import purchases, repeat_map

UNTIL = 300.0


def one(repeats: int, chances: int, last: float, age: float, customers: float = 1.0) -> Repeats:
    whole = (np.array([value]) for value in (0, 1, repeats, chances))
    return Repeats(*whole, np.array([last]), np.array([age]), np.array([customers]))


def rates(r: float = 1.5, alpha: float = 20.0, a: float = 0.8, b: float = 2.5) -> Rates:
    return Rates(np.array([r]), np.array([[alpha]]), np.array([[a]]), np.array([[b]]))


@cache
def world(seed: int, *, alike: bool = False, customers: int = 600) -> tuple[Observations, Calibration]:
    rng = np.random.default_rng(seed)
    rate = np.full(customers, 0.05) if alike else rng.gamma(0.5, 0.1, customers)
    leaving = np.full(customers, 0.2) if alike else rng.beta(1.0, 3.0, customers)
    events = purchases(np.maximum(rate, 1e-9), leaving, rng.uniform(0, 100, customers), UNTIL, rng)
    observed = observe(event_log(events, cut_off=UNTIL), repeat_map())
    return observed, calibrate(repeat_map(), observed, seed=1)


@pytest.mark.parametrize(("repeats", "chances", "last"), [(0, 0, 0.0), (0, 1, 0.0), (3, 3, 40.0), (3, 4, 40.0)])
def test_the_likelihood_is_the_integral_over_rates_and_shares_of_leaving(repeats: int, chances: int, last: float):
    age, found = 90.0, rates()

    def over_rates(until: float) -> float:
        return float(stats.gamma(1.5, scale=1 / 20).expect(lambda rate: rate**repeats * np.exp(-rate * until)))

    expected = stats.beta(0.8, 2.5).expect(lambda p: (1 - p) ** chances) * over_rates(age)
    if chances:
        expected += stats.beta(0.8, 2.5).expect(lambda p: p * (1 - p) ** (chances - 1)) * over_rates(last)
    assert np.exp(log_likelihood(one(repeats, chances, last, age), found)[0, 0]) == pytest.approx(expected, rel=1e-5)


def test_customers_who_hardly_differ_are_alike():
    row = one(3, 3, 40.0, 90.0)
    near = log_likelihood(row, rates(r=1e7, alpha=2e8, a=2e6, b=8e6))
    assert near == pytest.approx(log_likelihood_alike(row, np.array([[20.0]]), np.array([[0.2]])), abs=1e-4)


def test_who_came_often_and_then_not_for_long_has_left():
    steady, late = one(10, 10, 88.0, 90.0), one(10, 10, 40.0, 90.0)
    assert still_coming(steady, rates())[0, 0] > 0.9
    assert still_coming(late, rates())[0, 0] < 0.1
    assert still_coming(one(0, 0, 0.0, 90.0), rates())[0, 0] == 1.0


@pytest.mark.parametrize(
    "row", [one(0, 0, 0.0, 90.0, 4000.0), one(0, 1, 0.0, 90.0, 4000.0), one(4, 4, 60.0, 90.0, 4000.0)]
)
@pytest.mark.parametrize("a", [0.8, 1.0])
def test_expected_repeats_are_the_average_of_many_futures(row: Repeats, a: float):
    """4 standard errors over 40 futures of 4,000 customers, false alarm 0.04 % a case; catches an error of 3 %."""
    found = rates(a=a)
    many = found.take(np.zeros(40, dtype=np.intp))
    totals = simulate_repeats(row, many, np.array([30.0, 200.0]), stream=np.random.default_rng(3))
    for column, days in enumerate((30.0, 200.0)):
        seen = totals[:, column]
        expected = 4000 * expected_repeats(row, found, days)[0, 0]
        assert abs(seen.mean() - expected) < 4 * seen.std(ddof=1) / np.sqrt(40)
        assert seen.std() < 0.19 * expected


def test_a_calibration_finds_customers_who_differ():
    """True r 0.5, alpha 10 days, a 1, b 3 within 4 posterior sds, and every gate passed."""
    _, found = world(1)
    assert [str(gate) for gate in found.failed] == []
    assert (found.choices[0].chosen, found.choices[0].margin > 5 * found.choices[0].margin_error) == ("differing", True)
    told = rates_at(found.draws, "purchase again")
    for values, true in ((told.r, 0.5), (told.alpha, 10.0), (told.a, 1.0), (told.b, 3.0)):
        logs = np.log(values)
        assert abs(logs.mean() - np.log(true)) < 4 * logs.std()
    data = found.draws.data
    assert np.isnan(data["frailty"].sel(place="first purchase")).all()
    assert not np.isnan(data["rate_frailty"].sel(place="first purchase")).any()
    link = found.draws.links.index("purchase again -> purchase again")
    assert np.all(data["family"].values[:, link] == Family.EXPONENTIAL)
    assert np.allclose(data["share"].values[..., link] + data["share"].values[..., link + 1], 1.0)
    assert any("a rate and a share of their own" in note for note in found.notes)
    assert not any("is not estimated" in note for note in found.notes)


def test_customers_who_are_alike_change_nothing():
    _, found = world(2, alike=True)
    assert "rate_frailty" not in found.draws.data
    assert found.choices[0].chosen == "alike"
    with pytest.raises(KeyError):
        rates_at(found.draws, "purchase again")


def starting(predictor: Predictor, repeats: int, last: float, age: float, customers: int) -> Start:
    """Return customers who entered on day 0, repeated so often until day `last`, and were looked at until day `age`."""
    taken = np.zeros((customers, len(predictor.source)), dtype=np.int64)
    taken[:, 0], taken[:, 1] = min(repeats, 1), max(repeats - 1, 0)
    earlier = np.zeros((customers, 2), dtype=np.int64)
    earlier[:, 0], earlier[:, 1] = 1, repeats
    column = np.zeros(customers)
    place = np.full(customers, int(repeats > 0))
    return Start(column.astype(np.int64), place, column, column + last, column + age - last, 1 - place, earlier, taken)


@pytest.mark.parametrize(("repeats", "last", "age"), [(0, 0.0, 0.0), (0, 0.0, 90.0), (4, 60.0, 90.0)])
def test_customers_walked_one_by_one_repeat_as_the_closed_form_says(repeats: int, last: float, age: float):
    """20,000 customers of one draw: 4 standard errors, false alarm 0.006 % a case; catches an error of 3 to 5 %."""
    _, found = world(1)
    predictor = predictor_of(repeat_map(), found.draws.data, frozenset({"gone"}))
    start = starting(predictor, repeats, last, age, 20_000)
    made = np.zeros(20_000)
    draw = np.zeros(20_000, dtype=np.int64)
    for step in steps(predictor, start, draw, end=age + 120.0, rng=np.random.default_rng(1)):
        made[step.customer] += 1
    rates_of_draw = rates_at(found.draws, "purchase again").take(slice(0, 1))
    expected = expected_repeats(one(repeats, repeats, last, age), rates_of_draw, 120.0)[0, 0]
    assert abs(made.mean() - expected) < 4 * made.std() / np.sqrt(20_000)
