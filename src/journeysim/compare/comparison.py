"""Comparison: levels and paired differences of every metric, and who lives differently. A frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.outcomes import Outcomes
from journeysim.simulate.tally import Tally

View = Literal["cohort", "calendar", "long run"]
_QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@final
@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and quantiles over draws; None where undefined (then `why` says it)."""

    mean: float | None
    q05: float | None
    q25: float | None
    q50: float | None
    q75: float | None
    q95: float | None
    why: str = ""


def spread_of(values: Floats) -> Spread:
    """Return mean and quantiles of the finite values (draw,); all None when fewer than half are finite."""
    finite = values[np.isfinite(values)]
    if len(finite) * 2 < len(values) or len(finite) == 0:
        why = f"undefined in {len(values) - len(finite):,} of {len(values):,} draws"
        return Spread(None, None, None, None, None, None, why)
    # The same as np.quantile, which takes ten times as long on arrays of this size.
    ranks = np.multiply(_QUANTILES, len(finite) - 1)
    low, first, middle, third, high = np.interp(ranks, np.arange(len(finite)), np.sort(finite)).tolist()
    return Spread(float(finite.mean()), low, first, middle, third, high)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One metric of one arm: its spread over draws, and what that spread is made of.

    `sd_not_knowing` is the standard deviation of the expected metric between draws; `sd_luck` that between single
    customers (None where the metric has no customer level; with the exact engine exact for shares of customers and money,
    else estimated from lives); `mc_error` the Monte Carlo standard error of the mean: 0 where no customer was walked for it.
    """

    metric: str
    unit: str
    arm: str
    persona: str
    view: View
    spread: Spread
    sd_not_knowing: float | None
    sd_luck: float | None
    mc_error: float
    values: Floats  # (D,)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """One metric's paired difference arm - versus at one realism.

    p_better = P(difference is an improvement), p_worse = P(it is the opposite); both None where the metric has no good
    direction.
    """

    metric: str
    unit: str
    arm: str
    versus: str
    persona: str
    view: View
    realism: float
    spread: Spread
    p_better: float | None
    mc_error: float
    values: Floats  # (D,)
    p_worse: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Flips:
    """Of all entering customers of a persona (at full effect): which share ends differently than today.

    saved: converts in the proposal, not today; lost: the other way round; changed: another outcome, conversion
    unchanged; unchanged: the same outcome. They add up to 1.
    """

    arm: str
    persona: str
    saved: float
    lost: float
    changed: float
    unchanged: float


@final
@dataclass(frozen=True, slots=True)
class Story:
    """The same customer today and in a proposal: places with the day of arrival."""

    arm: str
    persona: str
    kind: Literal["saved", "lost", "changed", "unchanged"]
    draw: int
    customer: int
    today: tuple[tuple[str, float], ...]
    proposal: tuple[tuple[str, float], ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """One arm by calendar month from the start of the money horizon: sums over all customers, shape (D, K).

    Customers keep arriving (`arrivals` per month, (D,)), and those already on the way are there on day 0; changes act on
    them too, from their own dates on.
    """

    arm: str
    realism: float
    value: Floats
    cost: Floats
    converted: Floats
    arrivals: Floats
    assumed_arrivals: bool


@final
@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """One arm's mean flow for the picture of the map (whole population, full effect)."""

    arm: str
    tally: Tally  # persona axis of length 1


@final
@dataclass(frozen=True, slots=True)
class Loss:
    """One touchpoint's drop-off, per entering customer; sums are money, undiscounted, within the horizon.

    `stake`: what those who leave here would have brought had they gone on like those who stay; `per_point`: what one
    percentage point less brings; `recoverable`: what a drop-off as low as at `example`, the best comparable touchpoint,
    brings ("": none loses less); `leverage`: conversions that one point less brings.
    """

    touchpoint: str
    visits: float
    lost: float
    rate: float | None
    stake: Spread
    per_point: Spread
    example: str
    recoverable: Spread
    leverage: Spread
    moment_of_truth: bool


@final
@dataclass(frozen=True, slots=True)
class Gap:
    """A move over which customers change channel or owner: how many make it, and how many leave right after it."""

    source: str
    target: str
    changes: str
    moves: float
    rate: float
    lost: Spread


@final
@dataclass(frozen=True, slots=True)
class Leverage:
    """A link's elasticity: by how many per cent conversion moves when the link's odds rise by one per cent."""

    link: str
    conversion: Spread


@final
@dataclass(frozen=True, slots=True)
class Friction:
    """Where today's customers are lost, what happens at hand-overs, and which links decide."""

    losses: tuple[Loss, ...] = ()
    gaps: tuple[Gap, ...] = ()
    leverages: tuple[Leverage, ...] = ()


@final
@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Today against every proposal: what `compare` returns.

    `unanswered` holds the calendars of proposals that nobody answers to, where their staff bring something all the same.
    """

    outcomes: Outcomes
    levels: tuple[Level, ...]
    contrasts: tuple[Contrast, ...]
    flips: tuple[Flips, ...]
    stories: tuple[Story, ...]
    calendars: tuple[Calendar, ...]
    flows: tuple[Flow, ...]
    warnings: tuple[str, ...] = ()
    friction: Friction = Friction()
    unanswered: tuple[Calendar, ...] = ()
