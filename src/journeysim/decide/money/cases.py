"""One proposal's money case: what it adds month by month, less what it costs to have, draw by draw.

Benefit is positive everywhere. Differences from today are taken draw by draw; money that moves during a calendar
month counts at its middle, value with the value rate and cost with the cost rate (yearly, (1 + rate)^(-days/365.25)).
Present values discount both; the internal rate is taken of the same money undiscounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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


#: Gains before investment at realisms from 0 to 1, ascending, of one shape; straight lines lie between them.
Gains = tuple[tuple[float, Floats], ...]


def break_even(gains: Gains, investment: float) -> float | None:
    """Return the least realism at which the expected net benefit turns, 0 where it is above 0 at any; None where at none.

    None, too, when there is nothing to earn back and nothing gained.
    """
    nets = [(realism, float(gain.mean()) - investment) for realism, gain in gains]
    (_, first), *_ = nets
    for (low, before), (high, after) in pairwise(nets):
        if (before < 0.0 <= after) or (before > 0.0 > after):
            return low - before * (high - low) / (after - before)
    pays = all(net >= 0.0 for _, net in nets) and any(net > 0.0 for _, net in nets)
    return 0.0 if first >= 0.0 and pays else None


def break_even_draws(gains: Gains, investment: Floats) -> Spread:
    """Return the spread over draws of the realism that breaks even; "never" where no effect in [0, 1] is enough."""
    never = np.logical_and.reduce([gain <= 0 for _, gain in gains])
    even = np.where(never, np.nan, even_at(gains, investment))
    return spread_or_never(even, "does not break even at full effect")


def even_at(gains: Gains, investment: Floats) -> Floats:
    """Return the least realism at which each gain reaches the investment (K,), NaN where none does."""
    (first, before), *rest = gains
    found = np.where(before >= investment, first, np.nan)
    for second, after in rest:
        with np.errstate(divide="ignore", invalid="ignore"):
            root = first + (second - first) * (investment - before) / (after - before)
        found = np.where(np.isnan(found) & (after >= investment), root, found)
        first, before = second, after
    return found


def proportional(case: MoneyCase, investment: Floats) -> Gains:
    """Return the gains of an effect that grows with realism in proportion, given one case of it: nothing at 0."""
    gain = case.net + investment
    return (0.0, np.zeros_like(gain)), (1.0, gain / case.realism if case.realism > 0 else np.zeros_like(gain))


def between(cases: Sequence[MoneyCase], nothing: MoneyCase | None, investment: Floats) -> Gains:
    """Return the gains of an effect that was run at several realisms, at 0 as in `nothing` (None: no gain).

    Beyond the highest one it goes on as between the last two.
    """
    gains = [(0.0, np.zeros_like(investment) if nothing is None else nothing.net + investment)]
    gains += [(case.realism, case.net + investment) for case in cases if case.realism > 0]
    (first, before), (last, after) = gains[-2:] if len(gains) > 1 else (gains[0], (1.0, gains[0][1]))
    if last < 1.0:
        gains.append((1.0, after + (after - before) * (1.0 - last) / (last - first)))
    return tuple(gains)
