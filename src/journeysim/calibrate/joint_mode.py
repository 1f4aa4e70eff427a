"""Mode, curvature and Laplace evidence of one persona's row and dwells under the exact likelihood of open spells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.dwells import prior_normal
from journeysim.calibrate.joint import Observed, Points, contrasts
from journeysim.model.quantity import Floats


class Density(Protocol):
    """A log density on flat coordinates."""

    def log_density(self, at: Floats, rows: NDArray[np.intp] | None = None) -> Floats:
        """Return the log density of every point."""
        ...


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


@final
@dataclass(frozen=True, slots=True, eq=False)
class JointMode:
    """Where the posterior is highest, the inverse of the curvature there, and the log evidence by Laplace's method."""

    at: Floats
    spread: Floats
    evidence: float


def find_joint_mode(target: Density, at: Floats) -> JointMode:
    """Return the mode uphill of a start: Newton steps, halved until they climb."""
    spread = np.eye(len(at))
    step = np.full(len(at), 0.02)
    for _ in range(60):
        gradient, curvature = _derivatives(target, at, step)
        values, axes = np.linalg.eigh(curvature)
        values = np.maximum(np.abs(values), 1e-6 * max(float(np.max(np.abs(values))), 1.0))
        spread = (axes / values) @ axes.T
        sd = np.sqrt(np.diag(spread))
        move = np.clip(spread @ gradient, -1.0, 1.0)
        tries = at + move * 0.5 ** np.arange(12)[:, None]
        gained = target.log_density(np.vstack([at, tries]))
        best = int(np.argmax(gained))
        step = np.clip(0.1 * sd, 1e-5, 0.1)
        if best == 0 or np.all(np.abs(move) < 0.02 * sd):
            break
        at = tries[best - 1]
    height = float(target.log_density(at[None])[0])
    laplace = height + 0.5 * (len(at) * np.log(2 * np.pi) + float(np.linalg.slogdet(spread)[1]))
    return JointMode(at, spread, laplace)


def _derivatives(target: Density, at: Floats, step: Floats) -> tuple[Floats, Floats]:
    k = len(at)
    unit = np.diag(step)
    pairs = [(i, j) for i in range(k) for j in range(i)]
    cross = [at + s * unit[i] + t * unit[j] for i, j in pairs for s in (1, -1) for t in (1, -1)]
    values = target.log_density(np.array([at, *(at + unit), *(at - unit), *cross]))
    up, down = values[1 : k + 1], values[k + 1 : 2 * k + 1]
    gradient = (up - down) / (2 * step)
    curvature = np.diag(-(up - 2 * values[0] + down) / step**2)
    corners = values[2 * k + 1 :].reshape(-1, 4)
    for (i, j), (pp, pm, mp, mm) in zip(pairs, corners, strict=True):
        curvature[i, j] = curvature[j, i] = -(pp - pm - mp + mm) / (4 * step[i] * step[j])
    return gradient, curvature
