"""How many customers a customer of a log stands for, and what the sum of many such is worth.

A column `weight` means one of two things, and the numbers say which:

- **whole numbers are copies**: a customer of weight 3 is three customers who did the same at the same time. The log then
  gives, count for count, what it would give with each customer written three times.
- **anything else is a sample** (strata, surveys): a customer stands for so many others who were not looked at. Sums are
  those of the population, but the customers of a sum are worth only (sum of w)^2 / sum of w^2 unweighted ones (Kish 1965,
  Survey Sampling, section 11.7), which is what a posterior may rest on. It is taken among those a posterior is about (of
  one persona at one touchpoint), because over all customers the heavy ones would count as more than one each there.

So every sum of weights goes with a second one, of `square`: w^2 in a sample, w for copies, whose ratio is 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.event_log import EventLog, Ints
from journeysim.model.quantity import Floats

#: Weights are counted in billionths, so that a sum is the same whatever its order; below one they are not usable.
PARTS: Final = 1_000_000_000
_MOST_PACKED: Final = 2**62


@final
@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weight and `square` of every customer of a log, by the log's code; see the module."""

    weight: Floats
    square: Floats


def weights_of(log: EventLog) -> Weights:
    """Return the first usable weight on any of a customer's rows, 1 where there is none."""
    weight = np.ones(int(log.customer.codes.max(initial=-1)) + 1)
    if log.weight is None:
        return Weights(weight, weight)
    parts = np.rint(np.where(np.isfinite(log.weight), log.weight, 0.0) * PARTS)
    stated = np.flatnonzero(parts >= 1)[::-1]
    weight[log.customer.codes[stated]] = parts[stated] / PARTS
    copies = bool(np.all(weight == np.rint(weight))) if log.copies is None else log.copies
    return Weights(weight, weight if copies else weight**2)


def summed(at: Ints, weight: Floats, size: int) -> Floats:
    """Return the sum of weights at each position, to the billionth, whatever the order."""
    return np.asarray(np.bincount(at, weights=np.rint(weight * PARTS), minlength=size) / PARTS, dtype=np.float64)


def worth(group: Ints, weight: Floats, square: Floats) -> Floats:
    """Return weights scaled so that those of a group sum to what the group is worth; copies stay as they are."""
    total, squares = (np.bincount(group, weights=column).astype(np.float64) for column in (weight, square))
    return np.asarray(weight * np.divide(total, squares, out=np.ones_like(total), where=squares > 0)[group])


def distinct(keys: Ints) -> tuple[Ints, Ints]:
    """Return the distinct rows of `keys` in lexicographic order, and the position of every row among them."""
    low = keys.min(axis=0, initial=0)
    sizes = [int(size) for size in keys.max(axis=0, initial=0) - low + 1]
    if np.prod(np.array(sizes, dtype=np.float64)) >= _MOST_PACKED:
        found, at = np.unique(keys, axis=0, return_inverse=True)
        return found, at.reshape(-1)
    packed = np.ravel_multi_index(tuple((keys - low).T), sizes)
    if math.prod(sizes) <= len(packed):  # few kinds: counting them is many times faster than sorting
        occurs = np.bincount(packed, minlength=math.prod(sizes)) > 0
        unique, at = np.flatnonzero(occurs), (np.cumsum(occurs) - 1).take(packed)
    else:
        unique, at = np.unique(packed, return_inverse=True)
    return np.stack(np.unravel_index(unique, sizes), axis=1).astype(np.int64) + low, at.reshape(-1)
