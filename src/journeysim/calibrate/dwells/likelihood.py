"""Compiled: the log likelihood of dwells in bins, at many scales and shapes.

Edges of bins and times of open spells stand in one row, and a block of such rows, one for each scale and shape, is worked through
step by step: scores, tails, what lies inside bins, logs. Each step is one loop over all of the block, several values at a time
(`numerics.elementary`), and a block is short enough to stay in the nearest memory.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from journeysim.calibrate.dwells.tails import log_time, scoring, write_tails
from journeysim.calibrate.numerics.compiled import compiled, compiled_inner, compiled_into
from journeysim.calibrate.numerics.elementary import log
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-300
#: Values in a block, or one row of it where that is longer.
_BLOCK: Final = 2048


@compiled
def log_likelihoods(
    family: int, a: Floats, b: Floats, low: Floats, high: Floats, done: Floats, times: Floats, still: Floats
) -> Floats:
    """Return the log likelihood of bins with so many completed dwells, and of open spells, at every (a, b)."""
    edges, begins, counts = in_a_row(low, high, done, times, still)
    out = np.zeros(len(a))
    write_log_likelihoods(family, a, b, edges, begins, counts, out)
    return out


@compiled_into
def in_a_row(low: Floats, high: Floats, done: Floats, times: Floats, still: Floats) -> tuple[Floats, Ints, Floats]:
    """Return logs of edges and times, which of them each bin begins with (it ends with the next), and all counts.

    Bins that follow each other share an edge.
    """
    edges, begins, size = np.empty(2 * len(low) + len(times)), np.empty(len(low), dtype=np.int64), 0
    counts = np.empty(len(done) + len(still))
    for k in range(len(low)):
        if k == 0 or low[k] != high[k - 1]:
            edges[size] = low[k]
            size += 1
        begins[k], edges[size], counts[k] = size - 1, high[k], done[k]
        size += 1
    for s in range(len(times)):
        edges[size], counts[len(low) + s] = times[s], still[s]
        size += 1
    for k in range(size):
        edges[k] = log_time(edges[k])
    return edges[:size], begins, counts


@compiled_inner
def write_log_likelihoods(
    family: int, a: Floats, b: Floats, edges: Floats, begins: Ints, counts: Floats, out: Floats
) -> None:
    """Write the log likelihood at every (a, b), of what is in a row."""
    size, bins, kept = len(edges), len(begins), len(counts)
    rows = min(max(1, _BLOCK // max(size, 1)), len(a))
    scores, above, below = np.empty(rows * size), np.empty(rows * size), np.empty(rows * size)
    chances = np.empty(rows * kept)
    for start in range(0, len(a) if kept else 0, rows):
        stop = min(start + rows, len(a))
        for i in range(start, stop):
            shift, factor, first = math.log(a[i]), scoring(family, b[i]), (i - start) * size
            for k in range(size):
                scores[first + k] = factor * (edges[k] - shift)
        write_tails(family, b[start:stop], size, scores, above, below)
        for i in range(stop - start):
            first, own = i * size, i * kept
            for k in range(bins):
                at = first + begins[k]
                inside = above[at] - above[at + 1] if above[at] < 0.5 else below[at + 1] - below[at]
                chances[own + k] = max(inside, _LEAST)
            for s in range(bins, kept):
                chances[own + s] = max(above[first + size - kept + s], _LEAST)
        for k in range((stop - start) * kept):
            chances[k] = log(chances[k])
        for i in range(start, stop):
            own = (i - start) * kept
            for k in range(kept):
                out[i] += counts[k] * chances[own + k]
