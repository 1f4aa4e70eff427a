"""Counts by week around what was expected, and how far weeks pull them off together.

For week w, with E what a fit expects:

    count_w ~ Poisson(E_w exp z_w)
    z_w = level + x_w + y_w      x stationary with sd `lasting` and correlation carry^|w - w'|,  y_w ~ weekly x Student's t (4)
    level ~ Normal(0, lasting^2 + weekly^2)

x is what drifts: a carrier that gets faster month by month. y is a week of its own, which says nothing about the next: a
strike, three days in which nothing was booked. Without y such a week would be carried on, and without x a drift would be
forgotten. Weeks out of the ordinary are rare and far off, so y has the tails of a t: as a normal, one strike makes every
week look like noise, and the drift is lost in it. The level is there because the fit, which holds all weeks for alike,
settles on the weeks it saw: what it takes for the long run is itself off by part of a swing. It shrinks with the sds, so
without swings the fit stands as it is.

The t is bounded from below by the normal that touches it at xi_w, with the variance (4 weekly^2 + xi_w^2) / 5, and xi_w^2 is
made what y_w^2 is expected to be (Jaakkola and Jordan 2000, Bayesian parameter estimation via variational methods; for
the t: Palmer et al. 2006). Given that z is normal around its mode (Laplace; Rasmussen and Williams 2006, Gaussian Processes
for Machine Learning, section 3.4), which also gives the evidence. Draws of a fit differ in E: where log E is higher by d,
the mode moves by -C H d (C covariance, H curvature of the likelihood), so draws that expected too much are pulled further.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.numerics.addressed import normals
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-3
_STEPS: Final = 60
_HALVINGS: Final = 12
_NEAR: Final = 1e-6
#: Logs of counts beyond this are not met; a long step on the way to a mode may try them.
_MOST: Final = 50.0
#: Keeps a covariance without swings invertible.
_JITTER: Final = 1e-9
#: Degrees of freedom of a week's own factor, how often its bound is moved, and below which sd there is nothing to bound.
FREEDOM: Final = 4.0
_BOUNDS: Final = 5
_NONE: Final = 0.01
#: Where a function of a standard normal is integrated, far out too, and the log weights there.
_AT: Final = np.sinh(np.linspace(-5.0, 5.0, 97))
_LOG_WEIGHT: Final = np.log(np.gradient(_AT)) - 0.5 * (_AT**2 + np.log(2.0 * np.pi))
_LOG_T: Final = float(
    special.gammaln((FREEDOM + 1.0) / 2.0) - special.gammaln(FREEDOM / 2.0) - 0.5 * np.log(FREEDOM * np.pi)
)


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
    """How weeks differ: sd of what lasts, which part of it is left one week later, and the scale of a week's own factor."""

    lasting: float
    carry: float
    weekly: float

    @property
    def variance(self) -> float:
        """The square of how far the level may be off."""
        return self.lasting**2 + self.weekly**2

    def covariance(self, weeks: int) -> Floats:
        """Return the covariance over weeks of the level and what lasts."""
        at = np.arange(weeks)
        return np.asarray(
            self.variance + self.lasting**2 * self.carry ** np.abs(at[:, None] - at) + _JITTER * np.eye(weeks)
        )

    def state(self, weeks: int) -> tuple[Floats, Floats]:
        """Return covariance of (level, x in the last week) with z, shape (2, week), and with each other, (2, 2)."""
        ago = np.arange(weeks)[::-1]
        with_z = np.stack([np.full(weeks, self.variance), self.lasting**2 * self.carry**ago])
        return with_z, np.diag([self.variance, self.lasting**2])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """z given the counts, by swing: modes (swing, week), covariances, curvatures of the likelihood, and log evidence.

    `prior` is the covariance of z beforehand (swing, week, week), in which weeks out of the ordinary have more room.
    """

    swings: tuple[Swing, ...]
    prior: Floats
    mode: Floats
    covariance: Floats
    curvature: Floats
    evidence: Floats


def peaks_of(series: Series, swings: Sequence[Swing]) -> Peaks:
    """Return the Laplace approximations of z at the draws' average expectation, for all swings at once."""
    weeks = len(series.counts)
    lasting = np.stack([swing.covariance(weeks) for swing in swings])
    weekly = np.array([swing.weekly for swing in swings])[:, None]
    room = np.repeat(weekly**2, weeks, axis=1)
    found = _peaks(series, tuple(swings), lasting + _diagonal(room), np.zeros_like(room))
    for _ in range(_BOUNDS):
        mean, variance = _own(found, room)
        room = np.where(weekly > _NONE, _room(mean**2 + variance, weekly), weekly**2)
        found = _peaks(series, tuple(swings), lasting + _diagonal(room), found.mode)
    under = np.where(weekly > _NONE, _log_t_over_normal(*_own(found, room), weekly, room), 0.0)
    return replace(found, evidence=found.evidence + under.sum(axis=1))


