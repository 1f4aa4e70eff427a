"""The dwell of a link as an analyst would write it: a range, a family, or the quantiles where no family fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.choice import choose_family
from journeysim.calibrate.dwells.families import to_scale_shape
from journeysim.calibrate.dwells.mode import DwellBelief, find_mode, prior_normal
from journeysim.model.dwell import INSTANT, Dwell, Family, cdf
from journeysim.model.quantity import Z90, Fixed, Floats
from journeysim.model.transitions import coarse_edges, dwell_edges_in_microseconds
from journeysim.model.units import DAYS_PER
from journeysim.model.visits import MICROSECONDS_PER_DAY

_FEW: Final = 5
_AT_ONCE: Final = 0.05
_NEARLY_ALL: Final = 0.95
_MANY: Final = 50
_POOR_FIT: Final = 0.1
_QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_SHORTEST: Final = DAYS_PER["second"]


def bins_of(days: Floats, edges: Floats | None = None, weight: Floats | None = None) -> Bins:
    """Return times as counts, or sums of weights, in the widest dwell bins that calibration uses."""
    edges = coarse_edges(float(days.max(initial=0.0))) if edges is None else edges
    micro = np.rint(days * MICROSECONDS_PER_DAY)
    at, where = np.unique(
        np.searchsorted(dwell_edges_in_microseconds(edges), micro, side="right") - 1, return_inverse=True
    )
    count = np.bincount(where, weights=weight, minlength=len(at)).astype(np.float64)
    return Bins(edges[at], edges[at + 1], count)


def dwell_of(days: Floats, weight: Floats | None = None) -> Dwell:
    """Return how long a link took, rounded to what can be read; `weight` says for how many each time counts.

    Always the same time, or nearly always below a second: fixed. Fewer than 5 moves: exponential with their mean. Else
    the family that predicts best what it was not fitted to (`calibrate.dwells`), or the quantiles: where many took no
    time, and where the family's distribution function is more than 10 points off somewhere and 50 moves show it.
    """
    weight = np.ones(len(days)) if weight is None else weight
    if len(days) < _FEW:
        mean = float(np.average(days, weights=weight))
        return Dwell(Family.EXPONENTIAL, Fixed(rounded(max(mean, _SHORTEST)))) if days.max() > 0 else INSTANT
    if days.min() == days.max() or _quantiles(days, weight, [_NEARLY_ALL])[0] < _SHORTEST:
        return Dwell(Family.FIXED, Fixed(rounded(float(_quantiles(days, weight, [0.5])[0]))))
    if np.average(days < _SHORTEST, weights=weight) > _AT_ONCE:
        return _empirical(days, weight)
    done = bins_of(days, weight=weight)
    family, a, b = _fitted(done)
    if len(days) >= _MANY and _worst_miss(done, family, a, b) > _POOR_FIT:
        return _empirical(days, weight)
    return _written(family, a, b)


def _quantiles(days: Floats, weight: Floats, at: Sequence[float]) -> Floats:
    """Return quantiles; between two times only where all count alike."""
    if np.ptp(weight) == 0:
        return np.asarray(np.quantile(days, at))
    return np.asarray(np.quantile(days, at, weights=weight, method="inverted_cdf"))


def _fitted(done: Bins) -> tuple[Family, float, float]:
    logs = np.log(done.middle)
    centre = float(np.average(logs, weights=done.count))
    sd = max(float(np.sqrt(np.average((logs - centre) ** 2, weights=done.count))), 0.1)
    belief = DwellBelief(Family.LOGNORMAL, centre, sd, sd, 1.0, ("",), (0.0,))
    data = [(done, NO_BINS)]
    family = choose_family(belief, data).family
    at = find_mode(family, prior_normal(belief, family), data).mean
    a, b = to_scale_shape(family, at[0], at[1] if len(at) > 1 else 0.0)
    return family, float(a), float(b)


def _worst_miss(done: Bins, family: Family, a: float, b: float) -> float:
    """Return the largest distance of the fitted from the observed distribution function, at the ends of bins."""
    observed = np.cumsum(done.count) / done.size
    return float(np.max(np.abs(cdf(family, a, b, done.high) - observed)))


def _empirical(days: Floats, weight: Floats) -> Dwell:
    """Return quantiles; the last is such that the slowest twentieth keep their mean, which one straggler would ruin."""
    times = _quantiles(days, weight, _QUANTILES)
    slow = days >= times[-2]
    times[-1] = 2 * float(np.average(days[slow], weights=weight[slow])) - times[-2]
    pairs = zip(_QUANTILES, (rounded(float(time)) for time in times), strict=True)
    return Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=tuple(pairs))


def _written(family: Family, a: float, b: float) -> Dwell:
    if family is Family.EXPONENTIAL:
        return Dwell(family, Fixed(rounded(max(a, _SHORTEST))))
    if family is Family.LOGNORMAL:
        low, high = (rounded(max(a * np.exp(sign * Z90 * b), _SHORTEST / 1000)) for sign in (-1, 1))
        if low < high:
            return Dwell(family, Fixed(float(np.sqrt(low * high))), Fixed(float(np.log(high / low) / (2 * Z90))))
    return Dwell(family, Fixed(rounded(a)), Fixed(significant(max(b, 0.02), 2)))


def rounded(days: float) -> float:
    """Return a time with three digits in the unit people would use, to the millisecond, so that a file can say it."""
    unit = next((unit for unit in ("day", "hour", "minute") if days >= DAYS_PER[unit]), "second")
    return significant(round(days / DAYS_PER[unit], 3), 3) * DAYS_PER[unit]


def significant(value: float, digits: int) -> float:
    """Return a number rounded to so many significant digits."""
    return float(f"{value:.{digits}g}")
