"""Crowds: customers who answer to different changes and share one staff, ready for the service engines.

A customer meets a proposal's exposures by the uniforms that say so everywhere (`model.arms`), and answers with the
proposal's realism; whoever does not lives today's life. Staff are no customers: they do not answer, so what changes about
them holds in full from its day on, at any realism (docs/design/0013).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import final

import numpy as np

from journeysim.model.arms import Arm, Exposure, World
from journeysim.model.bundles import Bundles
from journeysim.model.quantity import Floats
from journeysim.model.timeline import met_by, passed, steps_of, weight_of

#: Which exposures of a crowd's proposals are met, one after another.
Met = tuple[bool, ...]
_ALWAYS = (-np.inf, np.inf)
_NEVER = (np.inf, np.inf)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A proposal in a crowd: its arm, and the share of those it reaches who answer."""

    arm: Arm
    realism: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Proposals carried out together, over worlds by what is met there (today's, with nothing, among them).

    `settled` says which exposures are in force for good; None where everything goes by its own dates.
    """

    members: tuple[Member, ...]
    worlds: Mapping[Met, World]
    settled: Met | None = ()

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """All exposures, one proposal after another."""
        return tuple(item for member in self.members for item in member.arm.exposures)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Customers who pass through the same worlds on the same days; `weight` (D,) is their share of those who might come."""

    number: int
    worlds: tuple[int, ...]
    turns: tuple[float, ...]
    weight: Floats


@final
@dataclass(frozen=True, slots=True)
class Phase:
    """A world in force, by number, and for each touchpoint of any world in use the world whose row it has."""

    world: int
    holders: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """A crowd's groups, the phases they pass through, and of each group the phases one after another."""

    groups: tuple[Group, ...]
    phases: tuple[Phase, ...] = ()
    passing: tuple[tuple[int, ...], ...] = ()
    touchpoints: tuple[str, ...] = field(default=())


def today_alone(world: World) -> Crowd:
    """Return customers who all live today's life."""
    return Crowd((), {(): world})


def crowd_of(arm: Arm, realism: float, settled: Met | None) -> Crowd:
    """Return the crowd of a proposal's arm."""
    return Crowd((Member(arm, realism),), {world.exposed: world for world in arm.worlds}, settled)


def crowd_of_bundle(bundles: Bundles, chosen: Sequence[int], settled: Met | None) -> Crowd:
    """Return the crowd of a bundle, every proposal at the highest realism of its grid."""
    members = tuple(Member(bundles.arms[k], max(bundles.arms[k].realism)) for k in chosen)
    worlds = {
        tuple(met for k in chosen for met in pattern[k]): world
        for pattern, world in bundles.worlds.items()
        if not any(any(met) for k, met in enumerate(pattern) if k not in chosen)
    }
    return Crowd(members, worlds, settled)


def in_full(crowd: Crowd) -> Met:
    """Return that every exposure is in force."""
    return (True,) * len(crowd.exposures)


def in_the_end(crowd: Crowd) -> Met:
    """Return which exposures are in force once nothing turns any more: those that do not fade."""
    return tuple(item.decay is None for item in crowd.exposures)


def timetable_of(crowd: Crowd) -> Timetable:
    """Return who passes through which worlds when; groups that nobody is in are left out."""
    groups = tuple(_groups(crowd))
    points = [world.journey.touchpoint_names for world in crowd.worlds.values()]
    used = tuple(dict.fromkeys(world for group in groups for world in group.worlds))
    touchpoints = tuple(dict.fromkeys(name for world in used for name in points[world]))
    passing = [tuple(_phases(group.worlds, touchpoints, points, used)) for group in groups]
    phases = tuple(dict.fromkeys(phase for own in passing for phase in own))
    numbers = tuple(tuple(phases.index(phase) for phase in own) for own in passing)
    return Timetable(groups, phases, numbers, touchpoints)


def steps_in(crowd: Crowd, member: Member) -> list[int]:
    """Return how many parts the reach of each of a proposal's exposures is cut into."""
    count = len(member.arm.exposures)
    return [1 if crowd.settled is not None else steps_of(item, count) for item in member.arm.exposures]


def _groups(crowd: Crowd) -> Iterator[Group]:
    index, exposures = {met: k for k, met in enumerate(crowd.worlds)}, crowd.exposures
    draws = next(iter(crowd.worlds.values())).draws.count
    number, stride = [], 1
    for member in crowd.members:
        steps = steps_in(crowd, member)
        number.append(list(_parts(member, steps, stride)))
        stride *= int(np.prod([count + 1 for count in steps]))
    for choice in product(*number):
        weight = np.prod([np.ones(draws), *(part[1] for part in choice)], axis=0)
        if weight.max(initial=0.0) > 0.0:
            met = [span for part in choice for span in part[2]]
            if crowd.settled is not None:
                held = zip(met, crowd.settled, strict=True)
                met = [_ALWAYS if np.isfinite(span[0]) and holds else _NEVER for span, holds in held]
            worlds, turns = passed(met, index) if exposures else ((0,), ())
            yield Group(sum(part[0] for part in choice), worlds, turns, weight)


def _parts(
    member: Member, steps: Sequence[int], stride: int
) -> Iterator[tuple[int, Floats, list[tuple[float, float]]]]:
    """Yield each part of a proposal's customers: what it counts in a group's number, its share, and when they meet what."""
    exposures = member.arm.exposures
    strides = stride * np.cumprod([1, *(count + 1 for count in steps)])[:-1]
    for parts in product(*(range(count + 1) for count in steps)):
        beyond = all(part == count for part, count in zip(parts, steps, strict=True))
        share = weight_of(parts, steps, exposures) if exposures else np.ones(1)
        weight = member.realism * share + (1.0 - member.realism if beyond else 0.0)
        spans = [met_by(*item) for item in zip(parts, steps, exposures, strict=True)]
        yield int(np.dot(parts, strides)), weight, spans


def _phases(
    worlds: Sequence[int], touchpoints: Sequence[str], points: Sequence[Sequence[str]], used: Sequence[int]
) -> Iterator[Phase]:
    """Yield the phases of customers who pass through these worlds: a touchpoint that one lacks stays as it was before."""
    for k, world in enumerate(worlds):
        order = [*worlds[k::-1], *worlds[k + 1 :], *used]
        yield Phase(world, tuple(next(w for w in order if name in points[w]) for name in touchpoints))


def days_of(crowd: Crowd) -> tuple[float, ...]:
    """Return the days on which anything turns for anybody, staff included, in order."""
    found = {
        day
        for member in crowd.members
        for item, count in zip(member.arm.exposures, steps_in(crowd, member), strict=True)
        for part in range(count)
        for day in met_by(part, count, item)
        if np.isfinite(day)
    }
    return tuple(sorted(found))


def staffed(crowd: Crowd) -> Iterator[tuple[float, list[tuple[float, World]]]]:
    """Yield the days from which staff are there, and the worlds whose staff these are, by weight.

    While a change grows or fades, each step of it counts for the part of its reach that it is in force for.
    """
    if crowd.settled is not None:
        yield -np.inf, [(1.0, crowd.worlds[crowd.settled])]
        return
    days = days_of(crowd)
    for start, end in pairwise((-np.inf, *days, np.inf)):
        middle = end - 1.0 if start == -np.inf else start + 1.0 if end == np.inf else (start + end) / 2
        weights: dict[Met, float] = {(): 1.0}
        for member in crowd.members:
            shares = member.arm.weights(_in_force(crowd, member, middle))
            own = {world.exposed: float(share[0]) for world, share in zip(member.arm.worlds, shares, strict=True)}
            weights = {(*head, *met): a * b for head, a in weights.items() for met, b in own.items() if a * b > 0.0}
        yield start, [(weight, crowd.worlds[met]) for met, weight in weights.items() if met in crowd.worlds]


def _in_force(crowd: Crowd, member: Member, day: float) -> list[Floats]:
    """Return the part of its reach for which each of a proposal's exposures is in force on a day, (1,) each.

    Those that reach only some customers are about no staff and count as not in force.
    """
    found = []
    for item, count in zip(member.arm.exposures, steps_in(crowd, member), strict=True):
        spans = [met_by(part, count, item) for part in range(count)]
        part = np.mean([start <= day < end for start, end in spans])
        found.append(np.array([part if item.reach.min() >= 1.0 else 0.0]))
    return found
