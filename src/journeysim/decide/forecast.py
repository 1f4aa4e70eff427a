"""The forecast ledger: what a run foretold, month by month, held against what a later log shows.

What is foretold of an arm are the customers who enter and the customers who convert in each calendar month, those on the
way among them. A draw is an expected number; what comes is Poisson around it. Surprise is how unlikely an outcome at
least as far out was, in bits: -log2 of the two-sided tail chance, 0 for the middle, 1 for what one in two would exceed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.backtest.scores import fair_crps, held
from journeysim.compare.comparison import Comparison
from journeysim.model.addresses import name_key
from journeysim.model.event_log import EventLog
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.paths import conversions
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.model.visits import visits_of

ENTRANTS: Final = "entrants"
CONVERSIONS: Final = "conversions"
DAY: Final = np.timedelta64(86_400_000_000, "us")
#: Values drawn for a month at least, so that what one right forecast in a hundred would show can be told.
SAMPLE: Final = 20_000
_QUANTILES: Final = (0.05, 0.5, 0.95)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Foretold:
    """One arm's expected entrants or conversions by month from the start of the proposal, (D, K)."""

    arm: str
    metric: str
    expected: Floats


@final
@dataclass(frozen=True, slots=True)
class Came:
    """One month of one metric: the middle and the 90 % range foretold, what came, and how well that was foretold.

    `held` belongs to the levels 50, 80 and 90 %: the part of what came's rank that lies inside (0 or 1 but for ties).
    """

    metric: str
    month: int
    low: float
    middle: float
    high: float
    actual: float
    held: tuple[float, ...]
    crps: float
    surprise: float


@final
@dataclass(frozen=True, slots=True)
class ForecastScore:
    """A metric's scores over all months: coverage at 50, 80 and 90 %, mean CRPS, mean and largest surprise (bits)."""

    metric: str
    months: int
    coverage: tuple[float, ...]
    crps: float
    surprise: float
    most: float


def foretold_by(comparison: Comparison) -> tuple[Foretold, ...]:
    """Return what a comparison foretells of today and of each proposal at the highest realism of its grid.

    Where arrivals were only assumed nothing is foretold: a later log would score the assumption.
    """
    found = []
    fullest = {item.arm: item for item in sorted(comparison.calendars, key=lambda item: item.realism)}
    for arm in dict.fromkeys(item.arm for item in comparison.calendars):
        item = fullest[arm]
        if not item.assumed_arrivals:
            months = item.converted.shape[1]
            found.append(Foretold(item.arm, ENTRANTS, np.repeat(item.arrivals[:, None], months, axis=1)))
            found.append(Foretold(item.arm, CONVERSIONS, item.converted))
    return tuple(found)


def seen_since(log: EventLog, journey: JourneyMap, start: np.datetime64) -> Mapping[str, Floats]:
    """Return entrants and first conversions in each whole month from `start` to the log's end, (K,) each."""
    visits = visits_of(log, journey)
    day = visits.day + float((log.cut_off - start.astype("datetime64[us]")) / DAY)
    months = int(float((log.cut_off - start.astype("datetime64[us]")) / DAY) / DAYS_PER_MONTH + 1e-9)
    edges = DAYS_PER_MONTH * np.arange(months + 1)
    converting = conversions(journey)[visits.place]
    _, first = np.unique(visits.customer[converting], return_index=True)
    rows = {ENTRANTS: np.flatnonzero(visits.first), CONVERSIONS: np.flatnonzero(converting)[first]}
    return {
        name: np.histogram(day[at], edges, weights=visits.weight[at])[0].astype(np.float64)
        if months > 0
        else np.zeros(0)
        for name, at in rows.items()
    }


def scored(foretold: Sequence[Foretold], seen: Mapping[str, Floats], *, seed: int) -> Iterator[Came]:
    """Yield every month that was both foretold and seen whole, of one arm."""
    for item in foretold:
        actual = seen[item.metric]
        for month in range(min(item.expected.shape[1], len(actual))):
            rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("score", item.metric, str(month))]))
            rate = np.maximum(np.tile(item.expected[:, month], -(-SAMPLE // len(item.expected))), 0.0)
            sample = rng.poisson(rate).astype(np.float64)
            low, middle, high = (float(value) for value in np.quantile(sample, _QUANTILES))
            came = float(actual[month])
            yield Came(
                item.metric, month + 1, low, middle, high, came, tuple(float(part) for part in held(sample, came)),
                fair_crps(sample, came), surprise(sample, came),
            )  # fmt: skip


def surprise(sample: Floats, actual: float) -> float:
    """Return -log2 of the two-sided tail chance of what came among the draws; ranks as if it were one of them."""
    below, above = (
        (1 + np.sum(sample <= actual)) / (len(sample) + 1),
        (1 + np.sum(sample >= actual)) / (len(sample) + 1),
    )
    return float(-np.log2(min(1.0, 2 * min(below, above))))


def summed_up(came: Sequence[Came]) -> Iterator[ForecastScore]:
    """Yield the scores of each metric."""
    for metric in dict.fromkeys(item.metric for item in came):
        own = [item for item in came if item.metric == metric]
        coverage = tuple(float(part) for part in np.mean([item.held for item in own], axis=0))
        bits = [item.surprise for item in own]
        yield ForecastScore(
            metric, len(own), coverage, float(np.mean([item.crps for item in own])), float(np.mean(bits)), max(bits)
        )


def too_surprising(score: ForecastScore) -> bool:
    """Return whether the most surprising month was more so than in one right forecast in a hundred (Bonferroni)."""
    return score.most > most_surprise(score.months)


def most_surprise(months: int) -> float:
    """Return the bits of surprise that one right forecast in a hundred exceeds in some of its months."""
    return -float(np.log2(0.01 / months))
