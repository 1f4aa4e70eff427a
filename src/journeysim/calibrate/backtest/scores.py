"""Scores of predictive draws: ranks inside intervals, CRPS, and what a right model's coverage may look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from journeysim.calibrate.backtest.result import LEVELS
from journeysim.model.quantity import Floats


def fair_crps(draws: Floats, actual: float) -> float:
    """Return the continuous ranked probability score of draws: mean |x - y| - half the mean |x - x'| of two draws.

    Fair: pairs of a draw with itself are left out, so that the expected score does not depend on how many draws there
    are (Ferro 2014). Smaller is better; in the unit of y; the absolute error for a single value.
    """
    n = len(draws)
    ordered = np.sort(draws)
    apart = 2.0 * float(ordered @ (2.0 * np.arange(1, n + 1) - n - 1)) / (n * max(n - 1, 1))
    return float(np.mean(np.abs(draws - actual))) - 0.5 * apart


def held(draws: Floats, actual: float) -> Floats:
    """Return which part of the actual value's rank among the draws lies in each central interval (LEVELS).

    If it is drawn from the same distribution as the n draws, its rank is uniform on the n + 1 places between them, ties
    sharing theirs; so the mean of this is the interval's level exactly, for counts too and however few draws.
    """
    below, upto = np.sum(draws < actual), np.sum(draws <= actual) + 1
    return inside(np.array([below, upto]) / (len(draws) + 1))


def inside(rank: Floats) -> Floats:
    """Return which part of rank intervals [low, high], shape (2, …), lies in each central interval, shape (level, …)."""
    low, high = rank
    parts = []
    for level in LEVELS:
        start, end = (1 - level) / 2, (1 + level) / 2
        parts.append(np.clip(np.minimum(high, end) - np.maximum(low, start), 0.0, None) / (high - low))
    return np.stack(parts)


def held_if_right(draws: Floats) -> Floats:
    """Return `held` of every draw among all of them, summed over cells: draws (cell, n) -> (level, n).

    A draw is one joint truth of all cells, so these sums are what a right model's own world would score, with all that
    cells have in common.
    """
    ordered = np.sort(draws, axis=1)
    total = np.zeros((len(LEVELS), draws.shape[1]))
    for row, cells in zip(ordered, draws, strict=True):
        low, high = np.searchsorted(row, cells, side="left"), np.searchsorted(row, cells, side="right")
        total += inside(np.stack([low, high]) / draws.shape[1])
    return total


def chance_of_coverage(actual: Floats, worlds: Sequence[Floats], rng: np.random.Generator, *, trials: int) -> Floats:
    """Return, by level, the chance that a right model's coverage is at least as far off as the actual one (two-sided).

    `actual` (level,) sums `held` over all cells of all origins; `worlds` holds `held_if_right` of each origin. Origins
    are combined independently: what one period after an origin brings is new to the one before.
    """
    sums = np.sum([world[:, rng.integers(0, world.shape[1], trials)] for world in worlds], axis=0)
    low = (1 + np.sum(sums <= actual[:, None] + 1e-9, axis=1)) / (trials + 1)
    high = (1 + np.sum(sums >= actual[:, None] - 1e-9, axis=1)) / (trials + 1)
    return np.asarray(np.minimum(2 * np.minimum(low, high), 1.0))
