"""What a study of n customers would be worth before the decision: A/B test of a share or of times, survey, pilot.

The study gives an estimate s of one number x, with a standard error that falls with n. What it teaches about the net
benefits is E[g(x) | s] with g = E[net | x]; since draws are the prior, that is a mean over draws weighted by the
likelihood of s. EVSI = E_s max_p E[g_p | s] - max_p E[g_p], so 0 <= EVSI <= EVPPI (Ades, Lu and Claxton, Medical
Decision Making 24, 2004). What the study says about anything but x is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
from scipy import special

from journeysim.decide.information.value import Worth, evpi, mean_error
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

Kind = Literal["ab_test", "ab_timing", "survey", "pilot"]
#: Studies that send as many customers through today.
TWO_ARMS: Final = frozenset({"ab_test", "ab_timing"})
#: Draws whose study is played through, at most; each with an estimate above and one as far below.
PLAYED: Final = 250
#: Results of a pilot that are worked through, at most.
COUNTED: Final = 2_000
_EDGE: Final = 1e-9
#: Times of single customers vary by a thousandth at least: a clock that is exact teaches all there is at once.
_LEAST_SPREAD: Final = 1e-3


@final
@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A way to learn one number: what is estimated per draw (D,), and the error of one customer('s pair), (D,).

    The estimate from n (per arm) has the standard error `noise / sqrt(n)`. A pilot estimates a share and needs no
    noise: its likelihood is binomial.
    """

    kind: Kind
    estimated: Floats
    noise: Floats


def ab_test(control: Floats, treated: Floats) -> Study:
    """Return an A/B test on a share: it estimates the difference of log-odds, with the usual large-sample error."""
    p, q = (np.clip(share, _EDGE, 1 - _EDGE) for share in (control, treated))
    noise = np.sqrt(1 / (p * (1 - p)) + 1 / (q * (1 - q)))
    return Study("ab_test", np.asarray(special.logit(q) - special.logit(p)), noise)


def ab_timing(factor: Floats, sd_log: Floats) -> Study:
    """Return an A/B test of how long moves take: it estimates the log of the factor, from logs that spread by `sd_log`."""
    return Study("ab_timing", np.log(np.maximum(factor, _EDGE)), np.sqrt(2.0) * np.maximum(sd_log, _LEAST_SPREAD))


def survey(mean: Floats, sd: float) -> Study:
    """Return a survey that estimates a mean of answers with this standard deviation between customers."""
    return Study("survey", mean, np.full(len(mean), sd))


def pilot(share: Floats) -> Study:
    """Return a pilot that counts how many of n take what is offered."""
    return Study("pilot", np.clip(share, _EDGE, 1 - _EDGE), np.zeros(len(share)))


def evsi(study: Study, means: Floats, n: int, *, seed: int) -> Worth:
    """Return what a study of n (per arm) would be worth, given means = E[net | x] (D, P) in the draws of x.

    The error is that of a mean over the studies played, whose value comes in pairs.
    """
    taught = _by_pilot(study, means, n) if study.kind == "pilot" else _by_mean(study, means, n, seed=seed)
    value = min(evpi_weighted(*taught), evpi(means))
    return Worth(value, mean_error(means) if value > 0 else 0.0)


def evpi_weighted(taught: Floats, weights: Floats) -> float:
    """Return E max(0, taught) - max(0, E taught) over results (M, P) that come with weights (M,) adding up to 1."""
    best = max(0.0, float((weights @ taught).max(initial=0.0)))
    gain = float(weights @ taught.max(axis=1, initial=0.0)) - best
    return max(0.0, gain) if gain > 1e-12 * float(np.abs(taught).max(initial=0.0)) else 0.0


def _by_mean(study: Study, means: Floats, n: int, *, seed: int) -> tuple[Floats, Floats]:
    """Return E[g | s] for estimates played from draws spread over all of them, (M, P), equally likely."""
    draws = len(means)
    chosen = np.linspace(0, draws - 1, min(PLAYED, draws)).round().astype(np.int64)
    order = np.argsort(study.estimated, kind="stable")[chosen]
    rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("study", study.kind)]))
    # One stratified normal for each, so that luck is spread evenly too; the same for every n, so values rise smoothly.
    luck = special.ndtri((rng.permutation(len(order)) + 0.5) / len(order))
    error = study.noise / np.sqrt(n)
    seen = np.concatenate([study.estimated[order] + sign * error[order] * luck for sign in (1.0, -1.0)])
    away = (seen[:, None] - study.estimated) / error
    weight = np.exp(-0.5 * (away**2 - (away**2).min(axis=1, keepdims=True))) / error
    taught = (weight @ means) / weight.sum(axis=1, keepdims=True)
    return np.asarray(taught), np.full(len(taught), 1 / len(taught))


def _by_pilot(study: Study, means: Floats, n: int) -> tuple[Floats, Floats]:
    """Return E[g | k of n] for every result k that can be expected, (M, P), and its probability."""
    share = study.estimated
    ks = np.arange(n + 1) if n <= COUNTED else np.unique(np.linspace(0, n, COUNTED).round())
    ways = special.gammaln(n + 1) - special.gammaln(ks + 1) - special.gammaln(n - ks + 1)
    logs = ways[:, None] + np.outer(ks, np.log(share)) + np.outer(n - ks, np.log1p(-share))
    weight = np.exp(logs)
    chance = weight.mean(axis=1)
    likely = chance > 1e-12 * chance.max()
    taught = (weight[likely] @ means) / weight[likely].sum(axis=1, keepdims=True)
    return np.asarray(taught), np.asarray(chance[likely] / chance[likely].sum())
