"""Curves of dwells: P(dwell > t) at the edges of cells, draw by draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.tables.cells import place
from journeysim.model.draws import TABLE_SIZE
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: Where logs of chances end.
LOWEST: Final = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Draws of P(dwell > t) at the edges of cells, shape (row, edge); its log is straight in between."""

    edges: Floats
    still: Floats

    def at(self, rows: NDArray[np.intp], times: Floats) -> Floats:
        """Return P(dwell > t), shape (row, time)."""
        cell, part = place(self.edges, times)
        low, high = (np.log(np.maximum(self.still[np.ix_(rows, k)], LOWEST)) for k in (cell, cell + 1))
        return np.asarray(np.exp(low + part * (high - low)))

    def quantiles(self, rows: NDArray[np.intp]) -> Floats:
        """Return quantiles at even probabilities, shape (row, probability); the last piece keeps the mean of what is in it."""
        gone = 1.0 - self.still[rows] / self.still[rows, :1]
        gone[:, -1] = 1.0
        at = np.linspace(0.0, 1.0, TABLE_SIZE)
        found = np.stack([np.interp(at, below, self.edges) for below in gone])
        tail = np.diff(np.maximum(gone, at[-2]), axis=1)
        begun = np.where(gone[:, :-1] < at[-2], found[:, -2:-1], self.edges[:-1])
        mean = np.sum(tail * (begun + self.edges[1:]) / 2, axis=1) / (1.0 - at[-2])
        found[:, -1] = np.maximum(found[:, -2], 2 * mean - found[:, -2])
        return found


def open_logs(curves: Curves, rows: Ints, data: Sequence[tuple[Bins, Bins]]) -> Floats:
    """Return the log likelihood of the open spells by the curves, shape (draw,)."""
    logs = np.zeros(len(rows))
    for g, (_, still) in enumerate(data):
        if still.size:
            logs += np.log(np.maximum(curves.at(rows[:, g], still.middle), LOWEST)) @ still.count
    return logs
