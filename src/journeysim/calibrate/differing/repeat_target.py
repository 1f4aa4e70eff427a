"""The posterior of customers' rates and shares of leaving at one touchpoint (see `repeats` for the likelihood).

    log r     ~ Normal(0, 2)                       90 % of r in 0.04 … 27
    log kappa ~ Normal(log 10, 2)                  as in `polya_target`
    log dwell ~ Normal(the map's, its sd or 1)     alpha / r, the dwell of a customer of average rate, by persona
    leaving   ~ Beta(seen x share, seen x rest)    by persona; kappa x leaving is a, kappa x the rest b

Personas share r and kappa, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy import special

from journeysim.calibrate.differing.polya_target import DIFFER_MEDIAN, DIFFER_SPREAD
from journeysim.calibrate.differing.repeats import Rates, log_likelihood, log_likelihood_alike
from journeysim.calibrate.numerics.student import climb
from journeysim.model.observed.repeats import Repeats
from journeysim.model.quantity import Floats

_RATE_SPREAD = 2.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class RepeatTarget:
    """Log density on flat coordinates: log r, log kappa, each persona's log dwell, each persona's logit of leaving.

    `dwell` (persona, 2) is the prior's mean and sd of the log dwell, `leaving` (persona, 2) the Beta's two weights.
    """

    repeats: Repeats
    dwell: Floats
    leaving: Floats

    def rates(self, at: Floats) -> Rates:
        """Return flat coordinates, shape (point, coordinate), as parameters."""
        r, kappa = np.exp(np.clip(at[:, :2], -20, 20)).T
        dwell, leaving = self._parts(at)
        return Rates(r, r[:, None] * dwell, kappa[:, None] * leaving, kappa[:, None] * (1 - leaving))

    def _parts(self, at: Floats) -> tuple[Floats, Floats]:
        own = at[:, 2:].reshape(len(at), 2, -1)
        return np.exp(np.clip(own[:, 0], -50, 50)), np.clip(special.expit(own[:, 1]), 1e-12, 1 - 1e-12)

    def log_density(self, at: Floats) -> Floats:
        """Return the log of prior times likelihood, shape (point,), up to a constant."""
        prior = -0.5 * (at[:, 0] / _RATE_SPREAD) ** 2 - 0.5 * ((at[:, 1] - np.log(DIFFER_MEDIAN)) / DIFFER_SPREAD) ** 2
        likelihood = log_likelihood(self.repeats, self.rates(at)) @ self.repeats.customers
        return np.asarray(prior + self._log_prior(at) + likelihood)

    def log_density_alike(self, at: Floats) -> Floats:
        """Return the same when all customers of a persona are alike: log r and log kappa are not looked at."""
        return np.asarray(self._log_prior(at) + self.log_alike(at) @ self.repeats.customers)

    def log_alike(self, at: Floats) -> Floats:
        """Return the log likelihood of one customer of each row when all are alike, shape (point, row)."""
        return log_likelihood_alike(self.repeats, *self._parts(at))

    def _log_prior(self, at: Floats) -> Floats:
        dwell, leaving = self._parts(at)
        score = (np.log(dwell) - self.dwell[:, 0]) / self.dwell[:, 1]
        shares = self.leaving[:, 0] * np.log(leaving) + self.leaving[:, 1] * np.log1p(-leaving)
        return np.asarray(np.sum(shares - 0.5 * score**2, axis=1))

    def best_alike(self) -> Floats:
        """Return the likeliest point with all customers alike, with r and kappa in their middle."""
        middle = np.array([0.0, np.log(DIFFER_MEDIAN)])
        rows = self.repeats
        start = np.full(
            len(self.dwell), np.log(float(rows.age @ rows.customers) / max(float(rows.repeats @ rows.customers), 1.0))
        )
        return climb(self.log_density_alike, np.concatenate([middle, start, np.full(len(self.dwell), -1.0)]))
