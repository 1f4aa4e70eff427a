"""Random service blueprints: staffed touchpoints, shared resources, every discipline, hours, impatience, ties in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from journeysim.calibrate import stated_draws
from journeysim.model.arms import World, proposal_arm
from journeysim.model.bundles import build_bundles
from journeysim.model.changes import (
    AddTouchpoint,
    AdjustShare,
    ChangeAudience,
    ChangeStaff,
    RemoveTouchpoint,
    ScaleDwell,
)
from journeysim.model.changes.base import Change, Terms
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import (
    ArrivalHours,
    Balking,
    JourneyMap,
    Link,
    Outcome,
    Persona,
    Resource,
    Row,
    Staffing,
    Tenure,
    Touchpoint,
)
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal
from journeysim.simulate.chain import compile_world
from journeysim.simulate.service.blueprint import Span, blueprint_of
from journeysim.simulate.service.by_simpy import serve_by_simpy
from journeysim.simulate.service.crowd import Crowd, crowd_of, crowd_of_bundle, in_full
from journeysim.simulate.service.stage import Room, Stage, arriving_of, first_room, run_draw, stage_of, world_of
from journeysim.simulate.service.staging import with_arrivals
from journeysim.simulate.service.steps import WHO, Trace
from journeysim.simulate.settings import Settings

PERSONAS = ("calm", "brisk")
OUTCOMES = (Outcome("bought", conversion=True), Outcome("left", silent=True), Outcome("refused"))
QUEUES = ("first come", "last come", "priority", "random")
FAMILIES = (Family.EXPONENTIAL, Family.WEIBULL, Family.LOGNORMAL, Family.LOGLOGISTIC, Family.GAMMA)


def some_time(rng: np.random.Generator, mean: float) -> Dwell:
    """Return a dwell of some family; a third of them fixed on a grid, so that events fall together."""
    if rng.random() < 0.35:
        return Dwell(Family.FIXED, Fixed(float(rng.choice([0.0, 0.125, 0.25, 0.5])) * mean * 4))
    if rng.random() < 0.1:
        return Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=((0.0, 0.0), (0.5, mean), (1.0, 3 * mean)))
    return Dwell(FAMILIES[rng.integers(len(FAMILIES))], Fixed(mean * rng.uniform(0.5, 1.5)), Fixed(rng.uniform(0.7, 2)))


def some_links(rng: np.random.Generator, names: list[str]) -> tuple[Link, ...]:
    """Return a row that leads to an outcome with at least a third of the customers."""
    targets = list(rng.permutation([*names, "bought", "refused"])[: rng.integers(1, 4)])
    shares = rng.dirichlet(np.ones(len(targets))) * rng.uniform(0.3, 0.65)
    links = [
        Link(str(name), Fixed(float(share)), some_time(rng, 0.3)) for name, share in zip(targets, shares, strict=True)
    ]
    return (*links, Link("left", None, some_time(rng, 0.3)))


def other_links(rng: np.random.Generator, links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Return the row with other shares: what a persona or a later period may say."""
    weights = rng.dirichlet(np.ones(len(links)))
    return tuple(
        replace(link, share=None if k == len(links) - 1 else Fixed(float(0.8 * weights[k])))
        for k, link in enumerate(links)
    )


def some_staffing(rng: np.random.Generator, later: list[str], resources: list[str]) -> Staffing:
    """Return who serves a touchpoint, with all that waiting may do."""
    return Staffing(
        resource=str(rng.choice(resources)),
        time=None if rng.random() < 0.3 else some_time(rng, 0.2),
        patience=None if rng.random() < 0.3 else some_time(rng, 0.3),
        gives_up_to=str(rng.choice(["", "left", "refused", *later])),
        priority=float(rng.integers(3)),
        priority_by_persona=(("brisk", float(rng.integers(3))),) if rng.random() < 0.5 else (),
        balks=Balking(float(rng.uniform(0.2, 1.0)), int(rng.integers(5))) if rng.random() < 0.3 else None,
        called_back=float(rng.choice([0.0, 0.5])),
        waiting_feels=float(rng.choice([0.0, 2.0])),
    )


