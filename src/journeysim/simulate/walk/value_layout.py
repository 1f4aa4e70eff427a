"""How the values of visits are distributed, as the compiled walk takes it: plain tuples, empty where the layer is off.

A visit brings nothing with the learned chance. Else its value is scale x exp(y), with y normal (log-normal values), the
log of a gamma variate, or, where customers come back and differ for good in what they spend (gamma-gamma), the log of a
visit's gamma variate over the customer's own. The scale is the one that gives the place's expected value per visit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain
from journeysim.simulate.streams import compiled_inner
from journeysim.simulate.walk.quantiles import SMALLEST_SHAPE, Z_NODES, fill_gamma

#: Kinds of values: as the place's log-normal says, log-normal or gamma beside zeros, gamma over the customer's own gamma.
PLAIN, LOGNORMAL, GAMMA, SPEND = range(4)


class ValuePlan(NamedTuple):
    """Where values have a learned distribution."""

    on: bool
    place: NDArray[np.int32]  # (s,) position among these places, -1 elsewhere
    places: int
    gamma: Bools  # (s,) the family is gamma, not log-normal


class ValueNumbers(NamedTuple):
    """What a draw says, for all draws."""

    zero: Floats  # (D, G, s)
    shape: Floats  # (D, G, s)
    spend: Floats  # (D, G, s, 3) p, q, gamma; NaN where customers are alike


class ValueTruth(NamedTuple):
    """One draw, ready; V places with a learned distribution."""

    kind: NDArray[np.int8]  # (C, V)
    zero: Floats  # (C, V)
    log_scale: Floats  # (C, V)
    power: Floats  # (C, V) of the normal score of log-normal values
    gamma: Floats  # (2 * C, V, 2, Z_NODES) of a visit's variate, then of the customer's


def value_plan(chain: Chain) -> ValuePlan:
    """Return the layer's structure in compiled form."""
    values, places = chain.layers.values, len(chain.touchpoints) + len(chain.outcomes)
    if values is None:
        return ValuePlan(False, np.full(places, -1, dtype=np.int32), 0, np.zeros(places, dtype=np.bool_))  # noqa: FBT003
    known = ~np.isnan(values.shape).any(axis=(0, 1))
    return ValuePlan(
        on=True,
        place=np.where(known, np.cumsum(known) - 1, -1).astype(np.int32),
        places=int(known.sum()),
        gamma=values.family == int(Family.GAMMA),
    )


def value_numbers(chain: Chain) -> ValueNumbers:
    """Return the layer's numbers in compiled form."""
    values = chain.layers.values
    if values is None:
        return ValueNumbers(np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), np.zeros((1, 1, 1, 3)))
    arrays = (values.zero, values.shape, values.spend)
    return ValueNumbers(*(np.require(item, dtype=np.float64, requirements=["C", "W"]) for item in arrays))


def new_values(plan: ValuePlan, cells: int) -> ValueTruth:
    """Return room for one draw."""
    shape = (cells if plan.on else 0, plan.places)
    zero, log_scale, power = (np.zeros(shape) for _ in range(3))
    return ValueTruth(
        np.zeros(shape, dtype=np.int8), zero, log_scale, power, np.zeros((2 * shape[0], shape[1], 2, Z_NODES))
    )


@compiled_inner
def fill_values(
    plan: ValuePlan, numbers: ValueNumbers, draw: int, periods: int, mean: Floats, grid: Floats, values: ValueTruth
) -> None:
    """Make one draw ready: `mean` is the expected value per visit (C, s)."""
    cells, places = mean.shape
    for cell in range(cells):
        for place in range(places):
            at, persona = plan.place[place], cell // periods
            if at >= 0:
                zero, shape = numbers.zero[draw, persona, place], numbers.shape[draw, persona, place]
                p, q = numbers.spend[draw, persona, place, 0], numbers.spend[draw, persona, place, 1]
                if not (mean[cell, place] > 0.0 and zero < 1.0):
                    values.kind[cell, at] = PLAIN
                    continue
                if q > 1.0:
                    kind, expected = SPEND, p / (q - 1.0)
                    fill_gamma(p, grid, values.gamma[cell, at])
                    fill_gamma(q, grid, values.gamma[cells + cell, at])
                elif plan.gamma[place]:
                    kind, expected = GAMMA, shape
                    fill_gamma(shape, grid, values.gamma[cell, at])
                else:
                    kind, expected = LOGNORMAL, math.exp(shape * shape / 2.0)
                values.kind[cell, at], values.zero[cell, at], values.power[cell, at] = kind, zero, shape
                values.log_scale[cell, at] = math.log(mean[cell, place] / (1.0 - zero) / expected)


def check_values(chain: Chain) -> None:
    """Raise ValueError when a number of the layer cannot be used."""
    values = chain.layers.values
    if values is None:
        return
    known = ~np.isnan(values.shape).any(axis=(0, 1))
    zero, shape, spend = values.zero[..., known], values.shape[..., known], values.spend[:, :, known]
    if not np.all((zero >= 0) & (zero <= 1)):
        raise ValueError("the chance that a visit brings nothing lies between 0 and 1")
    low = np.where(values.family[known] == int(Family.GAMMA), SMALLEST_SHAPE, 0.0)
    if not (np.all(shape >= low) and np.all(np.isnan(spend) | (spend >= SMALLEST_SHAPE))):
        raise ValueError(f"shapes of values must be above 0 (gamma: at least {SMALLEST_SHAPE})")
