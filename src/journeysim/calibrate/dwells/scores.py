"""Every dwell family as a table of normal scores, so that one compiled model serves all of them: the family is data.

The score of a dwell t is z with P(dwell <= t) = Phi(z): it is smooth, and exact in both tails where the probability
itself would round to 0 or 1. It is kept as a cubic B-spline over y, a family's own standardised log time, and, for
gamma, over the log shape too:

| family               | y                                              | second axis |
|----------------------|------------------------------------------------|-------------|
| lognormal            | (log t - location) / b                         |             |
| loglogistic          | b (log t - location)                           |             |
| weibull, exponential | b (log t - location) + 1 - gamma; b = 1        |             |
| gamma                | (log t - location) sqrt(1 + b)                 | log b       |

with location and log shape as in `dwells.families`. Largest error of z where |z| < 8: 1e-3 (gamma, at a
shape of 0.02), 3e-6 (others).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, final

import numpy as np
from scipy import special
from scipy.interpolate import make_interp_spline

from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

#: Nodes of y; the spline's pieces lie between them.
LEFT, STEP, NODES = -75.0, 0.15, 688
#: Nodes of gamma's log shape.
LEAST_SHAPE, SHAPE_STEP, SHAPES = -4.0, 0.125, 81
_FARTHEST: Final = 60.0


@final
@dataclass(frozen=True, slots=True)
class ScoreFamily:
    """How a family reads the tables: y = (log t - location) * (add + b^sign)^power + shift, and its rows.

    `stride` is 1 where the rows follow the log shape, and 0 where every shape shares one row.
    """

    row: int
    stride: int
    add: float
    sign: float
    power: float
    shift: float


_EULER_SHIFT: Final = float(1.0 - np.euler_gamma)
#: Rows 0 … 2 are lognormal, Gumbel and logistic, then gamma's.
FAMILIES: Final = {
    Family.LOGNORMAL: ScoreFamily(0, 0, 0.0, -1.0, 1.0, 0.0),
    Family.EXPONENTIAL: ScoreFamily(1, 0, 1.0, 0.0, 0.0, 0.0),
    Family.WEIBULL: ScoreFamily(1, 0, 0.0, 1.0, 1.0, _EULER_SHIFT),
    Family.LOGLOGISTIC: ScoreFamily(2, 0, 0.0, 1.0, 1.0, 0.0),
    Family.GAMMA: ScoreFamily(3, 1, 1.0, 1.0, 0.5, 0.0),
}


def nodes() -> Floats:
    """Return the nodes of y."""
    return np.asarray(LEFT + STEP * np.arange(NODES), dtype=np.float64)


def scores(log_cdf: Floats, log_survival: Floats) -> Floats:
    """Return normal scores of probabilities, taken from the nearer tail and cut at 60."""
    lower = log_cdf < np.log(0.5)
    tail = special.ndtri_exp(np.minimum(np.where(lower, log_cdf, log_survival), np.log(0.5)))
    return np.asarray(np.clip(np.where(lower, tail, -tail), -_FARTHEST, _FARTHEST), dtype=np.float64)


def spline_row(values: Floats) -> Floats:
    """Return the B-spline coefficients of values at the nodes, shape (…, NODES + 2)."""
    return _coefficients(values, axis=-1)


@cache
def base_tables() -> Floats:
    """Return the spline coefficients of every parametric family, shape (row, NODES + 2)."""
    y = nodes()
    gumbel = scores(np.log(-np.expm1(-np.exp(y))), -np.exp(y))
    logistic = scores(special.log_expit(y), special.log_expit(-y))
    gamma = _coefficients(spline_row(_gamma_scores(y)), axis=0)
    return np.asarray(np.vstack([spline_row(np.stack([y, gumbel, logistic])), gamma]), dtype=np.float64)


def _coefficients(values: Floats, axis: int) -> Floats:
    """Return the coefficients of the cubic B-spline through values on an even grid, one more at either end."""
    count = values.shape[axis]
    knots = np.arange(-3, count + 3, dtype=np.float64)
    spline = make_interp_spline(np.arange(count, dtype=np.float64), values, k=3, t=knots, axis=axis, bc_type="natural")
    return np.moveaxis(np.asarray(spline.c), 0, axis)


def _gamma_scores(y: Floats) -> Floats:
    b = np.exp(LEAST_SHAPE + SHAPE_STEP * np.arange(SHAPES))[:, None]
    log_x = y / np.sqrt(1.0 + b) + np.log(b)
    x = np.exp(np.minimum(log_x, 700.0))
    with np.errstate(divide="ignore", over="ignore"):
        below, above = np.log(special.gammainc(b, x)), np.log(special.gammaincc(b, x))
        tiny = b * log_x - x * b / (b + 1.0) - special.gammaln(b + 1.0)
        far = -x + (b - 1.0) * log_x - special.gammaln(b)
    return scores(np.where(below < -600.0, tiny, below), np.where(above < -600.0, far, above))
