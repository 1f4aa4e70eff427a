"""What pools the personas of a touchpoint: weighted draws of theta and kappa, where the persona rows are summed out.

The density is that of `shares`, on the log ratios of theta and the normal score s of log kappa:

    prod_j theta_j^alpha_j  exp(-s^2 / 2)  prod_g Polya(n_g | kappa t_g)

It is drawn from in two steps. On a grid of s, the mode of theta and the curvature there; they make the proposal of theta
given s, a scaled Dirichlet: shares in proportion to independent gammas y_j ~ Gamma(b_j) / r_j, so that on log ratios

    q(theta) = Gamma(B) prod_j (r_j theta_j)^b_j / Gamma(b_j) / (sum_j r_j theta_j)^B,      B = sum_j b_j

(Monti, Mateu-Figueras and Pawlowsky-Glahn 2011, Notes on the scaled Dirichlet distribution). r puts its mode where it
belongs whatever b is; b_j is what is known of the link:

    b_j = alpha_j + sum_g (kappa t_gj)^2 (trigamma(kappa t_gj) - trigamma(kappa t_gj + n_gj))

which is exact where a link was taken at most once by everybody, so rare links keep their long tails. Density over
proposal at the modes is s's own density by Laplace's method (Tierney and Kadane 1986). A part of the draws comes from
wider proposals, which bounds the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.gates import ESS_LIMIT, PARETO_LIMIT, pareto_tail, weight_size
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

KAPPA_MEDIAN: Final = 100.0
KAPPA_SPREAD: Final = 1.5
#: Where kappa is summed out, it is over these normal scores of its prior.
KAPPA_SCORES: Final = np.linspace(-3.2, 3.2, 17)
#: Normal scores of kappa where modes are found; and the ends of the cells that scores are drawn from.
_GRID: Final = np.linspace(-4.5, 4.5, 37)
_CELLS: Final = np.linspace(-4.5, 4.5, 721)
_CLIMBS: Final = 200
_SETTLED: Final = 1e-5
#: Part of the scores that comes from the prior, part of the thetas that comes from a proposal with so much less behind it.
_PRIOR: Final = 0.1
_WIDE: Final = 0.15
_LESS: Final = 4.0
#: Draws are made again, this many times as many, where a gate on the weights would fail.
_MORE: Final = 4
_ROUNDS: Final = 3
#: Weights below this act as it does; its square is still a number.
_LEAST: Final = 1e-140


@final
@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Weighted draws of a touchpoint: log theta (draw, link), log kappa (draw,), log importance weights (draw,)."""

    log_theta: Floats
    log_kappa: Floats
    logs: Floats

    @property
    def effective(self) -> float:
        """Effective number of draws."""
        return weight_size(self.logs)

    @property
    def tail(self) -> float:
        """Pareto k of the weights."""
        return pareto_tail(self.logs)


@final
@dataclass(frozen=True, slots=True, eq=False)
class PooledTarget:
    """What is known of a touchpoint: prior weights alpha (link,), tilt and counts (persona, link); no link is padded."""

    alpha: Floats
    tilt: Floats
    counts: Floats

    def weights(self, theta: Floats, kappa: Floats) -> Floats:
        """Return kappa t of every persona, shape (point, persona, link); 0 for links that a persona does not have."""
        raw = theta[:, None] * self.tilt
        return np.asarray(kappa[:, None, None] * raw / raw.sum(axis=-1, keepdims=True))

    def log_density(self, log_theta: Floats, score: Floats) -> Floats:
        """Return the log density of points, up to a constant."""
        kappa = kappa_of(score)
        weights = np.maximum(self.weights(np.exp(log_theta), kappa), _LEAST)
        rises = special.gammaln(weights + self.counts) - special.gammaln(weights)
        falls = special.gammaln(kappa[:, None]) - special.gammaln(kappa[:, None] + self.counts.sum(axis=1))
        own = np.where(self.counts > 0, rises, 0.0).sum(axis=(1, 2)) + falls.sum(axis=1)
        return np.asarray(log_theta @ self.alpha + own - 0.5 * score**2)

    def modes(self, score: Floats) -> Floats:
        """Return the most likely theta at every score, shape (point, link).

        EM over the tables of a Chinese restaurant: a link is expected to have kappa t (digamma(kappa t + n) - digamma(kappa
        t)) of them (Antoniak 1974), and tables count like customers.
        """
        kappa, whole = kappa_of(score), self.alpha.sum()
        theta = np.tile(self._first(), (len(score), 1))
        for _ in range(_CLIMBS):
            tables = _tables(self.weights(theta, kappa), self.counts)
            scale = tables.sum(axis=-1, keepdims=True) * self.tilt / (theta[:, None] * self.tilt).sum(-1, keepdims=True)
            new = (self.alpha + tables.sum(axis=1)) / (whole + scale.sum(axis=1))
            new /= new.sum(axis=1, keepdims=True)
            change = float(np.max(np.abs(np.log(new / theta))))
            theta = new
            if change < _SETTLED:
                break
        return theta

    def _first(self) -> Floats:
        size = self.counts.sum(axis=1, keepdims=True)
        near = self.alpha + np.sum(self.counts / (1.0 + size / KAPPA_MEDIAN), axis=0)
        return np.asarray(near / near.sum())

    def known(self, theta: Floats, score: Floats) -> Floats:
        """Return b of every link at points, shape (point, link)."""
        weights = np.maximum(self.weights(theta, kappa_of(score)), _LEAST)
        flat = special.polygamma(1, weights) - special.polygamma(1, weights + self.counts)
        return np.asarray(self.alpha + np.where(self.counts > 0, weights**2 * flat, 0.0).sum(axis=1))


