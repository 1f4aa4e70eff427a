"""How many measured customers are enough where customers wait for each other: noise from weeks of single lives.

A queue's customers share their luck, so noise does not follow from how far single customers lie apart. The kept lives
stand in the order of arrival; their mean difference from today over stretches of many customers each, hardly tied to
one another, says it (batch means: Law, Simulation Modeling and Analysis, 5th ed. 2015, section 9.5.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.arms import Arm
from journeysim.model.quantity import Floats
from journeysim.simulate.lives import Lives
from journeysim.simulate.outcomes import Settled
from journeysim.simulate.precision import MONEY, PART, SHARE, Precision, Reached

#: Stretches that a draw's kept lives are cut into.
STRETCHES: Final = 10
#: Measured customers that a run takes at most by itself: in all draws and worlds, and per draw.
MOST_SERVED: Final = 20_000_000
MOST_PER_DRAW: Final = 32_000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Lived:
    """One run: what its customers do, and the lives of the first measured ones in some draws."""

    full: Settled
    lives: Lives


def served_precision(
    runs: Sequence[Lived], arms: Sequence[Arm], *, asked: int, measured: float, found: bool
) -> Precision:
    """Return how precisely service runs, one of each arm, tell every proposal from today.

    `asked` is the number of customers that the run's weeks were made for, `measured` how many came of it per draw.
    """
    metric = MONEY if any((run.full.tally.value_pv != run.full.tally.cost_pv).any() for run in runs) else SHARE
    most = min(MOST_PER_DRAW, MOST_SERVED // (len(runs) * len(runs[0].full.tally.converted)))
    reached = tuple(
        _reached(runs[0], run, arm.name, metric, measured) for run, arm in zip(runs[1:], arms[1:], strict=True)
    )
    return Precision(asked, found, PART, max(asked, most), reached)


def _reached(today: Lived, run: Lived, name: str, metric: str, measured: float) -> Reached:
    difference = _mean(run, metric) - _mean(today, metric)
    shared = min(len(item.lives.customers) for item in (today, run))
    own = _quantity(run.lives, metric)[:, :shared] - _quantity(today.lives, metric)[:, :shared]
    square = _square(own) * own.shape[1] / measured
    draws, mean = len(difference), float(difference.mean())
    squares = float(difference.var(ddof=1)) - square if draws > 1 else mean**2
    return Reached(
        name, metric, mean, math.sqrt(squares) if squares > 0.0 else 0.0, math.sqrt(square),
        math.sqrt(square / draws),
    )  # fmt: skip


def _mean(run: Lived, metric: str) -> Floats:
    """Return a run's decision quantity per customer, (D,)."""
    tally = run.full.tally
    values = tally.converted if metric == SHARE else tally.value_pv - tally.cost_pv
    return np.asarray((values * run.full.persona_shares).sum(axis=1))


def _quantity(lives: Lives, metric: str) -> Floats:
    return np.isfinite(lives.convert_time).astype(np.float64) if metric == SHARE else lives.value_pv - lives.cost_pv


def _square(own: Floats) -> float:
    """Return the variance of the mean over a draw's customers, (draw, customer) given, averaged over the draws."""
    size = own.shape[1] // STRETCHES
    if size == 0:
        return math.nan
    means = own[:, : size * STRETCHES].reshape(len(own), STRETCHES, size).mean(axis=2)
    return float(np.mean(means.var(axis=1, ddof=1) / STRETCHES))
