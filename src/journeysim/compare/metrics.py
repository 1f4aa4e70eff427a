"""The one registry of metrics: name, unit, which direction is good, and the definition that every engine shares.

Every metric is a function of a `Tally`, taken after worlds and personas are mixed, so ratios are ratios of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, Literal, final

import numpy as np

from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.quantity import Floats
from journeysim.simulate.tally import PATH_METRICS, Tally, conversion_quantile

Unit = Literal["share", "money", "days", "count"]
Direction = Literal[-1, 0, 1]


@final
@dataclass(frozen=True, slots=True)
class Metric:
    """One metric per entering customer: `of` gives it per draw and persona, shape (D, G), NaN where undefined.

    `good` is +1 when more is better, -1 when less is better and 0 when the number alone does not say.
    """

    name: str
    label: str
    unit: Unit
    good: Direction
    of: Callable[[Tally], Floats]


def touches(tally: Tally) -> Floats:
    """Return the expected visits to touchpoints, entry included, shape (D, G)."""
    return np.asarray(tally.visits[..., : len(tally.touchpoints)].sum(axis=-1))


def _per_converter(tally: Tally, name: Literal["touches_to_convert", "effort_to_convert"]) -> Floats:
    """Return a sum until conversion per customer who converts, NaN where nobody does or whole lives are not known."""
    if tally.paths is None:
        return np.full(tally.converted.shape, np.nan)
    return _ratio(getattr(tally.paths, name), tally.converted)


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def promoter_score(tally: Tally) -> Floats:
    """Return the Net Promoter Score in points, shape (D, G); NaN where no touchpoint gives a feeling."""
    if tally.paths is None:
        return np.full(tally.converted.shape, np.nan)
    return np.asarray(100.0 * (tally.paths.promoters - tally.paths.detractors))


def _bounce(tally: Tally) -> Floats:
    return np.full(tally.converted.shape, np.nan) if tally.paths is None else tally.paths.bounced


METRICS: Final[tuple[Metric, ...]] = (
    Metric("conversion", "Conversion", "share", 1, lambda tally: tally.converted),
    Metric("churn", "Churn", "share", -1, lambda tally: tally.churned),
    Metric("loss", "Ends without converting", "share", -1, lambda tally: tally.lost),
    Metric("active", "Still on the way", "share", 0, lambda tally: tally.active),
    Metric("revenue", "Revenue", "money", 1, lambda tally: tally.value),
    Metric("cost", "Cost", "money", -1, lambda tally: tally.cost),
    Metric("margin", "Margin", "money", 1, lambda tally: tally.value - tally.cost),
    Metric("clv", "Customer lifetime value", "money", 1, lambda tally: tally.value_pv - tally.cost_pv),
    Metric("effort", "Effort", "count", -1, lambda tally: tally.effort),
    Metric("touches", "Visits to touchpoints", "count", 0, touches),
    Metric(
        "touches_to_convert", "Visits until conversion", "count", -1, lambda t: _per_converter(t, "touches_to_convert")
    ),
    Metric(
        "effort_to_convert", "Effort until conversion", "count", -1, lambda t: _per_converter(t, "effort_to_convert")
    ),
    Metric("bounce", "Leaves after the first touchpoint", "share", -1, _bounce),
    Metric("nps", "Net Promoter Score at the end", "count", 1, promoter_score),
    Metric("time_to_convert_median", "Time to convert, median", "days", -1, lambda t: conversion_quantile(t, 0.5)),
    Metric("time_to_convert_p90", "Time to convert, 9 in 10", "days", -1, lambda t: conversion_quantile(t, 0.9)),
)


def drop_off(touchpoint: str, conversions: frozenset[str]) -> Metric:
    """Return the share of visits at a touchpoint that move on to an outcome which is not one of `conversions`."""

    def of(tally: Tally) -> Floats:
        ends = frozenset(tally.outcomes) - conversions
        return _share_of_visits(tally, touchpoint, lambda target: target in ends)

    return Metric(f"drop_off[{touchpoint}]", f"Drop-off at {touchpoint}", "share", -1, of)


def click_through(link: str) -> Metric:
    """Return the share of visits at a link's source that complete the link ("source -> target")."""
    source, target = split_link(link)
    name = f"click_through[{link}]"
    return Metric(name, f"From {source} to {target}", "share", 0, lambda t: _share_of_visits(t, source, target.__eq__))


def reach(touchpoint: str) -> Metric:
    """Return the share of customers who were at a touchpoint at all."""

    def of(tally: Tally) -> Floats:
        if tally.paths is None or touchpoint not in tally.touchpoints:
            return np.full(tally.converted.shape, np.nan)
        return tally.paths.reached[..., tally.touchpoints.index(touchpoint)]

    return Metric(f"reach[{touchpoint}]", f"Comes to {touchpoint}", "share", 0, of)