def some_hours(rng: np.random.Generator) -> tuple[tuple[float, float], ...]:
    """Return opening hours: always, or one or two spans on some days."""
    if rng.random() < 0.4:
        return ((0.0, 7.0),)
    days = sorted(rng.choice(7, size=rng.integers(2, 8), replace=False).tolist())
    return tuple((day + low, day + high) for day in days for low, high in ((0.25, 0.5), (0.5625, 0.875)))


def some_journey(seed: int) -> JourneyMap:
    """Return a random service blueprint; every number is certain."""
    rng = np.random.default_rng(seed)
    names = [f"step {k}" for k in range(rng.integers(2, 6))]
    resources = [f"desk {k}" for k in range(rng.integers(1, 4))]
    points = []
    for k, name in enumerate(names):
        staffed = k == 0 or rng.random() < 0.6
        links = some_links(rng, names)
        own = (("brisk", Row(links=other_links(rng, links))),) if rng.random() < 0.3 else ()
        later = (Tenure(0.75, Row(links=other_links(rng, links))),) if rng.random() < 0.3 else ()
        points.append(
            Touchpoint(
                name, links, by_persona=own, by_tenure=later if not own else (),
                feeling=Fixed(float(rng.uniform(-0.5, 0.9))), feeling_spread=float(rng.choice([0.0, 0.4])),
                moment_of_truth=bool(rng.random() < 0.3),
                staffed_by=some_staffing(rng, names[k + 1 :], resources) if staffed else None,
            )
        )  # fmt: skip
    desks = tuple(
        Resource(
            name, Fixed(float(rng.integers(1, 4))), hours=some_hours(rng), queue=str(rng.choice(QUEUES)),
            room=float(rng.choice([np.inf, 3.0, 0.0], p=[0.7, 0.2, 0.1])),
        )
        for name in resources
    )  # fmt: skip
    hours = (ArrivalHours("", ((0.3, 0.9), (1.3, 1.9)), 0.7), ArrivalHours("", ((3.0, 6.0),), 0.3))
    return JourneyMap(
        "blueprint", tuple(points), OUTCOMES, (("step 0", Fixed(0.7)), (names[-1], Fixed(0.3))),
        personas=(Persona("calm", Fixed(0.6), mood=Fixed(0.3)), Persona("brisk", Fixed(0.4))),
        arrivals_per_day=Fixed(float(rng.uniform(4, 14))), resources=desks,
        arrival_hours=hours if rng.random() < 0.5 else (),
    )  # fmt: skip


def staged(journey: JourneyMap, *, span: Span, horizon: float = 7.0, seed: int = 0) -> Stage:
    """Return one journey, taken at its word, ready to run."""
    draws = stated_draws(journey)
    chain = compile_world(journey, draws)
    blueprint = blueprint_of([journey], draws, chain, span, seed=seed)
    return stage_of(chain, blueprint, arriving_of(journey, draws, span), Settings(horizon), span, seed=seed)


