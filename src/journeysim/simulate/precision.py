"""How many customers are enough: Monte Carlo error of the decision quantity against what the draws do not know.

The decision quantity of a proposal is its difference from today in every draw, same customers in both arms. Its
values vary over draws for two reasons: the draws do not agree (parameter uncertainty, what the report is about), and
each rests on a finite number of customers (noise). With spread s and noise e a range over draws comes out
sqrt(1 + (e / s)^2) times as wide as it should, and its mean is off by e / sqrt(draws). So customers are added until
e <= PART * s.

Noise is measured, not modelled: customers come in batches, and how far the batches of one draw lie apart says it, for
whatever pairing, mixture of worlds and mixture of personas the difference consists of. A mean per persona is a ratio of
sums, so batches enter by their linearised part in it (Cochran, Sampling Techniques, 3rd ed. 1977, section 6.3; batch
means: Law, Simulation Modeling and Analysis, 5th ed. 2015, section 9.5.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Ints
from journeysim.simulate.streams import BLOCK

#: Noise of a draw's difference at most this part of the spread over draws: ranges at most 2 % too wide.
PART: Final = 0.2
#: What a decision rests on where money moves, and where none does.
MONEY, SHARE = "clv", "conversion"
#: Batches of each round, whole blocks of customers as far as there are that many.
BATCHES: Final = 4
FIRST: Final = BATCHES * BLOCK
#: Moves of all customers, in all draws and worlds, that a run makes at most to get there.
MOST_MOVES: Final = 200_000_000
#: A round goes this far beyond what seems to be needed, and to at most so many times the customers so far.
_BEYOND: Final = 1.05
_GROWTH: Final = 4


@final
@dataclass(frozen=True, slots=True)
class Reached:
    """How precisely one proposal's difference from today is known, in the metric the decision rests on.

    `spread` is the standard deviation over draws with the noise taken off (a single draw knows of none: there it is the
    size of the difference itself), `noise` the Monte Carlo standard error of one draw's difference (root of the mean
    square over draws), `error` that of the mean over draws.
    """

    arm: str
    metric: str
    mean: float
    spread: float
    noise: float
    error: float

    @property
    def part(self) -> float:
        """Noise as a part of the spread: 0 without noise, infinite where the draws agree, NaN where it is not known."""
        if self.noise == 0.0:
            return 0.0
        return self.noise / self.spread if self.spread > 0.0 else math.inf * self.noise


@final
@dataclass(frozen=True, slots=True)
class Precision:
    """How many customers per draw were simulated, whether that number was found or given, and what came of it.

    `asked` is the part of the spread that noise may be, `most` how many customers a run would have gone to. `slope` is
    how much of a control variate was taken off (0: none, see `control`), `gain` by how much that divides the variance.
    """

    customers: int
    found: bool
    asked: float
    most: int
    arms: tuple[Reached, ...] = ()
    slope: float = 0.0
    gain: float = 1.0

    @property
    def worst(self) -> Reached | None:
        """The proposal whose noise is the largest part of its spread; None where nothing is compared or measured."""
        known = [item for item in self.arms if not math.isnan(item.part)]
        return max(known, key=lambda item: item.part, default=None)

    @property
    def enough(self) -> bool:
        """Whether every proposal's noise is as small as asked."""
        return self.worst is None or self.worst.part <= self.asked


@final
@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """What the customers of one world add up to, batch by batch, persona by persona."""

    customers: Ints  # (R, D, G)
    total: Floats  # (R, D, G) of the decision quantity


