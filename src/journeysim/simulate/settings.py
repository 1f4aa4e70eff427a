"""What a run is asked for: horizon, discounting, time marks. Nothing here changes what the map means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH

WithinCycle = Literal["none", "half", "start", "end"]


@final
@dataclass(frozen=True)
class Settings:
    """How far to look and how to count.

    `horizon` is in days since entry, events at the horizon itself count. Discount rates are yearly. `within_cycle`
    weights money booked at cycle k of a cohort model (all dwells fixed and equal): a named rule, or one weight per
    cycle 0 … K for published corrections; it does not touch probabilities. `tolerance` is the relative error that the
    exact engine may leave in sums up to the horizon; it is small because differences between arms are. `first_day` is
    the date of day 0 (YYYY-MM-DD) where staff keep hours; without one it is a Monday. `parts_of_month` is how finely sums
    by month since entry are cut.
    """

    horizon: float
    discount_value: float = 0.0
    discount_cost: float = 0.0
    within_cycle: WithinCycle | tuple[float, ...] = "none"
    tolerance: float = 1e-4
    first_day: str | None = None
    parts_of_month: int = 1

    @cached_property
    def month_ends(self) -> Floats:
        """Ends of the months since entry, or of their parts (days), the last one at or after the horizon; shape (M,)."""
        length = DAYS_PER_MONTH / self.parts_of_month
        months = max(1, int(np.ceil(self.horizon / length - 1e-9)))
        return length * np.arange(1, months + 1, dtype=np.float64)

    @cached_property
    def marks(self) -> Floats:
        """Time marks (days since entry) for curves: 0 … horizon, 121 of them; shape (T,)."""
        return np.linspace(0.0, self.horizon, 121)