def csat(touchpoint: str) -> Metric:
    """Return the share of visits to a touchpoint whose feeling is answered with 4 or 5 of 5 (top two boxes)."""

    def of(tally: Tally) -> Floats:
        if tally.paths is None or touchpoint not in tally.paths.felt:
            return np.full(tally.converted.shape, np.nan)
        at = tally.touchpoints.index(touchpoint)
        return _ratio(tally.paths.satisfied[..., at], tally.visits[..., at])

    return Metric(f"csat[{touchpoint}]", f"Satisfied at {touchpoint}", "share", 1, of)


def abandonment(stage: str, touchpoints: frozenset[str], conversions: frozenset[str]) -> Metric:
    """Return the share of customers who were in a stage and end from one of its touchpoints without converting."""

    def of(tally: Tally) -> Floats:
        if tally.paths is None or stage not in tally.paths.stages:
            return np.full(tally.converted.shape, np.nan)
        ends = frozenset(tally.outcomes) - conversions
        leaving = [
            k for k, (source, target) in enumerate(_ends(tally.links)) if source in touchpoints and target in ends
        ]
        return _ratio(tally.moves[..., leaving].sum(axis=-1), tally.paths.staged[..., tally.paths.stages.index(stage)])

    return Metric(f"abandonment[{stage}]", f"Leaves in {stage}", "share", -1, of)


def _path_metrics(tally: Tally, journey: JourneyMap, conversions: frozenset[str]) -> Iterator[Metric]:
    """Yield what only whole lives tell: reach and CSAT of touchpoints, abandonment of stages."""
    if tally.paths is None:
        return
    yield from (reach(name) for name in tally.touchpoints)
    yield from (csat(name) for name in tally.touchpoints if name in tally.paths.felt)
    for stage in tally.paths.stages:
        members = frozenset(point.name for point in journey.touchpoints if point.stage == stage)
        yield abandonment(stage, members, conversions)


def metrics_at(tally: Tally, journey: JourneyMap) -> Iterator[Metric]:
    """Yield the registry, then the metrics of single touchpoints, stages and links of a tally.

    What the tally cannot know is left out: without feelings there is no NPS, without whole lives no reach.
    """
    conversions = frozenset(end.name for end in journey.outcomes if end.conversion)
    silent = {"nps"} if tally.paths is None or not np.isfinite(tally.paths.promoters).any() else set()
    silent |= PATH_METRICS if tally.paths is None else set()
    yield from (metric for metric in METRICS if metric.name not in silent)
    yield from _path_metrics(tally, journey, conversions)
    yield from (drop_off(name, conversions) for name in tally.touchpoints)
    yield from (click_through(link) for link in tally.links)
    for resource in tally.resources:
        yield from (waiting_time(resource), utilisation(resource), abandoned(resource))


def waiting_time(resource: str) -> Metric:
    """Return the mean wait for a resource of everybody who came to it, served or not, in days."""
    return Metric(
        f"waiting_time[{resource}]",
        f"Wait for {resource}",
        "days",
        -1,
        partial(_at_resource, resource, "waited", "asked"),
    )


def utilisation(resource: str) -> Metric:
    """Return the share of a resource's staff time, while it is open, that is spent at work."""
    of = partial(_at_resource, resource, "at_work", "on_duty")
    return Metric(f"utilisation[{resource}]", f"Utilisation of {resource}", "share", 0, of)


def abandoned(resource: str) -> Metric:
    """Return the share of those who came to a resource and left without having been served."""
    of = partial(_at_resource, resource, "unserved", "asked")
    return Metric(f"abandoned[{resource}]", f"Left {resource} unserved", "share", -1, of)


def _at_resource(resource: str, part: str, whole: str, tally: Tally) -> Floats:
    """Return a ratio of two sums of a resource, NaN where nobody came or staff are unlimited."""
    if resource not in tally.resources:
        return np.full(tally.converted.shape, np.nan)
    at = tally.resources.index(resource)
    total = getattr(tally, whole)[..., at]
    return _ratio(getattr(tally, part)[..., at], np.where(np.isfinite(total), total, 0.0))


@cache
def _ends(links: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(split_link(link) for link in links)


def _share_of_visits(tally: Tally, source: str, chosen: Callable[[str], bool]) -> Floats:
    """Return completed moves from a touchpoint to the chosen targets per visit, NaN where it is never visited."""
    if source not in tally.touchpoints:
        return np.full(tally.converted.shape, np.nan)
    links = [k for k, (start, target) in enumerate(_ends(tally.links)) if start == source and chosen(target)]
    visits = tally.visits[..., tally.touchpoints.index(source)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(visits > 0, tally.moves[..., links].sum(axis=-1) / visits, np.nan)
