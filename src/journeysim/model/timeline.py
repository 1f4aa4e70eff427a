"""Timelines: which of an arm's worlds a customer lives in, by calendar day.

A customer carries one uniform u per proposal and meets an exposure on the days on which u lies below the exposure's
share of that day (`model.arms`). With v = u / reach that is from start + ramp v on and, where the change decays, until
start + ramp + decay (1 - v). Customers of one group have nearly the same v; groups cut a ramp or a decay into steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final, final

import numpy as np

from journeysim.model.arms import Arm, Exposure
from journeysim.model.quantity import Floats

#: Steps that a ramp or a decay is cut into: one exposure alone, and each of several.
STEPS: Final = 8
STEPS_OF_SEVERAL: Final = 4


@final
@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """A group of customers: on calendar day turns[k] they pass from world worlds[k] to worlds[k + 1].

    `weight` is the share of all customers in the group (D,); worlds are numbered as in `Arm.worlds`.
    """

    worlds: tuple[int, ...]
    turns: tuple[float, ...]
    weight: Floats


def timelines_of(arm: Arm, same: Sequence[int]) -> Iterator[Timeline]:
    """Yield the timelines of the groups that ever leave today's world.

    Parameters
    ----------
    arm : Arm
        A proposal's arm.
    same : sequence of int
        Of each world the first one that equals it, itself if none does: nobody passes between equal worlds.
    """
    steps = [steps_of(exposure, len(arm.exposures)) for exposure in arm.exposures]
    for group in product(*(range(count + 1) for count in steps)):
        weight = weight_of(group, steps, arm.exposures)
        if weight.max(initial=0.0) > 0.0:
            worlds, turns = _passed(group, steps, arm, same)
            if turns:
                yield Timeline(worlds, turns, weight)


def steps_of(exposure: Exposure, among: int) -> int:
    """Return how many parts an exposure's reach is cut into, one of so many exposures: one where all meet it at once."""
    if exposure.ramp == 0.0 and not exposure.decay:
        return 1
    return STEPS if among == 1 else STEPS_OF_SEVERAL


def weight_of(group: Sequence[int], steps: Sequence[int], exposures: Sequence[Exposure]) -> Floats:
    """Return P(u lies in the group's part of every exposure's reach), (D,); part `steps` is beyond the reach."""
    lower, upper = [], []
    for part, count, exposure in zip(group, steps, exposures, strict=True):
        beyond = part == count
        lower.append(exposure.reach * (1.0 if beyond else part / count))
        upper.append(np.ones_like(exposure.reach) if beyond else exposure.reach * ((part + 1) / count))
    if not lower:
        return np.zeros(0)
    return np.asarray(np.maximum(np.minimum.reduce(upper) - np.maximum.reduce(lower), 0.0))


def _passed(
    group: Sequence[int], steps: Sequence[int], arm: Arm, same: Sequence[int]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the worlds a group passes through and the days on which it does."""
    met = [met_by(*item) for item in zip(group, steps, arm.exposures, strict=True)]
    return passed(met, {world.exposed: same[k] for k, world in enumerate(arm.worlds)})


def passed(
    met: Sequence[tuple[float, float]], index: Mapping[tuple[bool, ...], int]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the worlds passed through and the days on which that happens, given from when until when exposures are met.

    `index` numbers worlds by which exposures are met there; where it has none, the world before stays.
    """
    worlds, turns = [index[tuple(start == -np.inf < end for start, end in met)]], list[float]()
    for day in sorted({day for span in met for day in span if np.isfinite(day)}):
        now = index.get(tuple(start <= day < end for start, end in met), worlds[-1])
        if now != worlds[-1]:
            worlds.append(now)
            turns.append(day)
    return tuple(worlds), tuple(turns)


def at_half(exposures: Sequence[Exposure], met: Sequence[bool], index: Mapping[tuple[bool, ...], int]) -> Timeline:
    """Return the timeline of customers who meet the marked exposures, each at the middle of its ramp and of its decay.

    `index` numbers the worlds by what is met in them; a mixture that it does not know is passed over.
    """
    spans = [met_by(0 if is_met else 1, 1, exposure) for exposure, is_met in zip(exposures, met, strict=True)]
    return Timeline(*passed(spans, index), np.ones(1))


def met_by(part: int, count: int, exposure: Exposure) -> tuple[float, float]:
    """Return from when until when customers in a part of an exposure's reach, cut into `count`, meet it (`count`: never)."""
    if part == count:
        return np.inf, np.inf
    v = (part + 0.5) / count
    start = exposure.start + exposure.ramp * v
    if exposure.decay is None:
        return start, np.inf
    return start, exposure.start + exposure.ramp + exposure.decay * (1.0 - v)


def crossings_of(turns: Sequence[float], length: float) -> Iterator[tuple[float, float]]:
    """Yield the spans of entry days on which the same turns, at least one, fall into a life of `length` days."""
    edges = sorted({*turns, *(turn - length for turn in turns)})
    for start, end in pairwise(edges):
        middle = (start + end) / 2
        if any(middle < turn < middle + length for turn in turns):
            yield start, end