def _own(found: Peaks, room: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of each week's own factor, shape (swing, week)."""
    gain = room[:, :, None] * np.linalg.inv(found.prior)
    spread = np.einsum("swv,svu,swu->sw", gain, found.covariance, gain, optimize=True)
    return _times(gain, found.mode), np.maximum(room - np.einsum("sww->sw", gain) * room + spread, _JITTER * room)


def _room(square: Floats, weekly: Floats | float) -> Floats:
    """Return the variance of the normal that touches the t of a week's own factor, whose square is expected to be so."""
    return np.asarray((FREEDOM * np.square(weekly) + square) / (FREEDOM + 1.0))


def _log_t_over_normal(mean: Floats, variance: Floats, weekly: Floats | float, room: Floats) -> Floats:
    """Return the log of what a t in the place of a normal prior of variance `room` changes in a week's evidence.

    Given the data y is N(mean, variance) with that normal as prior; so it is log E[t(y) / normal(y)].
    """
    y = mean[..., None] + np.sqrt(variance)[..., None] * _AT
    inside = np.log1p(y**2 / (FREEDOM * np.square(weekly)[..., None]))
    log_t = _LOG_T - np.log(weekly)[..., None] - 0.5 * (FREEDOM + 1.0) * inside
    log_normal = -0.5 * (y**2 / room[..., None] + np.log(2.0 * np.pi * room)[..., None])
    return np.asarray(special.logsumexp(log_t - log_normal + _LOG_WEIGHT, axis=-1))


def _peaks(series: Series, swings: tuple[Swing, ...], prior: Floats, start: Floats) -> Peaks:
    """Return the Laplace approximations under normal priors of z; modes are looked for from `start`."""
    counts, logs = series.counts, series.log_expected.mean(axis=0)
    precision = np.asarray(np.linalg.inv(prior), dtype=np.float64)

    def value(at: Floats) -> Floats:
        log_mean = np.minimum(logs + at, _MOST)
        fit = log_mean @ counts - np.exp(log_mean).sum(axis=1)
        return np.asarray(fit - 0.5 * np.sum(at * _times(precision, at), axis=1))

    z = start
    for _ in range(_STEPS):
        mean = np.exp(logs + z)
        slope = counts - mean - _times(precision, z)
        move = _uphill(value, z, np.linalg.solve(precision + _diagonal(mean), slope[..., None])[..., 0])
        z = z + move
        if np.abs(move).max() < _NEAR:
            break
    mean = np.exp(logs + z)
    whole = precision + _diagonal(mean)
    evidence = value(z) - 0.5 * (np.linalg.slogdet(whole)[1] + np.linalg.slogdet(prior)[1])
    return Peaks(swings, prior, z, np.asarray(np.linalg.inv(whole), dtype=np.float64), mean, np.asarray(evidence))


def _uphill(value: Callable[[Floats], Floats], at: Floats, move: Floats) -> Floats:
    """Return each move, halved until it no longer leads down; 0 where it always does."""
    now, length = value(at), np.ones(len(at))
    for _ in range(_HALVINGS):
        worse = value(at + length[:, None] * move) < now
        if not worse.any():
            break
        length[worse] /= 2
    length[value(at + length[:, None] * move) < now] = 0.0
    return np.asarray(length[:, None] * move)


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return np.asarray(np.einsum("swv,sv->sw", matrices, vectors))


def _diagonal(rows: Floats) -> Floats:
    return np.asarray(rows[:, :, None] * np.eye(rows.shape[1]))


def states(series: Series, peaks: Peaks, chosen: Ints, seed: int) -> Floats:
    """Return (level, x of the last week) of every draw, under the swing that is `chosen` for it, shape (draw, 2)."""
    draws, weeks = series.expected.shape
    off = series.log_expected - series.log_expected.mean(axis=0)
    noise, more = _noise(seed, draws, weeks, "swing", series.name), _noise(seed, draws, 2, "swing state", series.name)
    found = np.empty((draws, 2))
    for swing in np.unique(chosen).tolist():
        rows = np.flatnonzero(chosen == swing)
        covariance = peaks.covariance[swing]
        z = peaks.mode[swing] - off[rows] @ (covariance * peaks.curvature[swing]).T + noise[rows] @ _root(covariance).T
        with_z, own = peaks.swings[swing].state(weeks)
        gain = with_z @ np.linalg.inv(peaks.prior[swing])
        found[rows] = z @ gain.T + more[rows] @ _root(own - gain @ with_z.T).T
    return found


def _noise(seed: int, draws: int, size: int, *names: str) -> Floats:
    return np.stack([normals(seed, draws, *names, str(k)) for k in range(size)], axis=1)


def _root(covariance: Floats) -> Floats:
    """Return a root of a matrix that may be singular."""
    values, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray(axes * np.sqrt(np.maximum(values, 0.0)))
