"""What customers answer: ratings seen in the log, and ratings drawn for moves that are foretold.

Of the arrivals at a touchpoint a persona rates as many as it did before the origin (Jeffreys' beta), and answers as the
fitted ordered logit has it after waits like those in the log: waits of the customers foretold are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.model.draws import Draws
from journeysim.model.event_log import EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observed.rows import visit_of_rows
from journeysim.model.quantity import Floats
from journeysim.model.rating import answers, has_ratings, levels_of, waits_of
from journeysim.model.visits import Visits


@final
@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """Answers that were given: the visit each belongs to, and the answer."""

    visit: Ints
    answer: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Raters:
    """Who answers what at an arrival: chance of answering (draw, persona, place), of each answer (…, level), and these."""

    chance: Floats
    answers: Floats
    levels: Floats

    def drawn(self, draw: Ints, persona: Ints, place: Ints, rng: np.random.Generator) -> Floats:
        """Return the answer given at each arrival, NaN where none is."""
        at = (draw, persona, place)
        gives = np.flatnonzero(rng.random(len(place)) < self.chance[at])
        upto = np.cumsum(self.answers[tuple(axis[gives] for axis in at)], axis=1)
        found = np.full(len(place), np.nan)
        level = np.sum(rng.random(len(gives))[:, None] > upto[:, :-1], axis=1)
        found[gives] = self.levels[level]
        return found


def seen_ratings(visits: Visits, log: EventLog, journey: JourneyMap) -> Rated | None:
    """Return the ratings of a log, in the order of its visits; None where it has none."""
    if log.rating is None:
        return None
    at = visit_of_rows(visits, log, journey)
    rows = np.flatnonzero(np.isfinite(log.rating) & (at >= 0))
    rows = rows[np.argsort(at[rows], kind="stable")]
    return Rated(at[rows], log.rating[rows])


def raters_of(draws: Draws, visits: Visits, rated: Rated | None, rng: np.random.Generator) -> Raters | None:
    """Return who will answer what, given the visits and ratings before the origin; None where nothing was learned."""
    if rated is None or not has_ratings(draws):
        return None
    waits, levels = waits_of(draws), levels_of(draws)
    shape = (len(draws.personas), len(draws.places))
    seen, given = (_counts(visits, which, shape) for which in (np.arange(len(visits.place)), np.unique(rated.visit)))
    chance, chances = np.zeros((draws.count, *shape)), np.zeros((draws.count, *shape, len(levels)))
    for who, where in dict.fromkeys(zip(waits.persona, waits.place, strict=True)):
        g, s = draws.personas.index(who), draws.places.index(where)
        chance[:, g, s] = rng.beta(0.5 + given[g, s], 0.5 + seen[g, s] - given[g, s], draws.count)
        chances[:, g, s] = answers(draws, waits.only(place=where, persona=who))
    return Raters(chance, chances, levels)


def _counts(visits: Visits, rows: Ints, shape: tuple[int, int]) -> Floats:
    found = np.zeros(shape)
    np.add.at(found, (visits.persona[rows], visits.place[rows]), 1.0)
    return found
