"""Observed paths against replicas: n-grams, path lengths, and how far customers get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.checks.check import SURE, FitCheck, beyond_chance, chance_of
from journeysim.calibrate.checks.replicas import Replicas
from journeysim.calibrate.predict import Predictor
from journeysim.model.journey import JourneyMap, link_id
from journeysim.model.observed.moves_after import MovesAfter, grams, previous_labels
from journeysim.model.observed.paths import Paths, conversions
from journeysim.model.quantity import Floats

#: Limits, by what they do to decisions: docs/design, the page about checks of a fit.
BIGRAM_LIMIT: Final = 0.05
TRIGRAM_LIMIT: Final = 0.10
LENGTH_LIMIT: Final = 0.10
STEP_LIMIT: Final = 3.0
#: A persona with fewer customers is not judged, nor a place that fewer, or a smaller part of them, have reached.
LEAST_CUSTOMERS: Final = 30.0
_LEAST_REACHED: Final = 50.0
_LEAST_PART: Final = 0.02
_LEAST_SPREAD: Final = 1e-6


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One persona's counts: observed (no leading axis) or of every replica (leading axis), per customer where useful."""

    trigrams: Floats
    lengths: Floats
    reached: Floats
    converted: Floats
    customers: float


def check_paths(
    journey: JourneyMap, predictor: Predictor, paths: Paths, trigrams: MovesAfter, replicas: Replicas
) -> Iterator[FitCheck]:
    """Yield the checks of every persona with at least LEAST_CUSTOMERS customers."""
    counted = _trigram_counts(journey, trigrams, predictor)
    for g, persona in enumerate(journey.persona_names):
        seen = _Side(counted[g], paths.lengths[g], paths.reached[g], paths.converted[g], float(paths.lengths[g].sum()))
        made = _Side(
            replicas.trigrams[:, g], replicas.lengths[:, g], replicas.reached[:, g], replicas.converted[:, g],
            float(replicas.customers[g]),
        )  # fmt: skip
        if seen.customers >= LEAST_CUSTOMERS:
            yield from _grams(journey, predictor, persona, seen, made)
            yield _lengths(persona, seen, made)
            yield _steps(journey, persona, seen, made)


def _shrinkage(seen: _Side, made: _Side) -> float:
    """Return by what to multiply a thinned replica's distance, so that it is that of a replica of the data's size.

    A replica's distance from the average has two parts: its draw's (as large as sampling is in the data, for that is
    what the posterior rests on), and its own sampling.
    """
    return float(np.sqrt((2 / seen.customers) / (1 / seen.customers + 1 / made.customers)))


def _labels(journey: JourneyMap, predictor: Predictor) -> list[str]:
    places = journey.place_names
    return [link_id(places[i], places[j]) for i, j in zip(predictor.source, predictor.target, strict=True)]


def _trigram_counts(journey: JourneyMap, table: MovesAfter, predictor: Predictor) -> Floats:
    """Return observed moves by (persona, place before, link)."""
    counted = grams(table)
    before = {name: i for i, name in enumerate(previous_labels(journey))}
    link = {label: k for k, label in enumerate(_labels(journey, predictor))}
    found = np.zeros((len(journey.personas), len(before), len(link)))
    rows = zip(counted.persona, counted.before, counted.source, counted.target, counted.count, strict=True)
    for persona, previous, source, target, count in rows:
        found[journey.persona_names.index(persona), before[previous], link[link_id(source, target)]] += count
    return found


def _grams(journey: JourneyMap, predictor: Predictor, persona: str, seen: _Side, made: _Side) -> Iterator[FitCheck]:
    """Yield bigrams and trigrams: which part of all moves stands in the wrong place."""
    links, shrink = _labels(journey, predictor), _shrinkage(seen, made)
    two = (seen.trigrams.sum(axis=0), made.trigrams.sum(axis=1))
    yield _variation("moves", persona, two, links, BIGRAM_LIMIT, shrink)
    three = (seen.trigrams.ravel(), made.trigrams.reshape(len(made.trigrams), -1))
    labels = [f"{before} -> {link}" for before in previous_labels(journey) for link in links]
    yield _variation("pairs of moves", persona, three, labels, TRIGRAM_LIMIT, shrink)


