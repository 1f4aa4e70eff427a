"""Values per visit, reduced: how many visits told a value, how many told zero, and where the positive ones lie.

The value of a visit is the sum of the values on its rows, so a payment and its refund within one stay cancel out. A
visit without a value on any row says nothing about values; it is not a zero. A visit that adds up to less than zero
(a refund) and values that are not finite numbers are counted and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.event_log import Bools, EventLog, Ints, SetAside
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.rows import visit_of_rows
from journeysim.model.quantity import Floats
from journeysim.model.visits import Visits
from journeysim.model.weights import distinct, worth

#: Ratio of the edges of a bin of amounts.
AMOUNT_RATIO: Final = 1.02
_MEAN_RATIO: Final = 1.05
_EXACT_VISITS: Final = 20


@final
@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """Positive values in bins [low, high), one row per (persona, place, bin); `count` is weighted."""

    persona: Ints
    place: Ints
    low: Floats
    high: Floats
    count: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """Customers by how often they paid at a place and by their mean payment, one row per (persona, place, visits, bin).

    `visits` is exact up to 20 and the mean of a bin above; `mean` and `mean_log` average the customers' mean payment
    and its log, and `variance` is that of their mean payments within the cell. A place's customers of one persona count as
    many as their weights are worth (`model.weights`).
    """

    persona: Ints
    place: Ints
    visits: Floats
    mean: Floats
    mean_log: Floats
    variance: Floats
    customers: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """What a log says about values; arrays without a name are per persona and place, shape (G, s), weighted.

    `told` counts visits with a value: `zeros`, positive ones and `refunds`. `sums` holds n, the sum of x, of log x and
    of its square over positive values, shape (G, s, 4). `squares` is the sum of squared weights of the visits that
    are not refunds: n^2 / squares is how many unweighted visits they are worth (Kish 1965, section 11.7).
    """

    visits: Floats
    told: Floats
    zeros: Floats
    refunds: Floats
    refunded: Floats
    sums: Floats
    squares: Floats
    amounts: Amounts
    repeats: Repeats
    set_aside: tuple[SetAside, ...] = ()

    @property
    def worth(self) -> Floats:
        """Factor that turns weighted counts into as many unweighted visits as they are worth, shape (G, s)."""
        total = self.told - self.refunds
        return np.divide(total, self.squares, out=np.ones_like(total), where=self.squares > 0)


def values_of(visits: Visits, log: EventLog, journey: JourneyMap) -> Values | None:
    """Return the values of a log, reduced; None when it has no usable value."""
    if log.value is None:
        return None
    at = visit_of_rows(visits, log, journey)
    finite = np.isfinite(log.value)
    used = finite & (at >= 0)
    if not used.any():
        return None
    value = _sums(at[used], log.value[used], len(visits.row))
    told = np.bincount(at[used], minlength=len(visits.row)) > 0
    weight = visits.weight
    shape = len(journey.personas), len(journey.place_names)
    paid, refund, kept = told & (value > 0), told & (value < 0), told & (value >= 0)

    def total(rows: Bools, amount: Floats) -> Floats:
        return _total(visits, rows, amount, shape)

    logs = np.log(np.where(paid, value, 1.0))
    powers = (np.ones_like(value), value, logs, logs**2)
    return Values(
        visits=total(np.ones(len(told), dtype=bool), weight),
        told=total(told, weight),
        zeros=total(kept & ~paid, weight),
        refunds=total(refund, weight),
        refunded=total(refund, weight * -value),
        sums=np.stack([total(paid, weight * power) for power in powers], axis=-1),
        squares=total(kept, visits.square),
        amounts=_amounts(visits, paid, value, weight),
        repeats=_repeats(visits, paid, value),
        set_aside=_left_out(finite, log.value, at),
    )


def _total(visits: Visits, rows: Bools, amount: Floats, shape: tuple[int, int]) -> Floats:
    """Return the sum of an amount over the chosen visits by persona and place."""
    total = np.zeros(shape)
    np.add.at(total, (visits.persona[rows], visits.place[rows]), amount[rows])
    return total


def _left_out(finite: Bools, value: Floats, at: Ints) -> tuple[SetAside, ...]:
    found = (
        ("value is not a finite number (the event is kept, without its value)", int(np.isinf(value).sum())),
        ("value on a row that was set aside", int(np.sum((at < 0) & finite & (value != 0)))),
    )
    return tuple(SetAside(reason, rows) for reason, rows in found if rows)


def _amounts(visits: Visits, paid: Bools, value: Floats, weight: Floats) -> Amounts:
    step = np.log(AMOUNT_RATIO)
    cell = np.floor(np.log(value[paid]) / step).astype(np.int64)
    keys, where = np.unique(
        np.stack([visits.persona[paid], visits.place[paid], cell], axis=1), axis=0, return_inverse=True
    )
    count = _sums(where, weight[paid], len(keys))
    return Amounts(keys[:, 0], keys[:, 1], np.exp(keys[:, 2] * step), np.exp((keys[:, 2] + 1) * step), count)


def _repeats(visits: Visits, paid: Bools, value: Floats) -> Repeats:
    """Count customers by (persona, place, number of payments, mean payment)."""
    rows = np.flatnonzero(paid)
    owner = np.stack([visits.customer[rows], visits.persona[rows], visits.place[rows]], axis=1)
    owners, where = np.unique(owner, axis=0, return_inverse=True)
    often = _sums(where, np.ones(len(rows)), len(owners))
    mean = _sums(where, value[rows], len(owners)) / often
    logs = np.log(mean)
    cells = np.stack(
        [owners[:, 1], owners[:, 2], _often_bin(often), np.floor(logs / np.log(_MEAN_RATIO)).astype(np.int64)], axis=1
    )
    keys, cell = np.unique(cells, axis=0, return_inverse=True)
    own = _own(visits, rows, where.reshape(-1), owners)
    customers = _sums(cell, own, len(keys))
    times, means, mean_logs = (_sums(cell, own * column, len(keys)) / customers for column in (often, mean, logs))
    variance = _sums(cell, own * (mean - means[cell.ravel()]) ** 2, len(keys)) / customers
    return Repeats(keys[:, 0], keys[:, 1], times, means, mean_logs, variance, customers)


def _own(visits: Visits, rows: Ints, where: Ints, owners: Ints) -> Floats:
    """Return what each of the customers who paid at a place counts."""
    weight, square = np.empty(len(owners)), np.empty(len(owners))
    weight[where], square[where] = visits.weight[rows], visits.square[rows]
    return worth(distinct(owners[:, 1:])[1], weight, square)


def _sums(where: Ints | NDArray[np.intp], amounts: Floats, size: int) -> Floats:
    """Return the sum of the amounts at each position."""
    return np.asarray(np.bincount(where.ravel(), weights=amounts, minlength=size), dtype=np.float64)


def _often_bin(often: Floats) -> Ints:
    """Return a bin for the number of payments: each its own up to 20, then steps of a fifth."""
    above = _EXACT_VISITS + np.floor(np.log(np.maximum(often / _EXACT_VISITS, 1.0)) / np.log(1.2))
    return np.where(often <= _EXACT_VISITS, often, above + 1).astype(np.int64)
