"""What each bundle is worth at every realism of its proposals' grids, what it costs, and what it adds to other goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np

from journeysim.compare.bundles import bundle_calendars, bundle_differences, crowd_calendars, crowd_differences
from journeysim.compare.comparison import Calendar, spread_of
from journeysim.compare.together import together
from journeysim.decide.decision import BundleCase
from journeysim.decide.money.cases import benefit
from journeysim.decide.money.investment import Invested, factors_of
from journeysim.model.arms import Arm, World
from journeysim.model.bundles import Bundles, Pattern
from journeysim.model.draws import Draws
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Limits, Money, Proposal, SuccessRule
from journeysim.simulate.outcomes import Crowded
from journeysim.simulate.tally import Tally
from journeysim.simulate.underway import Run

#: Worlds in, their tallies out: how a decision asks for more than the run has simulated.
Simulated = Callable[[Sequence[World]], Sequence[Tally]]
#: Bundles in, what customers do under each out, every proposal at the highest realism of its grid.
Together = Callable[[Bundles], Iterable[Crowded]]
Tallies = Mapping[Pattern, Tally]

NPS: Final = "nps"
#: Draws in which bundles are walked for what customers answer at the end.
WALKED_DRAWS: Final = 50


@final
@dataclass(frozen=True, slots=True, eq=False)
class Further:
    """How more worlds over the run's draws are simulated, and how customers under way in them are followed.

    `follow` is None where everybody lives on in the world they enter. `walked` gives tallies that know what customers
    answer at the end, where `simulated` does not and the map has feelings.
    """

    simulated: Simulated
    follow: Run | None = None
    walked: Simulated | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Crowding:
    """How bundles are simulated where customers share staff, so that worlds cannot be mixed; what customers do today."""

    together: Together
    today: Tally


@final
@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """What bundles bring, in the order of `Bundles.members`.

    At each of `levels`, one realism per proposal, lowest first: today's calendar and each bundle's. Of a metric, each
    bundle's difference from today at the last level, by persona or of everybody (None where it is not known).
    """

    levels: Sequence[tuple[float, ...]]
    months: Sequence[Sequence[tuple[Calendar, Calendar]]]
    differences: Callable[[str, bool], Iterator[Floats | None]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What a portfolio is chosen from: proposals with their arms and costs, money, limits, months that money counts.

    `rules` are those of `succeed if` that no persona be worse off; `under_way` is what customers on the way at a
    proposal's start add to it (`compare.calendar.of_those_under_way`); `follow` follows those who meet several, over
    `length` days since entry (None: everybody lives on in the world they enter); calendar day 0 is `first_day`.
    """

    proposals: Sequence[Proposal]
    arms: Sequence[Arm]
    spent: Sequence[Invested]
    money: Money
    limits: Limits
    months: int
    rules: Sequence[SuccessRule] = ()
    under_way: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    follow: Run | None = None
    length: float = 0.0
    walked: Simulated | None = None
    first_day: str | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """A bundle at the highest realism of its proposals, per draw (D,): net, cost, goals; and its cases, lowest first."""

    net: Floats
    cost: Floats
    gained: Mapping[str, Floats]
    cases: tuple[BundleCase, ...]


def mixed(case: Case, bundles: Bundles, simulated: Simulated) -> Joint:
    """Return what bundles bring where each mixes the customers of its worlds."""
    tallies = dict(zip(bundles.worlds, simulated(list(bundles.worlds.values())), strict=True))
    met = (
        {} if case.follow is None
        else together(
            bundles, tallies, case.follow, months=case.months, length=case.length, first_day=case.first_day
        )
    )  # fmt: skip
    levels = realism_levels(bundles.arms)
    by_level = [
        list(bundle_calendars(
            bundles, tallies, months=case.months, realism=level, under_way=case.under_way, together=met
        ))
        for level in levels
    ]  # fmt: skip

    def differences(metric: str, everybody: bool) -> Iterator[Floats | None]:  # noqa: FBT001 - a callable's argument
        found = list(bundle_differences(bundles, tallies, metric, realism=levels[-1], everybody=everybody))
        if metric == NPS and case.walked is not None and any(item is None for item in found):
            return _in_few_draws(bundles, case.walked, levels[-1], everybody=everybody)
        return iter(found)

    return Joint(levels, by_level, differences)


