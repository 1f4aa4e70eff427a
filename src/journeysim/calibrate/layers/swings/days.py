"""Days of a week that differ: nobody is called on a Sunday, and on Monday morning everybody who waited is still there.

On day k of every week, counted from the log's end, the hazard of link l is f_lk times that of the fit:

    count_lk ~ Poisson(E_lk f_lk)      f_lk ~ Gamma(a, mean F_k),  F_k what all links together do, a on a grid

so f_lk given the counts is Gamma(a + count, a / F_k + E) and a is weighed by the counts' negative binomial (Gelman et al.
2013, Bayesian Data Analysis, section 2.6). The average over the days, with what was expected on each as weight, is about
one: dwells are fitted to what days have done to them.

Without this a forecast lets those who wait at its origin go at the rate of an average day. An origin on a Monday has the
weekend's customers waiting, and the first Sunday lets nobody go: the first week is foretold too high.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special

from journeysim.model.addresses import uniforms
from journeysim.model.event_log import Ints
from journeysim.model.observed.by_week import DAYS
from journeysim.model.quantity import Floats

#: How alike links are: large where all follow what they do together.
ALIKE: Final = np.array([0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0])
#: Factors beyond this are held there: at four times the hazard of a fast link hardly anybody is left by the evening.
MOST: Final = 4.0
_HALF: Final = 0.5


def day_factors(names: Sequence[str], counts: Floats, expected: Floats, draws: int, seed: int) -> Floats:
    """Return the factor on each link's hazard by day after the log's end, shape (draw, link, 7).

    `counts` and `expected` have shape (link, day), whole weeks up to the log's end; below 0, as ages rounded to the hour may
    leave it, nothing is expected.
    """
    seen, due = (each.reshape(len(names), -1, DAYS).sum(axis=1) for each in (counts, np.maximum(expected, 0.0)))
    together = (seen.sum(axis=0) + _HALF) / (due.sum(axis=0) + _HALF)
    a = ALIKE[_chosen(seen, due * together, uniforms(seed, draws, "days", "alike"))]
    found = np.empty((draws, *seen.shape))
    for k, name in enumerate(names):
        for day in range(DAYS):
            u = uniforms(seed, draws, "days", name, str(day))
            found[:, k, day] = special.gammaincinv(a + seen[k, day], u) / (a / together[day] + due[k, day])
    return np.minimum(found, MOST)


def _chosen(seen: Floats, due: Floats, u: Floats) -> Ints:
    """Return positions in ALIKE, in proportion to the evidence that all links have for each."""
    a = ALIKE[:, None, None]
    logs = special.gammaln(a + seen) - special.gammaln(a) + a * np.log(a) - (a + seen) * np.log(a + due)
    logs = np.sum(logs + seen * np.log(np.maximum(due, 1e-300)), axis=(1, 2))
    total = np.cumsum(np.exp(logs - logs.max()))
    return np.asarray(np.searchsorted(total, u * total[-1], side="right").clip(max=len(ALIKE) - 1), dtype=np.int64)
