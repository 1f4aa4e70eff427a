"""Posterior draws of a few parameters: mode, curvature, and importance draws from a heavier-tailed neighbour.

The density is sampled from a multivariate t with its mode and curvature (4 degrees of freedom), and the draws are
weighted with density over proposal (Gelman et al. 2013, Bayesian Data Analysis, section 13.3). The effective number of
draws and the tail of the weights are gated. No chain, nothing to tune; for up to about fifteen parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.gates import ESS_LIMIT, PARETO_LIMIT, Gate, pareto_tail, weight_size
from journeysim.calibrate.numerics.addressed import normals
from journeysim.calibrate.numerics.student import resample
from journeysim.model.addresses import uniforms
from journeysim.model.quantity import Floats

LogDensity = Callable[[Floats], Floats]
_FREEDOM: Final = 4.0
_ROUNDS: Final = 3
#: Part of the points that the weights should be worth before another round is not needed.
_GOOD: Final = 0.4


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Weighted points of a posterior: points (p, k), log weights (p,), and its mode (k,) and covariance (k, k)."""

    points: Floats
    logs: Floats
    mode: Floats
    covariance: Floats

    def gates(self, subject: str) -> tuple[Gate, ...]:
        """Return the gates on the weights."""
        return (
            Gate(f"effective draws of {subject}", weight_size(self.logs), ESS_LIMIT, "at least"),
            Gate(f"Pareto k of {subject}", pareto_tail(self.logs), PARETO_LIMIT),
        )

    def drawn(self, draws: int, seed: int, *names: str) -> Floats:
        """Return `draws` equally weighted points in an addressed order, shape (draws, k)."""
        chosen = resample(self.logs, draws, float(uniforms(seed, 1, *names, "resample")[0]))
        return np.asarray(self.points[chosen[np.argsort(uniforms(seed, draws, *names, "order"))]])

    def left_out(self, density: Floats) -> Floats:
        """Return each observation's log predictive density given all others, from its density at the points (p, n).

        1 / E[1 / p] over the posterior (Gelfand, Dey and Chang 1992).
        """
        weights = np.exp(self.logs - self.logs.max())
        return np.asarray(-np.log(weights @ (1.0 / np.maximum(density, 1e-300)) / weights.sum()))


def cloud_of(log_density: LogDensity, start: Floats, *, seed: int, names: tuple[str, ...], points: int = 4000) -> Cloud:
    """Return weighted points of the posterior whose log density (p, k) -> (p,) is given; `start` lies near the mode.

    Where the posterior is skewed, centre and spread of the proposal are those of the weighted points of the round
    before, for up to three rounds.
    """
    mode, covariance = find_peak(log_density, start)
    cloud = _weighted(log_density, (mode, covariance), points, seed, (*names, "t"))
    for turn in range(_ROUNDS):
        if weight_size(cloud.logs) >= _GOOD * len(cloud.logs) and pareto_tail(cloud.logs) < PARETO_LIMIT / 2:
            break
        weights = np.exp(cloud.logs - cloud.logs.max())
        centre = np.average(cloud.points, axis=0, weights=weights)
        spread = np.atleast_2d(np.cov(cloud.points.T, aweights=weights)) + 0.05 * covariance
        better = _weighted(log_density, (centre, spread), points, seed, (*names, "t", str(turn)))
        cloud = better if weight_size(better.logs) > weight_size(cloud.logs) else cloud
    return cloud


def _weighted(
    log_density: LogDensity, near: tuple[Floats, Floats], size: int, seed: int, names: tuple[str, ...]
) -> Cloud:
    centre, covariance = near
    k = len(centre)
    z = np.stack([normals(seed, size, *names, str(i)) for i in range(k)], axis=1)
    chi = 2.0 * special.gammaincinv(_FREEDOM / 2, uniforms(seed, size, *names, "scale"))
    units = z * np.sqrt(_FREEDOM / chi)[:, None]
    points = centre + units @ np.linalg.cholesky(covariance).T
    proposal = -0.5 * (_FREEDOM + k) * np.log1p(np.sum(units**2, axis=1) / _FREEDOM)
    logs = log_density(points) - proposal
    return Cloud(points, np.where(np.isfinite(logs), logs, -np.inf), centre, covariance)


def find_peak(log_density: LogDensity, start: Floats) -> tuple[Floats, Floats]:
    """Return the mode of a log density and the inverse of its negative curvature there."""
    from scipy import optimize

    def downhill(at: Floats) -> tuple[float, Floats]:
        value, slope = _slope(log_density, at, 1e-5)
        return -value, -slope

    found = optimize.minimize(downhill, start, jac=True, method="BFGS", options={"gtol": 1e-4, "maxiter": 500})
    at = np.asarray(found.x, dtype=np.float64)
    sd = np.sqrt(np.clip(np.diag(np.asarray(found.hess_inv)), 1e-12, 1e4))
    for _ in range(6):
        gradient, curvature = _bend(log_density, at, np.clip(0.3 * sd, 1e-5, 0.3))
        covariance = _inverse(curvature)
        move = covariance @ gradient
        sd = np.sqrt(np.diag(covariance))
        better = float(log_density((at + move)[None])[0]) >= float(log_density(at[None])[0])
        at = at + move if better else at
        if not better or np.all(np.abs(move) < 0.02 * sd):
            break
    return at, covariance


def _slope(log_density: LogDensity, at: Floats, step: float) -> tuple[float, Floats]:
    steps = step * np.eye(len(at))
    values = log_density(np.concatenate([at[None], at + steps, at - steps]))
    k = len(at)
    return float(values[0]), np.asarray((values[1 : k + 1] - values[k + 1 :]) / (2 * step))


def _bend(log_density: LogDensity, at: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Return gradient and negative curvature by central differences."""
    k = len(at)
    moves = np.diag(step)
    pairs = [(i, j) for i in range(k) for j in range(i)]
    corners = [at + s * moves[i] + t * moves[j] for i, j in pairs for s in (1, -1) for t in (1, -1)]
    values = log_density(np.stack([at, *(at + moves), *(at - moves), *corners]))
    centre, up, down, rest = values[0], values[1 : k + 1], values[k + 1 : 2 * k + 1], values[2 * k + 1 :]
    curvature = np.diag(-(up - 2 * centre + down) / step**2)
    for (i, j), (a, b, c, d) in zip(pairs, rest.reshape(-1, 4), strict=True):
        curvature[i, j] = curvature[j, i] = -(a - b - c + d) / (4 * step[i] * step[j])
    return np.asarray((up - down) / (2 * step)), curvature


def _inverse(curvature: Floats) -> Floats:
    """Return the inverse, with directions that do not bend downwards held to a small curvature."""
    values, axes = np.linalg.eigh(curvature)
    return np.asarray((axes / np.maximum(values, 1e-6 * max(float(values.max()), 1e-6))) @ axes.T)
