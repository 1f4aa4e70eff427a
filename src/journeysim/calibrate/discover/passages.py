"""Passages: what customers did at touchpoints (came, stayed, moved on or fell silent), before any link is judged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from journeysim.model.event_log import EventLog, Ints, SetAside
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.quantity import Fixed, Floats
from journeysim.model.visits import MICROSECONDS_PER_DAY, Visits, visits_of


@final
@dataclass(frozen=True, slots=True, eq=False)
class Passages:
    """Every stay at a touchpoint, and where journeys began; places are touchpoints, then outcomes.

    `target` is the place moved to, -1 where the customer has been silent since; `days` how long the stay took, or has
    lasted at the cut-off. `weight` says how many customers a stay counts for, `own` how many of the log's these are (copies;
    1 in a sample), see `model.weights`. `first` and `persona` are the place of each customer's first arrival and the position
    in `personas`, `first_weight` and `first_own` what the customer counts for. `rank` orders the touchpoints: the mean number
    of other touchpoints that their customers had met before.
    """

    touchpoints: tuple[str, ...]
    outcomes: tuple[str, ...]
    personas: tuple[str, ...]
    customer: Ints
    source: Ints
    target: Ints
    days: Floats
    weight: Floats
    own: Floats
    first: Ints
    persona: Ints
    first_weight: Floats
    first_own: Floats
    rank: Floats
    set_aside: tuple[SetAside, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Touchpoints, then outcomes."""
        return self.touchpoints + self.outcomes

    @property
    def square(self) -> Floats:
        """The squares that go with the weights of stays (`model.weights`)."""
        return np.asarray(self.weight**2 / self.own)


def passages_of(
    log: EventLog, touchpoints: tuple[str, ...], outcomes: tuple[str, ...], returning: Collection[str]
) -> Passages:
    """Return the passages of a log; rows that repeat the touchpoint before are one stay unless it is in `returning`.

    Reads the log as calibration does (`visits_of`), so that what is proposed is what will be counted.
    """
    journey = _anything_goes(log, touchpoints, outcomes, returning)
    visits = visits_of(log, journey)
    n = len(touchpoints)
    at = np.flatnonzero(visits.place < n)
    followed = visits.followed[at]
    following = np.minimum(at + 1, len(visits.place) - 1)
    until = np.where(followed, visits.micro[following], 0)
    return Passages(
        touchpoints, outcomes, journey.persona_names, visits.customer[at], visits.place[at],
        np.where(followed, visits.place[following], -1), (until - visits.micro[at]) / MICROSECONDS_PER_DAY,
        visits.weight[at], visits.weight[at] ** 2 / visits.square[at], visits.place[visits.first],
        visits.persona[visits.first], visits.weight[visits.first],
        (visits.weight**2 / visits.square)[visits.first], _ranks(visits, n), visits.set_aside,
    )  # fmt: skip


def _anything_goes(
    log: EventLog, touchpoints: tuple[str, ...], outcomes: tuple[str, ...], returning: Collection[str]
) -> JourneyMap:
    """Return a map that knows the places and personas of the log; of links only those that mean coming back."""
    named = ("all customers",) if log.persona is None else log.persona.labels
    personas = tuple(Persona(name, Fixed(1.0)) for name in named)
    back = {name: (Link(name, None),) for name in returning}
    return JourneyMap(
        "", tuple(Touchpoint(name, back.get(name, ())) for name in touchpoints),
        tuple(Outcome(name) for name in outcomes), (), personas,
    )  # fmt: skip


def _ranks(visits: Visits, n: int) -> Floats:
    """Return for each touchpoint how many others its customers had met before it, averaged over them; shape (n,)."""
    rows = np.flatnonzero(visits.place < n)
    pairs = visits.customer[rows] * n + visits.place[rows]
    _, earliest = np.unique(pairs, return_index=True)
    rows = rows[np.sort(earliest)]
    customer, place = visits.customer[rows], visits.place[rows]
    start = np.flatnonzero(np.append(True, customer[1:] != customer[:-1])) if len(rows) else rows
    before = np.arange(len(rows)) - np.repeat(start, np.diff(np.append(start, len(rows))))
    seen = np.bincount(place, minlength=n)
    return np.asarray(np.bincount(place, weights=before, minlength=n) / np.maximum(seen, 1))


def in_order(passages: Passages) -> tuple[int, ...]:
    """Return the touchpoints' positions in order of first appearance along journeys; ties by name."""
    keys = zip(passages.rank.tolist(), passages.touchpoints, range(len(passages.touchpoints)), strict=True)
    return tuple(at for _, _, at in sorted(keys))


def reordered(passages: Passages, order: tuple[int, ...]) -> Passages:
    """Return the same passages with the touchpoints in another order."""
    n = len(order)
    new = np.arange(n + len(passages.outcomes) + 1)
    new[list(order)] = np.arange(n)
    new[-1] = -1
    return replace(
        passages, touchpoints=tuple(passages.touchpoints[at] for at in order), source=new[passages.source],
        target=new[passages.target], first=new[passages.first], rank=passages.rank[list(order)],
    )  # fmt: skip
