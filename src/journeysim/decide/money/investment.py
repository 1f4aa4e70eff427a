"""What it costs to have a proposal, with its own uncertainty, and what that is worth on day 0.

Investment uses the cost rate: upfront on day 0, running money at the middle of each month, money stated for a month
(month 1 starts on day 0) at that month's start; what lies beyond the money horizon is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.addresses import uniforms
from journeysim.model.draws import Assumption
from journeysim.model.quantity import Floats, Quantity
from journeysim.model.scenario import Money, Proposal
from journeysim.model.units import DAYS_PER_MONTH, discount_factor

BASIS: Final = "stated"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Invested:
    """A proposal's investment as it is paid: upfront (D,), running and by month (D, K), and the uncertain numbers.

    `factors` are the present values of 1 at the middle and at the start of each month, (K,) each.
    """

    upfront: Floats
    running: Floats
    single: Floats
    factors: tuple[Floats, Floats]
    assumptions: tuple[Assumption, ...] = ()

    @property
    def monthly(self) -> Floats:
        """Present value of what is paid in each month, (D, K)."""
        return np.asarray(self.running * self.factors[0] + self.single * self.factors[1])

    @property
    def total(self) -> Floats:
        """Present value of the whole investment, (D,)."""
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
    upfront, running, single = np.zeros(draws), np.zeros((draws, months)), np.zeros((draws, months))
    for part, month, _, sums in drawn:
        if part == "upfront":
            upfront += sums
        elif part == "running":
            running += sums[:, None] * DAYS_PER_MONTH
        elif month < months:
            single[:, month] += sums
    named = (
        Assumption(f"{proposal.name}: invest {part}", BASIS, sums)
        for part, _, quantity, sums in drawn
        if not quantity.certain
    )
    factors = (factors_of(money.discount_cost, months, 0.5), factors_of(money.discount_cost, months, 0.0))
    return Invested(upfront, running, single, factors, tuple(named))


def _parts(proposal: Proposal) -> Iterator[tuple[str, int, Quantity]]:
    """Yield part, month from 0, and size of everything that is invested."""
    yield "upfront", 0, proposal.invest.upfront
    yield "running", 0, proposal.invest.running_per_day
    yield from ((f"month {month}", max(0, month - 1), size) for month, size in proposal.invest.by_month)


def factors_of(rate: float, months: int, within: float) -> Floats:
    """Return the present value of 1 in each month, `within` of the way into it, shape (K,)."""
    return np.array([discount_factor(rate, (month + within) * DAYS_PER_MONTH) for month in range(months)], np.float64)
