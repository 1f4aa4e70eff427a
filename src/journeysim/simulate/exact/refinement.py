"""How finely to cut time: a few draws on finer and finer grids, and the cheapest grid that is close enough to the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Final, Generic, TypeVar, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.exact.grid import MOST_STEPS
from journeysim.simulate.tally import Tally, conversion_quantile

#: How far months and days to convert may be off, as a part of the largest month and of the days.
TIMING: Final = 1e-2
#: How much of the best grid's own doubt is added to the distance from it.
_OWN_DOUBT: Final = 0.25
_SUMS: Final = ("converted", "value_pv", "cost_pv", "visits")
_MONTHS: Final = ("value_month", "cost_month", "converted_month")

Found = TypeVar("Found")


@final
@dataclass(frozen=True, slots=True)
class Ways(Generic[Found]):
    """How results on a grid are extrapolated with those on one of half as many steps, and how far two lie apart.

    `distances` gives the largest relative difference of sums, and of timing.
    """

    extrapolate: Callable[[Found, Found], Found]
    distances: Callable[[Found, Found], tuple[float, float]]


@final
@dataclass(frozen=True, slots=True)
class Cut:
    """A number of equal steps, whether its results are extrapolated with those of half as many, and what that leaves.

    `error` is the relative error of conversion, discounted value and cost, and visits; `timing` that of single months
    and of the days until half, and until nine in ten, of the converters have converted.
    """

    steps: int
    extrapolated: bool
    error: float
    timing: float


def refine(on_grid: Callable[[int], Found], ways: Ways[Found], first: int, tolerance: float) -> Cut:
    """Return the cheapest cut whose sums are within the tolerance and whose timing is within 1 %.

    Parameters
    ----------
    on_grid
        Gives the results of a few trial draws for a number of steps up to the horizon.
    ways
        What they are, to extrapolate them and to tell them apart.
    first
        The smallest number of steps to try; the others are twice, four times … as many, up to the most allowed.
    tolerance
        Relative.

    Notes
    -----
    Steps are halved until Richardson's extrapolation (4 T(h) - T(2h)) / 3 stays the same within the tolerances. The
    last one is the yardstick: every cut's error is its distance from it plus a quarter of the yardstick's last change
    (its own error falls at least fourfold with every halving). Where nothing is close enough, the finest plain grid
    is taken and its error is its distance from the one before.
    """
    steps = [first, 2 * first]
    results = [on_grid(count) for count in steps]
    while 2 * steps[-1] <= MOST_STEPS or len(steps) < 3:
        steps.append(2 * steps[-1])
        results.append(on_grid(steps[-1]))
        best, before = ways.extrapolate(*results[-2:]), ways.extrapolate(*results[-3:-1])
        doubt = ways.distances(before, best)
        for count, extrapolated, result in _by_cost(ways, steps[:-1], results[:-1]):
            apart = ways.distances(result, best)
            error, timing = (gap + _OWN_DOUBT * own for gap, own in zip(apart, doubt, strict=True))
            if error <= tolerance and timing <= TIMING:
                return Cut(count, extrapolated, error, timing)
    error, timing = ways.distances(*results[-2:])
    return Cut(steps[-1], extrapolated=False, error=error, timing=timing)


def _by_cost(ways: Ways[Found], steps: list[int], results: list[Found]) -> Iterator[tuple[int, bool, Found]]:
    """Yield every cut that these results make, cheapest first: plain, then extrapolated with the one before."""
    for k, (count, result) in enumerate(zip(steps, results, strict=True)):
        yield count, False, result
        if k > 0:
            yield count, True, ways.extrapolate(results[k - 1], result)


def extrapolate(coarse: Tally, fine: Tally) -> Tally:
    """Return the tallies' Richardson extrapolation, which removes the error of second order in the step.

    Curves over time stay between 0 and their end and never turn, which extrapolation alone does not see to.
    """
    changed = {
        item.name: (4 * getattr(fine, item.name) - getattr(coarse, item.name)) / 3
        for item in fields(Tally)
        if item.name != "marks" and isinstance(getattr(fine, item.name), np.ndarray)
    }
    changed["converted_by"] = _rising(changed["converted_by"])
    changed["active_at"] = 1.0 - _rising(1.0 - changed["active_at"])
    return replace(fine, **changed)


def _rising(curve: Floats) -> Floats:
    return np.minimum(np.maximum.accumulate(np.maximum(curve, 0.0), axis=-1), curve[..., -1:])


def distances(one: Tally, other: Tally) -> tuple[float, float]:
    """Return the largest relative difference of sums, and of timing; visits and months relative to the largest."""
    days = (_apart(conversion_quantile(one, share), conversion_quantile(other, share)) for share in (0.5, 0.9))
    months = (_apart(getattr(one, name), getattr(other, name)) for name in _MONTHS)
    return max(_apart(getattr(one, name), getattr(other, name)) for name in _SUMS), max(*days, *months)


def _apart(one: Floats, other: Floats) -> float:
    """Return the largest difference along the last axis, as a part of the other's largest size there; 0 for none."""
    here, there = np.nan_to_num(np.atleast_3d(one)), np.nan_to_num(np.atleast_3d(other))
    size = np.abs(there).max(axis=2, keepdims=True)
    return float(np.max(np.abs(here - there) / np.where(size > 0, size, 1.0)))


#: Tallies.
TALLIES: Final = Ways(extrapolate, distances)
