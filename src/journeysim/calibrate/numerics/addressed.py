"""Random variates as pure functions of (seed, names, draw): gamma, Dirichlet and normal by their inverse functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from journeysim.model.addresses import uniforms
from journeysim.model.quantity import Floats

_SMALLEST = 1e-280


def log_gamma_ppf(shape: ArrayLike, u: ArrayLike) -> Floats:
    """Return the log of the Gamma(shape, 1) variate at probability `u`; -inf where the shape is 0.

    Works on logs because at small shapes the variate itself underflows: below 1e-280 the first term of the series
    P(a, x) = x^a / Gamma(a + 1) (Abramowitz and Stegun 6.5.29) is exact to machine precision.
    """
    a, p = np.broadcast_arrays(np.asarray(shape, dtype=np.float64), np.asarray(u, dtype=np.float64))
    safe = np.where(a > 0, a, 1.0)
    x = special.gammaincinv(safe, p)
    series = (np.log(p) + special.gammaln(safe + 1)) / safe
    with np.errstate(divide="ignore"):
        logs = np.where(x > _SMALLEST, np.log(x), series)
    return np.where(a > 0, logs, -np.inf)


def dirichlet(weights: ArrayLike, seed: int, draws: int, names: Sequence[Sequence[str]]) -> Floats:
    """Return Dirichlet draws, shape (draws, len(names)); each component has its own address.

    `weights` has shape (len(names),) or (draws, len(names)); a component of weight 0 is 0 in every draw.
    """
    u = np.stack([uniforms(seed, draws, *name) for name in names], axis=1)
    return softmax(log_gamma_ppf(np.broadcast_to(weights, u.shape), u))


def softmax(logs: Floats) -> Floats:
    """Return exp(logs) normalised over the last axis; -inf becomes 0."""
    shifted = np.exp(logs - np.max(logs, axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def normals(seed: int, draws: int, *names: str) -> Floats:
    """Return standard normal variates at an address, shape (draws,)."""
    return np.asarray(special.ndtri(uniforms(seed, draws, *names)))
