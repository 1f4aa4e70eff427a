"""An uncertain number: what a person wrote (`5% to 15%`, `12 of 80`, `{mean: 3, sd: 1}`) as a distribution.

Every quantity is used through its inverse distribution function `ppf`, so a draw of it is a pure function of an
addressed uniform. A `Scale` says on which scale spread is symmetric: shares on the log-odds, positive numbers on
the log, everything else as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final, Literal, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
Z90: Final = float(special.ndtri(0.95))
Z80: Final = float(special.ndtri(0.90))


def _normal(u: ArrayLike) -> Floats:
    """Return the standard normal quantile of `u`."""
    return np.asarray(special.ndtri(np.asarray(u, dtype=np.float64)), dtype=np.float64)


def _beta(a: float, b: float, u: ArrayLike) -> Floats:
    """Return the beta quantile of `u`."""
    return np.asarray(special.betaincinv(a, b, np.asarray(u, dtype=np.float64)), dtype=np.float64)


@cache
def _mean_rule() -> tuple[Floats, Floats]:
    """Return nodes in (0, 1) and weights of a Gauss-Legendre rule; made when first needed, as it takes a while."""
    nodes, weights = np.polynomial.legendre.leggauss(256)
    return 0.5 * (nodes + 1.0), 0.5 * weights


class Scale(Enum):
    """The scale on which an uncertain number spreads symmetrically."""

    SHARE = "share"
    POSITIVE = "positive"
    REAL = "real"

    def forward(self, value: ArrayLike) -> Floats:
        """Map a value to the scale (log-odds, log, or itself)."""
        x = np.asarray(value, dtype=np.float64)
        if self is Scale.SHARE:
            return np.asarray(special.logit(x))
        return np.log(x) if self is Scale.POSITIVE else x

    def back(self, value: ArrayLike) -> Floats:
        """Map a number on the scale back to a value."""
        x = np.asarray(value, dtype=np.float64)
        if self is Scale.SHARE:
            return np.asarray(special.expit(x))
        return np.exp(x) if self is Scale.POSITIVE else x


class Quantity(ABC):
    """Abstract: a number that may be uncertain."""

    @abstractmethod
    def ppf(self, u: ArrayLike) -> Floats:
        """Return the values at probabilities `u` in (0, 1); same shape as `u`."""

    @property
    def certain(self) -> bool:
        """Whether all draws of it are equal."""
        return False

    @property
    def mean(self) -> float:
        """Return the expected value: by quadrature of the inverse distribution function unless in closed form."""
        nodes, weights = _mean_rule()
        return float(weights @ self.ppf(nodes))


@final
@dataclass(frozen=True, slots=True)
class Fixed(Quantity):
    """A number known for certain."""

    value: float

    def ppf(self, u: ArrayLike) -> Floats:
        return np.full(np.shape(u), self.value, dtype=np.float64)

    @property
    def certain(self) -> bool:
        return True

    @property
    def mean(self) -> float:
        return self.value


@final
@dataclass(frozen=True, slots=True)
class Range(Quantity):
    """`low to high`: a 90 % range, normal on its scale with 5 % below `low` and 5 % above `high`."""

    low: float
    high: float
    scale: Scale = Scale.REAL

    def ppf(self, u: ArrayLike) -> Floats:
        low, high = self.scale.forward(self.low), self.scale.forward(self.high)
        return self.scale.back((low + high) / 2 + _normal(u) * (high - low) / (2 * Z90))


@final
@dataclass(frozen=True, slots=True)
class Counts(Quantity):
    """`successes of trials`: the Beta(successes + 1/2, failures + 1/2) posterior under Jeffreys' prior."""

    successes: float
    trials: float

    def ppf(self, u: ArrayLike) -> Floats:
        failures = self.trials - self.successes
        return _beta(self.successes + 0.5, failures + 0.5, u)

    @property
    def mean(self) -> float:
        return (self.successes + 0.5) / (self.trials + 1.0)


