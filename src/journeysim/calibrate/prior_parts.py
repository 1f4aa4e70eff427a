"""How much of every figure still comes from the map.

Where belief and data are combined as normals, the posterior's precision is the sum of the two, and the part of the
belief in it is var(posterior) / var(prior). That ratio is taken for every assumption on the scale where it is nearest to
normal (log-odds of shares, logs of positive numbers), with quartiles for standard deviations because a rare share has a
long tail; and for the headline figures, which the draws of map and posterior give in closed form: with P the shares
between touchpoints and r those into a place, (1 - P)^-1 r is the chance of ever getting there, (1 - P)^-1 1 the number
of touchpoints visited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.ledger import MEASURED
from journeysim.model.draws import Draws
from journeysim.model.event_log import Bools
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.observed.paths import conversions
from journeysim.model.quantity import Floats

_SHARES: Final = ("share", "entry", "persona share")
_EDGE: Final = 1e-9
_ROUNDING: Final = 1e-12


@final
@dataclass(frozen=True, slots=True)
class PriorPart:
    """Which part of what is known about a figure is the map's belief: 0 all data, 1 all map. `headline`: a result."""

    name: str
    part: float
    headline: bool = False


def prior_parts(journey: JourneyMap, prior: Draws, posterior: Draws) -> tuple[PriorPart, ...]:
    """Return the map's part of the headline figures, then of every assumption of the posterior."""
    before = {item.name: item.values for item in prior.assumptions}
    found = [*_headlines(journey, prior, posterior)]
    for item in posterior.assumptions:
        kind = item.name.partition(":")[0]
        if item.name in before:
            found.append(PriorPart(item.name, part_of(before[item.name], item.values, share=kind in _SHARES)))
        else:
            found.append(PriorPart(item.name, 0.0 if item.basis == MEASURED else 1.0))
    return tuple(found)


def part_of(prior: Floats, posterior: Floats, *, share: bool) -> float:
    """Return min(1, (spread of the posterior / spread of the prior)^2), spreads between quartiles on the own scale."""
    one, other = (_scaled(values, share=share) for values in (prior, posterior))
    if not share and not (np.all(prior > 0) and np.all(posterior > 0)):
        one, other = prior, posterior
    wide, narrow = (float(np.subtract(*np.quantile(values, [0.75, 0.25]))) for values in (one, other))
    if wide <= _ROUNDING:
        return 1.0 if narrow <= _ROUNDING else 0.0
    return float(min(1.0, (narrow / wide) ** 2))


def _scaled(values: Floats, *, share: bool) -> Floats:
    if share:
        return np.asarray(special.logit(np.clip(values, _EDGE, 1 - _EDGE)))
    return np.asarray(np.log(np.maximum(values, _EDGE)))


def _headlines(journey: JourneyMap, prior: Draws, posterior: Draws) -> Iterator[PriorPart]:
    """Yield the figures of a map without tenure periods (there the chain is not closed in touchpoints alone)."""
    if prior.data.sizes["period"] > 1:
        return
    before, after = headline_figures(journey, prior), headline_figures(journey, posterior)
    for name in (name for name in after if name in before):  # what only rounding moves may pass for certain in one
        yield PriorPart(name, part_of(before[name], after[name], share=name != "touchpoints visited"), headline=True)


def headline_figures(journey: JourneyMap, draws: Draws) -> dict[str, Floats]:
    """Return what an average customer comes to in the end, per draw: conversion, each outcome, touchpoints visited."""
    n, places = len(journey.touchpoints), len(journey.place_names)
    matrix = np.zeros((draws.count, len(journey.personas), n, places))
    share = draws.values("share")[:, :, -1]
    for k, label in enumerate(draws.links):
        source, target = (draws.places.index(name) for name in split_link(label))
        matrix[:, :, source, target] += share[:, :, k]
    entry = draws.values("entry")[..., :n] * draws.values("persona_share")[..., None]
    marks = conversions(journey)
    found = {}
    if marks.any():
        found["conversion"] = _reaching(matrix, entry, marks)
    for k, name in enumerate(journey.outcome_names):
        found[f"ending in {name}"] = _reaching(matrix, entry, np.arange(places) == n + k)
    visits = _solved(matrix[..., :n], np.ones((*matrix.shape[:2], n)))
    found["touchpoints visited"] = np.asarray(np.einsum("dgi,dgi->d", entry, visits))
    return {name: values for name, values in found.items() if np.ptp(values) > _ROUNDING}


def _reaching(matrix: Floats, entry: Floats, goal: Bools) -> Floats:
    """Return the chance of ever arriving at one of the goal places, per draw."""
    n = matrix.shape[2]
    between = np.where(goal[:n], 0.0, matrix[..., :n])
    chance = _solved(between, matrix[..., goal].sum(axis=-1))
    return np.asarray(np.einsum("dgi,dgi->d", entry, np.where(goal[:n], 1.0, chance)))


def _solved(between: Floats, right: Floats) -> Floats:
    """Return (1 - between)^-1 right; rows that lead nowhere are held back from being singular by a hair."""
    n = between.shape[-1]
    return np.asarray(np.linalg.solve(np.eye(n) * (1 + _EDGE) - between, right[..., None])[..., 0])
