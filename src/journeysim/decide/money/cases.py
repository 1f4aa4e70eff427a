"""One proposal's money case: what it adds month by month, less what it costs to have, draw by draw.

Benefit is positive everywhere. Differences from today are taken draw by draw; money that moves during a calendar
month counts at its middle, value with the value rate and cost with the cost rate (yearly, (1 + rate)^(-days/365.25)).
Present values discount both; the internal rate is taken of the same money undiscounted.
"""

from __future__ import annotations

import numpy as np

from journeysim.compare.comparison import Calendar, Spread, spread_of
from journeysim.decide.decision import MeanMonths, MoneyCase
from journeysim.decide.money.investment import Invested, factors_of
from journeysim.decide.money.returns import (
    internal_rate,
    loss_risk,
    payback_months,
    rates_spread,
    return_on,
    spread_or_never,
)
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Money


def benefit(proposal: Calendar, today: Calendar, money: Money) -> Floats:
    """Return the present value of what the proposal adds in each month before investment, shape (D, K)."""
    months = today.value.shape[1]
    value = (proposal.value - today.value) * factors_of(money.discount_value, months, 0.5)
    cost = (proposal.cost - today.cost) * factors_of(money.discount_cost, months, 0.5)
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
        internal_rate=_internal_rate(proposal, today, spent),
        payback_months=spread_or_never(payback, f"not paid back within {gains.shape[1]} months"),
        p_net_benefit=float(np.mean(net > 0)),
        p_pays_back=float(np.mean(np.isfinite(payback))),
        expected_loss=float(np.maximum(-net, 0.0).mean()),
        loss_risk=loss_risk(net, float(spent.total.mean())),
        paid_back_by=tuple(float(np.mean(payback <= month)) for month in range(gains.shape[1] + 1)),
        months=_mean_months(proposal, today, spent),
        invested=float(spent.total.mean()),
        net=net,
        cumulative=running,
    )


def _internal_rate(proposal: Calendar, today: Calendar, spent: Invested) -> Spread:
    gains = (proposal.value - today.value) - (proposal.cost - today.cost)
    return rates_spread(internal_rate(-spent.upfront, -spent.single, gains - spent.running))


def _mean_months(proposal: Calendar, today: Calendar, spent: Invested) -> MeanMonths:
    return MeanMonths(
        value=(proposal.value - today.value).mean(axis=0),
        cost=(proposal.cost - today.cost).mean(axis=0),
        upfront=float(spent.upfront.mean()),
        running=spent.running.mean(axis=0),
        single=spent.single.mean(axis=0),
    )


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
