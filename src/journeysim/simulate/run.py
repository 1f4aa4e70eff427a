"""The verb `simulate`: arms in, outcomes out. It picks the engine from what the map contains and says why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar, final

import numpy as np

from journeysim.model.arms import Arm, World
from journeysim.model.journey import limited_resources
from journeysim.simulate.agreement import agreement_of
from journeysim.simulate.chain import MONEY_FIELDS, Chain, compile_world
from journeysim.simulate.executors import HERE, Executor
from journeysim.simulate.follow import exact_again, follow_arms, walk_again
from journeysim.simulate.lives import Lives
from journeysim.simulate.long_run import LongRun
from journeysim.simulate.money import MoneyMoments
from journeysim.simulate.outcomes import ArmOutcomes, Engine, Outcomes
from journeysim.simulate.precision import Precision, too_few
from journeysim.simulate.seasons_told import seasons_told
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import PATH_METRICS, Paths, Tally
from journeysim.simulate.underway import Run

if TYPE_CHECKING:
    from journeysim.simulate.exact import ExactReport

Found = TypeVar("Found")

LIVES_DRAWS: Final = 40
LIVES_CUSTOMERS: Final = 2_500
#: Per draw, where the exact engine counts and customers are walked for their answers alone, or for what is too dear to count.
PATH_CUSTOMERS: Final = 1_000


def simulate(
    arms: Sequence[Arm], *, settings: Settings, seed: int, customers: int | None = None, engine: str | None = None,
    executor: Executor = HERE,
) -> Outcomes:  # fmt: skip
    """Return what happens to customers in every arm.

    Parameters
    ----------
    arms : sequence of Arm
        Today first, as `build_arms` gives them; all over the same draws.
    settings : Settings
        Horizon, discount rates, counting rules.
    seed : int
        Addresses every customer-level uniform.
    customers : int, optional
        Customers per draw of the walk engine where it is the one that counts; left out, as many as it takes (see
        `precision`).
    engine : {"exact", "walk"}, optional
        For checks of one engine against the other; left out, the map decides. Asking for the exact engine where a
        layer is on raises ValueError. Neither of the two lets anybody wait for staff.
    executor : Executor
        Does the blocks of draws and customers that the work is cut into; the bits of the result do not depend on it.

    Returns
    -------
    Outcomes
        Expected metrics per draw by the chosen engine; lives of the same customers in every world for luck, flips and
        stories; the agreement of both engines where lives allow it.
    """
    limited = limited_resources(world.journey for arm in arms for world in arm.worlds)
    if limited and engine is None:
        from journeysim.simulate.service.arms import serve_arms

        return serve_arms(arms, limited, settings=settings, seed=seed, customers=customers, executor=executor)
    today = arms[0].worlds[0]
    chains = {id(world.draws): _chain(world, today) for arm in arms for world in arm.worlds}
    choice = _choose(engine, chains.values())
    if choice.name == "exact":
        counted = _counted_exactly(chains, settings, seed, executor)
    else:
        counted = _counted_by_walking(arms, chains, settings, seed, customers, executor)
    lives = _lives(chains, settings, seed, executor)
    followed = follow_arms(arms, chains, counted.again, settings)
    found = tuple(
        ArmOutcomes(
            arm,
            tuple(counted.tallies[id(world.draws)] for world in arm.worlds),
            tuple(lives[id(world.draws)] for world in arm.worlds),
            followed.get(arm.name),
            _of_worlds(arm, counted.endless),
            money=_of_worlds(arm, counted.money),
        )
        for arm in arms
    )
    precision, reports = counted.precision, counted.reports
    warnings = (
        *_not_waiting(limited),
        *seasons_told(chains.values(), settings),
        *_too_coarse(arms, reports, settings.tolerance),
        *too_few(precision),
    )
    walked = None if precision is None else precision.customers
    made = _with_precision(choice, reports.values(), [item for item in counted.money.values() if item is not None])
    agreement = tuple(item for arm in found for item in agreement_of(arm, made)) if choice.name == "exact" else ()
    return Outcomes(found, settings, seed, made, agreement, warnings, walked, precision)


@final
@dataclass(frozen=True, slots=True)
class _Counted:
    """What one engine expects of every chain, and how it counts cohorts again; all by the identity of a world's draws."""

    tallies: Mapping[int, Tally]
    again: Run
    endless: Mapping[int, LongRun | None] = field(default_factory=dict)
    money: Mapping[int, MoneyMoments | None] = field(default_factory=dict)
    reports: Mapping[int, ExactReport] = field(default_factory=dict)
    precision: Precision | None = None


