"""Tally: what one world did to an average customer of each persona, per draw. Both engines fill the same form.

Every field is an expectation per entering customer of that persona, so tallies of worlds and personas mix linearly;
ratios (time to convert, drop-off rates) are taken after mixing, by the metric registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, final

import numpy as np

from journeysim.model.quantity import Floats


def _no_resources() -> Floats:
    """Return the sums of a world without resources, for any number of draws and personas."""
    return np.zeros((1, 1, 0))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """What whole lives tell, per entering customer within the horizon.

    Axes as in `Tally`, S stages. `felt` names the touchpoints that give a feeling; without any, `promoters` and
    `detractors` are NaN. Beside the exact engine, `walked` names the metrics that rest on `walkers` walked customers per
    draw all the same.
    """

    reached: Floats  # (D, G, s) P(was at the place)
    staged: Floats  # (D, G, S) P(was at a touchpoint of the stage)
    bounced: Floats  # (D, G) P(ends without converting after the first touchpoint)
    touches_to_convert: Floats  # (D, G) expected visits to touchpoints until conversion, 0 for who does not convert
    effort_to_convert: Floats  # (D, G) the same of effort
    satisfied: Floats  # (D, G, s) expected visits whose feeling is answered with 4 or 5 of 5
    promoters: Floats  # (D, G) P(answers 9 or 10 of 10 at the end, or at the horizon)
    detractors: Floats  # (D, G) P(answers 0 to 6)
    stages: tuple[str, ...]
    felt: frozenset[str]
    walked: frozenset[str] = frozenset()
    walkers: int = 0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Expected counts and sums per entering customer within the horizon.

    Axes: D draws, G personas, s places, n touchpoints, L links, T time marks, M months since entry, R resources
    (none but by the service engine). A persona axis of length 1 stands for the whole population after `mix_personas`.
    """

    converted: Floats  # (D, G) P(reaches a conversion mark by the horizon)
    churned: Floats  # (D, G) P(ends in a churn outcome by the horizon; after conversion where the map says so)
    lost: Floats  # (D, G) P(ends without having converted)
    active: Floats  # (D, G) P(still on the way at the horizon)
    ends: Floats  # (D, G, m) P(ended in each outcome)
    visits: Floats  # (D, G, s) expected arrivals at each place (entry counts as one)
    moves: Floats  # (D, G, L) expected completed moves over each link
    effort: Floats  # (D, G)
    value: Floats  # (D, G) undiscounted
    cost: Floats  # (D, G) undiscounted
    value_pv: Floats  # (D, G) discounted at the value rate
    cost_pv: Floats  # (D, G) discounted at the cost rate
    value_at: Floats  # (D, G, s) value by place (a link's value counts at its target; per-day value at its touchpoint)
    cost_at: Floats  # (D, G, s)
    marks: Floats  # (T,) days since entry
    converted_by: Floats  # (D, G, T) P(converted by each mark)
    active_at: Floats  # (D, G, T) P(on the way at each mark)
    value_month: Floats  # (D, G, M) undiscounted value in each month since entry
    cost_month: Floats  # (D, G, M)
    converted_month: Floats  # (D, G, M) P(converts in that month since entry)
    links: tuple[str, ...]
    touchpoints: tuple[str, ...]
    outcomes: tuple[str, ...]
    personas: tuple[str, ...]
    paths: Paths | None = None
    resources: tuple[str, ...] = ()
    asked: Floats = field(default_factory=_no_resources)  # (D, G, R) visits to each resource
    waited: Floats = field(default_factory=_no_resources)  # (D, G, R) days waited for it
    unserved: Floats = field(default_factory=_no_resources)  # (D, G, R) visits that left without having been served
    at_work: Floats = field(default_factory=_no_resources)  # (D, G, R) staff days at work while open, equal for all G
    on_duty: Floats = field(default_factory=_no_resources)  # (D, G, R) staff days there, equal for all G


#: Fields with a draw for their first axis that every engine fills; `paths` and what resources did come on top.
PER_DRAW: Final = (
    "converted", "churned", "lost", "active", "ends", "visits", "moves", "effort", "value", "cost", "value_pv", "cost_pv",
    "value_at", "cost_at", "converted_by", "active_at", "value_month", "cost_month", "converted_month",
)  # fmt: skip
_AXES: Final = {"ends": "outcomes", "moves": "links", "visits": "places", "value_at": "places", "cost_at": "places"}
_LABELS: Final = frozenset({"marks", "links", "touchpoints", "outcomes", "personas", "paths", "resources"})
_PATH_AXES: Final = {"reached": "places", "satisfied": "places", "staged": "stages"}
#: Metrics made of `Paths`; those of single places carry the place in brackets behind.
PATH_METRICS: Final = frozenset(
    {"touches_to_convert", "effort_to_convert", "bounce", "nps", "reach", "csat", "abandonment"}
)
PATH_LABELS: Final = frozenset({"stages", "felt", "walked", "walkers"})


def places_of(tally: Tally) -> tuple[str, ...]:
    """Return names of touchpoints, then outcomes."""
    return tally.touchpoints + tally.outcomes


def conversion_quantile(tally: Tally, share: float) -> Floats:
    """Return the days by which a share of the converters has converted, shape (D, G); NaN where nobody converts.

    Linear between the tally's time marks; converters are those who convert by the last mark.
    """
    curve, days = tally.converted_by, tally.marks
    wanted = share * curve[..., -1:]
    after = np.argmax(curve >= wanted, axis=-1)[..., None]
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(curve, at, axis=-1)[..., 0] for at in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high > low, (wanted[..., 0] - low) / (high - low), 0.0)
    first, second = days[before[..., 0]], days[after[..., 0]]
    return np.where(curve[..., -1] > 0, first + part * (second - first), np.nan)


