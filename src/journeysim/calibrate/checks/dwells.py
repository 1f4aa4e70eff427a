"""Observed dwells against predicted ones, from the transition table alone.

Of everyone who was seen leaving a touchpoint over a link, how long had it taken? Among completed moves long dwells are
missing, because the log ends. So the observed side is the cumulative incidence of the link (Aalen and Johansen 1978:
each bin's moves over those still there, times the part still there), up to the longest time seen at the touchpoint; the
predicted side is the link's posterior predictive distribution up to the same time. Medians and 90th percentiles of the
two are compared as ratios.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.checks.check import FitCheck, beyond_chance, chance_of
from journeysim.calibrate.counts import Bins, Counts
from journeysim.calibrate.dwells.families import survival_by_draw
from journeysim.model.addresses import uniforms
from journeysim.model.draws import names_on, tables_of
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, Touchpoint, all_links, link_id
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

#: Limits, by what they do to decisions: docs/design, the page about checks of a fit.
MEDIAN_LIMIT: Final = 1.25
TAIL_LIMIT: Final = 1.25
LEAST_MOVES: Final = 30.0
#: Differences below this part of a persona's mean move are not felt by anybody.
_FELT: Final = 0.05
_DRAWS: Final = 50
REPLICAS: Final = 100
#: Median and 90th percentile.
LEVELS: Final = np.array([0.5, 0.9])


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """One link: its moves, observed and predicted median and 90th percentile, and the latter's replicas (2, replicas)."""

    label: str
    moves: float
    seen: Floats
    made: Floats
    replicas: Floats


def check_dwells(journey: JourneyMap, data: xr.Dataset, counts: Counts, *, seed: int) -> Iterator[FitCheck]:
    """Yield the two dwell checks of every persona that took a link with an estimated dwell often enough."""
    for g, persona in enumerate(journey.persona_names):
        found = [item for tp in journey.touchpoints for item in _at(data, counts, tp, (g, persona), seed)]
        if found:
            felt = _FELT * _mean_move(counts, persona)
            yield _check("median dwell", persona, found, 0, MEDIAN_LIMIT, felt)
            yield _check("90th percentile of dwell", persona, found, 1, TAIL_LIMIT, felt)


def _check(what: str, persona: str, found: list[_Compared], k: int, limit: float, felt: float) -> FitCheck:
    """Return the typical ratio of predicted to observed, links weighted by their moves."""
    seen, made = (np.array([getattr(item, side)[k] for item in found]) for side in ("seen", "made"))
    replicas = np.stack([item.replicas[k] for item in found])
    weight = np.array([item.moves for item in found])
    weight /= weight.sum()
    apart = np.abs(np.log((made + felt) / (seen + felt)))
    replicated = weight @ np.abs(np.log((replicas + felt) / (made[:, None] + felt)))
    at = int(np.argmax(apart * weight))
    where = f'"{found[at].label}" ({_days(seen[at])}, predicted {_days(made[at])})'
    total = float(weight @ apart)
    size = float(np.exp(beyond_chance(total, replicated)))
    return FitCheck(what, persona, size, limit, "ratio", chance_of(total, replicated), where)


def _days(days: float) -> str:
    for size, unit in ((1.0, "days"), (1 / 24, "hours"), (1 / 1440, "min")):
        if days >= size:
            return f"{days / size:.3g} {unit}"
    return f"{days * 86_400:.2g} s"


def _mean_move(counts: Counts, persona: str) -> float:
    moves = [bins for (name, _), bins in counts.moves.items() if name == persona]
    return float(sum(bins.middle @ bins.count for bins in moves) / max(sum(bins.size for bins in moves), 1.0))


