"""Posterior of the visit effect of a touchpoint: a Student t at the mode, put right by weights.

The model is that of `visit_fit`; here open spells have their exact likelihood, sum_j P_gvj S_gj(t), with dwells at their
posterior mean. Draws and gates: `student`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers.memory.seen import Seen
from journeysim.calibrate.layers.memory.visit_fit import SLOPE_SD, fit_visits, prior_counts
from journeysim.calibrate.numerics.student import draw_points
from journeysim.calibrate.silence.points import contrasts
from journeysim.model.quantity import Floats

_AT_ONCE: Final = 500
_LEAST: Final = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class VisitDraws:
    """Draws of the shift per earlier visit (draw, J) and of every persona's log row at a first visit (draw, G, J)."""

    shift: Floats
    first: Floats
    gates: tuple[Gate, ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class VisitTarget:
    """Log density on flat coordinates: contrasts of every persona's first row, then of the shift."""

    seen: Seen
    prior: Floats  # (G, J)

    def parts(self, at: Floats) -> tuple[Floats, Floats]:
        """Return log first rows (point, G, J) and the shift (point, J)."""
        personas, links = self.prior.shape
        basis = contrasts(links)
        own = at.reshape(len(at), personas + 1, links - 1) @ basis.T
        first = np.where(self.seen.tilt > 0, own[:, :-1], -np.inf)
        return first - special.logsumexp(first, axis=-1, keepdims=True), own[:, -1]

    def log_density(self, at: Floats) -> Floats:
        """Return the log of prior times likelihood, shape (point,)."""
        parts = [self._some(at[k : k + _AT_ONCE]) for k in range(0, len(at), _AT_ONCE)]
        return np.concatenate(parts)

    def _some(self, at: Floats) -> Floats:
        first, shift = self.parts(at)
        steps = np.arange(self.seen.done.shape[2])
        logs = first[:, :, None] + steps[:, None] * shift[:, None, None]
        logs = logs - special.logsumexp(logs, axis=-1, keepdims=True)
        finite = np.maximum(logs, np.log(_LEAST))
        still = np.maximum(np.exp(logs) @ np.swapaxes(self.seen.curves, -1, -2), _LEAST)
        moves = np.sum(self.seen.done[0] * finite, axis=(1, 2, 3)) + np.sum(self.prior * finite[:, :, 0], axis=(1, 2))
        slope = 0.5 * np.sum(shift**2, axis=1) / SLOPE_SD**2
        return np.asarray(moves + np.sum(self.seen.still[0] * np.log(still), axis=(1, 2, 3)) - slope)


def draw_visits(seen: Seen, *, draws: int, seed: int) -> VisitDraws:
    """Return draws of the visit effect; `seen` is of all customers."""
    fit = fit_visits(seen, 0)
    target = VisitTarget(seen, prior_counts(seen, 0))
    start = np.concatenate([fit.first.reshape(-1), fit.slope])
    what = f'the visit effect at "{seen.touchpoint}"'
    at, gates = draw_points(target.log_density, start, draws=draws, seed=seed, what=what)
    first, shift = target.parts(at)
    return VisitDraws(shift, first, gates)
