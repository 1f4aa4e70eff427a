"""What the log cannot show of a silent exit: when it is booked, and how many of those still there have taken it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.beliefs import fallback_link
from journeysim.calibrate.counts import Counts
from journeysim.calibrate.dwells.families import survival_by_draw
from journeysim.model.draws import tables_of
from journeysim.model.dwell import INSTANT, Family
from journeysim.model.journey import Touchpoint, all_links, link_id
from journeysim.model.observed.patterns import Patterns
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

#: A silent exit without a stated dwell is booked when this part of the touchpoint's other moves would be over.
INACTIVITY: Final = 0.95
#: Days within which moves take no time, and a silent exit beside them none either.
_NO_TIME: Final = 1e-5
_DRAWS: Final = 200
#: Log days between which a percentile is looked for.
_BOUNDS: Final = (math.log(1e-6), math.log(1e6))


def book_silent_exits(data: xr.Dataset, touchpoints: Iterable[Touchpoint], silent: frozenset[str]) -> tuple[str, ...]:
    """Write the dwell of silent links for which the map states none; return a sentence for every silent link."""
    return tuple(note for tp in touchpoints for note in _book(data, tp, silent))


def _book(data: xr.Dataset, touchpoint: Touchpoint, silent: frozenset[str]) -> Iterator[str]:
    targets = [link.target for link in all_links(touchpoint)]
    exits = [target for target in targets if target in silent]
    seen = [link_id(touchpoint.name, target) for target in targets if target not in silent]
    for target in exits:
        label = link_id(touchpoint.name, target)
        stated = fallback_link(touchpoint, target).belief.dwell != INSTANT
        days = 0.0 if stated or not seen else percentile(data, seen, INACTIVITY)
        if days <= _NO_TIME:
            yield f'"{label}" leaves no event: its share rests on open spells, its dwell stays the map\'s'
            continue
        at = _positions(data, [label])[0]
        data["family"].values[:, at] = Family.FIXED
        data["dwell_a"].values[..., at] = days
        yield (f'"{label}" leaves no event: its share rests on open spells; it is booked after {days:.3g} days, when '
               f"{INACTIVITY:.0%} of the other moves would be over")  # fmt: skip


def percentile(data: xr.Dataset, labels: list[str], part: float) -> float:
    """Return the days by which a part of the moves over these links is over, averaged over draws and personas."""
    from scipy import optimize

    at, rows = _positions(data, labels), _rows(data)
    weights = data["persona_share"].values[rows][:, :, None] * data["share"].values[rows][:, :, -1][:, :, at]
    weights /= weights.sum()
    curve = _curve(data, at, rows)

    def missing(log_days: float) -> float:
        return float(np.sum(weights * curve(np.exp([log_days]))[..., 0])) - (1.0 - part)

    if missing(_BOUNDS[0]) <= 0:
        return float(np.exp(_BOUNDS[0]))
    if missing(_BOUNDS[1]) >= 0:
        return float(np.exp(_BOUNDS[1]))
    return float(np.exp(optimize.brentq(missing, *_BOUNDS, xtol=1e-12)))


def gone_silently(
    data: xr.Dataset, counts: Counts, touchpoint: Touchpoint, silent: frozenset[str], patterns: Patterns | None = None
) -> tuple[float, float, float] | None:
    """Return how many of those still at a touchpoint have left silently: the mean and a 90 % interval over draws.

    `patterns` are the touchpoint's. Where its customers differ in their shares, what each did before says how likely a
    customer has gone; those who came more often than `patterns` looks at count as the others do.
    """
    targets = [link.target for link in all_links(touchpoint)]
    exits = np.array([target in silent for target in targets])
    personas = [str(name) for name in data["persona"].values]
    bins = [counts.silent(name, touchpoint.name) for name in personas]
    if not exits.any() or not any(each.size for each in bins):
        return None
    at, rows = _positions(data, [link_id(touchpoint.name, target) for target in targets]), _rows(data)
    kappa = _kappa(data, touchpoint.name, rows)
    if kappa is not None and patterns is not None:
        total = _gone_of_patterns(data, (at, exits), rows, kappa, patterns)
        total *= sum(each.size for each in bins) / float(patterns.customers[~np.isnan(patterns.still_from)].sum())
    else:
        shares = data["share"].values[rows][:, :, -1][:, :, at]
        total = np.zeros(len(rows))
        for g, each in enumerate(bins):
            still = np.where(exits[:, None], 1.0, _curves(data, at, rows, each.middle)[:, g])
            joint = shares[:, g, :, None] * still
            total += (joint[:, exits].sum(axis=1) / np.maximum(joint.sum(axis=1), 1e-300)) @ each.count
    low, high = np.quantile(total, [0.05, 0.95])
    return float(total.mean()), float(low), float(high)


def _kappa(data: xr.Dataset, name: str, rows: NDArray[np.intp]) -> Floats | None:
    """Return how much customers differ at a touchpoint, in their shares alone, shape (draw,); None where they do not."""
    if "frailty" not in data:
        return None
    at = [str(label) for label in data["place"].values].index(name)
    kappa = np.asarray(data["frailty"].values[rows, at])
    with_rates = "rate_frailty" in data and not np.isnan(data["rate_frailty"].values[0, at])
    return None if with_rates or np.isnan(kappa[0]) else kappa


def _gone_of_patterns(
    data: xr.Dataset,
    links: tuple[list[int], NDArray[np.bool_]],
    rows: NDArray[np.intp],
    kappa: Floats,
    patterns: Patterns,
) -> Floats:
    """Return how many customers of the open patterns have left, by the urn of `differing.open_visits`, shape (draw,)."""
    (at, exits), is_open = links, ~np.isnan(patterns.still_from)
    low, high = patterns.still_from[is_open], patterns.still_to[is_open]
    times, which = np.unique(np.where(low > 0, np.sqrt(low * high), high / 2), return_inverse=True)
    persona = patterns.persona[is_open]
    still = np.where(exits[:, None], 1.0, _curves(data, at, rows, times))[:, persona, :, which]
    shares = np.moveaxis(data["share"].values[rows][:, :, -1][:, :, at][:, persona], 1, 0)
    joint = (kappa[:, None] * shares + patterns.taken[is_open][:, None, : len(at)]) * still
    gone = joint[..., exits].sum(axis=-1) / np.maximum(joint.sum(axis=-1), 1e-300)
    return np.asarray(patterns.customers[is_open] @ gone)


def _positions(data: xr.Dataset, labels: list[str]) -> list[int]:
    known = [str(label) for label in data["link"].values]
    return [known.index(label) for label in labels]


def _rows(data: xr.Dataset) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, data.sizes["draw"] - 1, _DRAWS).astype(np.intp))


def _curves(data: xr.Dataset, at: list[int], rows: NDArray[np.intp], times: Floats) -> Floats:
    """Return P(dwell > t), shape (draw, persona, link, time)."""
    return _curve(data, at, rows)(times)


def _curve(data: xr.Dataset, at: list[int], rows: NDArray[np.intp]) -> Callable[[Floats], Floats]:
    """Return P(dwell > t) of links as a function of times, shape (draw, persona, link, time); all links in one go."""
    families, tables = data["family"].values[rows][:, at].T.ravel(), tables_of(data)
    a, b = (data[name].values[rows][:, :, -1][..., at] for name in ("dwell_a", "dwell_b"))
    size = (len(at), len(rows), a.shape[1])
    scale, shape = (np.moveaxis(each, -1, 0).reshape(len(families), -1, 1) for each in (a, b))

    def curve(times: Floats) -> Floats:
        still = survival_by_draw(families, scale, shape, times, tables).reshape(*size, len(times))
        return np.ascontiguousarray(np.moveaxis(still, 0, 2))

    return curve
