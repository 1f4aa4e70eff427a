"""Shares of the links of every touchpoint, pooled over personas; persona rows are integrated out.

For touchpoint i with links j and personas g (MODEL section 4):

    theta_i ~ Dirichlet(seen_i * m_i)              pooled shares; m_i is the map's row, averaged over its personas
    log kappa_i ~ Normal(log 100, 1.5)             how alike personas are: 90 % of kappa in 8 … 1,180 customers
    P_gi ~ Dirichlet(kappa_i * t_gi)               t_gi is theta_i tilted to the persona's own row of the map, if any
    n_gi ~ Multinomial(P_gi)

The persona rows are conjugate, so NUTS sees only (theta, kappa) with the Dirichlet-multinomial likelihood; then P_gi
is drawn from Dirichlet(kappa_i t_gi + n_gi) for each of its draws. With one persona there is nothing to pool and the
row is Dirichlet(seen_i m_i + n_i) exactly; no sampler runs.

theta_i is sampled as theta_i = softmax(log centre_i + M_i w_i): M_i spans the contrasts of the row's links and is
scaled by the curvature at the observed shares, so that w is nearly round; the density of theta on those coordinates
carries the Jacobian prod_j theta_ij.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.numerics.addressed import dirichlet, softmax
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    from types import ModuleType

    from journeysim.calibrate.numerics.pymc_adapter import Sampling

KAPPA_MEDIAN: Final = 100.0
KAPPA_SPREAD: Final = 1.5
#: Where kappa is summed out, it is over these normal scores of its prior.
KAPPA_SCORES: Final = np.linspace(-3.2, 3.2, 17)
#: Weight of a link that the map states at 0: it must stay possible when it is observed.
LEAST_WEIGHT: Final = 0.1


@final
@dataclass(frozen=True, slots=True, eq=False)
class ShareRows:
    """Counts and prior of all rows, padded to the longest one: n touchpoints, G personas, J links.

    `counts` may hold fractions (open spells, spread over the links they may still take).
    """

    touchpoints: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...]
    personas: tuple[str, ...]
    counts: Floats  # (n, G, J)
    weight: Floats  # (n, J) Dirichlet weights of the map; 0 where padded
    tilt: (
        Floats  # (n, G, J) persona's row over the pooled row; 1 where the map makes no difference, 0: has no such link
    )
    present: NDArray[np.bool_]  # (n, J)

    @property
    def alpha(self) -> Floats:
        """The prior's weights, shape (n, J); a tenth of a customer where the map states 0."""
        stated = np.where(self.weight > 0, self.weight, LEAST_WEIGHT)
        return np.where(self.present, stated, 0.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ShareFit:
    """Draws of the persona rows, shape (draw, n, G, J), of theta (draw, n, J) and kappa (draw, n), and the sampler's gates.

    With one persona theta and kappa are not there to be learned: the map's row and weight, in every draw.
    """

    shares: Floats
    theta: Floats
    kappa: Floats
    gates: tuple[Gate, ...]


def fit_shares(rows: ShareRows, *, seed: int, draws: int, chains: int, tune: int) -> ShareFit:
    """Return posterior draws of all persona rows, chain after chain; `draws` is the total over chains."""
    if not rows.touchpoints:
        return ShareFit(np.zeros((draws, 0, len(rows.personas), 0)), np.zeros((draws, 0, 0)), np.zeros((draws, 0)), ())
    if len(rows.personas) == 1:
        alpha = np.tile(rows.alpha, (draws, 1, 1))
        kappa = alpha.sum(axis=-1)
        return ShareFit(_persona_rows(rows, alpha[:, :, None], seed), alpha / kappa[..., None], kappa, ())
    from journeysim.calibrate.numerics import pymc_adapter

    run = sample_rows(rows, seed=seed, draws=-(-draws // chains), chains=chains, tune=tune)
    gates = (
        *pymc_adapter.convergence("pooled shares", run.theta[..., rows.present]),
        *pymc_adapter.convergence("persona spread", run.log_kappa),
        *pymc_adapter.convergence("persona shares", _by_chain(run.shares, rows, chains)),
        *pymc_adapter.health(run.sampling),
    )
    theta, kappa = run.theta.reshape(-1, *rows.alpha.shape), np.exp(run.log_kappa).reshape(-1, len(rows.alpha))
    return ShareFit(run.shares, theta, kappa, gates)


@final
@dataclass(frozen=True, slots=True, eq=False)
class PooledRun:
    """Pooled shares (chain, draw, n, J), log kappa (chain, draw, n), and persona rows (draw, n, G, J)."""

    theta: Floats
    log_kappa: Floats
    shares: Floats
    sampling: Sampling


def sample_rows(rows: ShareRows, *, seed: int, draws: int, chains: int, tune: int) -> PooledRun:
    """Sample (theta, kappa) by NUTS, then the persona rows given them; `draws` is per chain."""
    from journeysim.calibrate.numerics import pymc_adapter

    centre, spread = _coordinates(rows)

    def build(pymc: ModuleType, tensor: ModuleType) -> None:
        _write_model(pymc, tensor, rows, centre, spread)

    run = pymc_adapter.sample(build, draws=draws, tune=tune, chains=chains, seed=seed)
    log_kappa = np.log(KAPPA_MEDIAN) + KAPPA_SPREAD * run.values["kappa_score"]
    moved = np.einsum("njk,cdnk->cdnj", spread, run.values["contrast"])
    theta = softmax(np.where(rows.present, centre, -np.inf) + moved)
    pseudo = np.exp(log_kappa)[..., None, None] * _tilted(theta, rows.tilt)
    shares = _persona_rows(rows, pseudo.reshape(chains * draws, *pseudo.shape[2:]), seed)
    return PooledRun(theta, log_kappa, shares, run)


def _by_chain(shares: Floats, rows: ShareRows, chains: int) -> Floats:
    live = np.broadcast_to(rows.present[:, None], shares.shape[1:])
    return np.asarray(shares[:, live].reshape(chains, -1, int(live.sum())))


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


def _persona_rows(rows: ShareRows, pseudo: Floats, seed: int) -> Floats:
    """Draw P_gi ~ Dirichlet(pseudo + counts), each component at its own address, shape (draw, n, G, J)."""
    draws = len(pseudo)
    shares = np.zeros((draws, *rows.counts.shape))
    for i, (touchpoint, targets) in enumerate(zip(rows.touchpoints, rows.targets, strict=True)):
        live = np.flatnonzero(rows.present[i])
        for g, persona in enumerate(rows.personas):
            weights = pseudo[:, i, g, live] + rows.counts[i, g, live]
            names = [("posterior share", touchpoint, persona, targets[j]) for j in live]
            shares[:, i, g, live] = dirichlet(weights, seed, draws, names)
    return shares