@final
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One world's part in a difference: `weight` (D, G) times its mean per customer of each persona, summed over G.

    Of a control variate the mean counts in its distance from what is `known` of it (D, G).
    """

    weight: Floats
    batches: Batches
    known: Floats | None = None


def reached(arm: str, metric: str, parts: Sequence[Part], sizes: Sequence[int]) -> Reached:
    """Return how precisely a difference is known that consists of these parts.

    `sizes` are the customers of each batch, of all personas together, equal for all draws and worlds.
    """
    difference, noise = _difference(parts), _noise(parts, sizes)
    draws, mean, mean_square = len(difference), float(difference.mean()), float(np.mean(noise**2))
    squares = float(difference.var(ddof=1)) - mean_square if draws > 1 else mean**2
    error = math.sqrt(mean_square / draws)
    return Reached(arm, metric, mean, math.sqrt(max(squares, 0.0)), math.sqrt(mean_square), error)


def parts_of(customers: int) -> list[int]:
    """Return the sizes of a round's batches: alike as far as possible, every one but the last of whole blocks."""
    blocks = -(-customers // BLOCK)
    count = min(BATCHES, blocks)
    ends = [min(customers, BLOCK * (blocks * (k + 1) // count)) for k in range(count)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def most_customers(moves: float) -> int:
    """Return how many customers per draw a run goes to at most when one of them makes so many moves in all its worlds."""
    return max(FIRST, int(MOST_MOVES / max(moves, 1.0)) // BLOCK * BLOCK)


def more_customers(sofar: Precision) -> int:
    """Return how many more customers per draw the next round takes; 0: there are enough, or there may be no more.

    Noise falls with the root of the number of customers, so how many it takes can be told from those there are.
    """
    worst = sofar.worst
    if not sofar.found or sofar.enough or worst is None:
        return 0
    wanted = sofar.customers * min(_BEYOND * (worst.part / sofar.asked) ** 2, _GROWTH)
    return max(0, min(-int(-wanted // BLOCK) * BLOCK, sofar.most) - sofar.customers)


def too_few(found: Precision | None) -> tuple[str, ...]:
    """Return a warning where a run stopped at its upper bound before the noise was as small as asked."""
    if found is None or not found.found or found.enough or found.worst is None:
        return ()
    worst = found.worst
    if worst.spread == 0.0:
        said = "nothing but Monte Carlo noise is seen in its difference from today"
    else:
        wider = math.hypot(1.0, worst.part) - 1.0
        said = f"Monte Carlo noise is {worst.part:.0%} of what the draws do not know, so ranges are about {wider:.0%} too wide"
    few = f'{found.customers:,} customers per draw, the most a run takes by itself, are too few for "{worst.arm}"'
    return (f'{few}: {said} ({found.asked:.0%} is asked for); write "customers:" in the scenario for more',)


def _difference(parts: Sequence[Part]) -> Floats:
    """Return the difference in every draw, (D,)."""
    return np.asarray(sum((part.weight * _distance(part)).sum(axis=-1) for part in parts))


def _distance(part: Part) -> Floats:
    means = _means(part.batches)
    return means if part.known is None else means - part.known


def _means(batches: Batches) -> Floats:
    return np.asarray(batches.total.sum(axis=0) / np.maximum(batches.customers.sum(axis=0), 1))


def _noise(parts: Sequence[Part], sizes: Sequence[int]) -> Floats:
    """Return the Monte Carlo standard error of the difference in every draw, (D,); NaN from one batch alone."""
    if len(sizes) < 2:
        return np.full(len(parts[0].weight), np.nan)
    return np.asarray(np.sqrt((own_parts(parts, sizes) ** 2).sum(axis=0) / (len(sizes) - 1)))


def own_parts(parts: Sequence[Part], sizes: Sequence[int]) -> Floats:
    """Return each batch's own part in the difference, times the root of N / n with n of N customers in it; (R, D).

    A batch's part has a variance in proportion to its size, so the squares of these add up over R batches to
    R - 1 times the variance of the difference, in expectation.
    """
    batches = np.asarray(sizes, dtype=np.float64)
    own = sum((part.weight * _own(part.batches)).sum(axis=-1) for part in parts)
    return np.asarray(own * np.sqrt(batches.sum() / batches)[:, None])


def _own(batches: Batches) -> Floats:
    """Return each batch's linearised part in the means, (R, D, G)."""
    everybody = np.maximum(batches.customers.sum(axis=0), 1)
    return np.asarray((batches.total - batches.customers * _means(batches)) / everybody)
