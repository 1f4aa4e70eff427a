"""Cash flow: what a proposal adds month by month, what it costs to have, and what that is worth today.

Benefit is positive everywhere. Differences from today are taken draw by draw; money that moves during a calendar
month counts at its middle, value with the value rate and cost with the cost rate (yearly, (1 + rate)^(-days/365.25)).
Investment uses the cost rate: upfront on day 0, running money at the middle of each month, money stated for a month
(month 1 starts on day 0) at that month's start; what lies beyond the money horizon is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.compare.comparison import Calendar, Spread, spread_of
from journeysim.decide.decision import MoneyCase
from journeysim.model.addresses import uniforms
from journeysim.model.draws import Assumption
from journeysim.model.quantity import Floats, Quantity
from journeysim.model.scenario import Money, Proposal
from journeysim.model.units import DAYS_PER_MONTH, discount_factor

BASIS: Final = "stated"
NO_INVESTMENT: Final = "there is no investment to return on"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Invested:
    """A proposal's investment in present value: upfront (D,), by month (D, K), and the uncertain numbers behind it."""

    upfront: Floats
    monthly: Floats
    assumptions: tuple[Assumption, ...]

    @property
    def total(self) -> Floats:
        """The whole investment, shape (D,)."""
        return np.asarray(self.upfront + self.monthly.sum(axis=1))


def horizon_months(money: Money) -> int:
    """Return how many calendar months the value horizon covers, to the nearest and at least one."""
    return max(1, round(money.value_horizon / DAYS_PER_MONTH))


def invested(proposal: Proposal, money: Money, *, draws: int, months: int, seed: int) -> Invested:
    """Return a proposal's investment over the money horizon, drawn at addresses (seed, proposal, "invest …", draw)."""
    drawn = [
        (part, month, quantity, quantity.ppf(uniforms(seed, draws, proposal.name, f"invest {part}")))
        for part, month, quantity in _parts(proposal)
    ]
    upfront, monthly = np.zeros(draws), np.zeros((draws, months))
    middles, starts = (_factors(money.discount_cost, months, within) for within in (0.5, 0.0))
    for part, month, _, sums in drawn:
        if part == "upfront":
            upfront += sums
        elif part == "running":
            monthly += sums[:, None] * DAYS_PER_MONTH * middles
        elif month < months:
            monthly[:, month] += sums * starts[month]
    named = (
        Assumption(f"{proposal.name}: invest {part}", BASIS, sums)
        for part, _, quantity, sums in drawn
        if not quantity.certain
    )
    return Invested(upfront, monthly, tuple(named))


def _parts(proposal: Proposal) -> Iterator[tuple[str, int, Quantity]]:
    """Yield part, month from 0, and size of everything that is invested."""
    yield "upfront", 0, proposal.invest.upfront
    yield "running", 0, proposal.invest.running_per_day
    yield from ((f"month {month}", max(0, month - 1), size) for month, size in proposal.invest.by_month)


def _factors(rate: float, months: int, within: float) -> Floats:
    """Return the present value of 1 in each month, `within` of the way into it, shape (K,)."""
    return np.array([discount_factor(rate, (month + within) * DAYS_PER_MONTH) for month in range(months)], np.float64)


def benefit(proposal: Calendar, today: Calendar, money: Money) -> Floats:
    """Return the present value of what the proposal adds in each month before investment, shape (D, K)."""
    months = today.value.shape[1]
    value = (proposal.value - today.value) * _factors(money.discount_value, months, 0.5)
    cost = (proposal.cost - today.cost) * _factors(money.discount_cost, months, 0.5)
    return np.asarray(value - cost)


def money_case(proposal: Calendar, today: Calendar, spent: Invested, money: Money) -> MoneyCase:
    """Return one proposal's worth at the realism of its calendar."""
    gains = benefit(proposal, today, money)
    flow = np.hstack([-spent.upfront[:, None], gains - spent.monthly])
    running = np.cumsum(flow, axis=1)
    net, payback = running[:, -1], payback_months(running)
    return MoneyCase(
        proposal=proposal.arm,
        realism=proposal.realism,
        npv=spread_of(net),
        roi=return_on(net, spent.total),
        payback_months=spread_or_never(payback, f"not paid back within {gains.shape[1]} months"),
        p_net_benefit=float(np.mean(net > 0)),
        p_pays_back=float(np.mean(np.isfinite(payback))),
        expected_loss=float(np.maximum(-net, 0.0).mean()),
        net=net,
        cumulative=running,
    )


def payback_months(cumulative: Floats) -> Floats:
    """Return the first month from which the running sum (D, K + 1) stays at or above 0; NaN where it never does."""
    stays = np.minimum.accumulate(cumulative[:, ::-1], axis=1)[:, ::-1] >= 0
    return np.where(stays.any(axis=1), np.argmax(stays, axis=1).astype(np.float64), np.nan)


def return_on(net: Floats, investment: Floats) -> Spread:
    """Return the spread of net benefit per unit invested, (net + investment) / investment - 1."""
    if not (investment > 0).all():
        return Spread(None, None, None, None, None, None, NO_INVESTMENT)
    return spread_of(net / investment)


def spread_or_never(values: Floats, why: str) -> Spread:
    """Return the spread of values of which NaN means "never", which counts as later than any other.

    A quantile that falls on "never" is None, and so is the mean as soon as one draw never comes; `why` says how many.
    """
    never = int(np.isnan(values).sum())
    if never == 0:
        return spread_of(values)
    ordered = np.where(np.isnan(values), np.inf, values)
    found = np.quantile(ordered, [0.05, 0.25, 0.5, 0.75, 0.95], method="inverted_cdf")
    low, first, middle, third, high = (float(q) if np.isfinite(q) else None for q in found)
    return Spread(None, low, first, middle, third, high, f"{why} in {never:,} of {len(values):,} draws")


def break_even(gain: float, investment: float) -> float | None:
    """Return the realism at which the expected net benefit is 0, given the expected gain at full realism.

    The effect is linear in realism, so net(r) = gain r - investment. None when that has no root in [0, 1], or when
    there is nothing to earn back and nothing gained.
    """
    if gain == 0 or (investment == 0 and gain < 0):
        return None
    root = investment / gain
    return root if 0 <= root <= 1 else None


def break_even_draws(gain: Floats, investment: Floats) -> Spread:
    """Return the spread over draws of the realism that breaks even; "never" where the full effect is too little."""
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.where(gain > 0, np.maximum(investment / gain, 0.0), np.nan)
    return spread_or_never(np.where(root <= 1, root, np.nan), "does not break even at full effect")


def at_full_realism(case: MoneyCase, investment: Floats) -> Floats:
    """Return the gain before investment (D,) that a case would have at realism 1, by linearity; 0 at realism 0."""
    gain = case.net + investment
    return np.asarray(gain / case.realism if case.realism > 0 else np.zeros_like(gain))
