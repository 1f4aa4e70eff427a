"""What each change of a proposal adds: alone, on top of all others, and on average over the orders of adding them.

Parts of a proposal are simulated with the sizes the changes have in the whole. Gains are present values before
investment at the highest realism of the grid. The Shapley value of a change is what it adds, averaged over orders: over
all of them for up to five changes, else over the written order, its rotations and their reversals; either way the
values add up to the whole gain in every draw (Shapley 1953). Gains are those among customers who enter once a change
has begun: those already on the way then are not followed part by part.

A customer who responds to a change with probability q lives with q in the world with it and with 1 - q in the world
without it, so the net benefit is linear in q, and the part of a change that breaks even has a closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from journeysim.compare.calendar import calendars
from journeysim.compare.comparison import spread_of
from journeysim.decide.decision import Contribution
from journeysim.decide.money.cases import benefit
from journeysim.decide.portfolio.choose import Simulated
from journeysim.model.arms import Arm, World, proposal_arm
from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Money, Proposal
from journeysim.simulate.outcomes import ArmOutcomes, Engine, Outcomes
from journeysim.simulate.settings import Settings

ALL_ORDERS: Final = 5
#: Draws that parts of proposals are simulated with, evenly spread over all of them.
PARTS_DRAWS: Final = 50

Ints = NDArray[np.int64]
Kept = frozenset[int]
Gains = Mapping[Kept, Floats]


def contributions(
    proposals: Sequence[Proposal], investments: Sequence[float], today: World, simulated: Simulated, money: Money,
    *, months: int, seed: int,
) -> Iterator[Contribution]:  # fmt: skip
    """Yield what each change of each proposal adds; nothing for a proposal with a single change or none.

    `investments` are the proposals' expected investments in present value.
    """
    several = [k for k, proposal in enumerate(proposals) if len(proposal.changes) > 1]
    arms = {
        (k, kept): proposal_arm(proposals[k], today, seed=seed, kept=kept)
        for k in several
        for kept in _parts(len(proposals[k].changes))
    }
    gains = _gains(list(arms.values()), today, simulated, money, months=months)
    found = dict(zip(arms, gains, strict=True))
    for k in several:
        own = {kept: gain for (number, kept), gain in found.items() if number == k}
        yield from _of_proposal(proposals[k], own, investments[k])


def _of_proposal(proposal: Proposal, gains: Gains, investment: float) -> Iterator[Contribution]:
    count = len(proposal.changes)
    orders, everything = orders_of(count), frozenset(range(count))
    whole, nothing = gains[everything], gains[frozenset()]
    for k, change in enumerate(proposal.changes):
        without = gains[everything - {k}]
        shared = np.mean([gains[_before(order, k) | {k}] - gains[_before(order, k)] for order in orders], axis=0)
        yield Contribution(
            proposal.name, change.title, spread_of(gains[frozenset([k])] - nothing), spread_of(whole - without),
            spread_of(shared), part_that_pays(float(without.mean()), float(whole.mean()), investment),
        )  # fmt: skip


def _parts(count: int) -> list[Kept]:
    """Return the sets of changes whose gain is needed: those that some order passes through, singles and all but one."""
    through = {frozenset(order[:k]) for order in orders_of(count) for k in range(count + 1)}
    single = {frozenset([k]) for k in range(count)} | {frozenset(range(count)) - {k} for k in range(count)}
    return sorted(through | single, key=lambda kept: (len(kept), sorted(kept)))


def orders_of(count: int) -> list[tuple[int, ...]]:
    """Return the orders that the Shapley value is averaged over."""
    if count <= ALL_ORDERS:
        return list(permutations(range(count)))
    written = tuple(range(count))
    turned = [written[k:] + written[:k] for k in range(count)]
    return [*turned, *(order[::-1] for order in turned)]


def _before(order: Sequence[int], change: int) -> Kept:
    return frozenset(order[: order.index(change)])


def part_that_pays(without: float, whole: float, investment: float) -> float | None:
    """Return the part of a change's effect at which the gain equals the investment, None where none in [0, 1] does."""
    if whole == without:
        return None
    part = (investment - without) / (whole - without)
    return part if 0 <= part <= 1 else None


def _gains(arms: Sequence[Arm], today: World, simulated: Simulated, money: Money, *, months: int) -> Iterator[Floats]:
    """Yield the present value of what each arm adds before investment, at the highest realism, in spread draws."""
    chosen = np.unique(np.linspace(0, today.draws.count - 1, PARTS_DRAWS).round().astype(np.int64))
    few: dict[int, Draws] = {}
    thin = [_thin(arm, chosen, few) for arm in (Arm("today", "today", (today,)), *arms)]
    tallies = iter(simulated([world for arm in thin for world in arm.worlds]))
    found = tuple(ArmOutcomes(arm, tuple(next(tallies) for _ in arm.worlds), ()) for arm in thin)
    base, *rest = calendars(Outcomes(found, Settings(1.0), 0, Engine("exact", "")), months=months)
    for own in rest:
        yield benefit(own, base, money).sum(axis=1)


def _thin(arm: Arm, chosen: Ints, few: dict[int, Draws]) -> Arm:
    """Return an arm over the chosen draws at its highest realism; draws that arms share stay shared."""
    exposures = tuple(replace(item, reach=item.reach[chosen]) for item in arm.exposures)
    worlds = tuple(
        replace(world, draws=few.setdefault(id(world.draws), world.draws.take(chosen))) for world in arm.worlds
    )
    return replace(arm, worlds=worlds, exposures=exposures, realism=(max(arm.realism),))