def mix_worlds(tallies: Sequence[Tally], weights: Sequence[Floats]) -> Tally:
    """Return the tally of customers who live in several worlds with the given weights.

    `weights` holds one array (D,) or (D, G) per world; they add up to 1. Places and links that a world lacks count as
    zero there. Personas must be the same; the order of names is that of first appearance.
    """
    first = tallies[0]
    touchpoints = _union(tally.touchpoints for tally in tallies)
    labels = {
        "touchpoints": touchpoints,
        "outcomes": first.outcomes,
        "places": touchpoints + first.outcomes,
        "links": _union(tally.links for tally in tallies),
    }
    mixed: dict[str, Any] = {
        item.name: _mix_field(item.name, tallies, weights, labels) for item in fields(Tally) if item.name not in _LABELS
    }
    paths = _mix_paths(tallies, weights, labels["places"])
    return replace(first, touchpoints=touchpoints, links=labels["links"], paths=paths, **mixed)


def mean_tally(tallies: Sequence[Tally]) -> Tally:
    """Return the tally of customers who live in each of several worlds of the same places equally often."""
    mixed: dict[str, Any] = {
        name: np.asarray(sum(getattr(tally, name) for tally in tallies)) / len(tallies) for name in PER_DRAW
    }
    return replace(tallies[0], **mixed)


def _mix_paths(tallies: Sequence[Tally], weights: Sequence[Floats], places: tuple[str, ...]) -> Paths | None:
    """Return the paths of several worlds mixed; None where a world has none."""
    found = [(tally.paths, places_of(tally)) for tally in tallies if tally.paths is not None]
    if len(found) < len(tallies):
        return None
    wanted = {"places": places, "stages": _union(paths.stages for paths, _ in found)}
    mixed: dict[str, Any] = {}
    for item in fields(Paths):
        if item.name not in PATH_LABELS:
            axis = _PATH_AXES.get(item.name)
            parts = [getattr(paths, item.name) for paths, _ in found]
            if axis is not None:
                names = [own if axis == "places" else paths.stages for paths, own in found]
                parts = [aligned(part, own, wanted[axis]) for part, own in zip(parts, names, strict=True)]
            mixed[item.name] = sum(
                part * weight.reshape(weight.shape + (1,) * (part.ndim - weight.ndim))
                for part, weight in zip(parts, weights, strict=True)
            )
    felt, walked = (
        frozenset[str]().union(*(getattr(paths, name) for paths, _ in found)) for name in ("felt", "walked")
    )
    walkers = max(paths.walkers for paths, _ in found)
    return Paths(stages=wanted["stages"], felt=felt, walked=walked, walkers=walkers, **mixed)


def mix_personas(tally: Tally, shares: Floats) -> Tally:
    """Return the whole population's tally given persona shares (D, G); its persona axis has length 1."""
    mixed: dict[str, Any] = {}
    for item in fields(Tally):
        if item.name not in _LABELS:
            values = getattr(tally, item.name)
            by = shares.reshape(shares.shape + (1,) * (values.ndim - 2))
            mixed[item.name] = (values * by).sum(axis=1, keepdims=True)
    return replace(tally, personas=("all",), paths=_paths_of(tally, shares), **mixed)


def one_persona(tally: Tally, number: int) -> Tally:
    """Return one persona's tally; its persona axis has length 1."""
    parts: dict[str, Any] = {
        item.name: getattr(tally, item.name)[:, number : number + 1]
        for item in fields(Tally)
        if item.name not in _LABELS
    }
    only = np.zeros((len(tally.converted), len(tally.personas)))
    only[:, number] = 1.0
    return replace(tally, personas=(tally.personas[number],), paths=_paths_of(tally, only), **parts)


def _paths_of(tally: Tally, shares: Floats) -> Paths | None:
    """Return the paths of personas mixed by shares (D, G)."""
    if tally.paths is None:
        return None
    mixed: dict[str, Any] = {}
    for item in fields(Paths):
        if item.name not in PATH_LABELS:
            values = getattr(tally.paths, item.name)
            by = shares.reshape(shares.shape + (1,) * (values.ndim - 2))
            mixed[item.name] = (values * by).sum(axis=1, keepdims=True)
    return replace(tally.paths, **mixed)


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


def _mix_field(
    name: str, tallies: Sequence[Tally], weights: Sequence[Floats], labels: Mapping[str, tuple[str, ...]]
) -> Floats:
    axis = _AXES.get(name)
    total: Floats | None = None
    for tally, weight in zip(tallies, weights, strict=True):
        values = getattr(tally, name)
        if axis is not None:
            values = aligned(values, places_of(tally) if axis == "places" else getattr(tally, axis), labels[axis])
        by = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
        total = values * by if total is None else total + values * by
    if total is None:
        raise ValueError("no worlds to mix")
    return total


def aligned(values: Floats, names: tuple[str, ...], wanted: tuple[str, ...]) -> Floats:
    """Return values (…, name) over the wanted names, zero where there is none."""
    if names == wanted:
        return values
    out = np.zeros((*values.shape[:-1], len(wanted)))
    out[..., [wanted.index(name) for name in names]] = values
    return out
