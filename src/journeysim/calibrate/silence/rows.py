"""What is known of a touchpoint's rows, and what pools the personas there: for `chains`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.model.quantity import Floats

_LEAST = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What is known of a touchpoint's rows: prior weights, completed moves, the surrogate's open spells by link.

    `theta` (n, link) and `kappa` (n,) are the surrogate's draws of what pools the personas, drawn with all counts times
    `factor`. With one persona there is nothing to pool: kappa t is the prior's weights, in every draw.
    """

    alpha: Floats
    tilt: Floats  # (persona, link)
    counts: Floats  # (persona, link)
    spread: Floats  # (persona, link)
    factor: float
    theta: Floats
    kappa: Floats

    @property
    def root(self) -> Floats:
        """Return the root of the surrogate's covariance of log theta, for steps of optimal length (Roberts and others 1997)."""
        logs = np.log(np.maximum(self.theta, _LEAST))
        spread = np.cov(logs.T) * 2.38**2 / len(self.alpha)
        return np.asarray(np.linalg.cholesky(spread + 1e-9 * np.eye(len(self.alpha))), dtype=np.float64)