def _in_few_draws(
    bundles: Bundles, walked: Simulated, realism: Sequence[float], *, everybody: bool
) -> Iterator[Floats | None]:
    """Yield each bundle's difference of NPS from today in few draws, by the same customers in all worlds; else NaN."""
    count = next(iter(bundles.worlds.values())).draws.count
    rows = np.unique(np.linspace(0, count - 1, WALKED_DRAWS).round().astype(np.int64))
    few: dict[int, Draws] = {}
    worlds = {
        pattern: replace(world, draws=few.setdefault(id(world.draws), world.draws.take(rows)))
        for pattern, world in bundles.worlds.items()
    }
    arms = tuple(
        replace(arm, exposures=tuple(replace(item, reach=item.reach[rows]) for item in arm.exposures))
        for arm in bundles.arms
    )
    thin = replace(bundles, arms=arms, worlds=worlds)
    tallies = dict(zip(worlds, walked(list(worlds.values())), strict=True))
    for found in bundle_differences(thin, tallies, NPS, realism=realism, everybody=everybody):
        if found is None:
            yield None
            continue
        values = np.full((count, found.shape[1]), np.nan)
        values[rows] = found
        yield values


def crowded(case: Case, bundles: Bundles, crowding: Crowding) -> Joint:
    """Return what bundles bring where each has a queue of its own: at the highest realism alone, that being dear."""
    crowds, today = list(crowding.together(bundles)), crowding.today
    months = list(crowd_calendars(bundles, crowds, today, months=case.months))

    def differences(metric: str, everybody: bool) -> Iterator[Floats | None]:  # noqa: FBT001 - a callable's argument
        return crowd_differences(bundles, crowds, today, metric, everybody=everybody)

    return Joint([tuple(max(arm.realism) for arm in bundles.arms)], [months], differences)


def worths(case: Case, bundles: Bundles, joint: Joint) -> Iterator[Worth]:
    """Yield what each bundle is worth, in the order of `bundles.members`."""
    levels, by_level = joint.levels, joint.months
    points = list(joint.differences(NPS, True)) if levels else []  # noqa: FBT003 - everybody
    for number, chosen in enumerate(bundles.members):
        spent = _spent(case, bundles, chosen)
        cases: dict[tuple[float, ...], Floats] = {}
        for level, found in zip(levels, by_level, strict=True):
            today, own = found[number]
            cases[tuple(level[k] for k in chosen)] = benefit(own, today, case.money).sum(axis=1) - spent
        today, own = by_level[-1][number]
        gained = {"conversions": (own.converted - today.converted).sum(axis=1)}
        nps = points[number]
        if nps is not None:
            gained[NPS] = nps[:, 0]
        yield Worth(
            cases[tuple(levels[-1][k] for k in chosen)], spent + dearer(own, today, case.money), gained,
            tuple(BundleCase(real, spread_of(net), float(np.mean(net > 0))) for real, net in cases.items()),
        )  # fmt: skip


def realism_levels(arms: Sequence[Arm]) -> list[tuple[float, ...]]:
    """Return one realism per arm for each value of their grids, lowest first: each arm's own value nearest to it.

    So proposals on one grid go through it together, and one whose realism is not in doubt stays where it is.
    """
    every = sorted({value for arm in arms for value in arm.realism})
    return [tuple(min(arm.realism, key=lambda own: (abs(own - level), own)) for arm in arms) for level in every]


def dearer(own: Calendar, today: Calendar, money: Money) -> Floats:
    """Return what the journey itself costs more than today, in present value, (D,)."""
    factors = factors_of(money.discount_cost, today.cost.shape[1], 0.5)
    return np.asarray(((own.cost - today.cost) * factors).sum(axis=1))


def _spent(case: Case, bundles: Bundles, chosen: Sequence[int]) -> Floats:
    """Return what a bundle's proposals cost to have, in present value, (D,)."""
    at = {proposal.name: k for k, proposal in enumerate(case.proposals)}
    own = [case.spent[at[bundles.arms[k].name]].total for k in chosen]
    return np.asarray(sum(own[1:], own[0]))