def _variation(
    what: str, persona: str, sides: tuple[Floats, Floats], labels: Sequence[str], limit: float, shrink: float
) -> FitCheck:
    """Return the total variation between observed and average shares: half the sum of absolute differences."""
    seen, made = sides
    share, average = seen / max(seen.sum(), 1.0), made.sum(axis=0) / max(made.sum(), 1.0)
    own = made / np.maximum(made.sum(axis=1, keepdims=True), 1.0)
    replicated = 0.5 * np.abs(own - average).sum(axis=1) * shrink
    observed = 0.5 * float(np.abs(share - average).sum())
    at = int(np.argmax(np.abs(share - average)))
    where = f'"{labels[at]}" ({share[at]:.1%} of all, predicted {average[at]:.1%})'
    size, unit = beyond_chance(observed, replicated), "part in the wrong place"
    return FitCheck(what, persona, size, limit, unit, chance_of(observed, replicated), where)


def _lengths(persona: str, seen: _Side, made: _Side) -> FitCheck:
    """Return Wasserstein's distance between path lengths, as a part of the mean length."""
    visits = np.arange(seen.lengths.shape[-1])
    observed = np.cumsum(seen.lengths) / seen.customers
    average = np.cumsum(made.lengths.sum(axis=0)) / made.lengths.sum()
    own = np.cumsum(made.lengths, axis=1) / made.customers
    mean = float(seen.lengths @ visits / seen.customers)
    distance = float(np.abs(observed - average).sum()) / mean
    replicated = np.abs(own - average).sum(axis=1) / mean * _shrinkage(seen, made)
    predicted = float(made.lengths.sum(axis=0) @ visits / made.lengths.sum())
    where = f"a mean of {mean:.3g} places, predicted {predicted:.3g}"
    size, unit = beyond_chance(distance, replicated), "part of the mean"
    return FitCheck("path length", persona, size, LENGTH_LIMIT, unit, chance_of(distance, replicated), where)


def _steps(journey: JourneyMap, persona: str, seen: _Side, made: _Side) -> FitCheck:
    """Return the largest error, in points, of how many reach a place, and of how many convert once they were there."""
    names = [f'reaching "{name}"' for name in journey.place_names]
    names += [f'conversion after "{name}"' for name in journey.touchpoint_names]
    observed, weight = _rates(journey, seen.reached, seen.converted, seen.customers)
    own, _ = _rates(journey, made.reached, made.converted, made.customers)
    average, _ = _rates(
        journey, made.reached.sum(axis=0), made.converted.sum(axis=0), made.customers * len(made.reached)
    )
    judged = weight >= max(_LEAST_REACHED, _LEAST_PART * seen.customers)
    error = np.where(judged, 100 * np.abs(observed - average), 0.0)
    errors = np.where(judged, 100 * np.abs(own - average), 0.0) * _shrinkage(seen, made)
    spread = np.maximum(np.sqrt(np.mean(errors**2, axis=0)), _LEAST_SPREAD)
    widest = np.max(errors / spread, axis=1)
    sizes = np.sqrt(np.maximum(error**2 - (np.quantile(widest, SURE) * spread) ** 2, 0.0))
    at = int(np.argmax(np.where(sizes.any(), sizes, error / spread)))
    where = f"{names[at]} ({observed[at]:.1%}, predicted {average[at]:.1%})"
    chance = chance_of(float(np.max(error / spread)), widest)
    return FitCheck("step conversion", persona, float(sizes[at]), STEP_LIMIT, "points", chance, where)


def _rates(journey: JourneyMap, reached: Floats, converted: Floats, customers: float) -> tuple[Floats, Floats]:
    """Return the parts that reach every place and that convert after every touchpoint, and how many each rests on."""
    n = len(journey.touchpoints)
    base = reached[..., :n]
    own = np.where(conversions(journey)[:n], 0.0, base)
    rates = np.concatenate([reached / max(customers, 1.0), converted / np.maximum(base, 1.0)], axis=-1)
    weight = np.concatenate([np.full(reached.shape, customers), own], axis=-1)
    return rates, weight
