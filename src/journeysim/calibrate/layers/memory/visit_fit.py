"""The visit effect at its mode: after v earlier visits, log weights of persona g's links are a_g + v b.

    softmax(a_g) ~ Dirichlet(weight x first row)     the row at a first visit: as order 1's, from first visits alone
    b = M beta, beta ~ Normal(0, SLOPE_SD^2)          M: orthonormal contrasts, so that b adds up to 0 over the links

b is one for all personas. Newton's method on the multinomial logit, open spells spread by EM.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.calibrate.layers.memory.seen import Seen
from journeysim.calibrate.pooled import KAPPA_MEDIAN
from journeysim.calibrate.silence.points import contrasts
from journeysim.model.quantity import Floats

#: Half of the odds ratios per earlier visit lie within a factor of 1.4, 95 % within 2.7 (per contrast).
SLOPE_SD: Final = 0.5
_ROUNDS: Final = 60


@final
@dataclass(frozen=True, slots=True, eq=False)
class VisitFit:
    """Contrasts of every persona's first row (G, J - 1) and of the shift (J - 1,), and the rows (G, V, J) they give."""

    first: Floats
    slope: Floats
    rows: Floats


def prior_counts(seen: Seen, fold: int) -> Floats:
    """Return the Dirichlet weights of every persona's first row, shape (G, J)."""
    if len(seen.tilt) == 1:
        return np.asarray(seen.alpha * seen.tilt)
    pooled = (seen.alpha + seen.done[fold, :, 0].sum(axis=0)) * seen.tilt
    return np.asarray(KAPPA_MEDIAN * pooled / pooled.sum(axis=-1, keepdims=True))


def visit_rows(first: Floats, slope: Floats, tilt: Floats, visits: int) -> Floats:
    """Return rows (…, G, V, J) after 0 … V - 1 earlier visits; links that a persona does not have stay at 0."""
    basis = contrasts(tilt.shape[-1])
    logs = (first @ basis.T)[..., :, None, :] + np.arange(visits)[:, None] * (slope @ basis.T)[..., None, None, :]
    logs = np.where(tilt[:, None] > 0, logs, -np.inf)
    raw = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(raw / raw.sum(axis=-1, keepdims=True))


def fit_visits(seen: Seen, fold: int) -> VisitFit:
    """Return the mode given one of the folds of `seen`."""
    personas, visits, links = seen.done.shape[1:]
    basis, steps = contrasts(links), np.arange(visits, dtype=np.float64)
    prior = prior_counts(seen, fold)
    first = np.log(np.maximum(prior, 1e-3)) @ basis
    slope = np.zeros(links - 1)
    one = replace(seen, done=seen.done[fold : fold + 1], still=seen.still[fold : fold + 1])
    for _ in range(_ROUNDS):
        rows = visit_rows(first, slope, seen.tilt, visits)
        counts = (one.done + one.spread(rows[None]))[0]
        counts[:, 0] += prior
        move = _newton(counts, rows, basis, steps, slope)
        first = first + move[:-1].reshape(personas, -1)
        slope = slope + move[-1]
        if np.max(np.abs(move)) < 1e-6:
            break
    return VisitFit(first, slope, visit_rows(first, slope, seen.tilt, visits))


def _newton(counts: Floats, rows: Floats, basis: Floats, steps: Floats, slope: Floats) -> Floats:
    """Return one Newton step, shape (G + 1, J - 1): every first row, then the shift."""
    personas, width = len(counts), len(slope)
    sizes = counts.sum(axis=-1)
    off = (counts - sizes[..., None] * rows) @ basis
    spread = np.einsum("gvj,jk,jl->gvkl", rows, basis, basis)
    mean = rows @ basis
    spread = sizes[..., None, None] * (spread - mean[..., :, None] * mean[..., None, :])
    gradient = np.concatenate([off.sum(axis=1), [np.einsum("v,gvk->k", steps, off) - slope / SLOPE_SD**2]])
    curvature = np.zeros((personas + 1, width, personas + 1, width))
    for g in range(personas):
        curvature[g, :, g] = spread[g].sum(axis=0) + 1e-6 * np.eye(width)
        curvature[g, :, -1] = curvature[-1, :, g] = np.einsum("v,vkl->kl", steps, spread[g])
    curvature[-1, :, -1] = np.einsum("v,gvkl->kl", steps**2, spread) + np.eye(width) / SLOPE_SD**2
    size = (personas + 1) * width
    move = np.linalg.solve(curvature.reshape(size, size), gradient.reshape(-1))
    return np.clip(move, -1.0, 1.0).reshape(personas + 1, width)
