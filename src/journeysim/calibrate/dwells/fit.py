"""Dwell of one link: which family, and the posterior of its location and log shape, pooled over personas.

For one link with personas g (coordinates phi = location and log shape, see `dwells.families`):

    mu      ~ Normal(m, S)            from the map: location m with sd s / sqrt(n), log shape with sd 1 / sqrt(n),
                                      n = max(1, seen x share) as in `prior.prior_draws`
    tau     on TAU_VALUES, weights proportional to a half-normal density of sd 0.3
    phi_g   ~ Normal(mu + d_g, tau^2)  d_g: how far the map sets the persona apart, 0 if it does not
    counts in bins ~ F(high) - F(low); open spells of weight e ~ S(t)^e

With one persona phi = mu. Every persona's likelihood is replaced by the Gaussian with its curvature at the mode, the
resulting joint normal is sampled exactly, and importance weights (exact over Gaussian likelihood) put right what the
replacement got wrong; where few customers make it a poor one, more draws are taken. Their effective number is gated. No
MCMC, nothing to tune.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.families import (
    dimensions,
    log_likelihood,
)
from journeysim.calibrate.dwells.mode import (
    DwellBelief,
    Normal,
    find_mode,
    near,
    persona_modes,
    prior_normal,
    scale_shape,
)
from journeysim.calibrate.gates import ESS_LIMIT, weight_size
from journeysim.calibrate.numerics.addressed import normals
from journeysim.calibrate.numerics.student import log_mean, resample, sample_weighted
from journeysim.model.addresses import uniforms
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

TAU_VALUES: Final = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.6])
#: Draws are taken again, this many times as many, where fewer than twice what the gate asks for are effective.
_MORE: Final = 4
_TAU_SD: Final = 0.3
_LOG_TWO_PI: Final = float(np.log(2 * np.pi))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _NormalModel:
    """Prior and every persona's likelihood as Gaussians; for each tau the posterior of mu, and the log evidence of tau."""

    prior: Normal
    sites: list[Normal]
    taus: Floats
    mu: list[Normal]
    by_tau: Floats

    @property
    def evidence(self) -> float:
        """The log of the prior's average of the sites' Gaussians, each of height 1 at its centre."""
        own = 0.5 * float(np.linalg.slogdet(self.prior.precision)[1])
        if len(self.sites) == 1:
            return own + float(self.by_tau[0])
        return own + float(special.logsumexp(self.by_tau + tau_log_weights()) - _tau_total())


@final
@dataclass(frozen=True, slots=True, eq=False)
class DwellFit:
    """Posterior draws of scale and shape, shape (draw, persona), and the effective number of draws behind them.

    `evidence` is the log of the marginal likelihood: the prior's average likelihood of the data.
    """

    a: Floats
    b: Floats
    effective: float
    evidence: float


def fit_dwell(
    family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]], *, seed: int, draws: int, name: str
) -> DwellFit:
    """Return posterior draws of a link's dwell by persona; `data` is (completed, open with weights) by persona."""
    prior = prior_normal(belief, family)
    pooled = find_mode(family, prior, data)
    normal = _normal_model(prior, [_site(family, pooled, pair, belief.far) for pair in data], belief)
    enough = min(2 * ESS_LIMIT, draws / 2)
    for count in (draws, draws * _MORE):
        points = _joint(normal, belief, seed, count, name)
        logs = _log_weights(family, data, normal.sites, points)
        evidence = normal.evidence + log_mean(logs)
        effective = weight_size(logs) if np.ptp(logs) > 0 else float(count)
        if effective >= enough:
            break
    else:
        points, logs = _adapted(family, belief, data, seed, draws, name)
        effective, evidence = weight_size(logs), log_mean(logs)
    chosen = resample(logs, draws, uniforms(seed, 1, "posterior dwell", name, "resample")[0])
    a, b = scale_shape(family, points[chosen])
    return DwellFit(a, b, effective, evidence)


