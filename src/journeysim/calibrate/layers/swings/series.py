"""Counts by week around what was expected, and how far weeks pull them off together.

For week w, with E what a fit expects:

    count_w ~ Poisson(E_w exp z_w)
    z_w = level + x_w       level ~ Normal(0, sd^2),  x stationary with sd and correlation carry^|w - w'|

The level is there because the fit, which holds all weeks for alike, settles on the weeks it saw: what it takes for the
long run is itself off by part of a swing. It shrinks with sd, so without swings the fit stands as it is.

Given (sd, carry) z is normal around its mode (Laplace; Rasmussen and Williams 2006, Gaussian Processes for
Machine Learning, section 3.4), which also gives the evidence. Draws of a fit differ in E: where log E is higher by d, the
mode moves by -C H d (C covariance, H curvature of the likelihood), so draws that expected too much are pulled further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.numerics.addressed import normals
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-3
_STEPS: Final = 60
_HALVINGS: Final = 12
_NEAR: Final = 1e-6
#: Keeps a covariance without swings invertible.
_JITTER: Final = 1e-9


@final
@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Counts (week,), and what every draw expects (draw, week)."""

    name: str
    counts: Floats
    expected: Floats

    @property
    def log_expected(self) -> Floats:
        """The logs, never far below what a week without customers would have."""
        return np.asarray(np.log(np.maximum(self.expected, _LEAST)))


@final
@dataclass(frozen=True, slots=True)
class Swing:
    """How weeks differ: sd of the log, and which part of it is left one week later."""

    sd: float
    carry: float

    def covariance(self, weeks: int) -> Floats:
        """Return the covariance of z over weeks."""
        at = np.arange(weeks)
        return np.asarray(self.sd**2 * (1.0 + self.carry ** np.abs(at[:, None] - at)))

    def state(self, weeks: int) -> tuple[Floats, Floats]:
        """Return covariance of (level, x in the last week) with z, shape (2, week), and with each other, (2, 2)."""
        ago = np.arange(weeks)[::-1]
        return self.sd**2 * np.stack([np.ones(weeks), self.carry**ago]), self.sd**2 * np.eye(2)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """z given the counts: mode (week,), covariance, the likelihood's curvature (week,), and the log evidence."""

    swing: Swing
    mode: Floats
    covariance: Floats
    curvature: Floats
    evidence: float


def peak_of(series: Series, swing: Swing, start: Floats) -> Peak:
    """Return the Laplace approximation of z at the draws' average expectation; `start` (week,) lies near the mode."""
    counts, logs = series.counts, series.log_expected.mean(axis=0)
    prior = swing.covariance(len(counts)) + _JITTER * np.eye(len(counts))
    precision = np.linalg.inv(prior)

    def value(at: Floats) -> float:
        return float(counts @ (logs + at) - np.exp(logs + at).sum() - 0.5 * at @ precision @ at)

    z = start
    for _ in range(_STEPS):
        mean = np.exp(logs + z)
        move = np.linalg.solve(precision + np.diag(mean), counts - mean - precision @ z)
        lengths = (0.5**halving for halving in range(_HALVINGS))
        length = next((part for part in lengths if value(z + part * move) >= value(z)), 0.0)
        z = z + length * move
        if np.abs(length * move).max() < _NEAR:
            break
    mean = np.exp(logs + z)
    whole = precision + np.diag(mean)
    evidence = value(z) - 0.5 * float(np.linalg.slogdet(whole)[1] + np.linalg.slogdet(prior)[1])
    return Peak(swing, z, np.asarray(np.linalg.inv(whole)), mean, evidence)


def states(series: Series, peak: Peak, rows: Ints, seed: int) -> Floats:
    """Return (level, x of the last week) for the given draws, shape (draw, 2)."""
    weeks, draws = len(series.counts), len(series.expected)
    off = (series.log_expected - series.log_expected.mean(axis=0))[rows]
    noise = _noise(seed, draws, weeks, "swing", series.name)[rows]
    z = peak.mode - off @ (peak.covariance * peak.curvature).T + noise @ _root(peak.covariance).T
    with_z, own = peak.swing.state(weeks)
    gain = with_z @ np.linalg.inv(peak.swing.covariance(weeks) + _JITTER * np.eye(weeks))
    more = _noise(seed, draws, len(own), "swing state", series.name)[rows]
    return np.asarray(z @ gain.T + more @ _root(own - gain @ with_z.T).T)


def _noise(seed: int, draws: int, size: int, *names: str) -> Floats:
    return np.stack([normals(seed, draws, *names, str(k)) for k in range(size)], axis=1)


def _root(covariance: Floats) -> Floats:
    """Return a root of a matrix that may be singular."""
    values, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray(axes * np.sqrt(np.maximum(values, 0.0)))