def _at(
    data: xr.Dataset, counts: Counts, touchpoint: Touchpoint, who: tuple[int, str], seed: int
) -> Iterator[_Compared]:
    (g, persona), labels = who, names_on(data, "link")
    names = [link.target for link in all_links(touchpoint)]
    done = {target: counts.dwells(persona, (touchpoint.name, target)) for target in names}
    if max(bins.size for bins in done.values()) < LEAST_MOVES:
        return
    edges, incidence = cumulative_incidence(list(done.values()), counts.silent(persona, touchpoint.name))
    for target, curve in zip(names, incidence, strict=True):
        at, moves = labels.index(link_id(touchpoint.name, target)), done[target].size
        fixed = bool(np.all(data["family"].values[:, at] == Family.FIXED))
        if moves >= LEAST_MOVES and not fixed and not _own_rate(data, touchpoint):
            predicted = _predicted(data, g, at, edges)
            levels = _replicated_levels(moves, seed, persona, labels[at])
            yield _Compared(
                labels[at], moves, _quantiles(edges, curve, LEVELS), _quantiles(edges, predicted, LEVELS),
                _quantiles(edges, predicted, levels),
            )  # fmt: skip


def _own_rate(data: xr.Dataset, touchpoint: Touchpoint) -> bool:
    """Return whether customers leave at rates of their own: then the dwells of all visits follow no one distribution."""
    return "rate_frailty" in data and bool(np.isfinite(data["rate_frailty"].sel(place=touchpoint.name).values[0]))


def _replicated_levels(moves: float, seed: int, *names: str) -> Floats:
    """Return where the sample quantiles of so many dwells fall on the scale of probabilities, (quantile, replica).

    The order statistic k of n uniforms is Beta(k, n + 1 - k).
    """
    u = np.stack([uniforms(seed, REPLICAS, "replicated dwell", *names, str(level)) for level in LEVELS])
    rank = LEVELS[:, None] * (moves + 1)
    return np.asarray(special.betaincinv(rank, moves + 1 - rank, u))


def cumulative_incidence(done: list[Bins], still: Bins) -> tuple[Floats, Floats]:
    """Return bin edges (b + 1,) and, at each, the part that has left over every link by then (link, b + 1).

    Open spells count as there for half of their bin (the actuary's rule). Bins that differ keep all their edges.
    """
    edges = np.unique(np.concatenate([[0.0], *([bins.low, bins.high][k] for bins in (*done, still) for k in (0, 1))]))
    ends = edges[1:]
    left = np.stack([np.bincount(np.searchsorted(ends, bins.high), bins.count, len(ends)) for bins in done])
    gone = np.bincount(np.searchsorted(ends, still.high), still.count, len(ends))
    leaving = left.sum(axis=0)
    there = np.cumsum((leaving + gone)[::-1])[::-1] - gone / 2
    hazard = np.divide(left, there, out=np.zeros_like(left), where=there > 0)
    staying = np.concatenate([[1.0], np.cumprod(1 - hazard.sum(axis=0))[:-1]])
    curve = np.cumsum(staying * hazard, axis=1)
    return edges, np.concatenate([np.zeros((len(done), 1)), curve], axis=1)


def _predicted(data: xr.Dataset, g: int, at: int, edges: Floats) -> Floats:
    """Return the posterior predictive P(dwell <= edge) of a link, averaged over draws and tenure periods."""
    rows = np.unique(np.linspace(0, data.sizes["draw"] - 1, _DRAWS).astype(np.intp))
    a, b = (data[name].values[rows][:, g, :, at][..., None] for name in ("dwell_a", "dwell_b"))
    still = survival_by_draw(data["family"].values[rows, at], a, b, edges, tables_of(data))
    return np.asarray(1.0 - still.reshape(-1, len(edges)).mean(axis=0))


def _quantiles(edges: Floats, curve: Floats, levels: Floats) -> Floats:
    """Return quantiles of a curve that ends at its last edge; log-linear inside a bin."""
    logs = np.log(np.maximum(edges, edges[1] / 2))
    rising = curve + 1e-12 * np.arange(len(curve))
    return np.asarray(np.exp(np.interp(levels * rising[-1], rising, logs)))