def _adapted(
    family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]], seed: int, draws: int, name: str
) -> tuple[Floats, Floats]:
    """Return points (draw, persona, k) and log weights where no Gaussian is like the likelihood.

    All dwells of a link may lie in the shortest bin: then the posterior falls off a cliff on one side and as the prior
    does on the other. A Student t that is fitted again and again to its weighted draws finds its way there.
    """
    shape = len(data), dimensions(family)

    def density(at: Floats) -> Floats:
        points = at.reshape(-1, *shape)
        total = log_prior(family, belief, points)
        for g, (done, silent) in enumerate(data):
            total = total + log_likelihood(family, *scale_shape(family, points[:, g]), done, silent)
        return total

    start = np.concatenate([mode.mean for mode in persona_modes(family, belief, data)])
    found = sample_weighted(density, start, draws=draws, seed=seed, names=("posterior dwell", name))
    return found.at.reshape(-1, *shape), found.logs


def log_prior(family: Family, belief: DwellBelief, points: Floats) -> Floats:
    """Return the log prior of points (draw, persona, k or more), mu and tau summed out."""
    prior = prior_normal(belief, family)
    personas, precision = points.shape[1], np.diag(prior.precision)
    constant = -0.5 * personas * len(precision) * _LOG_TWO_PI
    off = points[..., : len(precision)] - prior.mean
    off[..., 0] -= np.asarray(belief.apart)
    if personas == 1:
        return np.asarray(constant + 0.5 * np.sum(np.log(precision) - precision * off[:, 0] ** 2, axis=-1))
    centre = off.mean(axis=1)
    within = np.sum((off - centre[:, None]) ** 2, axis=1)
    tau = (belief.far * TAU_VALUES)[:, None, None]
    whole = tau**2 + personas / precision
    logs = (personas - 1) * np.log(tau**2) + np.log(whole) + within / tau**2 + personas * centre**2 / whole
    each = (tau_log_weights() - _tau_total())[:, None] - 0.5 * logs.sum(axis=-1)
    return np.asarray(constant + np.logaddexp.reduce(each, axis=0))


def _log_weights(family: Family, data: Sequence[tuple[Bins, Bins]], sites: Sequence[Normal], points: Floats) -> Floats:
    """Return log(exact / Gaussian likelihood) of points, shape (draw, persona, k)."""
    logs = np.zeros(len(points))
    for g, (done, silent) in enumerate(data):
        if done.size or silent.size:
            exact = log_likelihood(family, *scale_shape(family, points[:, g]), done, silent)
            logs += exact - _quadratic(sites[g], points[:, g])
    return logs


def _site(family: Family, pooled: Normal, pair: tuple[Bins, Bins], far: float) -> Normal:
    """Return a persona's likelihood as a Gaussian: its curvature and centre at the mode near the pooled fit."""
    k = len(pooled.mean)
    if not (pair[0].size or pair[1].size):
        return Normal(np.zeros(k), np.zeros((k, k)))
    around = near(pooled, far)
    mode = find_mode(family, around, [pair], pooled.mean)
    values, axes = np.linalg.eigh(mode.precision - around.precision)
    values = np.maximum(values, 0.0)
    precision = (axes * values) @ axes.T
    shifted = mode.precision @ mode.mean - around.precision @ around.mean
    return Normal(np.linalg.pinv(precision, rcond=1e-9, hermitian=True) @ shifted, precision)


def _quadratic(site: Normal, points: Floats) -> Floats:
    off = points - site.mean
    return np.asarray(-0.5 * np.einsum("dk,kl,dl->d", off, site.precision, off))


def _normal_model(prior: Normal, sites: list[Normal], belief: DwellBelief) -> _NormalModel:
    taus = belief.far * TAU_VALUES if len(sites) > 1 else np.zeros(1)
    found = [_gather(prior, sites, belief.apart, tau) for tau in taus]
    return _NormalModel(prior, sites, taus, [mu for mu, _ in found], np.array([evidence for _, evidence in found]))


