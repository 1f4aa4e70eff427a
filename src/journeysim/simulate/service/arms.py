"""Arms with staff: every proposal at every realism with a queue of its own, the same customers in all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from journeysim.model.arms import Arm, World
from journeysim.model.dwell import Family
from journeysim.model.journey import all_links
from journeysim.simulate.chain import Ints
from journeysim.simulate.executors import HERE, Executor
from journeysim.simulate.lives import Lives, Step
from journeysim.simulate.outcomes import ArmOutcomes, Crowded, Engine, Outcomes, Settled
from journeysim.simulate.precision import more_customers, too_few
from journeysim.simulate.seasons import by_month
from journeysim.simulate.seasons_told import served_seasons_told
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.crowd import Crowd, crowd_of, in_full, in_the_end, today_alone
from journeysim.simulate.service.enough import Lived, served_precision
from journeysim.simulate.service.run import CUSTOMERS, first_lives, run_some, run_stage, span_of
from journeysim.simulate.service.staging import coming, persona_shares, staff_differ, staged, with_arrivals
from journeysim.simulate.service.turning import Turning
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally
from journeysim.simulate.walk.layout import check_numbers

LIVES_DRAWS: Final = 40
LIVES_CUSTOMERS: Final = 2_500

Runs = Mapping[tuple[int, float], Lived]


def serve_arms(
    arms: Sequence[Arm], limited: Sequence[str], *, settings: Settings, seed: int, customers: int | None = None,
    executor: Executor = HERE,
) -> Outcomes:  # fmt: skip
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
    executor : Executor
        Does the blocks of draws that the work is cut into; the bits of the result do not depend on it.
    """
    today = with_arrivals(arms[0].worlds[0])
    asked, given = customers or CUSTOMERS, customers is not None
    fullest = [(k, max(arm.realism)) for k, arm in enumerate(arms)]
    while True:
        span = span_of(today.draws, settings, customers=asked)
        runs = _runs(arms, fullest, today, settings, span, seed, executor)
        measured = span.window * float(np.mean(today.draws.values("arrivals")))
        precision = served_precision(
            [runs[at] for at in fullest], arms, asked=asked, measured=measured, found=not given
        )
        more = more_customers(precision)
        if more == 0:
            break
        asked += more
    others = [
        (k, realism) for k, arm in enumerate(arms) for realism in _realisms(arm, arms[0]) if (k, realism) not in runs
    ]
    found = _found(
        arms, runs | _runs(arms, others, today, settings, span, seed, executor), today, settings, span, seed, executor
    )
    warnings = (
        *_warnings(arms), *served_seasons_told(today.draws, settings),
        *_counted_twice(arms[0].worlds[0], limited, found[0].tallies[0]), *too_few(precision),
    )  # fmt: skip
    return Outcomes(found, settings, seed, Engine("service", _why(limited, span)), (), warnings, asked, precision)


def served_stories(
    outcomes: Outcomes, arm: ArmOutcomes, *, draw: int, customers: Sequence[int]
) -> tuple[Lives, tuple[tuple[Step, ...], ...]]:
    """Return the lives of chosen customers in an arm of these outcomes at full effect, and their arrivals in the horizon.

    Raises ValueError for a customer who comes after the measured days.
    """
    today = with_arrivals(outcomes.today.arm.worlds[0])
    span = span_of(today.draws, outcomes.settings, customers=outcomes.customers or CUSTOMERS)
    stage = staged(_crowd(arm.arm, 1.0), today, outcomes.settings, span, seed=outcomes.seed)
    lives, arrivals = run_some(stage, draw, check_numbers(customers))
    names, horizon = stage.chain.touchpoints + stage.chain.outcomes, outcomes.settings.horizon
    told = [
        tuple(Step(names[place], float(day)) for place, day in zip(places, days, strict=True) if day <= horizon)
        for places, days in arrivals
    ]
    return lives, tuple(told)


def _crowd(arm: Arm, realism: float) -> Crowd:
    """Return an arm's crowd once everything is in force."""
    if arm.role == "today":
        return today_alone(arm.worlds[0])
    crowd = crowd_of(arm, realism, ())
    return replace(crowd, settled=in_full(crowd))


def _realisms(arm: Arm, today: Arm) -> list[float]:
    """Return the realisms an arm is run at: its grid, full effect, and none where its staff act all the same."""
    nothing = {0.0} if any(staff_differ(world, today.worlds[0]) for world in arm.worlds) else set[float]()
    return [1.0] if arm.role == "today" else sorted({*arm.realism, 1.0} | nothing)


