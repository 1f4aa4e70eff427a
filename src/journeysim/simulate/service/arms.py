"""Arms with staff: every world with its own queues, today's customers in all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from journeysim.model.arms import Arm, World
from journeysim.model.draws import Draws
from journeysim.model.dwell import Family
from journeysim.model.journey import all_links
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.chain import Ints, compile_world
from journeysim.simulate.lives import Lives, Step
from journeysim.simulate.outcomes import ArmOutcomes, Engine, Outcomes
from journeysim.simulate.precision import more_customers, too_few
from journeysim.simulate.service.blueprint import Span, blueprint_of
from journeysim.simulate.service.enough import served_precision
from journeysim.simulate.service.run import CUSTOMERS, Service, first_lives, run_some, run_stage, span_of
from journeysim.simulate.service.stage import Stage, arriving_of, stage_of
from journeysim.simulate.service.ways_out import with_ways_out
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally
from journeysim.simulate.walk.layout import check_numbers

ASSUMED_PER_DAY: Final = 1_000.0 / DAYS_PER_MONTH
LIVES_DRAWS: Final = 40
LIVES_CUSTOMERS: Final = 2_500


def serve_arms(
    arms: Sequence[Arm], limited: Sequence[str], *, settings: Settings, seed: int, customers: int | None = None
) -> Outcomes:
    """Return what happens to customers in every arm where they may have to wait for staff.

    Parameters
    ----------
    arms : sequence of Arm
        Today first; all over the same draws.
    limited : sequence of str
        The resources customers may have to wait for.
    settings : Settings
        Horizon, discount rates, counting rules.
    seed : int
        Addresses every uniform: the same customers come at the same times in every arm.
    customers : int, optional
        How many are measured per draw, at least; whole weeks are. Left out, as many as it takes (see `precision`): a run
        of more weeks begins with the very same customers and goes on.
    """
    today = _arriving(arms[0].worlds[0])
    asked, given = customers or CUSTOMERS, customers is not None
    while True:
        span = span_of(today.draws, settings, customers=asked)
        found = _served(arms, today, settings, span, seed)
        measured = span.window * float(np.mean(today.draws.values("arrivals")))
        precision = served_precision(found, asked=asked, measured=measured, found=not given)
        more = more_customers(precision)
        if more == 0:
            break
        asked += more
    warnings = (*_warnings(arms), *_counted_twice(arms[0].worlds[0], limited, found[0].tallies[0]), *too_few(precision))
    return Outcomes(found, settings, seed, Engine("service", _why(limited, span)), (), warnings, asked, precision)


def _served(arms: Sequence[Arm], today: World, settings: Settings, span: Span, seed: int) -> tuple[ArmOutcomes, ...]:
    """Return what happens in every arm over these days; worlds that arms share are run once."""
    lives, served = _spread(today.draws.count), dict[tuple[int, int], Service]()
    for world in (world for arm in arms for world in arm.worlds):
        if _key(world) not in served:
            served[_key(world)] = _serve(world, today, settings, span, seed, lives)
    shortest = min(len(item.lives.customers) for item in served.values())
    return tuple(_outcomes(arm, served, shortest) for arm in arms)


def served_stories(
    outcomes: Outcomes, world: World, *, draw: int, customers: Sequence[int]
) -> tuple[Lives, tuple[tuple[Step, ...], ...]]:
    """Return the lives of chosen customers in a world of these outcomes, and their arrivals within the horizon.

    Raises ValueError for a customer who comes after the measured days.
    """
    today = _arriving(outcomes.today.arm.worlds[0])
    span = span_of(today.draws, outcomes.settings, customers=outcomes.customers or CUSTOMERS)
    stage = _stage(world, today, outcomes.settings, span, outcomes.seed)
    lives, arrivals = run_some(stage, draw, check_numbers(customers))
    names, horizon = stage.chain.touchpoints + stage.chain.outcomes, outcomes.settings.horizon
    told = [
        tuple(Step(names[place], float(day)) for place, day in zip(places, days, strict=True) if day <= horizon)
        for places, days in arrivals
    ]
    return lives, tuple(told)


def _key(world: World) -> tuple[int, int]:
    return id(world.journey), id(world.draws)


def _spread(draws: int) -> Ints:
    """Return the draws whose customers are kept: spread evenly over all of them."""
    return np.unique(np.linspace(0, draws - 1, min(LIVES_DRAWS, draws)).astype(np.int64))


def _arriving(world: World) -> World:
    """Return the world with arrivals, assumed ones where the map gives none, and ways out of its queues."""
    if not np.isnan(world.draws.values("arrivals")).any():
        return with_ways_out(world)
    assumed = np.full(world.draws.count, ASSUMED_PER_DAY)
    data = world.draws.data.assign(arrivals=("draw", assumed))
    return with_ways_out(World(world.exposed, world.journey, Draws(data, world.draws.source, world.draws.assumptions)))


def _serve(world: World, today: World, settings: Settings, span: Span, seed: int, lives: Ints) -> Service:
    return run_stage(_stage(world, today, settings, span, seed), lives=lives, customers=LIVES_CUSTOMERS)


def _stage(world: World, today: World, settings: Settings, span: Span, seed: int) -> Stage:
    ready = _arriving(world)
    same = world.draws.data.identical(today.draws.data)
    chain = compile_world(ready.journey, ready.draws, None if same else today.draws)
    blueprint = blueprint_of([today.journey, ready.journey], ready.draws, chain, span, seed=seed)
    return stage_of(chain, blueprint, arriving_of(ready.journey, ready.draws, span), settings, span, seed=seed)


def _outcomes(arm: Arm, served: dict[tuple[int, int], Service], customers: int) -> ArmOutcomes:
    parts = [served[_key(world)] for world in arm.worlds]
    lives = tuple(first_lives(item.lives, customers) for item in parts)
    return ArmOutcomes(arm, tuple(item.tally for item in parts), lives)


def _why(limited: Sequence[str], span: Span) -> str:
    return (
        f"customers wait for {' and '.join(limited)}, so they share staff day by day: {span.warm_up:.0f} days of warm-up, "
        f"then {span.window:.0f} days whose customers are measured and followed while others keep coming"
    )


def _warnings(arms: Sequence[Arm]) -> tuple[str, ...]:
    """Return what a reader has to know about these queues."""
    found = []
    if np.isnan(arms[0].worlds[0].draws.values("arrivals")).any():
        found.append("the map gives no arrivals: 1,000 customers a month are assumed, and queues depend on it")
    if any(len(arm.worlds) > 2 or min(arm.realism) < 1.0 or _partly(arm) for arm in arms[1:]):
        found.append(
            "where a change reaches only some customers, or at a realism below 100 %, queues are mixed from those of "
            "today and of the full effect, not simulated in between; a change of staff is diluted with the rest"
        )
    if any(exposure.start or exposure.ramp or exposure.decay is not None for arm in arms for exposure in arm.exposures):
        found.append(
            "where customers queue for staff a change acts on those who enter from its day on: whoever is on the way then "
            "finishes as they began"
        )
    return tuple(found)


def _counted_twice(today: World, limited: Sequence[str], tally: Tally) -> Iterator[str]:
    """Yield a sentence for each resource behind dwells that were learned from a log, whose waits they contain."""
    if today.draws.source != "posterior":
        return
    for name in limited:
        points = [
            point.name
            for point in today.journey.touchpoints
            if point.staffed_by is not None
            and point.staffed_by.resource == name
            and any(link.dwell.family is not Family.FIXED for link in all_links(point))
        ]
        if points:
            at = tally.resources.index(name)
            wait = float(tally.waited[..., at].sum() / max(tally.asked[..., at].sum(), 1e-300))
            yield (
                f"dwells of {' and '.join(points)} were learned from a log and contain past waits; this run adds those for "
                f"{name}, {24.0 * wait:.2g} hours a visit today: as far as both say the same, waits count twice; let the log say "
                "when service begins, or state these dwells as fixed"
            )


def _partly(arm: Arm) -> bool:
    return any(bool((exposure.reach < 1.0).any()) for exposure in arm.exposures)