def _joint(normal: _NormalModel, belief: DwellBelief, seed: int, draws: int, name: str) -> Floats:
    """Draw (phi_1 … phi_G) from the normal model, shape (draw, persona, k), tau and mu integrated by sampling them."""
    prior, k, apart = normal.prior, len(normal.prior.mean), belief.apart
    z = _normals(seed, draws, k, name, "mu")
    if len(normal.sites) == 1:
        shift = np.zeros(k)
        shift[0] = apart[0]
        return _conditional(Normal(prior.mean + shift, prior.precision), normal.sites[0], z)[:, None]
    which = _sample_tau(normal, uniforms(seed, draws, "posterior dwell", name, "tau")[:, None])
    own = [_normals(seed, draws, k, name, f"persona {persona}") for persona in belief.personas]
    points = np.zeros((draws, len(normal.sites), k))
    for t, (tau, mu) in enumerate(zip(normal.taus, normal.mu, strict=True)):
        rows = np.flatnonzero(which == t)
        centre = mu.mean + z[rows] @ np.linalg.cholesky(np.linalg.inv(mu.precision)).T
        for g, site in enumerate(normal.sites):
            shift = np.zeros(k)
            shift[0] = apart[g]
            points[rows, g] = _given_mu(centre + shift, tau, site, own[g][rows])
    return points


def _normals(seed: int, draws: int, k: int, name: str, part: str) -> Floats:
    return np.stack([normals(seed, draws, "posterior dwell", name, part, str(i)) for i in range(k)], axis=1)


def _conditional(prior: Normal, site: Normal, z: Floats) -> Floats:
    precision = prior.precision + site.precision
    mean = np.linalg.solve(precision, prior.precision @ prior.mean + site.precision @ site.mean)
    return np.asarray(mean + z @ np.linalg.cholesky(np.linalg.inv(precision)).T)


def _given_mu(centre: Floats, tau: float, site: Normal, z: Floats) -> Floats:
    precision = site.precision + np.eye(centre.shape[1]) / tau**2
    mean = np.linalg.solve(precision, (centre / tau**2 + site.precision @ site.mean).T).T
    return np.asarray(mean + z @ np.linalg.cholesky(np.linalg.inv(precision)).T)


def _gather(prior: Normal, sites: Sequence[Normal], apart: Sequence[float], tau: float) -> tuple[Normal, float]:
    """Return the posterior of mu given tau, and the log evidence of tau up to a constant."""
    k = len(prior.mean)
    precision, shifted = prior.precision.copy(), prior.precision @ prior.mean
    evidence = -0.5 * float(prior.mean @ shifted)
    for site, shift in zip(sites, apart, strict=True):
        blurred = site.precision @ np.linalg.inv(np.eye(k) + tau**2 * site.precision)
        blurred = (blurred + blurred.T) / 2
        centre = site.mean - np.eye(k)[0] * shift
        precision += blurred
        shifted = shifted + blurred @ centre
        evidence += -0.5 * float(np.linalg.slogdet(np.eye(k) + tau**2 * site.precision)[1] + centre @ blurred @ centre)
    mean = np.linalg.solve(precision, shifted)
    evidence += 0.5 * float(mean @ shifted - np.linalg.slogdet(precision)[1])
    return Normal(np.asarray(mean, dtype=np.float64), np.asarray(precision, dtype=np.float64)), evidence


def _sample_tau(normal: _NormalModel, u: Floats) -> NDArray[np.intp]:
    logs = normal.by_tau + tau_log_weights()
    weights = np.exp(logs - logs.max())
    return np.asarray(np.sum(u > np.cumsum(weights)[:-1] / weights.sum(), axis=1))


@cache
def tau_log_weights() -> Floats:
    """Return the log of the prior weights of TAU_VALUES, up to a constant."""
    return np.asarray(np.log(np.gradient(TAU_VALUES)) - 0.5 * (TAU_VALUES / _TAU_SD) ** 2)


@cache
def _tau_total() -> float:
    """Return the log of the sum of these weights."""
    return float(special.logsumexp(tau_log_weights()))
