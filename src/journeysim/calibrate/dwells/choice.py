"""Which family describes dwells or values best: predictive density of a customer left out, and the margin of the choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.families import CANDIDATES, bin_probability, survival
from journeysim.calibrate.dwells.mode import (
    DwellBelief,
    Normal,
    find_mode,
    log_density,
    near,
    prior_normal,
    scale_shape,
)
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-300
#: Families this far behind (log evidence) are not tried again.
_HOPELESS: Final = 30.0
_GRID: Final = np.linspace(-4.0, 4.0, 17)


@final
@dataclass(frozen=True, slots=True)
class FamilyChoice:
    """The family chosen, the runner-up, and the margin: difference of expected log predictive density and its error."""

    family: Family
    runner_up: Family | None
    margin: float
    margin_error: float


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
    return choice_of((best, second), (points[best], points[second]), counts)


def worth_trying(evidence: Mapping[Family, float]) -> tuple[Family, ...]:
    """Return the families that are not hopeless by their log evidence, the likeliest first, and two at least."""
    order = sorted(evidence, key=lambda family: -evidence[family])
    near = sum(evidence[family] > evidence[order[0]] - _HOPELESS for family in order)
    return tuple(order[: max(near, 2)])


def choice_of(families: tuple[Family, Family], points: tuple[Floats, Floats], counts: Floats) -> FamilyChoice:
    """Return the choice of the first family over the second, by the log predictive density of each bin's customers."""
    gap = points[0] - points[1]
    mean = float(np.average(gap, weights=counts))
    error = float(np.sqrt(counts.sum() * np.average((gap - mean) ** 2, weights=counts)))
    return FamilyChoice(*families, float(counts @ gap), error)


def _pointwise(family: Family, belief: DwellBelief, data: Sequence[tuple[Bins, Bins]]) -> Floats:
    """Return the leave-one-out log predictive density of one customer in each bin, personas joined.

    Open spells count with their P(dwell > t): without them a family looks good that has no room for slow customers,
    as those who were seen to move are the fast ones.
    """
    pooled = find_mode(family, prior_normal(belief, family), data)
    found = []
    for done, silent in data:
        if done.size or silent.size:
            grid, weights = _posterior_grid(family, near(pooled, belief.far), [(done, silent)])
            a, b = scale_shape(family, grid)
            if done.size:
                found.append(left_out(weights, bin_probability(family, a, b, done.low, done.high)))
            if silent.size:
                found.append(left_out(weights, survival(family, a[:, None], b[:, None], silent.middle)))
    return np.concatenate(found)


def left_out(weights: Floats, density: Floats) -> Floats:
    """Return the log of 1 / E[1 / p] over grid points with these weights; `density` has shape (point, bin)."""
    return np.asarray(-np.log(weights @ (1.0 / np.maximum(density, _LEAST))))


def _posterior_grid(family: Family, prior: Normal, data: Sequence[tuple[Bins, Bins]]) -> tuple[Floats, Floats]:
    """Return points, shape (p, k), on the posterior's own axes, and their probabilities."""
    mode = find_mode(family, prior, data)
    k = len(mode.mean)
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    units = np.stack(np.meshgrid(*[_GRID] * k, indexing="ij"), axis=-1).reshape(-1, k)
    points = mode.mean + units @ root.T
    logs = log_density(family, prior, data, points)
    weights = np.exp(logs - logs.max())
    return points, weights / weights.sum()
