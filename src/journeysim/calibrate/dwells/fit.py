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
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.families import (
    CANDIDATES,
    bin_probability,
    dimensions,
    from_log_moments,
    log_likelihood,
    survival,
    to_scale_shape,
)
from journeysim.calibrate.gates import ESS_LIMIT, weight_size
from journeysim.calibrate.numerics.addressed import normals
from journeysim.calibrate.numerics.student import resample, sample_weighted
from journeysim.model.addresses import uniforms
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

TAU_VALUES: Final = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.6])
#: Draws are taken again, this many times as many, where fewer than twice what the gate asks for are effective.
_MORE: Final = 4
_TAU_SD: Final = 0.3
_LOG_TWO_PI: Final = float(np.log(2 * np.pi))
_CLOSE: Final = 0.2
#: Parts of a step that are tried.
_SHORTER: Final = np.append(0.5 ** np.arange(8), 0.0)
_LEAST: Final = 1e-300
_GRID: Final = np.linspace(-4.0, 4.0, 17)


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


@final
@dataclass(frozen=True, slots=True)
class FamilyChoice:
    """The family chosen, the runner-up, and the margin: difference of expected log predictive density and its error."""

    family: Family
    runner_up: Family | None
    margin: float
    margin_error: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class DwellFit:
    """Posterior draws of scale and shape, shape (draw, persona), and the effective number of draws behind them."""

    a: Floats
    b: Floats
    effective: float


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
        at = tried[np.argmax(_log_density(family, prior, data, tried))]
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


def _log_density(family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]], points: Floats) -> Floats:
    a, b = _scale_shape(family, points)
    off = points - prior.mean
    total = -0.5 * np.einsum("pk,kl,pl->p", off, prior.precision, off)
    for done, silent in data:
        total = total + log_likelihood(family, a, b, done, silent)
    return np.asarray(total)


def _scale_shape(family: Family, points: Floats) -> tuple[Floats, Floats]:
    return to_scale_shape(family, points[..., 0], points[..., 1] if points.shape[-1] > 1 else 0.0 * points[..., 0])


def _derivatives(
    family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]], at: Floats, step: Floats
) -> tuple[Floats, Floats]:
    """Return gradient and negative curvature of the log density by central differences."""
    k = len(at)
    moves = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * k, indexing="ij"), axis=-1).reshape(-1, k)
    values = _log_density(family, prior, data, at + moves * step).reshape([3] * k)
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


def choose_family(
    belief: DwellBelief, data: Sequence[tuple[Bins, Bins]], candidates: tuple[Family, ...] = CANDIDATES
) -> FamilyChoice:
    """Return the family with the best leave-one-out predictive density, and the margin to the runner-up.

    The posterior of each persona is put on a grid, where leaving one customer out is exact: the predictive density of
    a customer in bin b given all others is 1 / E[1 / p_b] (Gelfand, Dey and Chang 1992). Ties go to the map's family.
    """
    points = {family: _pointwise(family, belief, data) for family in candidates}
    counts = np.concatenate([part.count for done, silent in data for part in (done, silent) if part.size])
    score = {family: float(counts @ values) for family, values in points.items()}
    order = sorted(candidates, key=lambda family: (-score[family], family is not belief.family))
    if belief.family in candidates and score[order[0]] - score[belief.family] < 1e-9:
        order = [belief.family, *(family for family in order if family is not belief.family)]
    best, second = order[0], order[1]
    gap = points[best] - points[second]
    mean = float(np.average(gap, weights=counts))
    error = float(np.sqrt(counts.sum() * np.average((gap - mean) ** 2, weights=counts)))
    return FamilyChoice(best, second, score[best] - score[second], error)


def _pointwise(family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]]) -> Floats:
    """Return the leave-one-out log predictive density of one customer in each bin, personas joined.

    Open spells count with their P(dwell > t): without them a family looks good that has no room for slow customers,
    as those who were seen to move are the fast ones.
    """
    pooled = find_mode(family, prior_normal(belief, family), data)
    found = []
    for done, silent in data:
        if done.size or silent.size:
            grid, weights = _posterior_grid(family, _near(pooled, belief.far), [(done, silent)])
            a, b = _scale_shape(family, grid)
            if done.size:
                found.append(_left_out(weights, bin_probability(family, a, b, done.low, done.high)))
            if silent.size:
                found.append(_left_out(weights, survival(family, a[:, None], b[:, None], silent.middle)))
    return np.concatenate(found)


def _left_out(weights: Floats, density: Floats) -> Floats:
    """Return the log of 1 / E[1 / p] over grid points with these weights; `density` has shape (point, bin)."""
    return np.asarray(-np.log(weights @ (1.0 / np.maximum(density, _LEAST))))


def _near(pooled: Normal, far: float = 1.0) -> Normal:
    """Return where a persona may lie, given the pooled fit: its spread plus a moderate difference between personas."""
    spread = np.linalg.inv(pooled.precision) + (far * _CLOSE) ** 2 * np.eye(len(pooled.mean))
    return Normal(pooled.mean, np.asarray(np.linalg.inv(spread), dtype=np.float64))


def _posterior_grid(family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]]) -> tuple[Floats, Floats]:
    """Return points, shape (p, k), on the posterior's own axes, and their probabilities."""
    mode = find_mode(family, prior, data)
    k = len(mode.mean)
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    units = np.stack(np.meshgrid(*[_GRID] * k, indexing="ij"), axis=-1).reshape(-1, k)
    points = mode.mean + units @ root.T
    logs = _log_density(family, prior, data, points)
    weights = np.exp(logs - logs.max())
    return points, weights / weights.sum()


