"""Last visits that are still open, at a touchpoint that customers may have left without an event.

Of a customer who took the links n = (n_1 … n_J), N in all, and has been silent for t since the last arrival, the urn
(`polya`) says

    sum_j (kappa P_j + n_j) / (kappa + N) S_j(t)

with S_j(t) = P(dwell > t), and S = 1 for a link that leaves no event. Whoever came often is less likely to have gone: the
same silence means something else after one visit than after ten. S belongs to one draw of the dwells, because slow
dwells and silent exits explain the same silences and have to be drawn together (`with_dwells`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-300
#: Numbers held at a time.
_HELD: Final = 2_000_000


@final
@dataclass(frozen=True, slots=True, eq=False)
class OpenVisits:
    """Unique patterns of customers with an open last visit.

    `row` (pattern,) is the position of a pattern's (persona, silent time) in `curves` (dwell draw, persona, time, link), which
    is P(dwell > time). `past` (dwell draw, pattern) is sum_j n_j S_j(t) of what the customers did before, on `visits` visits.
    """

    row: Ints
    visits: Ints
    past: Floats
    customers: Floats
    curves: Floats

    @classmethod
    def of(cls, row: Ints, taken: Ints, customers: Floats, curves: Floats) -> OpenVisits:
        """Return the patterns with these completed links, `taken` (pattern, link)."""
        flat = curves.reshape(len(curves), -1, curves.shape[-1])
        past = np.zeros((len(curves), len(row)))
        for j in range(taken.shape[1]):
            past += flat[:, row, j] * taken[:, j]
        return cls(row, taken.sum(axis=1), past, customers, curves)

    @property
    def joined(self) -> OpenVisits:
        """The same customers without what they did before: all there is to know of them when customers are alike."""
        row, at = np.unique(self.row, return_inverse=True)
        customers = np.bincount(at, self.customers, minlength=len(row)).astype(np.float64)
        return OpenVisits(row, np.zeros_like(row), np.zeros((len(self.curves), len(row))), customers, self.curves)

    def log_each(self, kappa: Floats, rows: Floats, dwells: Ints) -> Floats:
        """Return the log probability of each pattern's open visit, shape (point, pattern).

        A point is a kappa, infinite where customers are alike, rows (persona, link), and the position of a dwell draw.
        """
        return np.concatenate([self._some(kappa[p], rows[p], dwells[p]) for p in self._parts(len(kappa))])

    def log_likelihood(self, kappa: Floats, rows: Floats, dwells: Ints) -> Floats:
        """Return the log probability of all customers' open visits, shape (point,)."""
        parts = self._parts(len(kappa))
        return np.concatenate([self._some(kappa[p], rows[p], dwells[p]) @ self.customers for p in parts])

    def _parts(self, points: int) -> list[slice]:
        step = max(1, _HELD // max(1, self.curves[0].size, len(self.row)))
        return [slice(at, at + step) for at in range(0, points, step)]

    def _some(self, kappa: Floats, rows: Floats, dwells: Ints) -> Floats:
        phi = 1.0 / kappa[:, None]
        new = np.matmul(self.curves[dwells], rows[..., None]).reshape(len(rows), -1)
        known = new[:, self.row] + phi * self.past[dwells]
        return np.asarray(np.log(np.maximum(known / (1.0 + phi * self.visits), _LEAST)))
