"""The posterior of (theta, kappa) of `calibrate.shares` by PyMC's NUTS: the oracle of `calibrate.pooled`.

theta_i is sampled as theta_i = softmax(log centre_i + M_i w_i): M_i spans the contrasts of the row's links and is
scaled by the curvature at the observed shares, so that w is nearly round; the density of theta on those coordinates
carries the Jacobian prod_j theta_ij.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import final

import numpy as np

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.numerics import pymc_adapter
from journeysim.calibrate.numerics.addressed import softmax
from journeysim.calibrate.numerics.mixing import convergence
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.calibrate.shares import ShareRows
from journeysim.model.quantity import Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class NutsRun:
    """Pooled shares (chain, draw, n, J), log kappa (chain, draw, n), expected persona rows (chain, draw, n, G, J), gates."""

    theta: Floats
    log_kappa: Floats
    expected: Floats
    gates: tuple[Gate, ...]


def sample_rows(rows: ShareRows, *, seed: int, draws: int, chains: int, tune: int) -> NutsRun:
    """Sample (theta, kappa) by NUTS; `draws` is per chain. A row's expectation given them is (kappa t + n) / (kappa + N)."""
    centre, spread = _coordinates(rows)

    def build(pymc: ModuleType, tensor: ModuleType) -> None:
        _write_model(pymc, tensor, rows, centre, spread)

    run = pymc_adapter.sample(build, draws=draws, tune=tune, chains=chains, seed=seed)
    log_kappa = np.log(KAPPA_MEDIAN) + KAPPA_SPREAD * run.values["kappa_score"]
    moved = np.einsum("njk,cdnk->cdnj", spread, run.values["contrast"])
    theta = softmax(np.where(rows.present, centre, -np.inf) + moved)
    weights = np.exp(log_kappa)[..., None, None] * _tilted(theta, rows.tilt) + rows.counts
    gates = (
        *convergence("pooled shares", theta[..., rows.present]),
        *convergence("persona spread", log_kappa),
        *pymc_adapter.health(run),
    )
    return NutsRun(theta, log_kappa, weights / weights.sum(axis=-1, keepdims=True), gates)


def _write_model(pymc: ModuleType, tensor: ModuleType, rows: ShareRows, centre: Floats, spread: Floats) -> None:
    """Write the joint density of (theta, kappa) as few operations on padded arrays; compile time grows with each."""
    n, _, links = rows.counts.shape
    on = rows.present.astype(np.float64)
    contrast = pymc.Flat("contrast", shape=(n, max(links - 1, 1)), initval=np.zeros((n, max(links - 1, 1))))
    score = pymc.Normal("kappa_score", 0.0, 1.0, shape=n)
    raw = on * tensor.exp(centre + (spread * contrast[:, None, :]).sum(axis=-1))
    total = raw.sum(axis=-1, keepdims=True)
    kappa = tensor.exp(np.log(KAPPA_MEDIAN) + KAPPA_SPREAD * score)
    tilted = raw[:, None, :] * rows.tilt
    padding = np.where(on[:, None, :] * rows.tilt > 0, 0.0, 1.0)
    pseudo = kappa[:, None, None] * tilted / tilted.sum(axis=-1, keepdims=True) + padding
    whole = kappa[:, None]
    likelihood = (tensor.gammaln(pseudo + rows.counts) - tensor.gammaln(pseudo)).sum() + (
        tensor.gammaln(whole) - tensor.gammaln(whole + rows.counts.sum(axis=-1))
    ).sum()
    prior = (rows.alpha * tensor.log(raw / total + (1 - on))).sum()
    padded = 0.5 * ((1 - _real_contrasts(rows)) * contrast**2).sum()
    pymc.Potential("density", prior + likelihood - padded)


def _real_contrasts(rows: ShareRows) -> Floats:
    """Return 1 for the contrasts a row has, 0 for padding, shape (n, max(J - 1, 1))."""
    width = max(rows.present.shape[1] - 1, 1)
    return np.asarray(np.arange(width) < rows.present.sum(axis=1)[:, None] - 1, dtype=np.float64)


def _tilted(theta: Floats, tilt: Floats) -> Floats:
    """Return theta of shape (…, n, J) tilted to each persona, shape (…, n, G, J)."""
    raw = theta[..., None, :] * tilt
    return np.asarray(raw / raw.sum(axis=-1, keepdims=True))


def _coordinates(rows: ShareRows) -> tuple[Floats, Floats]:
    """Return log centre, shape (n, J), and contrast matrices, shape (n, J, J - 1)."""
    n, _, links = rows.counts.shape
    centre, spread = np.zeros((n, links)), np.zeros((n, links, max(links - 1, 1)))
    for i in range(n):
        live = np.flatnonzero(rows.present[i])
        size = rows.counts[i].sum(axis=1)
        informative = 1.0 / (1.0 / np.maximum(size, 1e-9) + 1.0 / (KAPPA_MEDIAN + 1.0))
        shares = rows.counts[i][:, live] / np.maximum(size, 1e-9)[:, None]
        weights = rows.alpha[i, live] + informative @ shares
        centre[i, live] = np.log(weights / weights.sum())
        if len(live) > 1:
            spread[i][np.ix_(live, np.arange(len(live) - 1))] = _round_contrasts(weights)
    return centre, spread


def _round_contrasts(weights: Floats) -> Floats:
    """Return a (J, J - 1) matrix of contrasts scaled so that a Dirichlet(weights) has unit curvature at its mode."""
    size, shares = weights.sum(), weights / weights.sum()
    basis = np.linalg.qr(np.eye(len(weights)) - 1.0 / len(weights))[0][:, : len(weights) - 1]
    curvature = basis.T @ (size * (np.diag(shares) - np.outer(shares, shares))) @ basis
    return np.asarray(basis @ np.linalg.cholesky(np.linalg.inv(curvature)))
