"""The posterior of (kappa, rows) at one touchpoint whose customers differ: its density and its mode.

For personas g (see `polya` for the likelihood of a customer, `shares` for theta, tilt and alike):

    log kappa ~ Normal(log 10, 2)                  90 % of kappa in 0.4 … 270 visits
    one persona:       P   ~ Dirichlet(seen m)
    several personas:  P_g ~ Dirichlet(alike t_g),  theta ~ Dirichlet(seen m),  log alike ~ Normal(log 100, 1.5) on a grid
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.differing.polya import PolyaSums
from journeysim.calibrate.numerics.student import climb
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.calibrate.silence.points import contrasts
from journeysim.model.quantity import Floats

DIFFER_MEDIAN: Final = 10.0
DIFFER_SPREAD: Final = 2.0
_SCORES: Final = np.linspace(-3.2, 3.2, 17)
_LOG_KAPPA_RANGE: Final = (-5.0, 12.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class PolyaTarget:
    """Log density on flat coordinates: log kappa, theta's contrasts (if personas pool), each persona's contrasts.

    `alpha` (link,) are the map's weights, `tilt` (persona, link) is 0 for links a persona lacks.
    """

    sums: PolyaSums
    alpha: Floats
    tilt: Floats

    @property
    def _pooled(self) -> int:
        return len(self.alpha) - 1 if len(self.tilt) > 1 else 0

    def log_rows(self, at: Floats) -> Floats:
        """Return the log shares of every persona, shape (point, persona, link); -inf for links a persona lacks."""
        logs, start = np.full((len(at), *self.tilt.shape), -np.inf), 1 + self._pooled
        for g, on in enumerate(self.tilt > 0):
            width = int(on.sum()) - 1
            logs[:, g, on] = special.log_softmax(at[:, start : start + width] @ contrasts(width + 1).T, axis=1)
            start += width
        return logs

    def flat(self, rows: Floats, log_kappa: float) -> Floats:
        """Return one point: these rows (persona, link), and their average as theta."""
        parts = [np.array([log_kappa])]
        if self._pooled:
            parts.append(np.log(np.maximum(rows.mean(axis=0), 1e-6)) @ contrasts(len(self.alpha)))
        parts += [np.log(np.maximum(row[on], 1e-6)) @ contrasts(int(on.sum()))
                  for row, on in zip(rows, self.tilt > 0, strict=True)]  # fmt: skip
        return np.concatenate(parts)

    def log_density(self, at: Floats) -> Floats:
        """Return the log of prior times likelihood, shape (point,), up to a constant."""
        score = (at[:, 0] - np.log(DIFFER_MEDIAN)) / DIFFER_SPREAD
        return np.asarray(-0.5 * score**2 + self.log_density_given(at, np.exp(np.clip(at[:, 0], -700, 700))))

    def log_density_given(self, at: Floats, kappa: Floats) -> Floats:
        """Return the log density of the rows given kappa, in place of the point's own, shape (point,)."""
        logs = self.log_rows(at)
        return np.asarray(self._log_prior(at, logs) + self.sums.log_likelihood(kappa, np.exp(logs)))

    def _log_prior(self, at: Floats, logs: Floats) -> Floats:
        logs = np.where(self.tilt > 0, logs, 0.0)
        if not self._pooled:
            return np.asarray(logs[:, 0] @ np.where(self.tilt[0] > 0, self.alpha, 0.0))
        theta = special.log_softmax(at[:, 1 : 1 + self._pooled] @ contrasts(len(self.alpha)).T, axis=1)
        tilted = np.exp(theta)[:, None] * self.tilt
        tilted /= tilted.sum(axis=-1, keepdims=True)
        parts = []
        for score in _SCORES:
            pseudo = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * score) * tilted
            norm = special.gammaln(pseudo.sum(axis=-1)) - special.gammaln(pseudo + (self.tilt == 0)).sum(axis=-1)
            parts.append((norm + (pseudo * logs).sum(axis=-1)).sum(axis=1) - 0.5 * score**2)
        return np.asarray(special.logsumexp(parts, axis=0) + theta @ self.alpha)


@final
@dataclass(frozen=True, slots=True, eq=False)
class PolyaMode:
    """The likeliest kappa and rows (persona, link), and by how much their log density exceeds that of alike customers."""

    log_kappa: float
    rows: Floats
    gain: float


def find_polya_mode(target: PolyaTarget) -> PolyaMode:
    """Return the mode with no prior on kappa; `gain` compares it with the best rows when all customers are alike."""
    counts = target.sums.more.sum(axis=-1) + np.where(target.tilt > 0, target.alpha, 0.0)
    start = target.flat(counts / counts.sum(axis=1, keepdims=True), 1.0)
    bounds = [_LOG_KAPPA_RANGE, *[(None, None)] * (len(start) - 1)]

    def alike(at: Floats) -> Floats:
        return target.log_density_given(at, np.full(len(at), np.inf))

    def differing(at: Floats) -> Floats:
        return target.log_density_given(at, np.exp(at[:, 0]))

    floor = climb(alike, start, bounds)
    best = climb(differing, floor, bounds)
    gain = float(differing(best[None])[0] - alike(floor[None])[0])
    return PolyaMode(float(best[0]), np.exp(target.log_rows(best[None]))[0], gain)
