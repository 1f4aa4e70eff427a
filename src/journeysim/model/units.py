"""Units: time is held in days, money in the scenario's one currency, shares in [0, 1]."""

from __future__ import annotations

from typing import Final

DAYS_PER_YEAR: Final = 365.25
DAYS_PER_MONTH: Final = DAYS_PER_YEAR / 12
DAYS_PER: Final = {
    "second": 1 / 86_400,
    "minute": 1 / 1_440,
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": DAYS_PER_MONTH,
    "year": DAYS_PER_YEAR,
}


def discount_factor(yearly_rate: float, days: float) -> float:
    """Return the present value of one unit of money that moves `days` from now: (1 + rate) ** -(days / 365.25)."""
    return float((1.0 + yearly_rate) ** (-days / DAYS_PER_YEAR))
