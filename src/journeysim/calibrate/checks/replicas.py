"""Replicas: logs that the posterior would write for customers who entered when and where the observed ones did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.predict import Predictor, Start, steps
from journeysim.model.addresses import name_key
from journeysim.model.event_log import Bools, Ints
from journeysim.model.observed.paths import LONGEST_PATH, Paths
from journeysim.model.quantity import Floats

#: How many replicas, each from a posterior draw of its own.
REPLICAS: Final = 100
#: Customers over all replicas and personas: what the checks cost does not grow with the log.
CUSTOMERS: Final = 100_000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Replicas:
    """Counts in every replica, and how many customers a replica has by persona.

    `trigrams` (replica, persona, place before, link), `lengths` (replica, persona, visits), `reached` (replica,
    persona, place), `converted` (replica, persona, touchpoint): as in `Paths`.
    """

    customers: Ints
    trigrams: Floats
    lengths: Floats
    reached: Floats
    converted: Floats


def replicate(predictor: Predictor, paths: Paths, converting: Bools, *, seed: int) -> Replicas:
    """Return replicas of the observed customers: same personas, entries and cut-off, at most so many customers.

    A persona with more customers than the budget allows is thinned evenly over its entries.
    """
    personas = paths.reached.shape[0]
    most = CUSTOMERS // (REPLICAS * personas)
    entries = [_thinned(paths, g, most) for g in range(personas)]
    rows = np.concatenate(entries)
    customers = np.array([len(each) for each in entries], dtype=np.int64)
    draws = np.unique(np.linspace(0, predictor.draws - 1, REPLICAS).astype(np.int64))
    rng = np.random.default_rng([seed % 2**63, name_key("replicas") % 2**63])
    found = [_replica(predictor, paths, rows, int(draw), converting, rng) for draw in draws]
    return Replicas(customers, *(np.stack(parts) for parts in zip(*found, strict=True)))


def _thinned(paths: Paths, persona: int, most: int) -> Ints:
    """Return rows of the entries, as often as customers entered there, evenly thinned to at most `most` customers."""
    own = np.flatnonzero(paths.entry[:, 0] == persona)
    total = int(paths.customers[own].sum())
    if total == 0:
        return np.empty(0, dtype=np.int64)
    kept = min(total, most)
    at = (np.arange(kept) + 0.5) * total / kept
    return np.asarray(own[np.searchsorted(np.cumsum(paths.customers[own]), at)], dtype=np.int64)


def _replica(
    predictor: Predictor, paths: Paths, rows: Ints, draw: int, converting: Bools, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return trigrams, lengths, reached and converted of one replica, each by persona."""
    n, (personas, places) = predictor.touchpoints, paths.reached.shape
    low, high = paths.age_from[rows], paths.age_to[rows]
    start = Start.entering(paths.entry[rows, 0], paths.entry[rows, 1], -(low + rng.random(len(rows)) * (high - low)), n)
    trigrams = np.zeros((personas, n + 1, len(predictor.source)))
    lengths, reached = np.ones(len(rows), dtype=np.int64), np.zeros((len(rows), places), dtype=bool)
    reached[np.arange(len(rows)), start.place] = True
    converted = reached & converting[start.place][:, None]
    for step in steps(predictor, start, np.full(len(rows), draw), end=0.0, rng=rng):
        who = step.customer
        np.add.at(trigrams, (start.persona[who], step.previous, step.link), 1.0)
        lengths[who] += 1
        reached[who, step.target] = True
        buyers = who[converting[step.target]]
        converted[buyers] |= reached[buyers]
    size = (personas, LONGEST_PATH + 1)
    by_length = np.bincount(start.persona * size[1] + np.minimum(lengths, LONGEST_PATH), minlength=size[0] * size[1])
    sums = [_by_persona(start.persona, each, personas) for each in (reached, converted)]
    return trigrams, by_length.reshape(size).astype(np.float64), sums[0], sums[1][:, :n]


def _by_persona(persona: Ints, flags: Bools, personas: int) -> Floats:
    return np.stack([flags[persona == g].sum(axis=0) for g in range(personas)]).astype(np.float64)