def persona_modes(family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]]) -> tuple[Normal, ...]:
    """Return every persona's mode near the pooled fit (for the weights of open spells)."""
    pooled = find_mode(family, prior_normal(belief, family), data)
    return tuple(find_mode(family, _near(pooled), [pair], pooled.mean) if pair[0].size else pooled for pair in data)


def fit_dwell(
    family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]], *, seed: int, draws: int, name: str
) -> DwellFit:
    """Return posterior draws of a link's dwell by persona; `data` is (completed, open with weights) by persona."""
    prior = prior_normal(belief, family)
    pooled = find_mode(family, prior, data)
    sites = [_site(family, pooled, pair, belief.far) for pair in data]
    enough = min(2 * ESS_LIMIT, draws / 2)
    for count in (draws, draws * _MORE):
        points = _joint(prior, sites, belief, seed, count, name)
        logs = _log_weights(family, data, sites, points)
        effective = weight_size(logs) if np.ptp(logs) > 0 else float(count)
        if effective >= enough:
            break
    else:
        points, logs = _adapted(family, belief, data, seed, draws, name)
        effective = weight_size(logs)
    chosen = resample(logs, draws, uniforms(seed, 1, "posterior dwell", name, "resample")[0])
    a, b = _scale_shape(family, points[chosen])
    return DwellFit(a, b, effective)


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
            total = total + log_likelihood(family, *_scale_shape(family, points[:, g]), done, silent)
        return total

    near = np.concatenate([mode.mean for mode in persona_modes(family, belief, data)])
    found = sample_weighted(density, near, draws=draws, seed=seed, names=("posterior dwell", name))
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
    each = []
    weights = tau_log_weights() - special.logsumexp(tau_log_weights())
    for tau, weight in zip(belief.far * TAU_VALUES, weights, strict=True):
        whole = tau**2 + personas / precision
        logs = (personas - 1) * np.log(tau**2) + np.log(whole) + within / tau**2 + personas * centre**2 / whole
        each.append(weight - 0.5 * logs.sum(axis=-1))
    return np.asarray(constant + np.logaddexp.reduce(each, axis=0))


def _log_weights(family: Family, data: Sequence[tuple[Bins, Bins]], sites: Sequence[Normal], points: Floats) -> Floats:
    """Return log(exact / Gaussian likelihood) of points, shape (draw, persona, k)."""
    logs = np.zeros(len(points))
    for g, (done, silent) in enumerate(data):
        if done.size or silent.size:
            exact = log_likelihood(family, *_scale_shape(family, points[:, g]), done, silent)
            logs += exact - _quadratic(sites[g], points[:, g])
    return logs


def _site(family: Family, pooled: Normal, pair: tuple[Bins, Bins], far: float) -> Normal:
    """Return a persona's likelihood as a Gaussian: its curvature and centre at the mode near the pooled fit."""
    k = len(pooled.mean)
    if not (pair[0].size or pair[1].size):
        return Normal(np.zeros(k), np.zeros((k, k)))
    near = _near(pooled, far)
    mode = find_mode(family, near, [pair], pooled.mean)
    values, axes = np.linalg.eigh(mode.precision - near.precision)
    values = np.maximum(values, 0.0)
    precision = (axes * values) @ axes.T
    shifted = mode.precision @ mode.mean - near.precision @ near.mean
    return Normal(np.linalg.pinv(precision, rcond=1e-9, hermitian=True) @ shifted, precision)


def _quadratic(site: Normal, points: Floats) -> Floats:
    off = points - site.mean
    return np.asarray(-0.5 * np.einsum("dk,kl,dl->d", off, site.precision, off))


def _joint(prior: Normal, sites: Sequence[Normal], belief: DwellBelief, seed: int, draws: int, name: str) -> Floats:
    """Draw (phi_1 … phi_G) from the normal model, shape (draw, persona, k), tau and mu integrated by sampling them."""
    k, apart = len(prior.mean), belief.apart
    z = _normals(seed, draws, k, name, "mu")
    if len(sites) == 1:
        shift = np.zeros(k)
        shift[0] = apart[0]
        return _conditional(Normal(prior.mean + shift, prior.precision), sites[0], z)[:, None]
    taus = belief.far * TAU_VALUES
    which = _sample_tau(prior, sites, (apart, taus), uniforms(seed, draws, "posterior dwell", name, "tau")[:, None])
    own = [_normals(seed, draws, k, name, f"persona {persona}") for persona in belief.personas]
    points = np.zeros((draws, len(sites), k))
    for t, tau in enumerate(taus):
        rows = which == t
        mu = _gather(prior, sites, apart, tau)[0]
        centre = mu.mean + z[rows] @ np.linalg.cholesky(np.linalg.inv(mu.precision)).T
        for g, site in enumerate(sites):
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


def tau_log_weights() -> Floats:
    """Return the log of the prior weights of TAU_VALUES, up to a constant."""
    return np.asarray(np.log(np.gradient(TAU_VALUES)) - 0.5 * (TAU_VALUES / _TAU_SD) ** 2)


def _sample_tau(
    prior: Normal, sites: Sequence[Normal], places: tuple[Sequence[float], Floats], u: Floats
) -> NDArray[np.intp]:
    apart, taus = places
    logs = np.array([_gather(prior, sites, apart, tau)[1] for tau in taus]) + tau_log_weights()
    weights = np.exp(logs - logs.max())
    return np.asarray(np.sum(u > np.cumsum(weights)[:-1] / weights.sum(), axis=1))
