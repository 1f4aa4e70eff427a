"""Time cut into cells, the customers in them, and cells joined to stretches at every level of detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.counts import Bins
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats
from journeysim.model.transitions import coarse_edges

#: Widths of stretches, as a factor between their ends; 1: as narrow as coarse bins (15 %). No stretch follows the data: bins
#: of completed dwells end where customers are, and a hazard of its own for each of them found lumps in every log-normal.
LEVELS: Final = (1.0, 1.5, 2.2, 5.0)
#: Cells go on until this many times the longest time seen, where somebody was still there after the longest dwell.
_BEYOND: Final = 30.0
#: The same where nobody was: nothing but the centre would say how slow the slowest are, and means would rest on it.
_NOBODY_LEFT: Final = 2.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Cells joined: the first cell of each stretch, and the stretch of each cell."""

    first: Ints
    of: Ints


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Counts of one set of customers in cells: completed, and those whose open spell ends in the cell."""

    edges: Floats
    done: Floats
    ends: Floats

    @property
    def used(self) -> int:
        """How many cells there are up to the longest completed dwell."""
        return int(np.flatnonzero(self.done).max(initial=0)) + 1

    @property
    def middle(self) -> Floats:
        """One time per cell."""
        return np.where(self.edges[:-1] > 0, np.sqrt(self.edges[:-1] * self.edges[1:]), self.edges[1:] / 2)

    def joined(self, ratio: float) -> Stretches:
        """Return stretches of coarse bins, those between powers of the ratio together, which no data move."""
        coarse = coarse_edges(float(self.edges[-1]))
        step = np.searchsorted(coarse, self.edges[: self.used] * (1 + 1e-9), side="right") - 1
        if ratio > 1.0:
            step = np.floor(np.log(np.maximum(coarse[step], coarse[1] / ratio)) / np.log(ratio) + 1e-9)
        of = np.cumsum(np.append(False, np.diff(step) > 0))
        return Stretches(np.flatnonzero(np.append(True, np.diff(of) > 0)), of)

    def held(self, stretches: Stretches) -> tuple[Floats, Floats, float]:
        """Return who moved in each stretch, whose open spell is held to end as it begins, and who is held to be slower.

        A spell that ends within a stretch counts partly there and partly in the next one, by where it stands on the log
        scale: that is its survival, log-linear between the ends of the stretch.
        """
        size = self.used
        high = self.edges[np.append(stretches.first[1:], size)]
        low = np.maximum(self.edges[stretches.first], high / 5.0)
        late = np.log(self.middle[:size] / low[stretches.of]) / np.log(high / low)[stretches.of]
        late = np.clip(late, 0.0, 1.0)
        moved, early, later = (
            np.add.reduceat(counts, stretches.first)
            for counts in (self.done[:size], self.ends[:size] * (1.0 - late), self.ends[:size] * late)
        )
        return moved, early + np.append(0.0, later[:-1]), float(later[-1] + self.ends[size:].sum())


def edges_of(data: Sequence[tuple[Bins, Bins]]) -> Floats:
    """Return edges of cells: those of the log's bins, without any that lie inside a bin of completed dwells."""
    done = [bins for bins, _ in data if bins.size]
    last = max(float(bins.high.max()) for bins in (*done, *(still for _, still in data if still.size)))
    low, high = (np.concatenate([getattr(bins, side) for bins in done] or [np.empty(0)]) for side in ("low", "high"))
    end = last * (_BEYOND if last > high.max(initial=0.0) else _NOBODY_LEFT)
    edges = np.unique(np.concatenate([coarse_edges(end), low, high]))
    edges = edges[np.append(True, np.diff(edges) > 1e-9 * edges[1:])]
    inside = (edges[:, None] > low * (1 + 1e-6)) & (edges[:, None] < high * (1 - 1e-6))
    kept = edges[~inside.any(axis=1)]
    return np.asarray(kept[kept <= end])


def cells_of(edges: Floats, data: Sequence[tuple[Bins, Bins]]) -> Cells:
    """Return everybody's (completed, open) bins as counts in cells."""
    size = len(edges) - 1
    done, ends = np.zeros(size), np.zeros(size)
    for completed, still in data:
        done += np.bincount(_cell(edges, completed.middle), completed.count, size)
        ends += np.bincount(_cell(edges, still.middle), still.count, size)
    return Cells(edges, done, ends)


def _cell(edges: Floats, times: Floats) -> Ints:
    return np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)
