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
from journeysim.calibrate.numerics.laplace import cloud_of
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


@final
@dataclass(frozen=True, slots=True, eq=False)
class Payers:
    """Customers by number of payments and mean payment, one row per cell, all of shape (n,).

    `mean_log` is the average log of the mean payment in a cell, `variance` how far mean payments differ within it.
    """

    visits: Floats
    mean: Floats
    mean_log: Floats
    variance: Floats
    customers: Floats

    @classmethod
    def single(cls, visits: Floats, mean: Floats) -> Payers:
        """Return customers one by one."""
        return cls(visits, mean, np.log(mean), np.zeros_like(mean), np.ones_like(mean))


def spend_log_likelihood(logs: Floats, payers: Payers) -> Floats:
    """Return the log density of an average customer of each cell at log (p, q, gamma), shape (…, 3) -> (…, n).

    With h = log(1 + gamma / xz), whose average over a cell is taken to second order of log z around its mean,

        log f(z | x) = log G(px + q) - log G(px) - log G(q) + q log(gamma / xz) - (px + q) h - log z.

    As written at the top p multiplies what cancels but for the width of a cell, and the density rose without end in p.
    """
    p, q = (np.exp(logs[..., i, None]) for i in range(2))
    px, scaled = p * payers.visits, logs[..., 2, None] - np.log(payers.visits) - payers.mean_log
    weight = special.expit(scaled)
    h = np.logaddexp(0.0, scaled) + 0.5 * weight * (1 - weight) * payers.variance / payers.mean**2
    return np.asarray(
        special.gammaln(px + q) - special.gammaln(px) - special.gammaln(q) + q * scaled - (px + q) * h - payers.mean_log
    )  # fmt: skip


def fit_spend(payers: Payers, *, seed: int, draws: int, name: str) -> Spend | None:
    """Return the posterior from counted customers; None with too few who paid twice or more."""
    if payers.customers[payers.visits >= 2].sum() < LEAST_REPEATERS:
        return None
    centre = np.array([*_CENTRE, float(np.average(payers.mean_log, weights=payers.customers))])

    def log_density(at: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            fit = spend_log_likelihood(_logs(at), payers) @ payers.customers
        return np.asarray(fit - 0.5 * np.sum(((at - centre) / _WIDTH) ** 2, axis=-1))

    cloud = cloud_of(log_density, centre, seed=seed, names=("gamma-gamma", name))
    parameters = np.exp(_logs(cloud.drawn(draws, seed, "gamma-gamma", name)))
    return Spend(parameters, cloud.gates(f"spend at {name}"), _correlation(payers))


def _logs(at: Floats) -> Floats:
    """Return log (p, q, gamma) at (log p, log q, log p gamma / q), which the data tell apart best."""
    return np.stack([at[..., 0], at[..., 1], at[..., 2] + at[..., 1] - at[..., 0]], axis=-1)


def _correlation(payers: Payers) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix = np.cov(payers.visits, payers.mean, aweights=payers.customers)
        return float(np.nan_to_num(matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])))
