"""E[y | x] by regression on draws: a mixed model whose smoothness is chosen by restricted likelihood.

y = mean + fixed part + random part + noise, with orthonormal columns F and U: the fixed part is fitted as it is, the
random coefficients are shrunk by s^2 / (s^2 + lambda), lambda by REML. For a single number the fixed part is linear in
its normal scores and the random part bends it (low-rank thin-plate spline; Ruppert, Wand and Carroll 2003, section
13.5); for a group of numbers there is no fixed part and every direction is shrunk alike. The fit is then pulled towards
the mean until the fixed part explains what its adjusted R^2 says, so that a number without effect explains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.quantity import Floats

KNOTS: Final = 8
_EDGE: Final = 1e-12
#: Noise variance over the variance of a random coefficient, relative to the largest squared size.
_RATIOS: Final = np.logspace(-4, 6, 41)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """What a regression may use: fixed (D, f) and random (D, q), orthonormal together, with mean 0; sizes s (q,)."""

    fixed: Floats
    random: Floats
    sizes: Floats

    @property
    def empty(self) -> bool:
        """Whether there is nothing that varies."""
        return bool(self.fixed.shape[1] + self.random.shape[1] == 0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """E[y | x] in each draw (D, P), the part of each variance it explains (P,), and what its error is made of."""

    values: Floats
    explained: Floats
    shrunk: Floats  # (q, P) factors on the random coefficients
    noise: Floats  # (P,) standard deviation around the fit


def bending(scores: Floats) -> Directions:
    """Return the directions of a single number given by its normal scores (D,): linear, and a bend."""
    linear = _orthonormal(scores[:, None])
    distinct = np.unique(scores)
    knots = np.quantile(distinct, np.linspace(0, 1, KNOTS + 2)[1:-1])
    knots = np.unique(knots)
    if len(distinct) < 4 or len(knots) < 2:
        return Directions(linear, np.zeros((len(scores), 0)), np.zeros(0))
    left, sizes, right = np.linalg.svd(np.abs(knots[:, None] - knots) ** 3)
    root = (left / np.sqrt(np.maximum(sizes, _EDGE * sizes[0]))) @ right
    bends = np.abs(scores[:, None] - knots) ** 3 @ root
    bends -= bends.mean(axis=0)
    return Directions(linear, *_main(bends - linear @ (linear.T @ bends)))


def spread_out(features: Floats) -> Directions:
    """Return the directions of a group of numbers (D, p), centred and scaled: at most one per ten draws."""
    nothing = np.zeros((len(features), 0))
    centred = features - features.mean(axis=0)
    scale = centred.std(axis=0)
    used = scale > _EDGE * np.maximum(np.abs(features).max(axis=0, initial=0.0), 1.0)
    if not used.any():
        return Directions(nothing, nothing, np.zeros(0))
    random, sizes = _main(centred[:, used] / scale[used])
    most = max(1, len(features) // 10)
    return Directions(nothing, random[:, :most], sizes[:most])


def _main(columns: Floats) -> tuple[Floats, Floats]:
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    rank = int((sizes > 1e-9 * sizes[0]).sum()) if len(sizes) and sizes[0] > 0 else 0
    return np.asarray(left[:, :rank]), np.asarray(sizes[:rank])


def _orthonormal(columns: Floats) -> Floats:
    centred = columns - columns.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    return np.asarray(centred[:, size > _EDGE] / size[size > _EDGE])


def smooth(on: Directions, values: Floats) -> Fitted:
    """Return E[values | directions] of values (D, P); the mean where there are too few draws to tell."""
    count, means = len(values), values.mean(axis=0)
    centred = values - means
    total = (centred**2).sum(axis=0)
    free = count - 1 - on.fixed.shape[1]
    if on.empty or free < 2:
        return Fitted(values * 0 + means, 0 * means, np.zeros((on.random.shape[1], len(means))), 0 * means)
    linear, bent = on.fixed.T @ centred, on.random.T @ centred
    shrunk, noise = _chosen(on.sizes, bent, np.maximum(total - (linear**2).sum(axis=0), 0.0), free)
    explained = (linear**2).sum(axis=0)
    pull = _pull(explained, total, count, on.fixed.shape[1])
    fitted = on.fixed @ (linear * pull) + on.random @ (bent * shrunk)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(total > 0, (fitted**2).sum(axis=0) / total, 0.0)
    return Fitted(means + fitted, np.clip(part, 0.0, 1.0), shrunk, noise)


def _chosen(sizes: Floats, bent: Floats, rest: Floats, free: int) -> tuple[Floats, Floats]:
    """Return the factors (q, P) at the most likely ratio, and the noise (P,), given what the fixed part leaves over."""
    if len(sizes) == 0:
        return np.zeros(bent.shape), np.sqrt(rest / free)
    squares = (sizes**2)[:, None]
    ratios = squares[0, 0] * _RATIOS
    factors = squares / (squares + ratios)  # (q, r)
    left = np.maximum(rest[None, :] - np.einsum("qr,qp->rp", factors, bent**2), _EDGE * rest[None, :])
    with np.errstate(divide="ignore"):
        score = -0.5 * (free * np.log(left) + np.log1p(squares / ratios).sum(axis=0)[:, None])
    best = np.argmax(score, axis=0)
    return factors[:, best], np.sqrt(left[best, np.arange(len(best))] / free)


def _pull(explained: Floats, total: Floats, count: int, used: int) -> Floats:
    """Return the factor that takes the fixed part's R^2 to its adjusted value, 0 where that is negative."""
    if used == 0:
        return np.ones(len(total))
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(total > 0, explained / total, 0.0)
        adjusted = np.clip(1 - (1 - plain) * (count - 1) / (count - used - 1), 0.0, 1.0)
        return np.asarray(np.where(plain > 0, np.sqrt(adjusted / plain), 0.0))


def perturbed(on: Directions, found: Fitted, times: int, rng: np.random.Generator) -> Floats:
    """Return `times` fits as they might as well have come out, given the noise: (times, D, P)."""
    outputs = len(found.noise)
    wobble = on.fixed @ rng.standard_normal((times, on.fixed.shape[1], outputs))
    wobble = wobble + on.random @ (np.sqrt(found.shrunk) * rng.standard_normal((times, len(on.sizes), outputs)))
    return np.asarray(found.values + found.noise * wobble)
