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
from journeysim.model.observed.rows import visit_of_rows
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.model.visits import visits_of

ENTRANTS: Final = "entrants"
CONVERSIONS: Final = "conversions"
REVENUE: Final = "revenue"
DAY: Final = np.timedelta64(86_400_000_000, "us")
#: Values drawn for a month at least, so that what one right forecast in a hundred would show can be told.
SAMPLE: Final = 20_000
#: Sums of squared values, beside those of values.
SQUARES: Final = "squares of values"
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
    """One figure: the middle and the 90 % range foretold, what came, and how well that was foretold.

    `month` counts from the run's day 0; 0: of all who entered since, up to the log's end, by `persona` and `place`. `held`
    belongs to the levels 50, 80 and 90 %: the part of what came's rank that lies inside (0 or 1 but for ties).
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
    persona: str = "all"
    place: str = ""


@final
@dataclass(frozen=True, slots=True)
class ForecastScore:
    """A metric's scores over all its months, or personas and places, `months` in number.

    Coverage at 50, 80 and 90 %, mean CRPS, mean and largest surprise (bits).
    """

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
            if item.value.any():
                found.append(Foretold(item.arm, REVENUE, item.value))
    return tuple(found)


def seen_since(log: EventLog, journey: JourneyMap, start: np.datetime64) -> Mapping[str, Floats]:
    """Return entrants and first conversions in each whole month from `start` to the log's end, (K,) each.

    Where the log has values their sums too, and those of their squares, which tell how single payments spread.
    """
    visits = visits_of(log, journey)
    day = visits.day + float((log.cut_off - start.astype("datetime64[us]")) / DAY)
    months = int(float((log.cut_off - start.astype("datetime64[us]")) / DAY) / DAYS_PER_MONTH + 1e-9)
    edges = DAYS_PER_MONTH * np.arange(months + 1)
    converting = conversions(journey)[visits.place]
    _, first = np.unique(visits.customer[converting], return_index=True)
    rows = {ENTRANTS: np.flatnonzero(visits.first), CONVERSIONS: np.flatnonzero(converting)[first]}
    counted = {name: (day[at], visits.weight[at]) for name, at in rows.items()}
    if log.value is not None:
        visit = visit_of_rows(visits, log, journey)
        told = np.flatnonzero((visit >= 0) & np.isfinite(log.value))
        when = (log.time[told] - start.astype("datetime64[us]")) / DAY
        counted[REVENUE] = (when, visits.weight[visit[told]] * log.value[told])
        counted[SQUARES] = (when, visits.weight[visit[told]] * log.value[told] ** 2)
    return {
        name: np.histogram(days, edges, weights=sizes)[0].astype(np.float64) if months > 0 else np.zeros(0)
        for name, (days, sizes) in counted.items()
    }


def scored(foretold: Sequence[Foretold], seen: Mapping[str, Floats], *, seed: int) -> Iterator[Came]:
    """Yield every month that was both foretold and seen whole, of one arm."""
    for item in foretold:
        if item.metric not in seen:
            continue
        actual = seen[item.metric]
        for month in range(min(item.expected.shape[1], len(actual))):
            rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("score", item.metric, str(month))]))
            rate = np.maximum(np.tile(item.expected[:, month], -(-SAMPLE // len(item.expected))), 0.0)
            # What is paid comes as so many payments, each as large as the log's are: Poisson ones have this spread.
            size = 1.0 if item.metric != REVENUE else _payment(seen)
            sample = size * rng.poisson(rate / size).astype(np.float64)
            yield came_of(item.metric, sample, float(actual[month]), month=month + 1)


def _payment(seen: Mapping[str, Floats]) -> float:
    """Return the sum whose Poisson number spreads as single payments do, E[v^2] / E[v]; 1 where nothing was paid."""
    total = float(seen[REVENUE].sum())
    return float(seen[SQUARES].sum()) / total if total > 0 else 1.0


def came_of(
    metric: str, sample: Floats, actual: float, *, month: int = 0, persona: str = "all", place: str = ""
) -> Came:
    """Return how well a figure was foretold, given draws of it (k,) and what came."""
    low, middle, high = (float(value) for value in np.quantile(sample, _QUANTILES))
    parts = tuple(float(part) for part in held(sample, actual))
    return Came(
        metric, month, low, middle, high, actual, parts, fair_crps(sample, actual), surprise(sample, actual),
        persona, place,
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
