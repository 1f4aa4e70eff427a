"""The belief about a link's dwell, as a normal on a family's coordinates, and where prior and data agree best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.climb import climb
from journeysim.calibrate.dwells.families import dimensions, from_log_moments, log_likelihood, to_scale_shape
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

_CLOSE: Final = 0.2


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


@lru_cache(maxsize=256)
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
    at = _start(family, prior, data) if start is None else start
    arrays = (prior.mean, prior.precision, *_joined(data), at)
    return Normal(*climb(int(family), *(np.ascontiguousarray(x, dtype=np.float64) for x in arrays)))


def _joined(data: Sequence[tuple[Bins, Bins]]) -> list[Floats]:
    """Return low and high edges and counts of completed dwells, then times and counts of open spells, of everybody."""
    done, still = ([pair[k] for pair in data] for k in (0, 1))
    parts = [[bins.low for bins in done], [bins.high for bins in done], [bins.count for bins in done],
             [bins.middle for bins in still], [bins.count for bins in still]]  # fmt: skip
    return [np.concatenate(part) for part in parts]


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


def near(pooled: Normal, far: float = 1.0) -> Normal:
    """Return where a persona may lie, given the pooled fit: its spread plus a moderate difference between personas."""
    spread = np.linalg.inv(pooled.precision) + (far * _CLOSE) ** 2 * np.eye(len(pooled.mean))
    return Normal(pooled.mean, np.asarray(np.linalg.inv(spread), dtype=np.float64))


def persona_modes(family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]]) -> tuple[Normal, ...]:
    """Return every persona's mode near the pooled fit (for the weights of open spells)."""
    pooled = find_mode(family, prior_normal(belief, family), data)
    return tuple(find_mode(family, near(pooled), [pair], pooled.mean) if pair[0].size else pooled for pair in data)