def _runs(
    arms: Sequence[Arm],
    asked: Sequence[tuple[int, float]],
    today: World,
    settings: Settings,
    span: Span,
    seed: int,
    executor: Executor,
) -> dict[tuple[int, float], Lived]:
    """Run arms at a realism each."""
    found = {}
    for k, realism in asked:
        crowd = _crowd(arms[k], realism)
        stage = staged(crowd, today, settings, span, seed=seed)
        run = run_stage(stage, lives=_spread(today.draws.count), customers=LIVES_CUSTOMERS, executor=executor)
        found[k, realism] = Lived(settled(crowd, run.tally), run.lives)
    return found


def _found(
    arms: Sequence[Arm],
    runs: Runs,
    today: World,
    settings: Settings,
    span: Span,
    seed: int,
    executor: Executor,
) -> tuple[ArmOutcomes, ...]:
    """Return every arm's results, and what its months hold while changes begin or end."""
    shortest = min(len(item.lives.customers) for item in runs.values())
    turning = Turning(today, settings, seed, span.first_day, executor)
    first = runs[0, 1.0]
    lives_of_today = (first_lives(first.lives, shortest),)
    found = [ArmOutcomes(arms[0], (first.full.tally,), lives_of_today, year=turning.year_of_today())]
    for k, arm in enumerate(arms[1:], 1):
        crowds = []
        for realism in _realisms(arm, arms[0]):
            own, crowd = runs[k, realism], _crowd(arm, realism)
            end = _end(replace(crowd, settled=in_the_end(crowd)), own.full, today, settings, span, seed, executor)
            lives = first_lives(own.lives, shortest)
            added = turning.added(replace(crowd, settled=None))
            crowds.append(Crowded(realism, own.full, lives, added, end, by_month(today.draws)))
        found.append(ArmOutcomes(arm, (), (), crowds=tuple(crowds)))
    return tuple(found)


def crowded(
    crowd: Crowd, today: World, outcomes: Outcomes, span: Span, turning: Turning, executor: Executor
) -> Crowded:
    """Return what customers do in another crowd of a run, simulated as that run's own; without the lives of single ones."""
    settings, seed, nobody = outcomes.settings, outcomes.seed, np.zeros(0, dtype=np.int64)
    whole = replace(crowd, settled=in_full(crowd))
    run = run_stage(staged(whole, today, settings, span, seed=seed), lives=nobody, customers=0, executor=executor)
    full = settled(whole, run.tally)
    end = _end(replace(crowd, settled=in_the_end(crowd)), full, today, settings, span, seed, executor)
    realism = min((member.realism for member in crowd.members), default=1.0)
    added = turning.added(replace(crowd, settled=None))
    return Crowded(realism, full, run.lives, added, end, by_month(today.draws))


def settled(crowd: Crowd, tally: Tally) -> Settled:
    """Return what a crowd's customers do, with how many come and who."""
    return Settled(tally, coming(crowd), persona_shares(crowd))


def _end(
    crowd: Crowd, full: Settled, today: World, settings: Settings, span: Span, seed: int, executor: Executor
) -> Settled | None:
    """Return what a crowd's customers do once what fades has faded; None where nothing is left."""
    if crowd.settled == in_full(crowd):
        return full
    if not any(crowd.settled or ()):
        return None
    stage = staged(crowd, today, settings, span, seed=seed)
    return settled(crowd, run_stage(stage, lives=np.zeros(0, dtype=np.int64), customers=0, executor=executor).tally)


def _spread(draws: int) -> Ints:
    """Return the draws whose customers are kept: spread evenly over all of them."""
    return np.unique(np.linspace(0, draws - 1, min(LIVES_DRAWS, draws)).astype(np.int64))


def _why(limited: Sequence[str], span: Span) -> str:
    return (
        f"customers wait for {' and '.join(limited)}, so they share staff day by day: {span.warm_up:.0f} days of warm-up, "
        f"then {span.window:.0f} days whose customers are measured and followed while others keep coming"
    )


def _warnings(arms: Sequence[Arm]) -> Iterator[str]:
    """Yield what a reader has to know about these queues."""
    if np.isnan(arms[0].worlds[0].draws.values("arrivals")).any():
        yield "the map gives no arrivals: 1,000 customers a month are assumed, and queues depend on it"


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
