"""What a backtest returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

from journeysim.calibrate.gates import Gate

Step = Literal["day", "week", "month"]
Given = Literal["known", "forecast"]
#: Intervals that are scored, and the quantiles that are kept.
LEVELS: Final = (0.5, 0.8, 0.9)
QUANTILES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
ALL: Final = "all"


@final
@dataclass(frozen=True, slots=True)
class Rival:
    """A forecast's centre, its absolute error and its CRPS, and what part of the actual value its intervals held (LEVELS)."""

    centre: float
    error: float
    crps: float
    held: tuple[float, ...]


@final
@dataclass(frozen=True, slots=True)
class Forecast:
    """One number foretold at `origin` for the period [start, end), `ahead` periods after it, and what came.

    `quantiles` belong to QUANTILES, `held` to LEVELS: the part of the actual value's rank that lies inside (0 or 1 but
    for ties); that of the naive forecasts stands with them. `model` and the two naive forecasts are scored alike; None
    where there is no earlier period to go by.
    """

    origin: str
    start: str
    end: str
    ahead: int
    metric: str
    unit: str
    persona: str
    actual: float
    quantiles: tuple[float, ...]
    held: tuple[float, ...]
    model: Rival
    last: Rival | None
    average: Rival | None


@final
@dataclass(frozen=True, slots=True)
class Score:
    """Means over the forecasts of a metric and persona; `ahead` None: over all periods ahead.

    `coverage` belongs to LEVELS; its binomial error is sqrt(level (1 - level) / forecasts). The means of the naive
    forecasts, and the model's own beside them (`crps_beside`), are over forecasts that have both rivals: NaN without any.
    """

    metric: str
    unit: str
    persona: str
    ahead: int | None
    forecasts: int
    coverage: tuple[float, ...]
    error: float
    crps: float
    compared: int
    error_beside: float
    crps_beside: float
    error_last: float
    crps_last: float
    error_average: float
    crps_average: float


@final
@dataclass(frozen=True, slots=True)
class Backtest:
    """Forecasts from every origin, their scores, and gates on the coverage of the first period after each origin."""

    journey: str
    step: Step
    given: Given
    origins: tuple[str, ...]
    until: str
    seed: int
    draws: int
    forecasts: tuple[Forecast, ...]
    scores: tuple[Score, ...]
    gates: tuple[Gate, ...]
    notes: tuple[str, ...]

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)
