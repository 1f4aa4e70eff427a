"""Merged bins keep what a fit needs: all customers, edges of the table, narrow where it pays, moments of open spells."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate.binning import merge_moves, merge_open
from journeysim.calibrate.counts import Bins
from journeysim.model.transitions import dwell_edges

EDGES = dwell_edges(200.0)
WIDEST = np.log(200 * 86_400) / 116


def bins_of(days: np.ndarray, size: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = np.histogram(days, EDGES)[0] * size
    kept = count > 0
    return EDGES[:-1][kept], EDGES[1:][kept], count[kept].astype(float)


def dwells(spread: float, n: int = 20_000) -> np.ndarray:
    return 5.0 * np.exp(spread * np.random.default_rng(1).normal(size=n))


def widths(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.log(high[low > 0] / low[low > 0])


@pytest.mark.parametrize(("spread", "parts"), [(1.0, 1), (0.3, 2), (0.1, 4), (0.01, 4)])
def test_bins_of_moves_are_as_wide_as_their_spread_allows(spread, parts):
    """200 moves: their number asks for nothing; the table's own bins are a quarter of the widest."""
    table = bins_of(dwells(spread, 200))
    low, high, count, middle = merge_moves(*table)
    assert count.sum() == table[2].sum()
    assert np.all(low[1:] >= high[:-1])
    assert np.max(widths(low, high)) == pytest.approx(WIDEST / parts, rel=1e-9)
    assert middle == pytest.approx(np.sqrt(low * high))


def test_more_moves_have_narrower_bins_where_they_are():
    few, many = (merge_moves(*bins_of(dwells(1.0), size)) for size in (0.01, 10.0))
    assert len(few[0]) < len(many[0])
    centre = (many[0] > 4) & (many[0] < 6)
    assert np.max(widths(many[0][centre], many[1][centre])) == pytest.approx(WIDEST / 4)
    assert np.max(widths(many[0], many[1])) == pytest.approx(WIDEST)
    assert set(few[0]) <= set(bins_of(dwells(1.0))[0])


def test_open_spells_keep_their_moments():
    """Count, mean, variance and third moment of times that are even within the table's bins, within every wide bin."""
    low, high, count = bins_of(np.random.default_rng(2).uniform(0, 120, 50_000))
    start, end, kept, time = merge_open(low, high, count)
    assert np.all((start <= time) & (time <= end))
    assert np.all(start[1:] >= end[:-1] - 1e-12)
    x, part = np.polynomial.legendre.leggauss(4)
    fine = low[:, None] + (high - low)[:, None] * (x + 1) / 2
    for power in range(4):
        exact = np.sum(count[:, None] * part / 2 * fine**power)
        assert np.sum(kept * time**power) == pytest.approx(exact, rel=1e-5 if power > 1 else 1e-12)


def test_two_times_a_bin_average_a_curve_as_all_times_do():
    """The log chance of being silent, over 50,000 open spells: a fiftieth of what the middles of the bins are off by."""
    days = 120 * (np.arange(50_000) + 0.5) / 50_000
    exact = np.log(0.3 + 0.7 * np.exp(-days / 8)).sum()
    wide = np.histogram(days, np.append(EDGES[:1], EDGES[1::4]))[0]
    middles = np.sqrt(EDGES[1:-4:4] * EDGES[5::4])
    off = abs(wide[1:] @ np.log(0.3 + 0.7 * np.exp(-middles / 8)) - exact)
    _, _, count, time = merge_open(*bins_of(days))
    assert abs(count @ np.log(0.3 + 0.7 * np.exp(-time / 8)) - exact) < 0.02 * off


def test_few_open_spells_have_one_time_a_bin():
    low, high, count = bins_of(np.random.default_rng(4).uniform(0, 120, 300))
    start, end, kept, time = merge_open(low, high, count)
    assert len(start) == len(np.unique(np.floor(np.log(low * 86_400) / WIDEST + 1e-6)))
    assert kept @ time == pytest.approx(count @ (low + high) / 2)
    assert np.all((start < time) & (time < end))


def test_bins_of_any_other_table_may_be_merged_too():
    """Bins that overlap the grid, stand apart, come in no order, or begin at 0."""
    low, high, count = np.array([3.0, 0.0, 1.0, 1.01]), np.array([9.0, 0.5, 1.01, 1.02]), np.array([4.0, 1.0, 2.0, 3.0])
    for merge in (merge_moves, merge_open):
        start, end, kept, _ = merge(low, high, count)
        assert (start[0], end[-1], kept.sum()) == (0.0, 9.0, 10.0)


def test_a_bin_stands_for_its_middle_unless_told():
    low, high, count = np.array([0.0, 1.0]), np.array([0.5, 4.0]), np.ones(2)
    assert Bins(low, high, count).middle.tolist() == [0.25, 2.0]
    assert Bins(low, high, count, np.array([0.1, 3.0])).times(2.0).middle.tolist() == [0.1, 3.0]
