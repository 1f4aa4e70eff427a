"""The exact likelihood of a touchpoint: completed moves, and open spells that may yet take any link, or took a silent one.

For persona g, with row P_g and dwell coordinates phi_g (location and log shape of every learned link):

    log L_g = sum_j n_gj log P_gj + sum_j sum_bins n log(F_j(high) - F_j(low)) + sum_open n log sum_j P_gj S_gj(t)

A link to a silent outcome has no completed moves and S = 1. All functions work on many points at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.families import (
    dimensions,
    from_log_moments,
    log_likelihood,
    survival,
    to_scale_shape,
)
from journeysim.calibrate.silence.open_spells import LinkDwell
from journeysim.model.quantity import Floats

_LEAST = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of a touchpoint: log shares (point, persona, link), dwell coordinates (point, persona, learned link, 2).

    `row` (point,) says which prior draw the dwells that are not learned take.
    """

    logs: Floats
    phi: Floats
    row: NDArray[np.intp]

    def take(self, which: NDArray[np.intp] | slice) -> Points:
        """Return some of the points."""
        return Points(self.logs[which], self.phi[which], self.row[which])

    def put(self, which: NDArray[np.intp], new: Points) -> Points:
        """Return the points with some of them replaced."""
        logs, phi, row = self.logs.copy(), self.phi.copy(), self.row.copy()
        logs[which], phi[which], row[which] = new.logs, new.phi, new.row
        return Points(logs, phi, row)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What was observed at a touchpoint: links, open spells and completed moves (persona, link)."""

    links: tuple[LinkDwell, ...]
    silent: tuple[Bins, ...]
    counts: Floats

    @property
    def learned(self) -> tuple[int, ...]:
        """Positions of the links whose dwell is estimated."""
        return tuple(j for j, link in enumerate(self.links) if link.learned)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which coordinates a learned link has, shape (learned link, 2): an exponential dwell has no shape."""
        return np.array([[True, dimensions(self.links[j].family) == 2] for j in self.learned], dtype=bool).reshape(
            -1, 2
        )

    def log_likelihood(self, at: Points) -> Floats:
        """Return the log likelihood of every persona at every point, shape (point, persona)."""
        return np.stack([self._of_persona(at, g) for g in range(len(self.counts))], axis=1)

    def _of_persona(self, at: Points, g: int) -> Floats:
        logs, times = np.maximum(at.logs[:, g], np.log(_LEAST)), self.silent[g].middle
        total = logs @ self.counts[g]
        still = np.zeros((len(logs), len(times)))
        position = {j: index for index, j in enumerate(self.learned)}
        for j, link in enumerate(self.links):
            if j in position:
                phi = at.phi[:, g, position[j]]
                a, b = to_scale_shape(link.family, phi[:, 0], phi[:, 1])
                total = total + log_likelihood(link.family, a, b, link.done[g], NO_BINS)
            else:
                rows = at.row % len(link.a)
                a, b = link.a[rows, g], link.b[rows, g]
            still += np.exp(logs[:, j, None]) * survival(link.family, a[:, None], b[:, None], times, link.tables)
        return np.asarray(total + np.log(np.maximum(still, _LEAST)) @ self.silent[g].count)


def contrasts(size: int) -> Floats:
    """Return an orthonormal basis of the contrasts between `size` log shares, shape (size, size - 1)."""
    return np.linalg.qr(np.eye(size) - 1.0 / size)[0][:, : size - 1]


def explained(observed: Observed, alpha: Floats, gone: float, stretch: float) -> Points:
    """Return a point: this part of the open spells has left silently, the observed dwells later by `stretch` sds."""
    exits = np.array([link.silent for link in observed.links], dtype=np.float64)
    to = gone * exits / exits.sum() + (1 - gone) * (1 - exits) / max(1.0, float(np.sum(1 - exits)))
    still = np.array([bins.size for bins in observed.silent])
    weights = alpha + observed.counts + still[:, None] * to
    phi = np.zeros((1, len(weights), len(observed.learned), 2))
    for index, j in enumerate(observed.learned):
        for g in range(len(weights)):
            phi[0, g, index] = from_log_moments(observed.links[j].family, *observed.links[j].seen_moments(g, stretch))
    return Points(np.log(weights / weights.sum(axis=1, keepdims=True))[None], phi, np.zeros(1, dtype=np.intp))
