"""The forecast ledger: what is counted in a log, and scores whose right values are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare import compare
from journeysim.decide.forecast import (
    CONVERSIONS,
    ENTRANTS,
    REVENUE,
    Foretold,
    foretold_by,
    scored,
    seen_since,
    summed_up,
    surprise,
)
from journeysim.decide.forecast import too_surprising as alarming
from journeysim.model.journey import Persona
from journeysim.model.quantity import Fixed
from journeysim.model.units import DAYS_PER_MONTH
from lived_logs import START, log_of
from outcomes_builder import bank, bank_draws, bank_outcomes, more_calls

ONE = replace(bank(), personas=(Persona("anybody", Fixed(1.0)),))
DAY = np.timedelta64(86_400_000_000, "us")


def test_entrants_and_first_conversions_are_counted_in_whole_months():
    month = DAYS_PER_MONTH
    rows = [
        ("early", "form", -3.0 + 5), ("early", "signed", 5 + 0.5),
        ("a", "form", 5 + 1.0), ("a", "call", 5 + 2.0), ("a", "signed", 5 + month + 1),
        ("b", "form", 5 + month + 3.0), ("b", "left", 5 + month + 4.0),
        ("late", "form", 5 + 2 * month + 1.0),
    ]  # fmt: skip
    log = log_of(rows, cut_off=5 + 2 * month + 2)
    seen = seen_since(log, ONE, START + 5 * DAY)
    assert seen[ENTRANTS].tolist() == [1.0, 1.0]
    assert seen[CONVERSIONS].tolist() == [1.0, 1.0]


def test_nothing_is_seen_before_a_month_is_over():
    log = log_of([("a", "form", 1.0)], cut_off=20.0)
    assert len(seen_since(log, ONE, START)[ENTRANTS]) == 0


def test_a_right_forecast_is_held_as_often_as_its_level_says():
    """150 months: a coverage of 50 % has a standard error of 4.1 points, so 13 points are missed once in 600 tries.

    A forecast that is 30 % too high holds less than half of what 90 % intervals should.
    """
    rng = np.random.default_rng(3)
    rate = rng.uniform(80, 120, 150)
    actual = {CONVERSIONS: rng.poisson(rate).astype(float)}
    right = [Foretold("p", CONVERSIONS, np.tile(rate, (200, 1)))]
    (score,) = summed_up(list(scored(right, actual, seed=1)))
    assert score.coverage == pytest.approx((0.5, 0.8, 0.9), abs=0.13)
    assert not alarming(score)
    wrong = [Foretold("p", CONVERSIONS, np.tile(1.3 * rate, (200, 1)))]
    (off,) = summed_up(list(scored(wrong, actual, seed=1)))
    assert off.coverage[2] < 0.5
    assert off.crps > 2 * score.crps
    assert off.surprise > score.surprise + 2


def test_surprise_counts_bits_and_the_same_either_way():
    sample = np.arange(999.0)
    assert surprise(sample, 499.0) == pytest.approx(0.0, abs=0.01)
    assert surprise(sample, 49.0) == pytest.approx(-np.log2(2 * 51 / 1_000))
    assert surprise(sample, 949.0) == pytest.approx(surprise(sample, 49.0))
    assert surprise(sample, 5_000.0) == pytest.approx(-np.log2(2 / 1_000))


def test_a_run_foretells_every_arm_where_the_map_states_arrivals():
    found = foretold_by(compare(bank_outcomes(more_calls(2.0)), horizon_months=6))
    assert [(item.arm, item.metric) for item in found] == [
        (arm, metric) for arm in ("today", "more calls") for metric in (ENTRANTS, CONVERSIONS, REVENUE)
    ]  # fmt: skip
    assert np.allclose(found[0].expected, 20.0 * DAYS_PER_MONTH)
    assert (found[4].expected[:, -1] > found[1].expected[:, -1]).all()
    unknown = bank_draws(arrivals=float("nan"))
    assert foretold_by(compare(bank_outcomes(more_calls(2.0), draws=unknown), horizon_months=6)) == ()
