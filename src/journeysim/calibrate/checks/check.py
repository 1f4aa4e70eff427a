"""One check of a fit: how far observed and predicted are apart, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.gates import Gate
from journeysim.model.quantity import Floats

#: What lies within this part of the replicas is called chance.
SURE: Final = 0.99


@final
@dataclass(frozen=True, slots=True)
class FitCheck:
    """A misfit of one persona.

    `size` is how far the model is off beyond chance (`beyond_chance`), in `unit`; `limit` is the largest size that
    decisions bear (docs/design). `chance` is the predictive p-value, the part of replicas that lie at least as far from
    the model's average as the observed data do: None where none were made. `where` names the worst place.
    """

    what: str
    persona: str
    size: float
    limit: float
    unit: str
    chance: float | None = None
    where: str = ""

    @property
    def gate(self) -> Gate:
        """The check as a gate."""
        return Gate(f'{self.what} of "{self.persona}" ({self.unit})', self.size, self.limit)

    def __str__(self) -> str:
        chance = "" if self.chance is None else f"; predictive p {self.chance:.2g}"
        where = f", most at {self.where}" if self.where else ""
        return f'{self.what} of "{self.persona}": off by {self.size:.3g} ({self.unit}){where}{chance}'


def beyond_chance(observed: float, replicated: Floats) -> float:
    """Return how much of a distance is not chance: sqrt(observed^2 - q^2), at least 0; q: the replicas' 99th percentile.

    Distances add up like that where bias and noise are independent. A true model gives 0 in 99 of 100 logs; with many
    customers q is next to nothing, and what is left is the distance itself.
    """
    return float(np.sqrt(max(observed**2 - float(np.quantile(replicated, SURE)) ** 2, 0.0)))


def chance_of(observed: float, replicated: Floats) -> float:
    """Return the predictive p-value, (1 + replicas at least as far off) / (1 + replicas)."""
    return float((1 + np.sum(replicated >= observed)) / (1 + len(replicated)))
