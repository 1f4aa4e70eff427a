"""The value of information: of knowing everything, and of knowing one group of numbers.

EVPI = E[max_p net_p] - max_p E[net_p] with today (0) among the choices. EVPPI is the same of E[net | x], estimated by
regression on the draws (Strong, Oakley and Brennan, Medical Decision Making 34, 2014). Always 0 <= EVPPI <= EVPI.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.decide.drivers.groups import Group
from journeysim.decide.drivers.smooth import perturbed, smooth
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

_ROUNDING: Final = 1e-12
TIMES: Final = 60


@final
@dataclass(frozen=True, slots=True)
class Worth:
    """What knowing a group of numbers would be worth, and the standard error of that."""

    evppi: float
    error: float


def evpi(nets: Floats) -> float:
    """Return the expected value of perfect information between today (0) and proposals with net benefits (D, P).

    E[max(0, net_1, …, net_P)] - max(0, E net_1, …, E net_P), in money.
    """
    best = max(0.0, float(nets.mean(axis=0).max(initial=0.0)))
    gain = float(nets.max(axis=1, initial=0.0).mean()) - best
    return gain if gain > _ROUNDING * float(np.abs(nets).max(initial=0.0)) else 0.0


def evppi(group: Group, nets: Floats, *, seed: int) -> Worth:
    """Return what knowing a group would be worth for the choice between today and proposals with nets (D, P).

    The error joins two parts: that of a mean over the draws, and that of the regression, by how the value differs
    between fits as they might as well have come out. The first is clipped to EVPI, as is the value.
    """
    if group.directions.empty or nets.shape[1] == 0:
        return Worth(0.0, 0.0)
    found, most = smooth(group.directions, nets), evpi(nets)
    if not found.explained.any():
        return Worth(0.0, 0.0)
    rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("evppi", group.name)]))
    others = [evpi(item) for item in perturbed(group.directions, found, TIMES, rng)]
    value = min(evpi(found.values), most)
    return Worth(value, float(np.hypot(mean_error(found.values), np.std(others)))) if value > 0 else Worth(0.0, 0.0)


def mean_error(nets: Floats) -> float:
    """Return the standard error of `evpi(nets)` as a mean over draws: of what is gained over the best single choice."""
    means = nets.mean(axis=0)
    best = int(np.argmax(means)) if means.size else 0
    now = nets[:, best] if means.size and means[best] > 0 else np.zeros(len(nets))
    gained = nets.max(axis=1, initial=0.0) - now
    return float(gained.std() / np.sqrt(len(gained)))
