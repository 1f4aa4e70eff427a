"""Customers who differ where some leave without an event: kappa, rows and dwells drawn together.

A long silence can be an exit, a slow move, or one of a customer who seldom leaves, so the dwells that were fitted to alike
customers are weighted anew. Dwells D reach both likelihoods through completed moves, which are the same, and through open
visits (`open_visits`), which are not:

    p(kappa, rows, D)  =  p_alike(D) / Z(D)  x  prior(kappa, rows) L(kappa, rows; D),    Z(D) = int prior(rows) L(inf, rows; D)

up to a constant. Draws of p_alike(D) are there; Z(D) and the rest are drawn by importance (`student`), each draw of the
dwells paired with points near the mode that belongs to it: one Newton step from the mode under average dwells. So where all
customers are alike, dwells keep their weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.differing.open_visits import OpenVisits
from journeysim.calibrate.differing.polya_target import DIFFER_MEDIAN, DIFFER_SPREAD, PolyaMode, PolyaTarget
from journeysim.calibrate.numerics.student import WeightedDraws, climb, inverse_curvature, sample_near
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: Points for Z of one draw of the dwells (their noise is noise of a weight only), and for all that is drawn.
_FOR_EVIDENCE: Final = 48
_WORKING_DRAWS: Final = 4000
_STEP: Final = 1e-4
#: A Newton step goes no further than this many sds.
_FARTHEST: Final = 3.0

#: A log density of points (point, coordinate) and dwell draws (point,).
Density = Callable[[Floats, Ints], Floats]


@final
@dataclass(frozen=True, slots=True, eq=False)
class JointTarget:
    """The density of a touchpoint: `done` is that of completed visits, on its coordinates, and `open` of open ones.

    `average` is the density with open visits at average dwells, from whose mode the draws set out.
    """

    done: PolyaTarget
    open: OpenVisits
    average: PolyaTarget

    @property
    def dwells(self) -> int:
        """How many draws of the dwells there are."""
        return len(self.open.curves)

    def differing(self, at: Floats, dwells: Ints) -> Floats:
        """Return the log of prior times likelihood of points given dwells, shape (point,)."""
        kappa = np.exp(np.clip(at[:, 0], -700, 700))
        score = (at[:, 0] - np.log(DIFFER_MEDIAN)) / DIFFER_SPREAD
        seen = self.open.log_likelihood(kappa, np.exp(self.done.log_rows(at)), dwells)
        return np.asarray(self.done.log_density_given(at, kappa) + seen - 0.5 * score**2)

    def alike(self) -> Density:
        """Return the same of rows alone, customers being alike: coordinates without log kappa."""
        joined = self.open.joined

        def density(own: Floats, dwells: Ints) -> Floats:
            at, never = _with_kappa(own), np.full(len(own), np.inf)
            seen = joined.log_likelihood(never, np.exp(self.done.log_rows(at)), dwells)
            return np.asarray(self.done.log_density_given(at, never) + seen)

        return density


@final
@dataclass(frozen=True, slots=True, eq=False)
class JointDraws:
    """Weighted draws (`weighted`), and which draw of the dwells each of them belongs to, shape (draw,)."""

    weighted: WeightedDraws
    dwells: Ints


def sample_joint(target: JointTarget, mode: PolyaMode, *, seed: int, name: str) -> JointDraws:
    """Return weighted draws of kappa, rows and dwells at a touchpoint; `mode` is that under average dwells."""
    names = ("customers who differ, some silently", name)
    start = target.average.flat(mode.rows, mode.log_kappa)
    logs = _log_evidence(target, start[1:], seed=seed, names=(*names, "alike"))

    def density(at: Floats, dwells: Ints) -> Floats:
        return np.asarray(target.differing(at, dwells) - logs[dwells])

    centre = climb(target.average.log_density, start)
    spread = inverse_curvature(target.average.log_density, centre)
    draws = max(_WORKING_DRAWS, 4 * target.dwells)
    return _sample(density, (centre, spread), target.dwells, draws, seed=seed, names=names)


def _log_evidence(target: JointTarget, start: Floats, *, seed: int, names: tuple[str, ...]) -> Floats:
    """Return log Z of every draw of the dwells."""

    def average(own: Floats) -> Floats:
        return target.average.log_density_given(_with_kappa(own), np.full(len(own), np.inf))

    centre = climb(average, start)
    spread = inverse_curvature(average, centre)
    draws = _FOR_EVIDENCE * target.dwells
    found = _sample(target.alike(), (centre, spread), target.dwells, draws, seed=seed, names=names)
    by_dwell = found.weighted.logs.reshape(-1, target.dwells)
    return np.asarray(special.logsumexp(by_dwell, axis=0) - np.log(len(by_dwell)))


def _sample(
    density: Density, near: tuple[Floats, Floats], dwells: int, draws: int, *, seed: int, names: tuple[str, ...]
) -> JointDraws:
    """Return weighted points, dwell draw after dwell draw, around the mode that each of them shifts the centre to.

    `near` are the centre under average dwells, and the spread (covariance) around it.
    """
    centre, spread = near
    centres = _centres(density, centre, spread, dwells)

    def paired(off: Floats) -> Floats:
        which = np.arange(len(off)) % dwells
        return density(centres[which] + off, which)

    found = sample_near(paired, np.zeros(len(centre)), spread, draws=draws, seed=seed, names=names)
    which = np.arange(len(found.at)) % dwells
    return JointDraws(WeightedDraws(found.at + centres[which], found.logs), which)


def _centres(density: Density, centre: Floats, spread: Floats, dwells: int) -> Floats:
    """Return the modes under each draw of the dwells by one Newton step, shape (dwell draw, coordinate)."""
    at, which = np.tile(centre, (dwells, 1)), np.arange(dwells)
    steps = _STEP * np.eye(len(centre))
    slopes = np.stack([density(at + step, which) - density(at - step, which) for step in steps], axis=1) / (2 * _STEP)
    moves = slopes @ spread
    lengths = np.sqrt(np.maximum(np.sum(moves * slopes, axis=1), 0.0))
    return np.asarray(centre + moves * np.minimum(1.0, _FARTHEST / np.maximum(lengths, _STEP))[:, None])


def _with_kappa(own: Floats) -> Floats:
    """Return points with a log kappa that is not looked at."""
    return np.column_stack([np.zeros(len(own)), own])
