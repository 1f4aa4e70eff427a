"""Ordered logit on counted answers (McCullagh 1980), chosen by leave one out and sampled on rounded coordinates.

    P(answer <= level k) = expit(cut_k - x beta)     cut_1 ~ Normal(0, 5),  log(cut_k+1 - cut_k) ~ Normal(-1/2, 1)

`x` has one row per cell; counts may be fractions, as weighted answers are worth. theta = (cut_1, log steps, beta) is
sampled as mode + M w, with M a root of the inverse curvature at the mode, so that w is nearly a standard normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.numerics.addressed import normals
from journeysim.calibrate.numerics.laplace import find_peak
from journeysim.calibrate.numerics.mixing import convergence
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    from types import ModuleType

_FIRST_SD, _STEP_CENTRE, _STEP_SD = 5.0, -0.5, 1.0
_TRIAL_POINTS: Final = 500
_CHUNK: Final = 64


@final
@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Counts of answers, shape (cell, level); columns of the model, shape (cell, column), with the sd of their effects."""

    count: Floats
    columns: Floats
    sd: Floats

    @property
    def cuts(self) -> int:
        """How many cut-points there are."""
        return int(self.count.shape[1]) - 1

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Centre and sd of theta."""
        steps = self.cuts - 1
        centre = np.concatenate([[0.0], np.full(steps, _STEP_CENTRE), np.zeros(len(self.sd))])
        return centre, np.concatenate([[_FIRST_SD], np.full(steps, _STEP_SD), self.sd])


@final
@dataclass(frozen=True, slots=True, eq=False)
class OrdinalFit:
    """Draws of cut-points (draw, K - 1) and of the effects (draw, column), chain after chain, and the sampler's gates."""

    cuts: Floats
    effects: Floats
    gates: tuple[Gate, ...]


def log_chances(answers: Answers, theta: Floats) -> Floats:
    """Return the log chance of each answer in each cell at points (p, k), shape (p, cell, level)."""
    cuts = _cuts(theta, answers.cuts)
    eta = theta[:, answers.cuts :] @ answers.columns.T
    past = cuts[:, None, :] - eta[:, :, None]
    below, above = -np.logaddexp(0.0, -past), -np.logaddexp(0.0, past)
    whole = np.zeros((*eta.shape, answers.cuts + 1))
    whole[..., :-1] += below
    whole[..., 1:] += above
    whole[..., 1:-1] += np.log(-np.expm1(-np.diff(cuts, axis=1)))[:, None, :]
    return whole


def _cuts(theta: Floats, cuts: int) -> Floats:
    """Return the cut-points, increasing, shape (p, cuts)."""
    steps = np.exp(np.clip(theta[:, 1:cuts], -20.0, 20.0))
    return np.asarray(np.cumsum(np.concatenate([theta[:, :1], steps], axis=1), axis=1))


def log_density(answers: Answers, theta: Floats) -> Floats:
    """Return log prior + log likelihood at points (p, k), shape (p,)."""
    centre, sd = answers.prior
    total = -0.5 * np.sum(((theta - centre) / sd) ** 2, axis=1)
    for i in range(0, len(theta), _CHUNK):
        part = slice(i, i + _CHUNK)
        total[part] += np.einsum("pcl,cl->p", log_chances(answers, theta[part]), answers.count)
    return np.asarray(total)


def start_of(answers: Answers) -> Floats:
    """Return theta with the cut-points that fit all answers together, and no effects."""
    total = answers.count.sum(axis=0) + 0.5
    cuts = special.logit(np.cumsum(total)[:-1] / total.sum())
    return np.concatenate([cuts[:1], np.log(np.diff(cuts)), np.zeros(len(answers.sd))])


def peak(answers: Answers) -> tuple[Floats, Floats]:
    """Return the mode of theta and the inverse curvature there."""
    return find_peak(lambda theta: log_density(answers, theta), start_of(answers))


def left_out(answers: Answers, *, seed: int, name: str) -> Floats:
    """Return the log predictive density of one answer given all others, shape (cell, level).

    1 / E[1 / p] (Gelfand, Dey and Chang 1992) over normal draws with the mode and curvature of the posterior.
    """
    mode, covariance = peak(answers)
    z = np.stack([normals(seed, _TRIAL_POINTS, "ratings", name, str(i)) for i in range(len(mode))], axis=1)
    points = mode + z @ np.linalg.cholesky(covariance).T
    total = np.zeros(answers.count.shape)
    for i in range(0, len(points), _CHUNK):
        total += np.exp(-log_chances(answers, points[i : i + _CHUNK])).sum(axis=0)
    return np.asarray(np.log(len(points)) - np.log(total))


def fit_answers(answers: Answers, *, seed: int, draws: int, chains: int, tune: int) -> OrdinalFit:
    """Return posterior draws by NUTS; `draws` is the total over chains."""
    from journeysim.calibrate.numerics import pymc_adapter

    mode, covariance = peak(answers)
    root = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)

    def build(pymc: ModuleType, tensor: ModuleType) -> None:
        _write_model(pymc, tensor, answers, mode, root)

    run = pymc_adapter.sample(build, draws=-(-draws // chains), tune=tune, chains=chains, seed=seed)
    theta = mode + run.values["round"] @ root.T
    gates = (
        *convergence("ratings", theta),
        *(Gate(f"{gate.name} of ratings", gate.value, gate.limit, gate.wanted) for gate in pymc_adapter.health(run)),
    )
    flat = theta.reshape(-1, theta.shape[-1])[:draws]
    return OrdinalFit(_cuts(flat, answers.cuts), flat[:, answers.cuts :], gates)


def _write_model(pymc: ModuleType, tensor: ModuleType, answers: Answers, mode: Floats, root: Floats) -> None:
    """Write the same density as `log_density` on the rounded coordinates."""
    centre, sd = answers.prior
    k, count = answers.cuts, answers.count
    theta = mode + tensor.dot(root, pymc.Flat("round", shape=len(mode), initval=np.zeros(len(mode))))
    steps = tensor.exp(theta[1:k])
    cuts = theta[0] + tensor.concatenate([tensor.zeros(1), tensor.cumsum(steps)])
    past = cuts[None, :] - tensor.dot(answers.columns, theta[k:])[:, None]
    fit = -(count[:, :-1] * tensor.softplus(-past)).sum() - (count[:, 1:] * tensor.softplus(past)).sum()
    fit += (count[:, 1:-1].sum(axis=0) * tensor.log(-tensor.expm1(-steps))).sum()
    pymc.Potential("density", fit - 0.5 * (((theta - centre) / sd) ** 2).sum())
