"""Quality gates: one figure, one limit, passed or not. A failing gate is shown, never swallowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

from journeysim.model.quantity import Floats

RHAT_LIMIT: Final = 1.01
ESS_LIMIT: Final = 400.0
BFMI_LIMIT: Final = 0.3


@final
@dataclass(frozen=True, slots=True)
class Gate:
    """One check of the fit: `value` must be at most (or at least) `limit`."""

    name: str
    value: float
    limit: float
    wanted: Literal["at most", "at least"] = "at most"

    @property
    def passed(self) -> bool:
        """Whether the value keeps to the limit; a value that is not a number does not."""
        return self.value <= self.limit if self.wanted == "at most" else self.value >= self.limit

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        return f"{self.name}: {self.value:.4g} ({self.wanted} {self.limit:g}) {verdict}"


def energy_bfmi(energy: Floats) -> float:
    """Return the lowest E-BFMI of the chains; `energy` has shape (chain, draw).

    Betancourt (2016), Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo, equation 2.8.
    """
    return float(np.min(np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)))


def weight_size(log_weights: Floats) -> float:
    """Return the effective number of draws behind importance weights, (sum w)^2 / sum w^2 (Kong 1992)."""
    weights = np.exp(log_weights - np.max(log_weights))
    return float(weights.sum() ** 2 / np.sum(weights**2))
