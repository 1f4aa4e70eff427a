"""Quality gates: one figure, one limit, passed or not. A failing gate is shown, never swallowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

from journeysim.model.quantity import Floats

RHAT_LIMIT: Final = 1.01
ESS_LIMIT: Final = 400.0
BFMI_LIMIT: Final = 0.3
PARETO_LIMIT: Final = 0.7
#: Where the largest weights differ by less than this part of the largest, all are as good as alike: they have no tail.
_ALIKE: Final = 1e-3


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


def pareto_tail(log_weights: Floats) -> float:
    """Return the shape k of the generalised Pareto distribution that fits the largest importance weights.

    Above 0.7 the weights' tail is too heavy for their average to be trusted, however large the effective number of
    draws looks (Vehtari, Simpson, Gelman, Yao and Gabry 2024, Pareto smoothed importance sampling). The fit is the
    one of Zhang and Stephens (2009), with the weakly informative correction of the former paper.
    """
    weights = np.sort(np.exp(log_weights - np.max(log_weights)))
    tail = min(len(weights) // 5, int(np.ceil(3 * np.sqrt(len(weights)))))
    excess = weights[-tail:] - weights[-tail - 1]
    if tail < 5 or excess[0] <= 0 or excess[-1] < _ALIKE:
        return 0.0
    return _generalised_pareto_shape(excess)


def _generalised_pareto_shape(excess: Floats) -> float:
    count = len(excess)
    size = 30 + int(np.sqrt(count))
    grid = 1 - np.sqrt(size / (np.arange(1, size + 1) - 0.5))
    grid = grid / (3 * excess[int(count / 4 + 0.5) - 1]) + 1 / excess[-1]
    shape = np.mean(np.log1p(-grid[:, None] * excess), axis=1)
    profile = count * (np.log(-grid / shape) - shape - 1)
    with np.errstate(over="ignore"):
        weights = 1 / np.sum(np.exp(profile - profile[:, None]), axis=1)
    best = float(grid @ weights / weights.sum())
    return float((np.mean(np.log1p(-best * excess)) * count + 0.5 * 10) / (count + 10))
