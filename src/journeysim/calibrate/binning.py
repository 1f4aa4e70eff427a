"""As few bins as cost nothing: a fit's time grows with them, its posterior moves where they are too wide.

Completed dwells enter with the probability of their bin. That loses what the bin hides: with bins of width h on the log
scale and dwells of spread s, h^2 / (24 s^2) of a location's sd, and twice that of a shape's. And where a log ends early,
it is off: within a bin the long dwells are missing more often, of which the bin knows nothing; that moves a posterior in
proportion to h^2, so in sds by h^2 and the square root of the customers. So bins are merged up to 0.35 s, which makes a
shape's interval 1 % wider, up to what moves nothing by 0.05 sd, and never beyond 15 %: a spread says little about dwells
of several kinds.

Open spells enter with the chance of being silent at one time per bin, which is not linear within it: at the middle of
bins 15 % wide a posterior of 10,000 customers lies up to 0.13 of its sd beside the right one, of a million ten times
as far. Two times with weights keep the count, mean, variance and third moment of all spells in a bin (Gauss's rule for
the measure they make), and so the average of every cubic.

Measured in docs/validation.md, "Bins".
"""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_SECOND: Final = 1 / 86_400
_WIDEST: Final = float(np.log(200 * 86_400)) / 116
_PART_OF_SPREAD: Final = 0.35
#: With as many moves over a link the widest bins move a posterior by 0.05 sd, where most are cut off; that is, those of
#: the bins that hold a twentieth of them or more each, others in proportion.
_FEW_MOVES: Final = 400.0
_FULL: Final = 0.05
#: With fewer open spells one time a bin is right to 0.03 sd.
_ONE_TIME: Final = 1000.0
#: So it is for a bin that holds less than this part of the open spells.
_LEAST_PART: Final = 0.005
_NONE: Final = 1e-12
_ON_EDGE: Final = 1e-6

#: Low, high and count of bins, and the time that stands for each.
Merged = tuple[Floats, Floats, Floats, Floats]


def merge_moves(low: Floats, high: Floats, count: Floats) -> Merged:
    """Return bins of completed dwells, as wide as their spread and their number allow."""
    low, high, count = _sorted(low, high, count)
    starts = _starts(_cells(low, _widths(low, high, count)))
    low, high = low[starts], np.maximum.reduceat(high, starts)
    return low, high, np.add.reduceat(count, starts), _middle(low, high)


def merge_open(low: Floats, high: Floats, count: Floats) -> Merged:
    """Return bins of open spells, two halves each with a time of its own; one where there are few spells."""
    low, high, count = _sorted(low, high, count)
    starts = _starts(_cells(low, _WIDEST))
    total, ends = np.add.reduceat(count, starts), np.maximum.reduceat(high, starts)
    mean, variance, third = _moments(low, high, count, starts, total)
    root = np.sqrt(third**2 + 4 * variance**3)
    before, after = ((third + sign * root) / (2 * variance) for sign in (-1.0, 1.0))
    part, many = after / (after - before), (total.sum() >= _ONE_TIME) & (total >= _LEAST_PART * total.sum())
    halves = (
        (low[starts], np.where(many, mean, ends), np.where(many, part, 1.0) * total, mean + many * before),
        (mean, ends, (1 - part) * total, mean + after),
    )
    kept = np.stack([np.ones(len(many), dtype=bool), many], axis=1).ravel()
    columns = (np.stack(column, axis=1).ravel()[kept] for column in zip(*halves, strict=True))
    return next(columns), next(columns), next(columns), next(columns)


def _sorted(low: Floats, high: Floats, count: Floats) -> tuple[Floats, Floats, Floats]:
    order = np.lexsort((high, low))
    return low[order], high[order], count[order]


def _widths(low: Floats, high: Floats, count: Floats) -> Floats:
    """Return for every bin how wide it may become on the log scale: a power of two below the widest of all."""
    logs, total = np.log(_middle(low, high)), float(count.sum())
    mean = np.average(logs, weights=count)
    spread = float(np.sqrt(np.average((logs - mean) ** 2, weights=count)))
    starts = _starts(_cells(low, _WIDEST))
    part = np.repeat(np.add.reduceat(count, starts) / total, np.diff(np.append(starts, len(low))))
    unmoved = _WIDEST * (_FEW_MOVES / max(total, 1.0)) ** 0.25 * np.sqrt(_FULL / part)
    harmless = np.minimum(_PART_OF_SPREAD * max(spread, _NONE), unmoved)
    return np.asarray(_WIDEST / 2.0 ** np.maximum(0.0, np.ceil(np.log2(_WIDEST / harmless))))


def _cells(low: Floats, width: Floats | float) -> Floats:
    """Return where the cell of the grid from one second on begins that a bin lies in; a bin from 0 on has its own."""
    place = np.floor(np.log(np.maximum(low, _NONE) / _SECOND) / width + _ON_EDGE) * width
    return np.where(low > 0, place, -np.inf)


def _starts(cell: Floats) -> Ints:
    """Return the first bin of every cell."""
    return np.flatnonzero(np.append(True, np.abs(np.diff(cell)) > _ON_EDGE))


def _moments(
    low: Floats, high: Floats, count: Floats, starts: Ints, total: Floats
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Return mean, variance and third central moment of the times in each cell, even within the given bins."""
    time, own = (low + high) / 2, (high - low) ** 2 / 12
    mean = np.add.reduceat(count * time, starts) / total
    off = time - np.repeat(mean, np.diff(np.append(starts, len(low))))
    variance = np.add.reduceat(count * (off**2 + own), starts) / total
    third = np.add.reduceat(count * (off**3 + 3 * off * own), starts) / total
    return mean, variance, third


def _middle(low: Floats, high: Floats) -> Floats:
    return np.where(low > 0, np.sqrt(low * high), high / 2)
