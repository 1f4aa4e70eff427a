"""True dwells of a world: of a family, or of none, a curve drawn from the prior that `calibrate.dwells.tables` states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.dwells.families import survival, to_scale_shape
from journeysim.calibrate.dwells.mode import DwellBelief, prior_normal
from journeysim.calibrate.dwells.tables import LEVELS, STRENGTHS
from journeysim.calibrate.dwells.tables.cells import stretches_of
from journeysim.model.dwell import Family, ppf
from journeysim.model.quantity import Floats
from journeysim.model.transitions import coarse_edges
from validation.models.dwells import draw_dwells

#: Coarse bins to ten thousand years: what a hazard may belong to, whatever is seen of it.
_EDGES: Final = coarse_edges(4e6)
_LEAST: Final = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrueDwell:
    """A family with its (a, b) by persona; where it is of none, P(dwell <= edge) for every edge."""

    family: Family
    a: Floats
    b: Floats
    below: Floats

    def days(self, u: Floats, g: int = 0) -> Floats:
        """Return the dwells at these probabilities of a persona."""
        if self.family is Family.EMPIRICAL:
            return np.interp(u, self.below, _EDGES)
        return ppf(self.family, self.a[g], self.b[g], u)


def draw_true_dwell(belief: DwellBelief, family: Family, rng: np.random.Generator) -> TrueDwell:
    """Draw a dwell from the prior of a family; where it is of none all personas have the same."""
    if family is Family.EMPIRICAL:
        return TrueDwell(family, np.empty(0), np.empty(0), _curve(belief, rng))
    return TrueDwell(family, *draw_dwells(belief, family, rng), np.empty(0))


def _curve(belief: DwellBelief, rng: np.random.Generator) -> Floats:
    """Draw P(dwell <= edge): Dirichlet(M G) over stretches, each of them divided as the log-normal G divides it.

    Hazards of Beta(M G(stretch), M G(later)) are this Dirichlet, one stretch after the other (Connor and Mosimann 1969).
    """
    prior = prior_normal(belief, Family.LOGNORMAL)
    location, shape = prior.mean + rng.normal(size=2) / np.sqrt(np.diag(prior.precision))
    above = survival(Family.LOGNORMAL, *to_scale_shape(Family.LOGNORMAL, location, shape), _EDGES)
    mass = np.maximum(-np.diff(above), _LEAST)
    level, strength = rng.choice(LEVELS), rng.choice(STRENGTHS)
    of = stretches_of(_EDGES, level).of
    whole = np.bincount(of, mass)
    part = rng.standard_gamma(np.maximum(strength * whole, 1e-12))
    below = np.append(0.0, np.cumsum(mass / whole[of] * (part / part.sum())[of]))
    return np.asarray(below / below[-1])
