"""The portfolio: every bundle's money case, the best one within the limits, and the order of roll-out.

Bundles are simulated jointly, so that proposals that win the same customers are not counted twice. All bundles share
their draws: which is best, and what choosing another would cost, is taken draw by draw, at the highest realism.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from journeysim.compare.comparison import spread_of
from journeysim.decide.decision import Bundle, Portfolio, Step
from journeysim.decide.portfolio.worth import Case, Crowding, Joint, Simulated, Worth, crowded, mixed, worths
from journeysim.decide.targets import chance_of_no_harm
from journeysim.model.bundles import Bundles, build_bundles
from journeysim.model.quantity import Floats
from journeysim.model.scenario import SuccessRule


def portfolio_of(case: Case, way: Simulated | Crowding, *, seed: int) -> Portfolio:
    """Return every bundle of two or more and of single proposals, judged together; highest expected net first."""
    bundles = build_bundles(case.proposals, case.arms, seed=seed)
    joint = crowded(case, bundles, way) if isinstance(way, Crowding) else mixed(case, bundles, way)
    found = list(_bundles(case, bundles, joint))
    judged = _judged(found)
    clashes = tuple((tuple(bundles.arms[k].name for k in chosen), why) for chosen, why in bundles.clashes)
    best = next((item for item in judged if item.choosable and item.net.mean() > 0), None)
    return Portfolio(
        tuple(judged), best.members if best else (), tuple(_order(best, found)), clashes,
        case.limits.budget, case.limits.effort,
    )  # fmt: skip


def _bundles(case: Case, bundles: Bundles, joint: Joint) -> Iterator[Bundle]:
    """Yield each bundle in the order of `bundles.members`, not yet held against the others."""
    parts = (bundles.members, worths(case, bundles, joint), _harmless(case, bundles, joint))
    for chosen, worth, harmless in zip(*parts, strict=True):
        yield _bundle(case, tuple(bundles.arms[k].name for k in chosen), worth, harmless=harmless)


def _harmless(case: Case, bundles: Bundles, joint: Joint) -> Iterator[bool | None]:
    """Yield for each bundle whether it meets the rules about personas, at the highest realism; None if not known."""
    by_rule = [list(joint.differences(rule.metric, False)) for rule in case.rules]  # noqa: FBT003 - by persona
    for k in range(len(bundles.members)):
        found = [_meets(rule, values[k]) for rule, values in zip(case.rules, by_rule, strict=True)]
        yield False if False in found else None if None in found else True


def _meets(rule: SuccessRule, differences: Floats | None) -> bool | None:
    if differences is None:
        return None
    return rule.met(min(chance_of_no_harm(rule, own) for own in differences.T))


def _bundle(case: Case, names: tuple[str, ...], worth: Worth, *, harmless: bool | None) -> Bundle:
    own = [
        (proposal, spent) for proposal, spent in zip(case.proposals, case.spent, strict=True) if proposal.name in names
    ]
    invested = float(sum(spent.total.mean() for _, spent in own))
    efforts = [proposal.effort for proposal, _ in own]
    effort = None if None in efforts else float(sum(value for value in efforts if value is not None))
    within = case.limits.budget is None or invested <= case.limits.budget
    fits = case.limits.effort is None or (effort is not None and effort <= case.limits.effort)
    return Bundle(
        names, spread_of(worth.net), float(np.mean(worth.net > 0)), invested, effort, affordable=within and fits,
        harmless=harmless, p_best=0.0, regret=0.0, net=worth.net, cases=worth.cases, cost=worth.cost,
        gained=tuple(worth.gained.items()),
    )  # fmt: skip


def _judged(found: Sequence[Bundle]) -> list[Bundle]:
    """Return the bundles with P(best of those that may be chosen, today among them) and what choosing each would cost."""
    allowed = [item.net for item in found if item.choosable]
    draws = len(found[0].net) if found else 0
    best = np.max(np.stack([np.zeros(draws), *allowed]), axis=0) if found else np.zeros(0)
    made = [
        replace(item, p_best=float(np.mean((item.net >= best) & (item.net > 0))) if item.choosable else 0.0,
                regret=float((best - item.net).mean()))
        for item in found
    ]  # fmt: skip
    return sorted(made, key=lambda item: (not item.choosable, -float(item.net.mean())))


def _order(best: Bundle | None, found: Sequence[Bundle]) -> Iterator[Step]:
    """Yield the best bundle's proposals, each time the one that adds most to what is already carried out."""
    if best is None:
        return
    nets = {frozenset(item.members): item.net for item in found}
    done: frozenset[str] = frozenset()
    now = np.zeros(len(best.net))
    while done != set(best.members):
        ways = {name: nets[done | {name}] - now for name in best.members if name not in done and done | {name} in nets}
        name = max(ways, key=lambda item: float(ways[item].mean()))
        others = [added for other, added in ways.items() if other != name]
        first = float(np.mean(ways[name] >= np.max(np.stack(others), axis=0))) if others else 1.0
        done, now = done | {name}, nets[done | {name}]
        yield Step(name, spread_of(ways[name]), float(now.mean()), first)
