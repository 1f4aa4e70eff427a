"""What each change of a proposal adds: alone, on top of all others, and on average over the orders of adding them.

Parts of a proposal are simulated with the sizes the changes have in the whole. Gains are present values before
investment at the highest realism of the grid. The Shapley value of a change is what it adds, averaged over orders: over
all of them for up to five changes, else over the written order, its rotations and their reversals; either way the
values add up to the whole gain in every draw (Shapley 1953). Customers under way when a change begins are followed part
by part, on the days of entry on which the whole proposal's were.

Parts are simulated in few draws. Means over all draws come from the regression of a part on what is known in all of them,
the whole gain and the sizes of the changes (the regression estimator; Cochran, Sampling Techniques, 1977, section 7.3): since
it is linear and the gain is among the regressors, parts that add up to the whole in the few draws add up to the mean
over all draws, the one of page one.

A customer who responds to a change with probability q lives with q in the world with it and with 1 - q in the world
without it, so the net benefit is linear in q, and the part of a change that breaks even has a closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.compare.calendar import calendars
from journeysim.compare.comparison import spread_of
from journeysim.decide.decision import Contribution
from journeysim.decide.money.cases import benefit
from journeysim.decide.portfolio.worth import Simulated
from journeysim.model.arms import Arm, World, proposal_arm
from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Money, Proposal
from journeysim.simulate.chain import compile_world
from journeysim.simulate.outcomes import ArmOutcomes, Engine, Outcomes
from journeysim.simulate.settings import Settings
from journeysim.simulate.underway import Run, Underway, along

ALL_ORDERS: Final = 5
#: Draws that parts of proposals are simulated with, evenly spread over all of them.
PARTS_DRAWS: Final = 50
#: Sizes of changes that parts are regressed on, at most.
MOST_SIZES: Final = 8

Ints = NDArray[np.int64]
Kept = frozenset[int]
Gains = Mapping[Kept, Floats]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A proposal as the run has it: its gain before investment at the highest realism, and expected investment.

    `gain` (D,) is in present value, `sizes` (D, n) the uncertain numbers of its changes; `underway` are its customers
    under way, None where nobody is followed.
    """

    proposal: Proposal
    gain: Floats
    investment: float
    sizes: Floats
    underway: Underway | None = None


def contributions(
    wholes: Sequence[Whole], today: World, simulated: Simulated, money: Money,
    *, months: int, seed: int, follow: Run | None = None,
) -> Iterator[Contribution]:  # fmt: skip
    """Yield what each change of each proposal adds; nothing for a proposal with a single change or none.

    `follow` follows customers under way, as the run's own cohorts were.
    """
    rows = np.unique(np.linspace(0, today.draws.count - 1, PARTS_DRAWS).round().astype(np.int64))
    for whole in wholes:
        count = len(whole.proposal.changes)
        if count > 1:
            known = {frozenset(range(count)): whole.gain[rows], frozenset[int](): 0.0 * whole.gain[rows]}
            parts = [kept for kept in _parts(count) if kept not in known]
            arms = [proposal_arm(whole.proposal, today, seed=seed, kept=kept) for kept in parts]
            thin = _thin([Arm("today", "today", (today,)), *arms], rows)
            outcomes = _outcomes(thin, whole.underway, simulated, follow, rows)
            gains = _gains(outcomes, money, months=months)
            yield from _of_proposal(whole, known | dict(zip(parts, gains, strict=True)), rows)


def _of_proposal(whole: Whole, gains: Gains, rows: Ints) -> Iterator[Contribution]:
    proposal = whole.proposal
    count = len(proposal.changes)
    orders, everything = orders_of(count), frozenset(range(count))
    gain, total = gains[everything], float(whole.gain.mean())
    known = np.column_stack([whole.gain, whole.sizes[:, :MOST_SIZES]])
    for k, change in enumerate(proposal.changes):
        shared = np.mean([gains[_before(order, k) | {k}] - gains[_before(order, k)] for order in orders], axis=0)
        own = (gains[frozenset([k])], gain - gains[everything - {k}], shared)
        alone, last, shared = (part + regressed(part, known, rows) for part in own)
        yield Contribution(
            proposal.name, change.title, spread_of(alone), spread_of(last), spread_of(shared),
            part_that_pays(total - float(last.mean()), total, whole.investment),
        )  # fmt: skip


def regressed(part: Floats, known: Floats, rows: Ints) -> float:
    """Return by how much the mean of a part over all draws is above its mean over few, by regression.

    `part` (d,) is that of the draws `rows`, `known` (D, p) what it is regressed on.
    """
    away = known - known[rows].mean(axis=0)
    away = away[:, away[rows].std(axis=0) > 1e-12 * np.abs(known).max(axis=0)]
    if not away.size or not part.any():
        return 0.0
    slopes = np.linalg.lstsq(away[rows] / away.std(axis=0), part - part.mean(), rcond=1e-9)[0]
    return float((away / away.std(axis=0)).mean(axis=0) @ slopes)


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


def _outcomes(
    arms: Sequence[Arm], plan: Underway | None, simulated: Simulated, follow: Run | None, rows: Ints
) -> Outcomes:
    """Return what happens in arms over few draws, customers under way among them where the whole's were followed."""
    tallies = iter(simulated([world for arm in arms for world in arm.worlds]))
    found = [ArmOutcomes(arm, tuple(next(tallies) for _ in arm.worlds), ()) for arm in arms]
    if plan is not None and follow is not None:
        today = arms[0].worlds[0].draws
        for k, arm in enumerate(arms[1:], 1):
            chains = [compile_world(w.journey, w.draws, None if w.draws is today else today) for w in arm.worlds]
            found[k] = replace(found[k], underway=along(plan, chains, follow, rows))
    return Outcomes(tuple(found), Settings(1.0), 0, Engine("exact", ""))


def _gains(outcomes: Outcomes, money: Money, *, months: int) -> Iterator[Floats]:
    """Yield the present value of what each arm adds before investment, at the highest realism."""
    base, *rest = calendars(outcomes, months=months)
    for own in rest:
        yield benefit(own, base, money).sum(axis=1)


def _thin(arms: Sequence[Arm], chosen: Ints) -> list[Arm]:
    """Return arms over the chosen draws at their highest realism; draws that arms share stay shared."""
    few: dict[int, Draws] = {}
    found = []
    for arm in arms:
        exposures = tuple(replace(item, reach=item.reach[chosen]) for item in arm.exposures)
        worlds = tuple(replace(w, draws=few.setdefault(id(w.draws), w.draws.take(chosen))) for w in arm.worlds)
        found.append(replace(arm, worlds=worlds, exposures=exposures, realism=(max(arm.realism),)))
    return found