@final
@dataclass(frozen=True, slots=True)
class Moments(Quantity):
    """`{mean, sd}`: beta on shares, log-normal on positive numbers, normal otherwise, with exactly these moments."""

    centre: float
    sd: float
    scale: Scale = Scale.REAL

    def ppf(self, u: ArrayLike) -> Floats:
        if self.sd == 0:
            return np.full(np.shape(u), self.centre)
        if self.scale is Scale.SHARE:
            size = self.centre * (1 - self.centre) / self.sd**2 - 1
            return _beta(self.centre * size, (1 - self.centre) * size, u)
        if self.scale is Scale.POSITIVE:
            variance = np.log1p((self.sd / self.centre) ** 2)
            return np.asarray(np.exp(np.log(self.centre) - variance / 2 + np.sqrt(variance) * _normal(u)))
        return self.centre + self.sd * _normal(u)

    @property
    def mean(self) -> float:
        return self.centre


@final
@dataclass(frozen=True, slots=True)
class Quantiles(Quantity):
    """`{p10, p50, p90}`: a two-piece normal on the scale that passes through the three quantiles."""

    p10: float
    p50: float
    p90: float
    scale: Scale = Scale.REAL

    def ppf(self, u: ArrayLike) -> Floats:
        low, middle, high = (self.scale.forward(value) for value in (self.p10, self.p50, self.p90))
        z = _normal(u)
        return self.scale.back(middle + z / Z80 * np.where(z < 0, middle - low, high - middle))


Family = Literal["normal", "lognormal", "beta", "gamma", "uniform", "triangular"]


@final
@dataclass(frozen=True, slots=True)
class Named(Quantity):
    """A distribution by name.

    normal(mean, sd), lognormal(median, sd of the log), beta(a, b), gamma(shape, scale), uniform(low, high),
    triangular(low, mode, high).
    """

    family: Family
    parameters: tuple[float, ...]

    def ppf(self, u: ArrayLike) -> Floats:
        p, q = np.asarray(u, dtype=np.float64), self.parameters
        match self.family:
            case "normal":
                return q[0] + q[1] * _normal(p)
            case "lognormal":
                return q[0] * np.exp(q[1] * _normal(p))
            case "beta":
                return _beta(q[0], q[1], p)
            case "gamma":
                return np.asarray(q[1] * special.gammaincinv(q[0], p), dtype=np.float64)
            case "uniform":
                return q[0] + (q[1] - q[0]) * p
            case "triangular":
                return _triangular(p, *q)


def _triangular(p: Floats, low: float, mode: float, high: float) -> Floats:
    """Return the inverse distribution function of the triangular distribution."""
    turn = (mode - low) / (high - low)
    left = low + np.sqrt(p * (high - low) * (mode - low))
    right = high - np.sqrt((1 - p) * (high - low) * (high - mode))
    return np.where(p < turn, left, right)


@final
@dataclass(frozen=True, slots=True)
class Trialled(Quantity):
    """An odds ratio informed by an A/B test: a log-normal prior (or none) updated by the test's counts.

    The likelihood of the log odds ratio is normal with Haldane's half added to every cell
    (Haldane 1956; Agresti, Categorical Data Analysis, 3.1.1): mean log((t+.5)(C-c+.5) / ((c+.5)(T-t+.5))),
    variance the sum of the four reciprocals. Prior and likelihood combine by precision.
    """

    control: Counts
    treated: Counts
    prior: Quantity | None = None

    @property
    def log_odds(self) -> tuple[float, float]:
        """Mean and standard deviation of the log odds ratio."""
        c, t = self.control, self.treated
        cells = np.array([t.successes, t.trials - t.successes, c.successes, c.trials - c.successes]) + 0.5
        mean, precision = float(np.log(cells[0] * cells[3] / (cells[1] * cells[2]))), float(1 / np.sum(1 / cells))
        if self.prior is None:
            return mean, precision**-0.5
        low, high = np.log(self.prior.ppf(np.array([0.05, 0.95])))
        if high <= low:
            return float(low), 0.0
        prior_mean, prior_precision = (low + high) / 2, (2 * Z90 / (high - low)) ** 2
        total = precision + prior_precision
        return float((mean * precision + prior_mean * prior_precision) / total), float(total**-0.5)

    def ppf(self, u: ArrayLike) -> Floats:
        mean, sd = self.log_odds
        return np.exp(mean + sd * _normal(u))