def by_customer(trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """Return a trace's records, each customer's own in order, customers in order of arrival."""
    size = int(trace.size[0])
    order = np.argsort(trace.place[:size, WHO], kind="stable")
    return trace.place[:size][order], trace.time[:size][order]


def used(room: Room) -> tuple[np.ndarray, np.ndarray]:
    """Return what the resources did: counts, and integrals."""
    return room.desks.visits.copy(), room.desks.area.copy()


def some_terms(rng: np.random.Generator, *, for_all: bool) -> Terms:
    """Return whom a change reaches and when it holds: at once or from some day on, growing, fading, for some or all."""
    return Terms(
        reach=Fixed(1.0 if for_all else float(rng.choice([1.0, 0.6]))),
        start=float(rng.choice([0.0, 2.3])),
        ramp=float(rng.choice([0.0, 4.0])),
        decay=None if rng.random() < 0.6 else float(rng.choice([0.0, 3.0])),
    )


def some_changes(rng: np.random.Generator, journey: JourneyMap) -> Iterator[Change]:
    """Yield changes of shares, dwells, staff, touchpoints and arrivals, most of them now and then."""
    point = journey.touchpoints[0]
    for_some, staff = some_terms(rng, for_all=False), some_terms(rng, for_all=True)
    yield AdjustShare(point.name, point.links[0].target, "odds x", Fixed(float(rng.uniform(2.0, 4.0))), terms=for_some)
    if rng.random() < 0.4:
        yield ScaleDwell(point.name, None, Fixed(0.5), terms=for_some)
    if rng.random() < 0.4:
        more = Touchpoint(
            "extra", (Link("bought", Fixed(0.5), some_time(rng, 0.2)), Link("left", None, some_time(rng, 0.3))),
            staffed_by=some_staffing(rng, [], [journey.resources[0].name]),
        )  # fmt: skip
        yield AddTouchpoint(
            more, ((point.name, point.links[-1].target),), Fixed(0.7), some_time(rng, 0.1), terms=for_some
        )
    if rng.random() < 0.2:
        yield RemoveTouchpoint(journey.touchpoints[-1].name, "lost", "refused", terms=for_some)
    if rng.random() < 0.7:
        hours = some_hours(rng) if rng.random() < 0.5 else ()
        yield ChangeStaff(
            journey.resources[0].name, Fixed(float(rng.integers(1, 5))), "some" if hours else "", hours, Fixed(0.6), staff
        )  # fmt: skip
    if rng.random() < 0.3:
        yield ChangeAudience((), (), Fixed(float(rng.uniform(3, 20))), terms=for_some)


def some_bundle(seed: int, journey: JourneyMap, *, dated: bool) -> tuple[Crowd, World]:
    """Return customers who may answer to each of two random proposals carried out together; and today."""
    today = World((), journey, stated_draws(journey))
    first, second = np.random.default_rng([seed, 2]), np.random.default_rng([seed, 3])
    staff = ChangeStaff(journey.resources[-1].name, Fixed(3.0), "", (), None, some_terms(second, for_all=True))
    slower = ScaleDwell(journey.touchpoints[-1].name, None, Fixed(2.0), terms=some_terms(second, for_all=False))
    proposals = (
        Proposal("one", tuple(some_changes(first, journey))[:1], (0.6,)), Proposal("other", (staff, slower), (0.7,)),
    )  # fmt: skip
    arms = [proposal_arm(item, today, seed=seed) for item in proposals]
    crowd = crowd_of_bundle(build_bundles(proposals, arms, seed=seed), (0, 1), None)
    return (crowd if dated else replace(crowd, settled=in_full(crowd))), with_arrivals(today)


def some_crowd(seed: int, journey: JourneyMap, *, dated: bool) -> tuple[Crowd, World]:
    """Return customers of whom some answer to a random proposal, once all is in force or by its dates; and today."""
    rng, today = np.random.default_rng([seed, 1]), World((), journey, stated_draws(journey))
    proposal = Proposal("some proposal", tuple(some_changes(rng, journey)), (0.4,))
    crowd = crowd_of(proposal_arm(proposal, today, seed=seed), 0.4 if rng.random() < 0.7 else 1.0, None)
    return (crowd if dated else replace(crowd, settled=in_full(crowd))), with_arrivals(today)


def assert_one_life_for_both(stage: Stage) -> np.ndarray:
    """Hold the kernel's lives and use of staff against those of the specification, and return the areas of that use."""
    count, room = run_draw(stage, 0, 0, first_room(stage))
    served = serve_by_simpy(count, world_of(stage, 0, 0, room), room.people)
    for mine, theirs in zip(by_customer(room.trace), by_customer(served.trace), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    counts, areas = used(room)
    np.testing.assert_allclose(counts, served.visits, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(areas, served.area, rtol=1e-9, atol=1e-9)
    return areas