def kappa_of(score: Floats) -> Floats:
    """Return kappa at normal scores of its prior."""
    return np.asarray(KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * score))


def _tables(weights: Floats, counts: Floats) -> Floats:
    safe = np.maximum(weights, _LEAST)
    return np.where(counts > 0, safe * (special.digamma(safe + counts) - special.digamma(safe)), 0.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Scaled:
    """Scaled Dirichlets, one a point: b and log r, shape (point, link)."""

    known: Floats
    log_rate: Floats

    def log_density(self, log_theta: Floats) -> Floats:
        """Return the log density on log ratios, shape (point,)."""
        whole, at = self.known.sum(axis=-1), log_theta + self.log_rate
        height = special.gammaln(whole) - special.gammaln(self.known).sum(axis=-1)
        return np.asarray(height + (self.known * at).sum(axis=-1) - whole * special.logsumexp(at, axis=-1))

    def wider(self, less: Floats | float) -> _Scaled:
        """Return those with the same modes that know this many times less."""
        return _Scaled(self.known / less, self.log_rate)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return log theta; a gamma of shape b is one of shape b + 1 times u^(1/b), which does not underflow as a log."""
        raw = np.log(rng.standard_gamma(self.known + 1.0)) + np.log1p(-rng.uniform(size=self.known.shape)) / self.known
        raw -= self.log_rate
        return np.asarray(raw - special.logsumexp(raw, axis=-1, keepdims=True))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Proposal:
    """Where draws come from: the scaled Dirichlets on the grid, and the chance of every cell of scores."""

    on_grid: _Scaled
    chance: Floats

    @classmethod
    def of(cls, target: PooledTarget) -> _Proposal:
        theta = target.modes(_GRID)
        logs, known = np.log(theta), target.known(theta, _GRID)
        on_grid = _Scaled(known, np.log(known) - logs)
        height = target.log_density(logs, _GRID) - on_grid.log_density(logs)
        middle = (_CELLS[1:] + _CELLS[:-1]) / 2
        own, prior = special.softmax(np.interp(middle, _GRID, height)), special.softmax(-0.5 * middle**2)
        return cls(on_grid, (1 - _PRIOR) * own + _PRIOR * prior)

    def scores(self, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return scores, spread evenly over what is likely, and their log density."""
        even = (np.arange(draws) + rng.uniform()) / draws
        cell = np.minimum(np.searchsorted(np.cumsum(self.chance), even), len(self.chance) - 1)
        width = _CELLS[1] - _CELLS[0]
        return _CELLS[cell] + width * rng.uniform(size=draws), np.log(self.chance[cell] / width)

    def at(self, score: Floats) -> _Scaled:
        """Return the scaled Dirichlets at scores, between those on the grid."""
        known, rate = (
            np.stack([np.interp(score, _GRID, column) for column in values.T], axis=-1)
            for values in (np.log(self.on_grid.known), self.on_grid.log_rate)
        )
        return _Scaled(np.exp(known), rate)


def draw_pooled(target: PooledTarget, *, draws: int, seed: int, name: str) -> Pooled:
    """Return weighted draws of one touchpoint, more of them where the weights are poor; the mean weight is the evidence."""
    rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("pooled shares", name)]))
    proposal = _Proposal.of(target)
    for turn in range(_ROUNDS):
        found = _drawn(target, proposal, draws * _MORE**turn, rng)
        if found.effective >= ESS_LIMIT and found.tail <= PARETO_LIMIT:
            break
    return found


def _drawn(target: PooledTarget, proposal: _Proposal, draws: int, rng: np.random.Generator) -> Pooled:
    score, logs = proposal.scores(draws, rng)
    near = proposal.at(score)
    less = np.where(rng.uniform(size=draws) < _WIDE, _LESS, 1.0)[:, None]
    log_theta = near.wider(less).draw(rng)
    mixed = np.logaddexp(
        np.log(1 - _WIDE) + near.log_density(log_theta), np.log(_WIDE) + near.wider(_LESS).log_density(log_theta)
    )
    weights = target.log_density(log_theta, score) - mixed - logs
    return Pooled(log_theta, np.log(kappa_of(score)), weights)
