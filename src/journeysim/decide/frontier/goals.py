"""Goals of a run: additional conversions over the money horizon, and points of NPS, against what they cost.

What counts as cost is the investment and what the journey costs more, in present value; what customers bring in is left
out, since the goal stands in its place. Every proposal is taken at the highest realism of its grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.compare.comparison import Comparison
from journeysim.decide.decision import Frontier, Option, Portfolio
from journeysim.decide.frontier.dominance import acceptability, best_at, frontier
from journeysim.decide.money.investment import Invested
from journeysim.decide.portfolio.worth import dearer
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Money

#: Goal -> metric and view of its contrast.
GOALS: Final = {"conversions": ("conversions", "calendar"), "nps": ("nps", "cohort")}
PRICES: Final = 25
TODAY: Final = "today"
#: Options that are hardly ever best stand in one curve.
OTHERS: Final = "all others"
SELDOM: Final = 0.05
MOST_SHOWN: Final = 8


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """What may be done: names, today's first, and what each costs more than today and adds to a goal, (D, A) each."""

    names: tuple[str, ...]
    costs: Floats
    effects: Floats


def frontiers_of(
    comparison: Comparison, spent: Sequence[Invested], money: Money, portfolio: Portfolio
) -> Iterator[Frontier]:
    """Yield the frontier of every goal that is defined in all options and that some option changes.

    Options are today and every bundle that may be chosen, single proposals among them; without bundles the proposals.
    """
    left_out = sum(not item.choosable for item in portfolio.bundles)
    for goal, (metric, view) in GOALS.items():
        found = _of_bundles(portfolio, goal) if portfolio.bundles else _alone(comparison, spent, money, metric, view)
        if found is not None and found.effects.any():
            yield _frontier(goal, found, left_out)


def _frontier(goal: str, found: _Options, left_out: int) -> Frontier:
    costs, effects = found.costs, found.effects
    options = frontier(found.names, costs.mean(axis=0).tolist(), effects.mean(axis=0).tolist())
    prices = np.linspace(0.0, _highest(options), PRICES)
    chances = acceptability(costs, effects, prices)
    best = best_at(costs, effects, prices)
    shown = _shown(chances, best)
    rest = [k for k in range(len(found.names)) if k not in shown]
    names, columns = [found.names[k] for k in shown], [chances[:, shown]]
    if rest:
        names, columns = [*names, OTHERS], [*columns, chances[:, rest].sum(axis=1, keepdims=True)]
    return Frontier(
        goal, options, tuple(names), prices, np.hstack(columns), tuple(found.names[k] for k in best), left_out
    )


def _shown(chances: Floats, best: Sequence[int]) -> list[int]:
    """Return the options whose curve is shown: today, what is best in expectation, and those most often best."""
    most = chances.max(axis=0)
    often = [k for k in np.argsort(-most, kind="stable").tolist() if most[k] >= SELDOM]
    return sorted(dict.fromkeys([0, *best, *often[:MOST_SHOWN]]))


def _of_bundles(portfolio: Portfolio, goal: str) -> _Options | None:
    """Return the bundles that may be chosen, small ones first; None where one of them does not know the goal.

    In the draws in which all know it: points of NPS are walked in a few.
    """
    items = sorted((item for item in portfolio.bundles if item.choosable), key=lambda item: len(item.members))
    gained = [dict(item.gained) for item in items]
    if not items or any(item.cost is None for item in items) or any(goal not in own for own in gained):
        return None
    nothing = np.zeros(len(items[0].net))
    costs = np.stack([nothing, *(nothing if item.cost is None else item.cost for item in items)], axis=1)
    effects = np.stack([nothing, *(own[goal] for own in gained)], axis=1)
    names = (TODAY, *(" + ".join(item.members) for item in items))
    known = np.isfinite(effects).all(axis=1)
    return _Options(names, costs[known], effects[known]) if known.any() else None


def _alone(comparison: Comparison, spent: Sequence[Invested], money: Money, metric: str, view: str) -> _Options | None:
    """Return the single proposals; None where the goal is not defined in some draw of one of them."""
    effects = _effects(comparison, metric, view)
    if effects is None:
        return None
    names = tuple(item.arm.name for item in comparison.outcomes.arms)
    return _Options(names, _costs(comparison, spent, money), effects)


def _costs(comparison: Comparison, spent: Sequence[Invested], money: Money) -> Floats:
    """Return what each arm costs more than today, in present value, (D, A)."""
    today = comparison.calendars[0]
    found = [np.zeros(len(today.cost))]
    for arm, own in zip(comparison.outcomes.proposals, spent, strict=True):
        full = max((item for item in comparison.calendars[1:] if item.arm == arm.arm.name), key=lambda x: x.realism)
        found.append(own.total + dearer(full, today, money))
    return np.stack(found, axis=1)


def _effects(comparison: Comparison, metric: str, view: str) -> Floats | None:
    """Return what each arm adds to a goal, (D, A); None where that is not defined in some draw."""
    own = {
        item.arm: item
        for item in sorted(comparison.contrasts, key=lambda x: x.realism)
        if (item.metric, item.persona, item.view) == (metric, "all", view)
    }
    if not own or any(arm.arm.name not in own for arm in comparison.outcomes.proposals):
        return None
    found = [own[arm.arm.name].values for arm in comparison.outcomes.proposals]
    effects = np.stack([np.zeros(len(comparison.calendars[0].cost)), *found], axis=1)
    return effects if np.isfinite(effects).all() else None


def _highest(options: Sequence[Option]) -> float:
    """Return a price at which the choice is settled: twice the dearest step, or price per unit where there is no step."""
    steps = [item.step for item in options if item.step is not None]
    ratios = [item.cost / item.effect for item in options if item.cost > 0 and item.effect > 0]
    return 2 * max((value for value in (steps or ratios) if value > 0), default=1.0)
