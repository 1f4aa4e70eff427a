"""The cost-effectiveness frontier: which options are worth looking at, and what each step along it costs.

An option is dominated when another one costs no more and achieves at least as much (and is better in one of the two); it is
extendedly dominated when a mixture of two others is better, that is when the step to it costs more per unit than the
step from it to the next (Drummond et al., Methods for the Economic Evaluation of Health Care Programmes, chapter 5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from journeysim.decide.decision import Option
from journeysim.model.quantity import Floats


def frontier(names: Sequence[str], costs: Sequence[float], effects: Sequence[float]) -> tuple[Option, ...]:
    """Return every option with its status, in order of cost; on the frontier with the step from the option before it."""
    order = sorted(range(len(names)), key=lambda k: (costs[k], -effects[k]))
    kept: list[int] = []
    for k in order:
        if not kept or effects[k] > effects[kept[-1]]:
            kept.append(k)
    undominated = set(kept)
    kept = _convex(kept, costs, effects)
    made = []
    for k in order:
        status = "on" if k in kept else "extendedly dominated" if k in undominated else "dominated"
        before = kept[kept.index(k) - 1] if k in kept[1:] else None
        cost = None if before is None else costs[k] - costs[before]
        effect = None if before is None else effects[k] - effects[before]
        step = None if cost is None or effect is None else cost / effect
        made.append(Option(names[k], costs[k], effects[k], status, cost, effect, step))
    return tuple(made)


def _convex(kept: list[int], costs: Sequence[float], effects: Sequence[float]) -> list[int]:
    """Return the options whose steps cost more and more per unit."""
    found: list[int] = []
    for k in kept:
        while len(found) > 1 and _step(found[-2], found[-1], costs, effects) >= _step(found[-1], k, costs, effects):
            found.pop()
        found.append(k)
    return found


def _step(one: int, other: int, costs: Sequence[float], effects: Sequence[float]) -> float:
    return (costs[other] - costs[one]) / (effects[other] - effects[one])


def acceptability(costs: Floats, effects: Floats, prices: Floats) -> Floats:
    """Return P(an option is the best choice) when one unit of effect is worth a price, (W, A); ties are shared.

    `costs` and `effects` have shape (D, A); the best has the highest price x effect - cost in a draw (van Hout et al.,
    Health Economics 3, 1994).
    """
    worth = prices[:, None, None] * effects - costs
    best = worth >= worth.max(axis=-1, keepdims=True)
    return np.asarray((best / best.sum(axis=-1, keepdims=True)).mean(axis=1))


def best_at(costs: Floats, effects: Floats, prices: Floats) -> tuple[int, ...]:
    """Return the option with the highest expected worth at each price: not always the one most often best.

    Its chance of being best along the prices is the acceptability frontier (Fenwick, Claxton and Sculpher, Health
    Economics 10, 2001).
    """
    worth = prices[:, None] * effects.mean(axis=0) - costs.mean(axis=0)
    return tuple(int(k) for k in np.argmax(worth, axis=1))
