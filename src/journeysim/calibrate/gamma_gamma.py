"""Customers who differ for good in what they spend: the gamma-gamma model, from counted customers.

A payment of a customer is Gamma(p, nu) and nu differs between customers as Gamma(q, gamma). For a customer with x
payments of mean z (Fader, Hardie and Lee 2005, Journal of Marketing Research 42, equation 12; Colombo and Jiang 1999):

    log f(z | x) = log G(px + q) - log G(px) - log G(q) + q log gamma + (px - 1) log z + px log x - (px + q) log(gamma + xz)

The expected payment is p gamma / (q - 1) over all customers, and (gamma + xz) p / (px + q - 1) for one of them. What a
customer pays is taken to be independent of how often; the correlation of the two says how far that is off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.laplace import cloud_of
from journeysim.model.quantity import Floats

#: Fewest customers with two payments or more; below, how far customers differ is not learned.
LEAST_REPEATERS: Final = 30
#: Prior of log p, log q and log (p gamma / q): the last, near the mean payment, is centred on the data and left wide.
_CENTRE, _WIDTH = (float(np.log(4.0)), float(np.log(4.0))), (1.5, 1.0, 2.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Spend:
    """Draws of (p, q, gamma), shape (draw, 3), their gates, and the correlation of visits and mean payment."""

    parameters: Floats
    gates: tuple[Gate, ...]
    correlation: float

    @property
    def expected(self) -> Floats:
        """The expected payment of a new customer, shape (draw,); infinite where q <= 1."""
        p, q, gamma = self.parameters.T
        return np.where(q > 1, p * gamma / np.where(q > 1, q - 1, 1.0), np.inf)

    @property
    def differ(self) -> Floats:
        """By how much customers' own averages differ, as a part of the overall one, shape (draw,): 1 / sqrt(q - 2)."""
        q = self.parameters[:, 1]
        return np.where(q > 2, 1.0 / np.sqrt(np.where(q > 2, q - 2, 1.0)), np.inf)


def expected_spend(parameters: Floats, visits: Floats, mean: Floats) -> Floats:
    """Return what a customer with these payments will pay on average, shape (draw, customers)."""
    p, q, gamma = np.asarray(parameters).T[..., None]
    return np.asarray((gamma + visits * mean) * p / (p * visits + q - 1))


def spend_log_likelihood(logs: Floats, visits: Floats, mean: Floats, mean_log: Floats) -> Floats:
    """Return the log density of a customer's mean payment at log (p, q, gamma), shapes (…, 3) and (n,) -> (…, n)."""
    p, q, gamma = (np.exp(logs[..., i, None]) for i in range(3))
    px = p * visits
    return np.asarray(
        special.gammaln(px + q) - special.gammaln(px) - special.gammaln(q) + q * np.log(gamma) + (px - 1) * mean_log
        + px * np.log(visits) - (px + q) * np.log(gamma + visits * mean)
    )  # fmt: skip


def fit_spend(
    visits: Floats, mean: Floats, mean_log: Floats, customers: Floats, *, seed: int, draws: int, name: str
) -> Spend | None:
    """Return the posterior from counted customers (all of shape (n,)); None with too few who paid twice or more."""
    if customers[visits >= 2].sum() < LEAST_REPEATERS:
        return None
    centre = np.array([*_CENTRE, float(np.average(mean_log, weights=customers))])

    def log_density(at: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            fit = spend_log_likelihood(_logs(at), visits, mean, mean_log) @ customers
        return np.asarray(fit - 0.5 * np.sum(((at - centre) / _WIDTH) ** 2, axis=-1))

    cloud = cloud_of(log_density, centre, seed=seed, names=("gamma-gamma", name))
    parameters = np.exp(_logs(cloud.drawn(draws, seed, "gamma-gamma", name)))
    return Spend(parameters, cloud.gates(f"spend at {name}"), _correlation(visits, mean, customers))


def _logs(at: Floats) -> Floats:
    """Return log (p, q, gamma) at (log p, log q, log p gamma / q), which the data tell apart best."""
    return np.stack([at[..., 0], at[..., 1], at[..., 2] + at[..., 1] - at[..., 0]], axis=-1)


def _correlation(visits: Floats, mean: Floats, customers: Floats) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix = np.cov(visits, mean, aweights=customers)
        return float(np.nan_to_num(matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])))
