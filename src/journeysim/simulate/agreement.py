"""Engine agreement: the exact engine's expectation against the lives of the same draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.lives import Lives
from journeysim.simulate.outcomes import Agreement, ArmOutcomes
from journeysim.simulate.tally import Tally


def agreement_of(arm: ArmOutcomes) -> Iterator[Agreement]:
    """Yield conversion, value and cost of the arm's last world (all exposures met) by both engines.

    z is the mean difference over the lives' draws in units of its standard error from customers alone: under agreement
    a standard normal.
    """
    tally, lives, shares = arm.tallies[-1], arm.lives[-1], arm.arm.worlds[-1].draws.values("persona_share")
    for name, exact, single in _pairs(tally, lives):
        expected = (exact * shares).sum(axis=1)[lives.draws]
        customers = single.shape[1]
        error = float(np.sqrt((single.var(axis=1, ddof=1) / customers).sum()) / len(expected))
        difference = float((single.mean(axis=1) - expected).mean())
        z = difference / error if error > 0 else 0.0
        yield Agreement(arm.arm.name, name, float(expected.mean()), float(single.mean()), z)


def _pairs(tally: Tally, lives: Lives) -> Iterator[tuple[str, Floats, Floats]]:
    yield "conversion", tally.converted, np.isfinite(lives.convert_time).astype(np.float64)
    yield "revenue", tally.value, lives.value
    yield "cost", tally.cost, lives.cost
