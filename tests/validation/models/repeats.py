"""Customers who repeat at rates of their own and leave in silence at shares of their own.

Read from the density and its weighted draws, since `calibrate` decides itself whether customers differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.differing.polya_target import DIFFER_MEDIAN, DIFFER_SPREAD
from journeysim.calibrate.differing.repeat_target import RepeatTarget
from journeysim.calibrate.differing.repeats import log_likelihood
from journeysim.calibrate.numerics.student import WeightedDraws, resample, sample_weighted
from journeysim.model.observed.repeats import Repeats
from journeysim.model.quantity import Floats
from validation.sbc import RANKED, Worlds

UNTIL: Final = 100.0
Found = dict[str, tuple[float, Floats]]


def rates_of_customers(count: int, seed: int) -> Mapping[str, Worlds]:
    """Return worlds of 300 customers who entered within the last 100 days."""
    rng = np.random.default_rng(seed)
    return _stacked([_rates_world(rng, 1000 * seed + i) for i in range(count)])


def _stacked(found: list[Found]) -> Mapping[str, Worlds]:
    return {name: Worlds(np.array([world[name][0] for world in found]),
                         np.stack([world[name][1] for world in found], axis=1)) for name in found[0]}  # fmt: skip


def _ranked(draws: WeightedDraws, rng: np.random.Generator) -> Floats:
    chosen: NDArray[np.intp] = resample(draws.logs, RANKED, rng.uniform())
    return draws.at[chosen]


def _rates_world(rng: np.random.Generator, seed: int) -> Found:
    n, dwell, leaving = 300, np.array([[np.log(10.0), 1.0]]), np.array([[2.4, 5.6]])
    truth = np.array(
        [rng.normal(0.0, 2.0), rng.normal(np.log(DIFFER_MEDIAN), DIFFER_SPREAD), rng.normal(*dwell[0]), 0.0]
    )
    share = rng.beta(*leaving[0])
    truth[3] = np.log(share / (1 - share))
    r, kappa = np.exp(truth[:2])
    rate = np.maximum(rng.gamma(r, size=n) / (r * np.exp(truth[2])), 1e-12)
    own = rng.beta(np.maximum(kappa * share, 1e-9), np.maximum(kappa * (1 - share), 1e-9), size=n)
    target = RepeatTarget(_lived(rate, own, rng.uniform(0, UNTIL, n), rng), dwell, leaving)
    draws = sample_weighted(target.log_density, target.best_alike(), draws=4000, seed=seed, names=("world",))
    at = _ranked(draws, rng)
    names = ("log r", "log kappa", "log dwell", "logit of leaving")
    fits = [log_likelihood(target.repeats, target.rates(x)) @ target.repeats.customers for x in (truth[None], at)]
    found: Found = {name: (float(truth[k]), at[:, k]) for k, name in enumerate(names)}
    return found | {"likelihood of the repeats": (float(fits[0][0]), fits[1])}


def _lived(rate: Floats, leaving: Floats, age: Floats, rng: np.random.Generator) -> Repeats:
    repeats, last = np.zeros(len(rate), dtype=np.int64), np.zeros(len(rate))
    who, time = np.arange(len(rate)), rng.exponential(size=len(rate)) / rate
    while len(who):
        seen = (time < age[who]) & (repeats[who] < 1000)
        who, time = who[seen], time[seen]
        repeats[who] += 1
        last[who] = time
        stays = rng.random(len(who)) >= leaving[who]
        who, time = who[stays], time[stays]
        time = time + rng.exponential(size=len(who)) / rate[who]
    age = np.where(repeats >= 1000, last, age)
    none = np.zeros(len(rate), dtype=np.int64)
    return Repeats(none, none, repeats, repeats, last, age, np.ones(len(rate)))
