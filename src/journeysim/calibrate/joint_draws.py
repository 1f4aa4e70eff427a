"""Exact posterior of a touchpoint with open spells: a fitted Student t, put right by weights.

The coordinates are contrasts of log shares, and the dwell coordinates of the learned links. The proposal is a
multivariate t of 5 degrees of freedom around the mode, with the observed curvature there; while the weights are poor,
its centre and spread are fitted again to the weighted draws (adaptive importance sampling: Cappe, Guillin, Marin and
Robert 2004, Population Monte Carlo).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.gates import PARETO_LIMIT, pareto_tail, weight_size
from journeysim.calibrate.joint import Observed, Points, coordinates, log_shares
from journeysim.calibrate.joint_mode import Target, find_joint_mode
from journeysim.calibrate.pooled_target import PooledTarget
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

_DEGREES: Final = 5.0
_ROUNDS: Final = 8
_GOOD: Final = 0.2
_LIGHT: Final = 0.6


@final
@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Points and their log importance weights."""

    points: Points
    logs: Floats


def joint_target(observed: Observed, alpha: Floats, tilt: Floats) -> Target | PooledTarget:
    """Return the exact posterior of a touchpoint; `alpha` has shape (link,), `tilt` (persona, link), none of it 0."""
    return Target.of(observed, alpha) if len(tilt) == 1 else PooledTarget(observed, alpha, tilt)


def sample_jointly(target: Target | PooledTarget, shares: Floats, *, draws: int, seed: int, name: str) -> Weighted:
    """Return weighted draws; `shares` (draw, persona, link) and the links' draws tell where to start."""
    count = len(shares)
    dwells = coordinates(target.observed.links, shares.shape[1], count)
    start = Points(log_shares(shares), dwells, np.zeros(count, dtype=np.intp))
    found = find_joint_mode(target, np.median(target.flat(start), axis=0))
    centre, spread = found.at, found.spread
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("open spells, jointly", name)]))
    tries = []
    for _ in range(_ROUNDS):
        at, logs, points = _propose(target, centre, spread, draws, stream)
        tries.append(Weighted(points, logs))
        if weight_size(logs) > _GOOD * draws and pareto_tail(logs) < _LIGHT:
            break
        centre, spread = _refit(at, logs)
    return max(tries, key=lambda found: _rank(found.logs))


def _rank(logs: Floats) -> tuple[bool, float]:
    return pareto_tail(logs) <= PARETO_LIMIT, weight_size(logs)


def _propose(
    target: Target | PooledTarget, centre: Floats, spread: Floats, draws: int, stream: np.random.Generator
) -> tuple[Floats, Floats, Points]:
    k, root = len(centre), np.linalg.cholesky(spread)
    z = stream.standard_normal((draws, k)) / np.sqrt(stream.chisquare(_DEGREES, draws) / _DEGREES)[:, None]
    rows = stream.integers(0, draws, draws)
    at = centre + z @ root.T
    proposal = -0.5 * (_DEGREES + k) * np.log1p(np.sum(z**2, axis=1) / _DEGREES)
    return at, target.log_density(at, rows) - proposal, target.points(at, rows)


def _refit(at: Floats, logs: Floats) -> tuple[Floats, Floats]:
    """Return centre and spread of the weighted draws, the weights tempered until they rest on enough of them."""
    factor = 1.0
    while weight_size(logs * factor) < 20 * at.shape[1]:
        factor *= 0.7
    weights = np.exp(factor * (logs - logs.max()))
    weights /= weights.sum()
    centre = weights @ at
    off = at - centre
    spread = (off * weights[:, None]).T @ off
    return centre, spread + 1e-9 * np.diag(np.diag(spread) + 1e-12)