def _counted_exactly(chains: Mapping[int, Chain], settings: Settings, seed: int, executor: Executor) -> _Counted:
    """Return exact expectations, with what whole lives tell and what lies beyond the horizon."""
    from journeysim.simulate.exact import exact_tallies

    exact = dict(zip(chains, exact_tallies(list(chains.values()), settings, executor=executor), strict=True))
    reports = {key: report for key, (_, report) in exact.items()}
    return _Counted(
        _with_paths({key: tally for key, (tally, _) in exact.items()}, chains, settings, seed, executor),
        exact_again(settings, (report.steps for report in reports.values())),
        _without_horizon(chains, settings),
        _money(chains, settings, executor),
        reports,
    )


def _counted_by_walking(
    arms: Sequence[Arm], chains: Mapping[int, Chain], settings: Settings, seed: int, customers: int | None,
    executor: Executor,
) -> _Counted:  # fmt: skip
    """Return the means over as many walked customers as it takes, or as are asked for."""
    from journeysim.simulate.rounds import walk_worlds

    tallies, precision = walk_worlds(arms, chains, settings=settings, seed=seed, customers=customers, executor=executor)
    again = walk_again(settings, seed=seed, customers=precision.customers, executor=executor)
    return _Counted(tallies, again, precision=precision)


def _choose(asked: str | None, chains: Iterable[Chain]) -> Engine:
    if asked == "walk":
        return Engine("walk", "asked for by the caller")
    layers = dict.fromkeys(name for chain in chains for name in chain.layers.names)
    if not layers:
        return Engine("exact", "no queue, no feeling that acts, no memory on the map: expected values need no sampling")
    why = f"{' and '.join(layers)}: what a customer does next depends on more than where they are, so customers are walked"
    if asked == "exact":
        raise ValueError(f"the exact engine cannot run this: {why}")
    return Engine("walk", why)


def _with_paths(
    tallies: Mapping[int, Tally], chains: Mapping[int, Chain], settings: Settings, seed: int, executor: Executor
) -> dict[int, Tally]:
    """Return exact tallies with what whole lives tell: exactly where that is cheap, else from walked customers.

    Satisfaction at the end depends on the whole way, so NPS is always walked.
    """
    from journeysim.simulate.exact import exact_paths

    exact = {key: exact_paths(chain, settings, tallies[key], executor=executor) for key, chain in chains.items()}
    asked = {key: chain for key, chain in chains.items() if exact[key] is None or chain.layers.moods is not None}
    walked = _walked_paths(asked, settings, seed, executor)
    return {key: replace(tally, paths=_joined(exact[key], walked.get(key))) for key, tally in tallies.items()}


def _joined(exact: Paths | None, walked: Paths | None) -> Paths | None:
    """Return the exact paths with the walked answers, or the one there is, marked with what rests on walked customers."""
    if exact is None or walked is None:
        return exact if walked is None else replace(walked, walked=PATH_METRICS, walkers=PATH_CUSTOMERS)
    paths = replace(exact, promoters=walked.promoters, detractors=walked.detractors)
    return replace(paths, walked=frozenset({"nps"}), walkers=PATH_CUSTOMERS)


