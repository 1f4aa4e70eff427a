"""The exact posterior density of a touchpoint, written down a second time and slowly: what `silence.target` must equal.

The coordinates are the contrasts of the pooled log shares theta, of every persona's log shares, and every persona's
dwell coordinates. Integrated out of the model of `shares` and `dwells`: kappa, on a grid of its log-normal prior; the
mean mu of the personas' dwells, in closed form; their spread tau, on TAU_VALUES as in `dwells`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.dwells.fit import TAU_VALUES, tau_log_weights
from journeysim.calibrate.dwells.mode import prior_normal
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.calibrate.silence.points import Observed, Points, contrasts
from journeysim.model.quantity import Floats

_SCORES: Final = np.linspace(-3.2, 3.2, 17)


@final
@dataclass(frozen=True, slots=True, eq=False)
class PooledTarget:
    """Log density on flat coordinates: theta's contrasts, then each persona's contrasts and dwell coordinates."""

    observed: Observed
    alpha: Floats
    tilt: Floats  # (persona, link)

    @property
    def basis(self) -> Floats:
        """Contrasts of a row's log shares."""
        return contrasts(len(self.alpha))

    def _theta(self, at: Floats) -> Floats:
        raw = at[:, : len(self.alpha) - 1] @ self.basis.T
        return np.asarray(raw - special.logsumexp(raw, axis=1, keepdims=True))

    def points(self, at: Floats, rows: NDArray[np.intp] | None = None) -> Points:
        """Return flat coordinates as points."""
        personas, width = self.tilt.shape[0], len(self.alpha) - 1
        own = at[:, width:].reshape(len(at), personas, -1)
        raw = own[..., :width] @ self.basis.T
        phi = np.zeros((len(at), personas, len(self.observed.learned), 2))
        phi[:, :, self.observed.free] = own[..., width:]
        logs = raw - special.logsumexp(raw, axis=-1, keepdims=True)
        return Points(logs, phi, np.zeros(len(at), dtype=np.intp) if rows is None else rows)

    def flat(self, points: Points) -> Floats:
        """Return points as flat coordinates, with the personas' average for theta."""
        own = np.concatenate([points.logs @ self.basis, points.phi[:, :, self.observed.free]], axis=-1)
        theta = (points.logs - np.log(self.tilt)).mean(axis=1) @ self.basis
        return np.concatenate([theta, own.reshape(len(own), -1)], axis=1)

    def log_density(self, at: Floats, rows: NDArray[np.intp] | None = None) -> Floats:
        """Return the log of prior times likelihood, shape (point,), up to a constant."""
        points = self.points(at, rows)
        likelihood = self.observed.log_likelihood(points).sum(axis=1)
        return np.asarray(
            likelihood + self._log_shares_prior(self._theta(at), points.logs) + self._log_dwell_prior(points)
        )

    def _log_shares_prior(self, theta: Floats, logs: Floats) -> Floats:
        tilted = theta[:, None] + np.log(self.tilt)
        tilted = np.exp(tilted - special.logsumexp(tilted, axis=-1, keepdims=True))
        parts = []
        for score in _SCORES:
            kappa = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * score)
            density = special.gammaln(kappa) - special.gammaln(kappa * tilted).sum(-1) + (kappa * tilted * logs).sum(-1)
            parts.append(density.sum(axis=1) - 0.5 * score**2)
        return np.asarray(special.logsumexp(parts, axis=0) + theta @ self.alpha)

    def _log_dwell_prior(self, points: Points) -> Floats:
        total = np.zeros(len(points.phi))
        for index, j in enumerate(self.observed.learned):
            link = self.observed.links[j]
            prior = prior_normal(link.belief, link.family)
            off = points.phi[:, :, index, : len(prior.mean)] - prior.mean
            off[..., 0] -= np.asarray(link.belief.apart)
            total += special.logsumexp(
                [weight + _log_exchangeable(off, 1.0 / np.diag(prior.precision), tau)
                 for weight, tau in zip(tau_log_weights(), TAU_VALUES, strict=True)], axis=0
            )  # fmt: skip
        return total


def _log_exchangeable(off: Floats, variance: Floats, tau: float) -> Floats:
    """Return the log density of values, shape (point, persona, k), around a common normal mean that is integrated out."""
    personas = off.shape[1]
    mean = off.mean(axis=1)
    within = np.sum((off - mean[:, None]) ** 2, axis=1)
    whole = tau**2 + personas * variance
    logs = (personas - 1) * np.log(tau**2) + np.log(whole) + within / tau**2 + personas * mean**2 / whole
    return np.asarray(-0.5 * logs.sum(axis=1))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Log density on flat coordinates, shape (point, contrasts + free dwell coordinates)."""

    observed: Observed
    alpha: Floats
    basis: Floats
    mean: Floats
    precision: Floats

    @classmethod
    def of(cls, observed: Observed, alpha: Floats) -> Target:
        """Return the target of the only persona of `observed`; `alpha` are the Dirichlet weights of its row."""
        means, precisions = [], []
        for j in observed.learned:
            link = observed.links[j]
            prior = prior_normal(link.belief, link.family)
            means += [prior.mean[0] + link.belief.apart[0], *prior.mean[1:]]
            precisions += list(np.diag(prior.precision))
        return cls(observed, alpha, contrasts(len(alpha)), np.array(means), np.array(precisions))

    @property
    def log_constant(self) -> float:
        """Return the log of what normalises the prior."""
        row = special.gammaln(self.alpha.sum()) - special.gammaln(self.alpha).sum() + 0.5 * np.log(len(self.alpha))
        return float(row + 0.5 * np.sum(np.log(self.precision / (2 * np.pi))))

    def points(self, at: Floats, rows: NDArray[np.intp] | None = None) -> Points:
        """Return flat coordinates as points."""
        width = self.basis.shape[1]
        raw = at[:, :width] @ self.basis.T
        logs = raw - special.logsumexp(raw, axis=1, keepdims=True)
        phi = np.zeros((len(at), 1, len(self.observed.learned), 2))
        phi[:, 0, self.observed.free] = at[:, width:]
        return Points(logs[:, None], phi, np.zeros(len(at), dtype=np.intp) if rows is None else rows)

    def flat(self, points: Points) -> Floats:
        """Return points as flat coordinates."""
        return np.concatenate([points.logs[:, 0] @ self.basis, points.phi[:, 0, self.observed.free]], axis=1)

    def log_density(self, at: Floats, rows: NDArray[np.intp] | None = None) -> Floats:
        """Return the log of prior times likelihood, shape (point,)."""
        points = self.points(at, rows)
        off = at[:, self.basis.shape[1] :] - self.mean
        prior = points.logs[:, 0] @ self.alpha - 0.5 * (off**2) @ self.precision
        return np.asarray(self.log_constant + prior + self.observed.log_likelihood(points)[:, 0])
