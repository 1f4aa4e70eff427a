"""How well chains have mixed: R-hat and effective sizes, all components at once, and the gates on them.

Vehtari, Gelman, Simpson, Carpenter and Burkner (2021), Rank-normalization, folding, and localization: an improved R-hat
for assessing convergence of MCMC. Values have shape (chain, draw, component); every chain counts as two, its halves.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import special
from scipy.fft import irfft, next_fast_len, rfft

from journeysim.calibrate.gates import ESS_LIMIT, RHAT_LIMIT, Gate
from journeysim.model.quantity import Floats

#: Quantiles whose effective sizes are those of the tails.
_TAILS: Final = (0.05, 0.95)


def convergence(name: str, values: Floats, groups: int | None = None) -> tuple[Gate, ...]:
    """Return the gates on R-hat and on bulk and tail ESS, worst component; `values` has shape (chain, draw, k).

    Many short chains are joined in groups for R-hat, neighbours together (Margossian and others 2024, nested R-hat).
    """
    moving = values[..., np.ptp(values, axis=(0, 1)) > 0]
    if moving.shape[-1] == 0:
        return ()
    joined = moving.reshape(groups or len(moving), -1, moving.shape[-1])
    # halves of chains of an even length leave no draw out, so that chains and groups of them have the same scores
    scores = _normal_scores(moving) if moving.shape[1] % 2 == 0 else None
    return (
        Gate(f"R-hat of {name}", float(np.max(rank_rhat(joined, scores))), RHAT_LIMIT),
        Gate(f"bulk ESS of {name}", float(np.min(bulk_size(moving, scores))), ESS_LIMIT, "at least"),
        Gate(f"tail ESS of {name}", float(np.min(tail_size(moving))), ESS_LIMIT, "at least"),
    )


def rank_rhat(values: Floats, scores: Floats | None = None) -> Floats:
    """Return R-hat of every component: the larger of that of normal scores and that of scores of folded values.

    `scores` are the values' normal scores, where they are known.
    """
    halves = _halves(values)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return np.maximum(_rhat(_scores_of_halves(values, scores)), _rhat(_normal_scores(folded)))


def bulk_size(values: Floats, scores: Floats | None = None) -> Floats:
    """Return the effective number of draws of every component's normal scores, which may be known."""
    return _size(_scores_of_halves(values, scores))


def tail_size(values: Floats) -> Floats:
    """Return the smaller effective number of draws of being below the 5 % and below the 95 % quantile."""
    levels = np.quantile(values, _TAILS, axis=(0, 1))
    return np.minimum(*(_size(_halves((values <= level).astype(np.float64))) for level in levels))


def _halves(values: Floats) -> Floats:
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, -half:]])


def _scores_of_halves(values: Floats, scores: Floats | None) -> Floats:
    return _normal_scores(_halves(values)) if scores is None else _halves(scores.reshape(values.shape))


def _normal_scores(values: Floats) -> Floats:
    """Return Phi^-1((rank - 3/8) / (n + 1/4)) of all draws of a component together; ties share their mean rank."""
    flat = values.reshape(-1, values.shape[-1]).T
    order = np.argsort(flat, axis=1)
    new = np.diff(np.take_along_axis(flat, order, axis=1), axis=1) > 0
    count, edge = flat.shape[1], np.ones((len(flat), 1), dtype=bool)
    place = np.arange(count)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, new], axis=1), place, 0), axis=1)
    ends = np.where(np.concatenate([new, edge], axis=1), place, count)
    last = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    ranks = np.arange(2 * count - 1) / 2 + 1  # all that there are, with those between two: no score is computed twice
    of_rank = special.ndtri((ranks - 0.375) / (count + 0.25))
    scores = np.empty(flat.shape)
    np.put_along_axis(scores, order, of_rank[first + last], axis=1)
    return np.asarray(scores.T.reshape(values.shape))


def _rhat(values: Floats) -> Floats:
    draws = values.shape[1]
    between = values.mean(axis=1).var(axis=0, ddof=1)
    within = values.var(axis=1, ddof=1).mean(axis=0)
    return np.asarray(np.sqrt(between / within + (draws - 1) / draws))


def _size(values: Floats) -> Floats:
    """Return the number of independent draws with as exact a mean (equations 10 to 13); all where nothing moves."""
    chains, draws, components = values.shape
    sizes, moving = np.full(components, float(chains * draws)), np.ptp(values, axis=(0, 1)) > 0
    if moving.any():
        sizes[moving] = _size_of_moving(values[..., moving])
    return sizes


def _size_of_moving(values: Floats) -> Floats:
    chains, draws = values.shape[:2]
    covariance = _autocovariance(values)
    within = covariance[:, 0] * draws / (draws - 1)
    whole = covariance[:, 0] + values.mean(axis=1).var(axis=0, ddof=1)
    correlation = 1.0 - (within[:, None] - covariance) / whole[:, None]
    correlation[:, 0] = 1.0
    total = chains * draws
    return np.asarray(total / np.maximum([_correlated(row) for row in correlation], 1.0 / np.log10(total)))


def _autocovariance(values: Floats) -> Floats:
    """Return the chains' average autocovariance, shape (component, lag)."""
    draws = values.shape[1]
    off = np.moveaxis(values - values.mean(axis=1, keepdims=True), 1, -1)
    size = next_fast_len(2 * draws, real=True)
    power = np.mean(np.abs(rfft(off, size, axis=-1)) ** 2, axis=0)
    return np.asarray(irfft(power, size, axis=-1)[:, :draws] / draws)


def _correlated(rho: Floats) -> float:
    """Return 1 + 2 x the sum of correlations, by Geyer's initial monotone sequence of the sums of pairs (1992)."""
    most = (len(rho) - 3) // 2
    pairs = rho[: 2 * most : 2] + rho[1 : 2 * most : 2]
    negative = np.flatnonzero(pairs[1:] < 0)
    kept = int(negative[0]) + 1 if len(negative) else most
    after = rho[2 * kept] if 2 * kept < len(rho) else 0.0
    return float(2 * np.minimum.accumulate(pairs[:kept]).sum() - 1 + max(after, 0.0))
