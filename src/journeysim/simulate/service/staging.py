"""From a crowd to a stage: its worlds compiled side by side, its staff by date, and who of them comes when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from journeysim.model.arms import World
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.chain import Chain, compile_world
from journeysim.simulate.seasons import from_first_day
from journeysim.simulate.service.blueprint import Blueprint, Era, Span, blueprint_of
from journeysim.simulate.service.crowd import Crowd, Phase, Timetable, staffed, steps_in, timetable_of
from journeysim.simulate.service.stage import Arriving, Stage, arriving_of, stage_of
from journeysim.simulate.service.ways import Answers, Entering, Ways, answers_of
from journeysim.simulate.service.ways_out import with_ways_out
from journeysim.simulate.settings import Settings
from journeysim.simulate.splice import side_by_side

ASSUMED_PER_DAY: Final = 1_000.0 / DAYS_PER_MONTH


def with_arrivals(world: World) -> World:
    """Return the world with arrivals, assumed ones where the map gives none, and ways out of its queues."""
    if not np.isnan(world.draws.values("arrivals")).any():
        return with_ways_out(world)
    assumed = np.full(world.draws.count, ASSUMED_PER_DAY)
    data = world.draws.data.assign(arrivals=("draw", assumed))
    return with_ways_out(World(world.exposed, world.journey, Draws(data, world.draws.source, world.draws.assumptions)))


def staged(
    crowd: Crowd, today: World, settings: Settings, span: Span, *, seed: int, rate: Floats | None = None
) -> Stage:
    """Return a crowd with its staff, ready to run.

    Parameters
    ----------
    crowd : Crowd
        Who lives by which changes.
    today : World
        Today's world, with arrivals.
    settings : Settings
        Horizon and counting rules.
    span : Span
        The days of the run.
    seed : int
        Addresses every uniform.
    rate : array (D,), optional
        Customers who might come per day, at least as many as do; left out, as many as do where most come.
    """
    table = timetable_of(crowd)
    ready = [with_arrivals(world) for world in crowd.worlds.values()]
    chains = [_compiled(world, own, today) for world, own in zip(crowd.worlds.values(), ready, strict=True)]
    chain = from_first_day(_side_by_side(chains, table), None if span.first_day is None else span.first_day.isoformat())
    last = ready[-1]
    per_day = np.stack([ready[phase.world].draws.values("arrivals") for phase in table.phases], axis=1)
    rate = per_day.max(axis=1) if rate is None else rate
    week = arriving_of(last.journey, last.draws, span).week
    return stage_of(
        chain, _blueprint(crowd, table, ready, today, chain, span, seed), Arriving(rate, week), settings, span,
        seed=seed, living=(_ways(table), _answers(crowd), _entering(chains, table, chain, per_day / rate[:, None])),
    )  # fmt: skip


def coming(crowd: Crowd) -> Floats:
    """Return how many customers come per day where a crowd is settled, (D,)."""
    return np.asarray(sum(weight * world.draws.values("arrivals") for weight, world in _settled(crowd)))


def persona_shares(crowd: Crowd) -> Floats:
    """Return the persona mix of those who come where a crowd is settled, (D, G)."""
    parts = [weight * world.draws.values("arrivals") for weight, world in _settled(crowd)]
    shares = [world.draws.values("persona_share") for _, world in _settled(crowd)]
    joint = np.sum([part[:, None] * share for part, share in zip(parts, shares, strict=True)], axis=0)
    return np.asarray(joint / np.sum(parts, axis=0)[:, None])


def _settled(crowd: Crowd) -> Iterator[tuple[Floats, World]]:
    worlds = [with_arrivals(world) for world in crowd.worlds.values()]
    for group in timetable_of(crowd).groups:
        yield group.weight, worlds[group.worlds[-1]]


def _compiled(world: World, ready: World, today: World) -> Chain:
    same = world.draws.data.identical(today.draws.data)
    return compile_world(ready.journey, ready.draws, None if same else today.draws)


def _side_by_side(chains: Sequence[Chain], table: Timetable) -> Chain:
    place = {phase.world: k for k, phase in reversed(list(enumerate(table.phases)))}
    holders = [
        {name: place[holder] for name, holder in zip(table.touchpoints, phase.holders, strict=True)}
        for phase in table.phases
    ]
    return side_by_side([chains[phase.world] for phase in table.phases], holders)


def _blueprint(
    crowd: Crowd, table: Timetable, ready: Sequence[World], today: World, chain: Chain, span: Span, seed: int
) -> Blueprint:
    used = [ready[world] for world in dict.fromkeys(phase.world for phase in table.phases)]
    eras = _merged([Era(start, tuple(_parts(worlds))) for start, worlds in staffed(crowd)])
    leaving = [_leaving(phase, table, ready, chain) for phase in table.phases]
    journeys = [today.journey, *(world.journey for world in used), eras[-1].worlds[-1][1]]
    return blueprint_of(journeys, today.draws, chain, span, seed=seed, eras=eras, leaving=leaving)


def _parts(worlds: Sequence[tuple[float, World]]) -> Iterator[tuple[float, JourneyMap, Draws]]:
    for weight, world in worlds:
        yield weight, world.journey, world.draws


def _merged(eras: Sequence[Era]) -> list[Era]:
    """Return the eras without those whose staff are as in the one before."""
    found = [eras[0]]
    for era in eras[1:]:
        if not _alike(found[-1], era):
            found.append(era)
    return found


def _alike(one: Era, other: Era) -> bool:
    """Return whether staff are the same in two eras: nothing that any of their worlds says about them differs."""
    (_, journey, draws), *others = (*one.worlds, *other.worlds)
    return all(
        item.resources == journey.resources
        and all(
            _same(draws, drawn, name, resource.name)
            for name in ("staff", "service_factor")
            for resource in item.resources
        )
        for _, item, drawn in others
    )


def _same(one: Draws, other: Draws, name: str, resource: str) -> bool:
    first, second = one.of_resource(name, resource), other.of_resource(name, resource)
    if first is None or second is None:
        return first is second
    return bool(np.array_equal(first, second))


def _leaving(phase: Phase, table: Timetable, ready: Sequence[World], chain: Chain) -> list[JourneyMap]:
    """Return by touchpoint of the chain the map that says where its unserved go while a phase is in force."""
    holder = dict(zip(table.touchpoints, phase.holders, strict=True))
    return [ready[holder[name]].journey for name in chain.touchpoints]


def _ways(table: Timetable) -> Ways:
    """Return the turns and phases of all groups; groups that nobody is in keep the first phase."""
    count = 1 + max(group.number for group in table.groups)
    turns = max(len(group.turns) for group in table.groups)
    turn, phase = np.full((count, turns), np.inf), np.zeros((count, turns + 1), dtype=np.int32)
    for group, passing in zip(table.groups, table.passing, strict=True):
        turn[group.number, : len(group.turns)] = group.turns
        phase[group.number] = [*passing, *(passing[-1:] * (turns + 1 - len(passing)))]
    return Ways(turn, phase)


def _answers(crowd: Crowd) -> Answers:
    reach = [item.reach for item in crowd.exposures]
    draws = next(iter(crowd.worlds.values())).draws.count
    return answers_of(
        [member.arm.name for member in crowd.members],
        [member.realism for member in crowd.members],
        [steps_in(crowd, member) for member in crowd.members],
        np.stack(reach, axis=1) if reach else np.zeros((draws, 0)),
    )


def _entering(chains: Sequence[Chain], table: Timetable, chain: Chain, comes: Floats) -> Entering:
    places = chain.touchpoints + chain.outcomes
    entry = np.zeros((chain.draws, len(table.phases), len(chain.personas), len(places)))
    for k, phase in enumerate(table.phases):
        own = chains[phase.world].touchpoints + chains[phase.world].outcomes
        entry[:, k, :, [places.index(name) for name in own]] = np.moveaxis(chains[phase.world].entry, -1, 0)
    shares = np.stack([chains[phase.world].persona_share for phase in table.phases], axis=1)
    return Entering(np.ascontiguousarray(shares), entry, np.ascontiguousarray(comes))


def most_coming(crowd: Crowd, today: World) -> Floats:
    """Return how many customers come per day where most do, today among the worlds, (D,)."""
    ready = [with_arrivals(world) for world in crowd.worlds.values()]
    used = {world for group in timetable_of(crowd).groups for world in group.worlds}
    known = [today.draws.values("arrivals"), *(ready[world].draws.values("arrivals") for world in used)]
    return np.asarray(np.max(known, axis=0))


def staff_differ(world: World, today: World) -> bool:
    """Return whether a world's staff are others than today's, or there at other times, or take other times."""
    return not _alike(*(Era(0.0, ((1.0, item.journey, item.draws),)) for item in (world, today)))
