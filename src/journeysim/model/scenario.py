"""The scenario: today, proposals, population, horizon and money. One question, one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

from journeysim.model.changes.base import Change
from journeysim.model.journey import ZERO, JourneyMap
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Quantity
from journeysim.model.units import DAYS_PER_YEAR

DEFAULT_REALISM: Final = (0.25, 0.5, 1.0)


@final
@dataclass(frozen=True, slots=True)
class Investment:
    """What a proposal costs besides its effect on customers: upfront, running per day, and by month (month, sum)."""

    upfront: Quantity = ZERO
    running_per_day: Quantity = ZERO
    by_month: tuple[tuple[int, Quantity], ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Proposal:
    """A named list of changes and an investment; becomes one arm."""

    name: str
    changes: tuple[Change, ...]
    realism: tuple[float, ...] = DEFAULT_REALISM
    invest: Investment = Investment()
    effort: float | None = None
    about: str = ""


@final
@dataclass(frozen=True, slots=True)
class Money:
    """Yearly discount rates of value and of cost, how far ahead money is counted (days), and what tests cost.

    A test costs `test_setup` once and `test_per_customer` for everybody in it; what waiting costs follows from its length.
    """

    discount_value: float = 0.0
    discount_cost: float = 0.0
    value_horizon: float = 2 * DAYS_PER_YEAR
    currency: str = "EUR"
    test_setup: float = 0.0
    test_per_customer: float = 0.0


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """What all chosen proposals together may take: present value of their investments, and effort. None: no limit."""

    budget: float | None = None
    effort: float | None = None


@final
@dataclass(frozen=True, slots=True)
class SuccessRule:
    """A condition of `succeed if`: a measure compared with a threshold, as written in `text`.

    measure is `p_net_benefit` (P(net benefit > 0) against the threshold), `difference` (of the metric from today;
    shares in share points / 100, time in days) or `no_harm` (for every persona, P(the metric is worse than today by no
    more than `allowed`) against the threshold; `good` is +1 where more of the metric is better). What is measured has to
    be at least the threshold, or, where `at_most`, at most: so a metric is asked to fall.
    """

    text: str
    measure: Literal["p_net_benefit", "difference", "no_harm"]
    threshold: float
    metric: str = ""
    at_most: bool = False
    allowed: float = 0.0
    good: int = 1

    def met(self, result: float) -> bool:
        """Whether a measured value meets it; NaN (not defined) never does."""
        return result <= self.threshold if self.at_most else result >= self.threshold


@final
@dataclass(frozen=True, slots=True)
class Scenario:
    """Today + proposals + horizon + money. `horizon` is in days from a customer's entry.

    `calibration` is a folder with a transition table or saved draws, `events` an event log written as `log` says; both
    are paths as resolved by the reader, and at most one is given.
    `backtest` is a folder that a backtest of that data left. `customers` fixes the number of simulated lives when given.
    `two_way` names the two numbers that the net benefit is shown over (empty: the two that decide most).
    `first_day` is the date of day 0 (YYYY-MM-DD), from which weekdays and days on which resources are closed follow.
    """

    name: str
    journey: JourneyMap
    proposals: tuple[Proposal, ...]
    horizon: float = DAYS_PER_YEAR
    question: str = ""
    money: Money = Money()
    succeed_if: tuple[SuccessRule, ...] = ()
    limits: Limits = Limits()
    seed: int = 0
    draws: int = 500
    customers: int | None = None
    calibration: str | None = None
    events: str | None = None
    backtest: str | None = None
    log: LogSettings = LogSettings()
    first_day: str | None = None
    two_way: tuple[str, ...] = ()
    path: str = ""
    journey_path: str = ""
