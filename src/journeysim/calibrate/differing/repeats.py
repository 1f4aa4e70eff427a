"""Customers who come again at rates of their own and stop without a word at shares of their own.

At a touchpoint with a link to itself (dwell exponential) and a silent exit, a customer has a rate lambda and a share p
of leaving, both for good:

    lambda ~ Gamma(r, alpha)   (mean r / alpha)        p ~ Beta(a, b)

With x repeats, k chances to leave before the silence, the last repeat at t_x and the cut-off at T, the likelihood is

    Gamma(r + x) / Gamma(r) alpha^r / (alpha + T)^(r + x) B(a, b + k) / B(a, b) (1 + gone)
    gone = a / (b + k - 1) ((alpha + T) / (alpha + t_x))^(r + x) where k > 0, else 0

and 1 / (1 + gone) is the probability that the customer will still come. Where leaving is possible after every repeat but
not after the first arrival (k = x) this is the BG/NBD model of Fader, Hardie and Lee (2005), equation 6; where it is
possible from the first arrival on (k = x + 1), the MBG/NBD of Batislam, Denizel and Filiztekin (2007). In the words of
the draws: kappa = a + b, share of leaving a / kappa, `rate_frailty` r, dwell scale alpha / r.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.model.observed.repeats import Repeats
from journeysim.model.quantity import Floats

_CHUNK: Final = 200


@final
@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Parameters: r (draw,); alpha in days, a and b (draw, persona)."""

    r: Floats
    alpha: Floats
    a: Floats
    b: Floats

    def take(self, rows: slice | NDArray[np.intp]) -> Rates:
        """Return some of the draws."""
        return Rates(self.r[rows], self.alpha[rows], self.a[rows], self.b[rows])

    def chunks(self) -> Iterator[Rates]:
        """Yield all draws, few at a time, to bound memory."""
        yield from (self.take(slice(at, at + _CHUNK)) for at in range(0, len(self.r), _CHUNK))


def log_likelihood(repeats: Repeats, rates: Rates) -> Floats:
    """Return the log likelihood of one customer of each row, shape (draw, row)."""
    return np.concatenate([_log_likelihood(repeats, part) for part in rates.chunks()])


def _log_likelihood(repeats: Repeats, rates: Rates) -> Floats:
    g, r, alpha = repeats.persona, rates.r[:, None], rates.alpha[:, repeats.persona]
    x, at_x = np.unique(repeats.repeats, return_inverse=True)
    coming = (special.gammaln(r + x) - special.gammaln(r))[:, at_x]
    coming += r * np.log(alpha) - (r + repeats.repeats) * np.log(alpha + repeats.age)
    k, at_k = np.unique(repeats.chances, return_inverse=True)
    a, b = rates.a[..., None], rates.b[..., None]
    staying = special.gammaln(b + k) - special.gammaln(b) + special.gammaln(a + b) - special.gammaln(a + b + k)
    return np.asarray(coming + staying[:, g, at_k] + np.logaddexp(0.0, _log_gone(repeats, rates)))


def _log_gone(repeats: Repeats, rates: Rates) -> Floats:
    """Return the log odds that a customer has left, shape (draw, row)."""
    g = repeats.persona
    alpha, r = rates.alpha[:, g], rates.r[:, None]
    longer = np.log((alpha + repeats.age) / (alpha + repeats.last)) * (r + repeats.repeats)
    never = repeats.chances == 0
    odds = np.log(rates.a[:, g]) - np.log(np.where(never, 1.0, rates.b[:, g] + (repeats.chances - 1)))
    return np.where(never, -np.inf, odds + longer)


def log_likelihood_alike(repeats: Repeats, dwell: Floats, leaving: Floats) -> Floats:
    """Return the same with one rate, 1 / dwell, and one share of leaving per persona, both (draw, persona)."""
    g = repeats.persona
    scale, p = dwell[:, g], leaving[:, g]
    coming = -repeats.repeats * np.log(scale) - repeats.age / scale + repeats.chances * np.log1p(-p)
    gone = special.logit(p) + (repeats.age - repeats.last) / scale
    return np.asarray(coming + np.where(repeats.chances > 0, np.logaddexp(0.0, gone), 0.0))


def still_coming(repeats: Repeats, rates: Rates) -> Floats:
    """Return the probability that a customer of each row has not left, shape (draw, row)."""
    return np.concatenate([special.expit(-_log_gone(repeats, part)) for part in rates.chunks()])


def expected_repeats(repeats: Repeats, rates: Rates, days: float) -> Floats:
    """Return how often a customer of each row will come in the next days, on average, shape (draw, row).

    Fader, Hardie and Lee (2005), equation 10, with k chances in place of x where the share of leaving is meant.
    """
    return np.concatenate([_expected(repeats, part, days) for part in rates.chunks()])


def _expected(repeats: Repeats, rates: Rates, days: float) -> Floats:
    g = repeats.persona
    shape, until = rates.r[:, None] + repeats.repeats, rates.alpha[:, g] + repeats.age
    a, b = rates.a[:, g], rates.b[:, g] + repeats.chances
    a = np.where(np.abs(a - 1) < 1e-7, 1 + 1e-7, a)
    series = special.hyp2f1(shape, b, a + b - 1, days / (until + days))
    coming = (a + b - 1) / (a - 1) * (1 - (until / (until + days)) ** shape * series)
    return np.asarray(coming * special.expit(-_log_gone(repeats, rates)))


def simulate_repeats(repeats: Repeats, rates: Rates, ends: Floats, *, stream: np.random.Generator) -> Floats:
    """Return how many repeats all customers make until each of `ends` (days after the cut-off), one future per draw.

    Shape (draw, end). Each draw has its own parameters; each customer a rate and a share of leaving drawn from what is
    known about them, so the spread over draws holds both what is not known and luck.
    """
    rows = np.repeat(np.arange(len(repeats.customers)), repeats.customers.astype(np.int64))
    alive = still_coming(repeats, rates)
    found = np.zeros((len(rates.r), len(ends)))
    for d in range(len(rates.r)):
        found[d] = _future(repeats, rates, d, rows[stream.random(len(rows)) < alive[d, rows]], ends, stream)
    return found


def _future(
    repeats: Repeats, rates: Rates, d: int, rows: NDArray[np.intp], ends: Floats, stream: np.random.Generator
) -> Floats:
    """Return one future of the customers of these rows, all of whom still come, shape (end,)."""
    g = repeats.persona[rows]
    rate = stream.gamma(rates.r[d] + repeats.repeats[rows]) / (rates.alpha[d, g] + repeats.age[rows])
    leaving = stream.beta(rates.a[d, g], rates.b[d, g] + repeats.chances[rows])
    time, counts = np.zeros(len(rows)), np.zeros(len(ends) + 1)
    while len(time):
        with np.errstate(divide="ignore"):
            time = time + stream.exponential(size=len(time)) / rate
        counts += np.bincount(np.searchsorted(ends, time), minlength=len(ends) + 1)
        goes_on = (time < ends[-1]) & (stream.random(len(time)) >= leaving)
        time, rate, leaving = time[goes_on], rate[goes_on], leaving[goes_on]
    return np.cumsum(counts[:-1])
