"""Which world each customer's visits go by, in compiled form: groups of customers, and the phases they pass through.

A *phase* is a world in force together with whose rows hold at touchpoints that world lacks; phases stand side by side in
one chain (`splice.side_by_side`). Customers of one group pass through the same phases on the same calendar days.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.streams import CUSTOMER, Words, compiled_inner, compiled_into, uniform_at
from journeysim.simulate.walk.lanes import period_of, season_of
from journeysim.simulate.walk.layout import Layout

#: Columns of `Answers.key`: the halves of the addresses of the uniforms that say who is reached, and who answers.
REACH_LOW, REACH_HIGH, ANSWER_LOW, ANSWER_HIGH = range(4)
_LOW: Final = 0xFFFFFFFF
_HIGH: Final = 0xFFFFFF
_COMES: Final = name_key("comes where more do elsewhere")
_COMES_LOW: Final = np.uint32(_COMES & _LOW)
_COMES_HIGH: Final = np.uint32((_COMES >> 32) & _HIGH)


class Ways(NamedTuple):
    """T groups, each with up to K turns."""

    turn: Floats  # (T, K) calendar days on which customers of a group pass on, infinite after the last
    phase: NDArray[np.int32]  # (T, K + 1)


class Answers(NamedTuple):
    """What says which group a customer is in: M proposals with E exposures in all, each with its reach cut into parts."""

    key: Words  # (M, 4)
    realism: Floats  # (M,)
    first: Ints  # (M + 1,) where a proposal's exposures start
    steps: Ints  # (E,) parts of the reach
    stride: Ints  # (E,) what one part counts in the number of a group
    reach: Floats  # (D, E)

    def take(self, chosen: Ints) -> Answers:
        """Return the answers in the chosen draws only."""
        return self._replace(reach=np.ascontiguousarray(self.reach[chosen]))


class Entering(NamedTuple):
    """Who enters while a phase is in force; F phases."""

    persona_share: Floats  # (D, F, G)
    entry: Floats  # (D, F, G, s)
    comes: Floats  # (D, F) which part of those who might come does

    def take(self, chosen: Ints) -> Entering:
        """Return who enters in the chosen draws only."""
        return Entering._make(np.ascontiguousarray(item[chosen]) for item in self)


def alone(chain: Chain) -> tuple[Ways, Answers, Entering]:
    """Return the ways of customers who all live in one world."""
    draws = len(chain.persona_share)
    ways = Ways(np.zeros((1, 0)), np.zeros((1, 1), dtype=np.int32))
    answers = answers_of([], [], [], np.zeros((draws, 0)))
    return ways, answers, Entering(chain.persona_share[:, None], chain.entry[:, None], np.ones((draws, 1)))


def answers_of(names: list[str], realism: list[float], steps: list[list[int]], reach: Floats) -> Answers:
    """Return what says who is in which group; of each proposal its name, realism, and parts of its exposures' reach."""
    keys = [[half for what in ("reach", "realism") for half in _halves(f"{what} {name}")] for name in names]
    flat = [count for own in steps for count in own]
    stride = np.cumprod([1, *(count + 1 for count in flat)])[:-1]
    return Answers(
        np.array(keys, dtype=np.uint32).reshape(-1, 4),
        np.array(realism, dtype=np.float64),
        np.cumsum([0, *map(len, steps)]).astype(np.int64),
        np.array(flat, dtype=np.int64),
        stride.astype(np.int64),
        np.ascontiguousarray(reach, dtype=np.float64),
    )


def _halves(name: str) -> tuple[int, int]:
    key = name_key(name)
    return key & _LOW, (key >> 32) & _HIGH


@compiled_inner
def group_of(
    answers: Answers, row: int, low: np.uint64, high: np.uint64, draw: np.uint64, number: np.uint32
) -> int:  # fmt: skip
    """Return a customer's group: by the uniforms that say whom a proposal reaches, and who answers to it."""
    group = np.int64(0)
    for m in range(answers.realism.size):
        key = answers.key[m]
        u = uniform_at(low, high, draw, number, key[REACH_LOW], key[REACH_HIGH], CUSTOMER)[0]
        answer = uniform_at(low, high, draw, number, key[ANSWER_LOW], key[ANSWER_HIGH], CUSTOMER)[0]
        for e in range(answers.first[m], answers.first[m + 1]):
            part = answers.steps[e]
            if answer < answers.realism[m]:
                part = np.int64(0)
                while part < answers.steps[e] and u >= answers.reach[row, e] * ((part + 1) / answers.steps[e]):
                    part += 1
            group += part * answers.stride[e]
    return int(group)


@compiled_into
def in_one_world(ways: Ways) -> bool:
    """Return whether everybody lives in one world all the time."""
    return bool(ways.phase.size == 1)


@compiled_into
def always_alike(layout: Layout, ways: Ways) -> bool:
    """Return whether everybody lives in one world all the time, and no season changes it."""
    return in_one_world(ways) and layout.seasons == 1


@compiled_into
def phase_on(ways: Ways, group: int, entered: float, day: float) -> int:
    """Return the phase in force `day` days after a customer of a group entered on a calendar day."""
    k = 0
    while k < ways.turn.shape[1] and ways.turn[group, k] - entered <= day:
        k += 1
    return int(ways.phase[group, k])


@compiled_into
def cell_on(layout: Layout, ways: Ways, group: int, persona: int, entered: float, day: float) -> int:
    """Return which parameters hold for a customer on a day since entry."""
    phase = phase_on(ways, group, entered, day)
    period = period_of(layout.period_end, day)
    if layout.seasons > 1:
        season = season_of(layout.entered + entered + day, layout.seasons, layout.season_days)
        period += season * layout.period_end.size
    return persona * layout.periods + phase * layout.period_end.size * layout.seasons + period


@compiled_into
def phase_of(layout: Layout, cell: int) -> int:
    """Return the phase that a cell belongs to."""
    return cell % layout.periods // (layout.period_end.size * layout.seasons)


@compiled_inner
def stays_away(
    comes: float, low: np.uint64, high: np.uint64, draw: np.uint64, number: np.uint32
) -> bool:  # fmt: skip
    """Return whether a customer does not come at all, where in another phase more do."""
    return comes < 1.0 and uniform_at(low, high, draw, number, _COMES_LOW, _COMES_HIGH, CUSTOMER)[0] >= comes
