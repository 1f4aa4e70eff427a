"""How well each memory predicts customers who were left out: one fold of whole customers at a time, the rest fitted.

A customer's moves at a touchpoint depend on each other (the same person decides), so customers are left out whole, one
in FOLDS of them together; every customer is left out once. Order 1 is the same row after everything; order 2 and the
visit effect start from it, and reduce to it (kappa -> infinity, no shift). Scores are sums over the customers left out
of the log density of their moves and open spells, dwells as fitted to everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.calibrate.layers.memory.seen import Seen
from journeysim.calibrate.layers.memory.visit_fit import fit_visits
from journeysim.calibrate.pooled import KAPPA_MEDIAN
from journeysim.model.quantity import Floats

#: kappa of order 2 while scoring: the one that predicts best counts, and has to beat order 1 by more than luck.
KAPPAS: Final = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Log predictive density of every fold, shape (F,), ahead of order 1; `kappa` is order 2's."""

    name: str
    ahead: Floats
    kappa: float = np.inf

    @property
    def margin(self) -> float:
        """Expected log predictive density ahead of order 1."""
        return float(self.ahead.sum())

    @property
    def error(self) -> float:
        """Standard error of the margin, from how much folds differ."""
        return float(np.sqrt(len(self.ahead)) * np.std(self.ahead, ddof=1))


def base_rows(seen: Seen) -> Floats:
    """Return order 1's rows, shape (F, G, 1, J): what went before is ignored, personas lean on each other.

    One persona: the map's weights and the counts. Several: KAPPA_MEDIAN customers' weight of the pooled row, tilted.
    """
    done, still = (counts.sum(axis=2, keepdims=True) for counts in (seen.done, seen.still))
    joined = replace(seen, before=("anything",), done=done, still=still)
    stated = seen.alpha / seen.alpha.sum()
    if len(seen.tilt) == 1:
        return joined.settle(stated, float(seen.alpha.sum()))
    rows = joined.settle(_tilted(stated, seen.tilt), KAPPA_MEDIAN)
    pooled = seen.alpha + (joined.done + joined.spread(rows)).sum(axis=1)[:, 0]
    return joined.settle(_tilted(pooled[:, None], seen.tilt), KAPPA_MEDIAN)


def _tilted(row: Floats, tilt: Floats) -> Floats:
    """Return a row leaned to each persona, shape (…, G, 1, J)."""
    raw = row * tilt
    return np.asarray(raw / raw.sum(axis=-1, keepdims=True))[..., None, :]


def score_second_order(seen: Seen) -> Score:
    """Return how far order 2 is ahead of order 1."""
    others = seen.others
    base = base_rows(others)
    first = seen.log_density(np.broadcast_to(base, seen.done.shape))
    found = [Score("order 2", seen.log_density(others.settle(base, kappa)) - first, kappa) for kappa in KAPPAS]
    return max(found, key=lambda score: score.margin)


def score_visits(seen: Seen) -> Score:
    """Return how far the visit effect is ahead of order 1."""
    others = seen.others
    first = seen.log_density(np.broadcast_to(base_rows(others), seen.done.shape))
    rows = np.stack([fit_visits(others, fold).rows for fold in range(len(seen.done))])
    return Score("visit effect", seen.log_density(rows) - first)
