"""The belief about a link's dwell, as a normal on a family's coordinates, and where prior and data agree best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.families import dimensions, from_log_moments, log_likelihood, to_scale_shape
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

_CLOSE: Final = 0.2
#: Parts of a step that are tried.
_SHORTER: Final = np.append(0.5 ** np.arange(8), 0.0)


@final
@dataclass(frozen=True, slots=True)
class DwellBelief:
    """What the map says about a link's dwell: mean and sd of the log dwell, and how many customers that rests on.

    `log_scale_sd` is the sd of the belief about the location; `apart` (per persona) shifts the mean of the log. `far`
    is how many times further apart than dwells the personas may lie: it multiplies TAU_VALUES and their prior's sd.
    """

    family: Family
    mean_log: float
    sd_log: float
    log_scale_sd: float
    seen: float
    personas: tuple[str, ...]
    apart: tuple[float, ...]
    far: float = 1.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """A normal distribution on the coordinates: mean, shape (k,), and precision, shape (k, k)."""

    mean: Floats
    precision: Floats


def prior_normal(belief: DwellBelief, family: Family) -> Normal:
    """Return the belief as a normal on a family's coordinates."""
    k = dimensions(family)
    mean = np.array(from_log_moments(family, belief.mean_log, belief.sd_log))[:k]
    sd = np.array([belief.log_scale_sd, 1.0 / np.sqrt(belief.seen)])[:k]
    return Normal(mean, np.diag(sd**-2.0))


def find_mode(family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]], start: Floats | None = None) -> Normal:
    """Return the mode of prior x likelihoods and the curvature there, by Newton steps on a stencil of 3^k points.

    A step goes uphill where the density curves the wrong way too (absolute eigenvalues), and only as far as it climbs:
    where all dwells lie in the shortest bin, the likelihood is flat up to a cliff.
    """
    k = len(prior.mean)
    at, step = _start(family, prior, data) if start is None else start, np.full(k, 0.05)
    for _ in range(40):
        gradient, curvature = _derivatives(family, prior, data, at, step)
        values, axes = np.linalg.eigh(curvature)
        values = np.maximum(np.abs(values), 1e-2 * max(np.abs(values).max(), 1e-6))
        move = np.clip(axes @ ((axes.T @ gradient) / values), -1.0, 1.0)
        sd = np.sqrt(np.sum(axes**2 / values, axis=1))
        tried = at + _SHORTER[:, None] * move
        at = tried[np.argmax(log_density(family, prior, data, tried))]
        step = np.clip(0.3 * sd, 1e-4, 0.2)
        if np.all(np.abs(move) < 0.02 * sd):
            break
    return Normal(at, (axes * values) @ axes.T)


def _start(family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]]) -> Floats:
    logs = np.concatenate([np.log(done.middle) for done, _ in data])
    weights = np.concatenate([done.count for done, _ in data])
    if weights.sum() < 2:
        return prior.mean.copy()
    mean = float(np.average(logs, weights=weights))
    sd = float(np.sqrt(np.average((logs - mean) ** 2, weights=weights)))
    return np.array(from_log_moments(family, mean, max(sd, 0.05)))[: len(prior.mean)]


def log_density(family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]], points: Floats) -> Floats:
    """Return the log of prior x likelihoods at points, shape (point, k), up to a constant."""
    a, b = scale_shape(family, points)
    off = points - prior.mean
    total = -0.5 * np.einsum("pk,kl,pl->p", off, prior.precision, off)
    for done, silent in data:
        total = total + log_likelihood(family, a, b, done, silent)
    return np.asarray(total)


def scale_shape(family: Family, points: Floats) -> tuple[Floats, Floats]:
    """Return (a, b) of points, shape (…, k)."""
    return to_scale_shape(family, points[..., 0], points[..., 1] if points.shape[-1] > 1 else 0.0 * points[..., 0])


def _derivatives(
    family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]], at: Floats, step: Floats
) -> tuple[Floats, Floats]:
    """Return gradient and negative curvature of the log density by central differences."""
    k = len(at)
    moves = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * k, indexing="ij"), axis=-1).reshape(-1, k)
    values = log_density(family, prior, data, at + moves * step).reshape([3] * k)
    gradient, curvature = np.zeros(k), np.zeros((k, k))
    for i in range(k):
        line = np.moveaxis(values, i, 0)
        middle = (1,) * (k - 1)
        gradient[i] = (line[2][middle] - line[0][middle]) / (2 * step[i])
        curvature[i, i] = -(line[2][middle] - 2 * line[1][middle] + line[0][middle]) / step[i] ** 2
    if k == 2:
        mixed = values[2, 2] - values[2, 0] - values[0, 2] + values[0, 0]
        curvature[0, 1] = curvature[1, 0] = -mixed / (4 * step[0] * step[1])
    return gradient, curvature


def near(pooled: Normal, far: float = 1.0) -> Normal:
    """Return where a persona may lie, given the pooled fit: its spread plus a moderate difference between personas."""
    spread = np.linalg.inv(pooled.precision) + (far * _CLOSE) ** 2 * np.eye(len(pooled.mean))
    return Normal(pooled.mean, np.asarray(np.linalg.inv(spread), dtype=np.float64))


def persona_modes(family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]]) -> tuple[Normal, ...]:
    """Return every persona's mode near the pooled fit (for the weights of open spells)."""
    pooled = find_mode(family, prior_normal(belief, family), data)
    return tuple(find_mode(family, near(pooled), [pair], pooled.mean) if pair[0].size else pooled for pair in data)