def _walked_paths(
    chains: Mapping[int, Chain], settings: Settings, seed: int, executor: Executor
) -> dict[int, Paths | None]:
    """Return what walked customers without money tell.

    A correction within the cycle is about money alone, so the walk goes without.
    """
    if not chains:
        return {}
    from journeysim.simulate.walk import walk_tallies

    plain = replace(settings, within_cycle="none")
    poor = [
        replace(chain, **{name: np.zeros_like(getattr(chain, name)) for name in MONEY_FIELDS})
        for chain in chains.values()
    ]
    walked = walk_tallies(poor, plain, seed=seed, customers=PATH_CUSTOMERS, executor=executor)
    return {key: own.paths for key, (own, _) in zip(chains, walked, strict=True)}


def _chain(world: World, today: World) -> Chain:
    return compile_world(world.journey, world.draws, None if world.draws is today.draws else today.draws)


def _lives(chains: Mapping[int, Chain], settings: Settings, seed: int, executor: Executor) -> dict[int, Lives]:
    """Return lives of each world's first customers, in draws spread evenly over all of them."""
    from journeysim.simulate.walk import lives_of_draws

    each = list(chains.values())
    draws = np.unique(np.linspace(0, each[0].draws - 1, min(LIVES_DRAWS, each[0].draws)).astype(np.int64))
    lives = lives_of_draws(each, settings, seed=seed, draws=draws, customers=LIVES_CUSTOMERS, executor=executor)
    return dict(zip(chains, lives, strict=True))


def _without_horizon(chains: Mapping[int, Chain], settings: Settings) -> dict[int, LongRun | None]:
    from journeysim.simulate.exact import long_run

    return {key: long_run(chain, settings) for key, chain in chains.items()}


def _money(chains: Mapping[int, Chain], settings: Settings, executor: Executor) -> dict[int, MoneyMoments | None]:
    from journeysim.simulate.exact import exact_money

    return {key: exact_money(chain, settings, executor=executor) for key, chain in chains.items()}


def _of_worlds(arm: Arm, found: Mapping[int, Found | None]) -> tuple[Found, ...]:
    """Return what was found for each of an arm's worlds; empty where one of them has none."""
    all_of_them = [found.get(id(world.draws)) for world in arm.worlds]
    known = tuple(item for item in all_of_them if item is not None)
    return known if len(known) == len(all_of_them) else ()


def _not_waiting(limited: tuple[str, ...]) -> Iterator[str]:
    if limited:
        yield f"nobody waits for {' or '.join(limited)}: the engine asked for takes staff as always there"


def _with_precision(choice: Engine, reports: Collection[ExactReport], money: Collection[MoneyMoments]) -> Engine:
    """Return the engine with the largest step and errors of any world; all 0 where nothing was approximated."""
    if not reports:
        return choice
    step, error, timing = (max(getattr(item, name) for item in reports) for name in ("step", "error", "timing"))
    luck = max((item.error for item in money), default=0.0)
    return replace(choice, step_days=step, error=error, timing=timing, luck=luck)


def _too_coarse(arms: Sequence[Arm], reports: Mapping[int, ExactReport], tolerance: float) -> Iterator[str]:
    """Yield a sentence where the finest grid allowed leaves a larger error than asked for; it names the arms."""
    found = {
        arm.name: report
        for arm in arms
        for world in arm.worlds
        if (report := reports.get(id(world.draws))) is not None and not report.meets(tolerance)
    }
    if found:
        error, timing = (max(getattr(item, name) for item in found.values()) for name in ("error", "timing"))
        steps, names = max(item.steps for item in found.values()), ", ".join(f'"{name}"' for name in found)
        yield (
            f"the exact engine cut time into {steps:,} steps, its most, and figures of {names} still moved when the step "
            f"was last halved: sums by up to {error:.1g} of themselves ({tolerance:g} is asked for), single months and "
            f"days to convert by up to {timing:.1g}"
        )
