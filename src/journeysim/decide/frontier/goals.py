"""Goals of a run: additional conversions over the money horizon, and points of NPS, against what they cost.

What counts as cost is the investment and what the journey costs more, in present value; what customers bring in is left
out, since the goal stands in its place. Every proposal is taken at the highest realism of its grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from journeysim.compare.comparison import Comparison
from journeysim.decide.decision import Frontier
from journeysim.decide.frontier.dominance import acceptability, best_at, frontier
from journeysim.decide.money.investment import Invested, factors_of
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Money

#: Goal -> metric and view of its contrast.
GOALS: Final = {"conversions": ("conversions", "calendar"), "nps": ("nps", "cohort")}
PRICES: Final = 25


def frontiers_of(comparison: Comparison, spent: Sequence[Invested], money: Money) -> Iterator[Frontier]:
    """Yield the frontier of every goal that is defined in all proposals and that some proposal changes."""
    names = [item.arm.name for item in comparison.outcomes.arms]
    costs = _costs(comparison, spent, money)
    for goal, (metric, view) in GOALS.items():
        effects = _effects(comparison, metric, view)
        if effects is None or not effects.any() or len(names) < 2:
            continue
        options = frontier(names, costs.mean(axis=0).tolist(), effects.mean(axis=0).tolist())
        prices = np.linspace(0.0, _highest(costs, effects), PRICES)
        chances = acceptability(costs, effects, prices)
        best = tuple(names[k] for k in best_at(costs, effects, prices))
        yield Frontier(goal, options, tuple(names), prices, chances, best)


def _costs(comparison: Comparison, spent: Sequence[Invested], money: Money) -> Floats:
    """Return what each arm costs more than today, in present value, (D, A)."""
    today = comparison.calendars[0]
    factors = factors_of(money.discount_cost, today.cost.shape[1], 0.5)
    found = [np.zeros(len(today.cost))]
    for arm, own in zip(comparison.outcomes.proposals, spent, strict=True):
        full = max((item for item in comparison.calendars[1:] if item.arm == arm.arm.name), key=lambda x: x.realism)
        found.append(own.total + ((full.cost - today.cost) * factors).sum(axis=1))
    return np.stack(found, axis=1)


def _effects(comparison: Comparison, metric: str, view: str) -> Floats | None:
    """Return what each arm adds to a goal, (D, A); None where that is not defined in some draw."""
    own = {
        item.arm: item
        for item in sorted(comparison.contrasts, key=lambda x: x.realism)
        if (item.metric, item.persona, item.view) == (metric, "all", view)
    }
    if any(arm.arm.name not in own for arm in comparison.outcomes.proposals):
        return None
    found = [own[arm.arm.name].values for arm in comparison.outcomes.proposals]
    effects = np.stack([np.zeros(len(comparison.calendars[0].cost)), *found], axis=1)
    return effects if np.isfinite(effects).all() else None


def _highest(costs: Floats, effects: Floats) -> float:
    """Return a price at which the choice is settled: twice the dearest expected price per unit."""
    cost, effect = costs.mean(axis=0), effects.mean(axis=0)
    ratios = [c / e for c, e in zip(cost.tolist(), effect.tolist(), strict=True) if c > 0 and e > 0]
    return 2 * max(ratios, default=1.0)
