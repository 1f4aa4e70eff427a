"""Simulation-based calibration: is the truth just one more draw of the posterior?

Parameters are drawn from a model's own prior, data from the parameters, a posterior from the data. If the posterior is
right, the truth's rank among its draws is uniform over many such worlds (Talts et al. 2018, Validating Bayesian
Inference Algorithms with Simulation-Based Calibration), for every function of parameters and data, of which the
likelihood of the data is the one that notices most (Modrak et al. 2023, Simulation-Based Calibration Checking for
Bayesian Computation: The Choice of Test Quantities Shapes Sensitivity).

Four tests per quantity, put together by Holm's rule, which holds whatever depends on what:

- chi-square of the ranks in 20 bins;
- mean of their normal scores, which is off when the posterior is shifted;
- their variance, which is above its value when the posterior is too narrow (the chi-square alone takes ten
  times as many worlds to see 10 %);
- how often the 90 % interval holds the truth, against the binomial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special, stats

from journeysim.model.quantity import Floats

#: Posterior draws that a truth is ranked among: 200 ranks, so that 50, 80 and 90 % intervals end between two of them.
RANKED: Final = 199
LEVELS: Final = (0.5, 0.8, 0.9)
#: How often a model that is right is called wrong, over all its quantities and tests.
FALSE_ALARM: Final = 0.001
_BINS: Final = 20
_STUCK: Final = 1e-9
_SCORES: Final = special.ndtri((np.arange(RANKED + 1) + 0.5) / (RANKED + 1))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Worlds:
    """One number in many worlds: its truth, shape (world,), and its posterior draws, shape (RANKED, world)."""

    truth: Floats
    draws: Floats

    def __post_init__(self) -> None:
        assert self.draws.shape == (RANKED, *self.truth.shape)

    @classmethod
    def joined(cls, blocks: Sequence[Worlds]) -> Worlds:
        """Return the worlds of several maps as one."""
        return cls(np.concatenate([b.truth for b in blocks]), np.concatenate([b.draws for b in blocks], axis=1))


@final
@dataclass(frozen=True, slots=True)
class Check:
    """What the worlds say about one quantity.

    `mean` and `spread` are those of the normal scores, the spread relative to what it should be: below 0 the truth lies
    lower than the posterior says, above 1 the posterior is too narrow. `bias` is posterior mean minus truth, in posterior
    sds. `p_values` are those of ranks, mean, spread and 90 % coverage. In `stuck` worlds all draws are one and the same,
    as importance weights that rest on one draw leave them; they count in all figures but the bias.
    """

    name: str
    worlds: int
    mean: float
    spread: float
    coverage: tuple[float, float, float]
    bias: float
    p_values: tuple[float, float, float, float]
    stuck: int


def ranks(worlds: Worlds, seed: int) -> Floats:
    """Return how many draws lie below the truth, 0 to RANKED; ties are broken at random."""
    below, tied = np.sum(worlds.draws < worlds.truth, axis=0), np.sum(worlds.draws == worlds.truth, axis=0)
    u = np.random.default_rng(seed).uniform(size=len(worlds.truth))
    return np.asarray(below + np.floor(u * (tied + 1)))


def check(name: str, worlds: Worlds, seed: int) -> Check:
    """Return all figures and tests of one quantity."""
    rank = ranks(worlds, seed)
    count, score = len(rank), _SCORES[rank.astype(np.intp)]
    usual = float(np.mean(_SCORES**2))
    within = [np.abs(2 * rank - RANKED) < level * (RANKED + 1) for level in LEVELS]
    total = float(np.sum((score - score.mean()) ** 2)) / usual
    p_values = (
        float(stats.chisquare(np.bincount((rank * _BINS / (RANKED + 1)).astype(int), minlength=_BINS)).pvalue),
        float(2 * stats.norm.sf(abs(score.mean()) * np.sqrt(count / usual))),
        min(1.0, float(2 * min(stats.chi2.sf(total, count - 1), stats.chi2.cdf(total, count - 1)))),
        float(stats.binomtest(int(within[-1].sum()), count, LEVELS[-1]).pvalue),
    )
    half, most, nearly_all = (float(np.mean(inside)) for inside in within)
    sd = np.std(worlds.draws, axis=0, ddof=1)
    moving = sd > _STUCK * np.std(worlds.truth)
    off = (worlds.draws.mean(axis=0) - worlds.truth)[moving] / sd[moving]
    bias = float(np.mean(off)) if off.size else 0.0
    spread = float(np.sqrt(total / (count - 1)))
    coverage = half, most, nearly_all
    return Check(name, count, float(score.mean()), spread, coverage, bias, p_values, int(np.sum(~moving)))


def checked(quantities: Mapping[str, Worlds], seed: int = 0) -> tuple[Check, ...]:
    """Return a check of every quantity of a model."""
    return tuple(check(name, worlds, seed + i) for i, (name, worlds) in enumerate(quantities.items()))


def wrong(checks: Sequence[Check], false_alarm: float = FALSE_ALARM) -> tuple[str, ...]:
    """Return the quantities that fail a test, each with it: Holm's step-down over all quantities and tests."""
    tests = ("ranks", "mean", "spread", "coverage")
    found = sorted((p, c.name, t) for c in checks for p, t in zip(c.p_values, tests, strict=True))
    failed = []
    for left, (p, name, test) in zip(range(len(found), 0, -1), found, strict=True):
        if p * left > false_alarm:
            break
        failed.append(f"{name}: {test} (p = {p:.1e})")
    return tuple(failed)


@final
@dataclass(frozen=True, slots=True)
class Power:
    """The smallest faults of one quantity that are caught nine times in ten: how much too narrow, and off by how many sds."""

    narrow: float
    shift: float


def power(worlds: int, quantities: int, false_alarm: float = FALSE_ALARM) -> Power:
    """Return what is caught beside quantities that are right, by the tests of the scores' spread and mean alone.

    Holm's first step asks each of four tests a quantity for its part of the false alarms, half on either side. Scores of a
    posterior r times as wide as it should be vary 1 / r times as much, those of one that is off by b sds have mean b.
    """
    tail, caught = false_alarm / (8 * quantities), 0.9
    wide = stats.chi2.isf(tail, worlds - 1) / stats.chi2.ppf(1 - caught, worlds - 1)
    return Power(1 - float(wide) ** -0.5, float(stats.norm.isf(tail) + stats.norm.ppf(caught)) / worlds**0.5)
