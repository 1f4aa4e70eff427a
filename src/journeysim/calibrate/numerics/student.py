"""Draws of any smooth density of a few coordinates: a Student t around the mode, put right by importance weights.

The proposal is a multivariate t of 5 degrees of freedom with the curvature at the mode; while its weights are poor,
centre and spread are fitted again to the weighted draws (adaptive importance sampling: Cappe, Guillin, Marin and Robert
2004, Population Monte Carlo).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.gates import ESS_LIMIT, PARETO_LIMIT, Gate, pareto_tail, weight_size
from journeysim.model.addresses import name_key, uniforms
from journeysim.model.quantity import Floats

#: A log density on many points at once: (point, coordinate) -> (point,).
Density = Callable[[Floats], Floats]
_WORKING_DRAWS: Final = 4000
_STEP: Final = 1e-4
_DEGREES: Final = 5.0
_ROUNDS: Final = 6
_MORE: Final = 4
_GOOD: Final = 0.2
_LIGHT: Final = 0.6


@final
@dataclass(frozen=True, slots=True, eq=False)
class WeightedDraws:
    """Points, shape (draw, coordinate), and their log importance weights, shape (draw,).

    The mean weight is the integral of the density.
    """

    at: Floats
    logs: Floats

    @property
    def rank(self) -> tuple[bool, float]:
        """How good the weights are: a tail that is not too heavy first, then the effective number of draws."""
        return pareto_tail(self.logs) <= PARETO_LIMIT, weight_size(self.logs)

    @property
    def good(self) -> bool:
        """Whether another round would gain little."""
        return weight_size(self.logs) > _GOOD * len(self.logs) and pareto_tail(self.logs) < _LIGHT

    @property
    def poor(self) -> bool:
        """Whether a gate on the weights would fail."""
        return not all(gate.passed for gate in self.gates(""))

    def gates(self, what: str) -> tuple[Gate, ...]:
        """Return the gates on the weights."""
        return (
            Gate(f"effective draws of {what}", weight_size(self.logs), ESS_LIMIT, "at least"),
            Gate(f"Pareto k of {what}", pareto_tail(self.logs), PARETO_LIMIT),
        )


def draw_points(
    density: Density, start: Floats, *, draws: int, seed: int, what: str
) -> tuple[Floats, tuple[Gate, ...]]:
    """Return draws, shape (draws, coordinate), in an addressed order, and the gates on the weights behind them."""
    found = sample_weighted(density, start, draws=_WORKING_DRAWS, seed=seed, names=(what,))
    chosen = resample(found.logs, draws, float(uniforms(seed, 1, what, "resample")[0]))
    order = np.argsort(uniforms(seed, draws, what, "order of draws"))
    return found.at[chosen[order]], found.gates(what)


def climb(density: Density, start: Floats, bounds: Sequence[tuple[float | None, float | None]] | None = None) -> Floats:
    """Return the point of the highest density near a start; all differences of a step come from one call."""
    from scipy import optimize

    k = len(start)
    moves = _STEP * np.concatenate([np.zeros((1, k)), np.eye(k), -np.eye(k)])

    def downhill(point: Floats) -> tuple[float, Floats]:
        values = density(point + moves)
        return -float(values[0]), (values[1 + k :] - values[1 : 1 + k]) / (2 * _STEP)

    found = optimize.minimize(downhill, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13})
    return np.asarray(found.x, dtype=np.float64)


def sample_weighted(density: Density, start: Floats, *, draws: int, seed: int, names: Sequence[str]) -> WeightedDraws:
    """Return weighted draws of the density whose mode is uphill of a start; the best of a few rounds.

    Where they are all poor (many coordinates), the last rounds make four times as many draws.
    """
    centre = climb(density, start)
    return sample_near(density, centre, inverse_curvature(density, centre), draws=draws, seed=seed, names=names)


def sample_near(
    density: Density, centre: Floats, spread: Floats, *, draws: int, seed: int, names: Sequence[str]
) -> WeightedDraws:
    """Return weighted draws of the density, which has its mass somewhere near `centre`, within `spread` (covariance)."""
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key(*names)]))
    best = tried = _proposed(density, centre, spread, draws, stream)
    for turn in range(2 * _ROUNDS):
        if best.good or (turn >= _ROUNDS and not best.poor):
            break
        tried = _proposed(density, *refit(tried), draws if turn < _ROUNDS else _MORE * draws, stream)
        best = max(best, tried, key=lambda found: found.rank)
    return best


def inverse_curvature(density: Density, at: Floats) -> Floats:
    """Return the inverse of minus the second derivatives, made positive where the density is flat or bends upwards."""
    k, step = len(at), 30 * _STEP * np.eye(len(at))
    corners = np.array(
        [at + s * step[i] + t * step[j] for i in range(k) for j in range(k) for s in (1, -1) for t in (1, -1)]
    )
    pp, pm, mp, mm = density(corners).reshape(k, k, 4).transpose(2, 0, 1)
    values, axes = np.linalg.eigh(-(pp - pm - mp + mm) / (4 * (30 * _STEP) ** 2))
    values = np.maximum(values, 0.05)
    return np.asarray((axes / values) @ axes.T)


def _proposed(
    density: Density, centre: Floats, spread: Floats, draws: int, stream: np.random.Generator
) -> WeightedDraws:
    k, root = len(centre), np.linalg.cholesky(spread)
    z = stream.standard_normal((draws, k)) / np.sqrt(stream.chisquare(_DEGREES, draws) / _DEGREES)[:, None]
    at = centre + z @ root.T
    proposal = _log_height(np.asarray(root, dtype=np.float64)) - 0.5 * (_DEGREES + k) * np.log1p(
        np.sum(z**2, axis=1) / _DEGREES
    )
    return WeightedDraws(at, density(at) - proposal)


def _log_height(root: Floats) -> float:
    """Return the log density of the Student t at its centre."""
    k = len(root)
    shape = special.gammaln((_DEGREES + k) / 2) - special.gammaln(_DEGREES / 2) - k / 2 * np.log(_DEGREES * np.pi)
    return float(shape - np.sum(np.log(np.diagonal(root))))


def refit(found: WeightedDraws) -> tuple[Floats, Floats]:
    """Return centre and spread of the weighted draws, the weights tempered until they rest on enough of them."""
    factor, k = 1.0, found.at.shape[1]
    while weight_size(found.logs * factor) < 20 * k:
        factor *= 0.7
    weights = np.exp(factor * (found.logs - found.logs.max()))
    weights /= weights.sum()
    centre = weights @ found.at
    off = found.at - centre
    spread = (off * weights[:, None]).T @ off
    return centre, spread + 1e-9 * np.diag(np.diag(spread) + 1e-12)


def resample(log_weights: Floats, count: int, u: float) -> NDArray[np.intp]:
    """Return `count` positions drawn with the weights, evenly spaced on their cumulative sum."""
    cumulative = np.cumsum(np.exp(log_weights - log_weights.max()))
    at = np.searchsorted(cumulative, (np.arange(count) + u) / count * cumulative[-1])
    return np.asarray(np.minimum(at, len(log_weights) - 1), dtype=np.intp)


def log_mean(logs: Floats) -> float:
    """Return the log of the mean of exp(logs)."""
    return float(log_sum_exp(logs) - np.log(len(logs)))


def log_sum_exp(logs: Floats) -> Floats:
    """Return the log of the sum of exp(logs) over the first axis; SciPy's, without what it does for other kinds of arrays."""
    top = logs.max(axis=0)
    if not np.isfinite(top).all():
        return np.asarray(special.logsumexp(logs, axis=0))
    largest = logs == top
    count = largest.sum(axis=0, dtype=np.float64)
    rest = np.exp(np.where(largest, -np.inf, logs) - top).sum(axis=0)
    return np.asarray(np.log1p(rest / count) + np.log(count) + top)
