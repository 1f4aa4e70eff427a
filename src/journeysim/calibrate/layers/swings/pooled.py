"""How far weeks swing, learned from many series at once: every one has its own sd, all have a common scale.

    sd_i ~ half-normal(scale),  scale ~ half-normal(0.3),  carry the same for all

All of it lies on grids, so nothing is sampled that could go wrong: the evidence of every series at every (sd, carry)
is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.layers.layer import Choice
from journeysim.calibrate.layers.swings.series import Peak, Series, Swing, peak_of, states
from journeysim.model.addresses import uniforms
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

SDS: Final = np.array([0.005, 0.03, 0.06, 0.1, 0.15, 0.22, 0.32, 0.46, 0.7, 1.0])
SCALES: Final = np.array([0.01, 0.03, 0.06, 0.1, 0.16, 0.25, 0.4, 0.6])
CARRIES: Final = np.array([0.0, 0.3, 0.6, 0.8, 0.95])
_SCALE_SD: Final = 0.3
ALIKE: Final = "all weeks are alike"
_MODELS: Final = {"a week's swing carries over": CARRIES > 0, "every week swings on its own": CARRIES == 0}


@final
@dataclass(frozen=True, slots=True, eq=False)
class Swings:
    """What was learned of every series: (level, last, sd, carry), shape (series, draw, 4).

    `choice` says which model the evidence prefers; `ahead` how far it is ahead of weeks that are all alike.
    """

    states: Floats
    choice: Choice
    ahead: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Log evidence of every series (series, sd, carry), and the peaks it belongs to."""

    evidence: Floats
    peaks: tuple[dict[tuple[int, int], Peak], ...]

    def by_scale(self) -> Floats:
        """Return the log evidence with the sds integrated out, shape (series, scale, carry)."""
        prior = np.stack([_half_normal(SDS, scale) for scale in SCALES])
        return np.asarray(special.logsumexp(self.evidence[:, None] + prior[None, :, :, None], axis=2))


def swings_of(subject: str, series: Sequence[Series], *, seed: int) -> Swings:
    """Return the swings of all series of a subject.

    Whether weeks differ, and whether a week's swing carries over to the next, is judged by the evidence, which is the
    product of the predictive densities of every week given those before it (Dawid 1984); the margin's error is over
    series, so a single one has none. A few weeks seldom decide it, so draws have every sd and carry as often as the
    evidence has it.
    """
    grid = _grid(series)
    by_scale = grid.by_scale()
    whole = by_scale.sum(axis=0) + _half_normal(SCALES, _SCALE_SD)[:, None]
    choice, ahead = _preferred(subject, grid, by_scale, whole)
    u = uniforms(seed, len(series[0].expected), "swings", subject)
    scale, carry = np.unravel_index(_picked(whole.ravel(), u), whole.shape)
    parts = zip(series, zip(grid.evidence, grid.peaks, strict=True), strict=True)
    return Swings(np.stack([_states(each, own, (scale, carry), seed) for each, own in parts]), choice, ahead)


def _grid(series: Sequence[Series]) -> _Grid:
    shape = (len(SDS), len(CARRIES))
    peaks = []
    for each in series:
        own: dict[tuple[int, int], Peak] = {}
        start = np.zeros(len(each.counts))
        for cell in np.ndindex(shape):
            s, c = cell
            own[s, c] = peak_of(each, Swing(float(SDS[s]), float(CARRIES[c])), start)
            start = own[s, c].mode
        peaks.append(own)
    evidence = np.array([[own[cell].evidence for cell in np.ndindex(shape)] for own in peaks])
    return _Grid(evidence.reshape(len(series), *shape), tuple(peaks))


def _half_normal(at: Floats, scale: float) -> Floats:
    """Return the log of the probabilities of a half-normal's cells around the points of a grid."""
    edges = np.concatenate([[0.0], np.sqrt(at[:-1] * at[1:]), [np.inf]])
    mass = np.diff(special.erf(edges / (scale * np.sqrt(2.0))))
    return np.asarray(np.log(np.maximum(mass, 1e-300)))


def _preferred(subject: str, grid: _Grid, by_scale: Floats, whole: Floats) -> tuple[Choice, float]:
    """Return which of three models the evidence prefers, and how far it is ahead of weeks that are all alike."""
    best = int(np.unravel_index(int(np.argmax(whole)), whole.shape)[0])
    each = {name: np.array([_averaged(own[best][carries]) for own in by_scale]) for name, carries in _MODELS.items()}
    score = {name: _averaged(whole[:, carries]) + float(np.log(len(SCALES))) for name, carries in _MODELS.items()}
    each[ALIKE] = grid.evidence[:, 0, 0]
    score[ALIKE] = float(each[ALIKE].sum())
    first, second = sorted(score, key=lambda name: -score[name])[:2]
    gap = each[first] - each[second]
    error = float(np.sqrt(len(gap)) * gap.std()) if len(gap) > 1 else None
    return Choice(subject, first, second, score[first] - score[second], error), score[first] - score[ALIKE]


def _averaged(logs: Floats) -> float:
    return float(special.logsumexp(logs) - np.log(logs.size))


def _picked(logs: Floats, u: Floats) -> Ints:
    """Return positions drawn with probabilities in proportion to exp(logs)."""
    total = np.cumsum(np.exp(logs - logs.max()))
    return np.asarray(np.minimum(np.searchsorted(total, u * total[-1], side="right"), len(logs) - 1), dtype=np.int64)


def _states(
    series: Series, grid: tuple[Floats, dict[tuple[int, int], Peak]], shared: tuple[Ints, Ints], seed: int
) -> Floats:
    """Return (level, last, sd, carry) of every draw, given the scale and carry of each."""
    evidence, peaks = grid
    scale, carry = shared
    prior = np.stack([_half_normal(SDS, each) for each in SCALES])
    logs = prior[scale] + evidence[:, carry].T
    chance = np.cumsum(np.exp(logs - logs.max(axis=1, keepdims=True)), axis=1)
    u = uniforms(seed, len(scale), "swing sd", series.name)
    sd = np.sum(chance <= (u * chance[:, -1])[:, None], axis=1)
    found = np.stack([0.0 * scale, 0.0 * scale, SDS[sd], CARRIES[carry]], axis=1)
    cells = np.stack([sd, carry], axis=1)
    for cell in np.unique(cells, axis=0):
        rows = np.flatnonzero(np.all(cells == cell, axis=1))
        s, c = cell.tolist()
        found[rows, :2] = states(series, peaks[s, c], rows, seed)
    return found
