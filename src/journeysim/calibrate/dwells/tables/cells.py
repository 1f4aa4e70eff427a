"""Time cut into cells, the customers in them, and cells joined to stretches at every level of detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
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

    def sums(self, of_cells: Floats) -> Floats:
        """Return sums over the cells of each stretch, (…, cell) -> (…, stretch)."""
        return np.asarray(np.add.reduceat(of_cells, self.first, axis=-1))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Counts of one set of customers: completed, by cell, and still there, by the edge that a cell ends with.

    P(longer than t) is log-linear within a cell, so an open spell that ends there is so much of one at its first edge,
    and the rest of one at its last.
    """

    edges: Floats
    done: Floats
    still: Floats

    def joined(self, ratio: float) -> Stretches:
        """Return the stretches of a level of detail."""
        return stretches_of(self.edges, ratio)


def stretches_of(edges: Floats, ratio: float) -> Stretches:
    """Return cells joined to stretches of coarse bins, those between powers of the ratio together, which no data move."""
    return _joined(np.ascontiguousarray(edges, dtype=np.float64).tobytes(), ratio)


@lru_cache(maxsize=256)
def _joined(of_edges: bytes, ratio: float) -> Stretches:
    """Return the same, once for all who have these edges: a link's customers are told of again and again."""
    edges = np.frombuffer(of_edges)
    coarse = coarse_edges(float(edges[-1]))
    step = np.searchsorted(coarse, edges[:-1] * (1 + 1e-9), side="right") - 1
    if ratio > 1.0:
        step = np.floor(np.log(np.maximum(coarse[step], coarse[1] / ratio)) / np.log(ratio) + 1e-9)
    begins = np.append(True, np.diff(step) > 0)
    return Stretches(np.flatnonzero(begins), np.cumsum(begins) - 1)


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
    """Return everybody's (completed, open) bins as counts in cells and at edges."""
    size = len(edges) - 1
    done, still = np.zeros(size), np.zeros(size + 1)
    for completed, silent in data:
        done += np.bincount(cell_at(edges, completed.middle), completed.count, size)
        cell, part = place(edges, silent.middle)
        still += np.bincount(cell, silent.count * (1.0 - part), size + 1)
        still += np.bincount(cell + 1, silent.count * part, size + 1)
    return Cells(edges, done, still[1:])


def cell_at(edges: Floats, times: Floats) -> Ints:
    """Return the cell of each time."""
    return np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)


def place(edges: Floats, times: Floats) -> tuple[Ints, Floats]:
    """Return the cell of each time, and which part of the cell is over by then."""
    cell = cell_at(edges, times)
    return cell, np.clip((times - edges[cell]) / np.diff(edges)[cell], 0.0, 1.0)
