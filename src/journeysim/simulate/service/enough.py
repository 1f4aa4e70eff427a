"""How many measured customers are enough where customers wait for each other: noise from weeks of single lives.

A queue's customers share their luck, so noise does not follow from how far single customers lie apart. The kept lives
stand in the order of arrival; their mean difference from today over stretches of many customers each, hardly tied to
one another, says it (batch means: Law, Simulation Modeling and Analysis, 5th ed. 2015, section 9.5.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.lives import Lives
from journeysim.simulate.outcomes import ArmOutcomes
from journeysim.simulate.precision import MONEY, PART, SHARE, Precision, Reached
from journeysim.simulate.tally import Tally

#: Stretches that a draw's kept lives are cut into.
STRETCHES: Final = 10
#: Measured customers that a run takes at most by itself: in all draws and worlds, and per draw.
MOST_SERVED: Final = 20_000_000
MOST_PER_DRAW: Final = 32_000


def served_precision(arms: Sequence[ArmOutcomes], *, asked: int, measured: float, found: bool) -> Precision:
    """Return how precisely a service run tells every proposal from today.

    `asked` is the number of customers that the run's weeks were made for, `measured` how many came of it per draw.
    """
    metric = MONEY if any((tally.value_pv != tally.cost_pv).any() for arm in arms for tally in arm.tallies) else SHARE
    worlds = len({id(tally) for arm in arms for tally in arm.tallies})
    most = min(MOST_PER_DRAW, MOST_SERVED // (worlds * len(arms[0].tallies[0].converted)))
    reached = tuple(_reached(arms[0], arm, metric, measured) for arm in arms[1:])
    return Precision(asked, found, PART, max(asked, most), reached)


def _reached(today: ArmOutcomes, arm: ArmOutcomes, metric: str, measured: float) -> Reached:
    realism = max(arm.arm.realism)
    difference = _mean(arm, realism, metric) - _mean(today, 1.0, metric)
    own = _single(arm, realism, metric) - _single(today, 1.0, metric)
    square = _square(own) * own.shape[1] / measured
    draws, mean = len(difference), float(difference.mean())
    squares = float(difference.var(ddof=1)) - square if draws > 1 else mean**2
    return Reached(
        arm.arm.name, metric, mean, math.sqrt(squares) if squares > 0.0 else 0.0, math.sqrt(square),
        math.sqrt(square / draws),
    )  # fmt: skip


def _mean(arm: ArmOutcomes, realism: float, metric: str) -> Floats:
    """Return an arm's decision quantity per customer, (D,)."""
    tally: Tally = arm.cohort(realism)
    values = tally.converted if metric == SHARE else tally.value_pv - tally.cost_pv
    return np.asarray((values * arm.persona_shares(realism)).sum(axis=1))


def _single(arm: ArmOutcomes, realism: float, metric: str) -> Floats:
    """Return the decision quantity of single customers, mixed from the arm's worlds as its tallies are; (draw, customer)."""
    rows = arm.lives[0].draws
    weights = arm.world_weights([exposure.reach for exposure in arm.arm.exposures], realism)
    shares = [np.broadcast_to(weight, len(arm.tallies[0].converted))[rows] for weight in weights]
    parts = [share[:, None] * _quantity(lives, metric) for share, lives in zip(shares, arm.lives, strict=True)]
    return np.asarray(sum(parts))


def _quantity(lives: Lives, metric: str) -> Floats:
    return np.isfinite(lives.convert_time).astype(np.float64) if metric == SHARE else lives.value_pv - lives.cost_pv


def _square(own: Floats) -> float:
    """Return the variance of the mean over a draw's customers, (draw, customer) given, averaged over the draws."""
    size = own.shape[1] // STRETCHES
    if size == 0:
        return math.nan
    means = own[:, : size * STRETCHES].reshape(len(own), STRETCHES, size).mean(axis=2)
    return float(np.mean(means.var(axis=1, ddof=1) / STRETCHES))
