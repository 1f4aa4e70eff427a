"""The time grid of the renewal recursion: which step, and which row an arrival at a grid point chooses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Bools, Chain, Ints
from journeysim.simulate.settings import Settings

FIRST_STEPS: Final = 60
MOST_STEPS: Final = 3_840
MOST_COHORT_STEPS: Final = 20_000
_MOST_VALUES: Final = 64
_CLOSE: Final = 1e-9


@final
@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Times k * step, k = 0 … steps, and the tenure period of an arrival at each of them.

    Mass of unknown place around a point (a "hat" one step wide on both sides) is shared between the periods it
    touches; mass known to be exactly at a point belongs to one period. Slots are pairs (period, point), period by
    period: point k of period p is slot offset[p] + k - first[p].
    """

    step: float
    steps: int
    first: Ints  # (P,) first point of the period, 0 where it has none
    last: Ints  # (P,) last point, -1 where it has none
    offset: Ints  # (P,)
    part: Floats  # (slots,) part of the hat at the point that falls in the period
    at: Ints  # (steps + 1,) period of an arrival exactly at the point
    lowest: Ints  # (steps + 1,) first and …
    highest: Ints  # (steps + 1,) … last period with a slot at the point


@final
@dataclass(frozen=True, slots=True)
class Cut:
    """How time is cut: so many steps of so many days; `lattice` as in `build_grid`."""

    step: float
    steps: int
    lattice: bool

    def grid(self, period_end: Floats) -> Grid:
        """Return the grid of a chain with these tenure periods."""
        return build_grid(period_end, self.step, self.steps, lattice=self.lattice)


def is_fixed(chain: Chain) -> Bools:
    """Say which links never vary in their dwell: fixed, or a family shrunk to a point; shape (D, G, P, L)."""
    family = np.asarray(chain.family)[:, None, None, :]
    point = (chain.dwell_a <= 0) | ((family == Family.LOGNORMAL) & (chain.dwell_b <= 0))
    return np.asarray(point | (family == Family.FIXED))


def cohort_step(chain: Chain, horizon: float) -> float | None:
    """Return the step on which every dwell of the chain lies exactly, or None when there is no such step.

    Only fixed dwells can lie on a grid; the common step must leave at most 20,000 points up to the horizon.
    """
    used = chain.share > 0
    if not is_fixed(chain)[used].all():
        return None
    values = np.unique(np.maximum(chain.dwell_a[used], 0.0))
    values = values[values > 0]
    if len(values) == 0:
        return horizon
    return common_step(values, horizon / MOST_COHORT_STEPS)


def common_step(values: Floats, smallest: float) -> float | None:
    """Return the greatest common divisor of positive times, by Euclid's rule; None below `smallest` or for many."""
    if len(values) > _MOST_VALUES:
        return None
    step = float(values[0])
    for value in values[1:]:
        high, low = float(value), step
        while low > _CLOSE * float(value):
            high, low = low, high - low * math.floor(high / low + _CLOSE)
        step = high
        if step < smallest:
            return None
    whole = np.asarray(values / step)
    return step if step >= smallest and bool(np.allclose(whole, np.round(whole), rtol=_CLOSE, atol=0)) else None


def fewest_steps(chain: Chain, settings: Settings) -> int:
    """Return the smallest number of equal steps that put the horizon and the longer fixed dwells on grid points.

    Dwells shorter than a thousandth of the horizon need no point of their own: they are split between neighbours.
    """
    values = np.unique(chain.dwell_a[is_fixed(chain) & (chain.share > 0)])
    values = values[(values > settings.horizon / 1_000) & (values < settings.horizon)]
    step = common_step(np.append(values, settings.horizon), settings.horizon / 1_000)
    return 1 if step is None else round(settings.horizon / step)


def build_grid(period_end: Floats, step: float, steps: int, *, lattice: bool) -> Grid:
    """Return the grid; `lattice` says that all arrivals lie exactly on grid points (a cohort model)."""
    times = step * np.arange(steps + 1)
    at = np.minimum(np.searchsorted(period_end, times + _CLOSE * step, side="right"), len(period_end) - 1)
    exact = np.arange(len(period_end))[:, None] == at[None, :]
    part = exact.astype(np.float64) if lattice else _hat_parts(period_end, step, steps)
    inside = exact | (part > _CLOSE)
    return _with_slots(inside, np.where(part > _CLOSE, part, 0.0), at, step)


def _hat_parts(period_end: Floats, step: float, steps: int) -> Floats:
    """Return which part of the hat around each point lies in each period; shape (P, steps + 1).

    The first hat has only its right half (nothing happens before entry), the last one only its left half.
    """
    edges = np.concatenate([[-np.inf], period_end[:-1], [np.inf]])
    x = np.clip(edges[:, None] / step - np.arange(steps + 1)[None, :], -1.0, 1.0)
    x[:, 0] = np.maximum(x[:, 0], 0.0)
    x[:, -1] = np.minimum(x[:, -1], 0.0)
    below = np.where(x < 0, (1 + x) ** 2 / 2, 1 - (1 - x) ** 2 / 2)
    parts = np.diff(below, axis=0)
    return np.asarray(parts / parts.sum(axis=0))


def _with_slots(inside: Bools, part: Floats, at: Ints, step: float) -> Grid:
    """Return the grid with its slots numbered: the points of a period are neighbours, the periods of a point too."""
    periods, points = inside.shape
    some = inside.any(axis=1)
    first = np.where(some, inside.argmax(axis=1), 0)
    last = np.where(some, points - 1 - inside[:, ::-1].argmax(axis=1), -1)
    offset = np.concatenate([[0], np.cumsum(last - first + 1)[:-1]])
    slots = [part[p, first[p] : last[p] + 1] for p in range(periods)]
    return Grid(
        step=step,
        steps=points - 1,
        first=first.astype(np.int64),
        last=last.astype(np.int64),
        offset=offset.astype(np.int64),
        part=np.concatenate(slots),
        at=at.astype(np.int64),
        lowest=inside.argmax(axis=0).astype(np.int64),
        highest=(periods - 1 - inside[::-1].argmax(axis=0)).astype(np.int64),
    )
