"""Silence: nothing to compare with, nobody gone, everybody gone; the error rate is in tests/statistical."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.discover.dwells import bins_of, dwell_of, rounded
from journeysim.calibrate.discover.silence import silence_of
from journeysim.model.dwell import Family, ppf
from journeysim.model.transitions import coarse_edges

EDGES = coarse_edges(400.0)


def stays(days: np.ndarray) -> Bins:
    return bins_of(days, EDGES)


def test_without_moves_there_is_nothing_to_compare_with():
    found = silence_of(NO_BINS, stays(np.full(10, 50.0)))
    assert (found.silent, found.p_value, found.gone_low, found.gone_high) == (10, 1.0, 0.0, 10)


def test_without_silence_nobody_left():
    assert silence_of(stays(np.ones(10)), NO_BINS).gone == 0


def test_moves_within_days_and_silence_for_months_is_leaving():
    moves = ppf(Family.GAMMA, 1.0, 2.0, (np.arange(700) + 0.5) / 700)
    found = silence_of(stays(moves), stays(np.linspace(30, 300, 300)))
    assert found.share == pytest.approx(0.3, abs=0.005)
    assert found.gone == pytest.approx(300, abs=1)
    assert found.p_value < 1e-20


def test_silence_shorter_than_most_moves_is_slowness():
    moves = ppf(Family.GAMMA, 10.0, 2.0, (np.arange(700) + 0.5) / 700)
    found = silence_of(stays(moves), stays(np.linspace(0.1, 8, 300)))
    assert found.p_value > 0.05
    assert found.gone < 20


@pytest.mark.parametrize("family", [Family.GAMMA, Family.WEIBULL, Family.LOGNORMAL, Family.LOGLOGISTIC])
def test_a_dwell_is_written_by_a_family_that_fits(family):
    u = (np.arange(2000) + 0.5) / 2000
    days = ppf(family, 3.0, 1.7, u)
    found = dwell_of(days)
    assert found.family is not Family.EMPIRICAL
    assert float(ppf(found.family, found.scale.mean, found.shape.mean, 0.5)) == pytest.approx(
        float(np.median(days)), rel=0.03
    )


def test_two_humps_are_written_as_quantiles_with_the_mean_of_the_slowest_kept():
    days = np.concatenate([np.linspace(0.01, 0.02, 500), np.linspace(30, 31, 480), np.linspace(40, 400, 20)])
    found = dwell_of(days)
    assert found.family is Family.EMPIRICAL
    chances, times = np.array(found.quantiles).T
    assert chances.tolist() == [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]
    assert (times[-2] + times[-1]) / 2 == pytest.approx(float(days[days >= np.quantile(days, 0.95)].mean()), rel=0.01)


def test_dwells_without_a_spread_are_fixed_and_few_are_exponential():
    assert dwell_of(np.full(9, 7.0)).family is Family.FIXED
    assert dwell_of(np.zeros(2)).scale.mean == 0
    assert dwell_of(np.array([1.0, 3.0])).family is Family.EXPONENTIAL
    assert dwell_of(np.array([1.0, 3.0])).scale.mean == 2.0


@pytest.mark.parametrize("days", [1e-9, 1 / 86_400, 0.0123456, 1.23456, 12345.6])
def test_times_are_rounded_to_three_digits_of_their_unit(days):
    assert rounded(days) == pytest.approx(days, rel=0.005, abs=0.5e-3 / 86_400)
