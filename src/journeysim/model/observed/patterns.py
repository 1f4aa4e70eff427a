"""How often each customer took each link of a touchpoint, reduced to unique patterns with the number of customers.

That is all a log knows about how much customers differ in their shares: the likelihood of a customer's visits depends
on the counts per link, and on how long the last visit has been open, not on the order. Only touchpoints that some
customer left twice are kept; at all others nobody can be told apart.

The table stays small whatever the number of customers and visits: of each customer at most the first MOST_VISITS
visits to a touchpoint are counted, and fewer (half, a quarter …) where there would be more than MOST_PATTERNS
patterns. A customer's first visits are a complete observation of their own, so a shorter look loses information, but
biases nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.model.event_log import Bools, EventLog, Ints
from journeysim.model.journey import JourneyMap, all_links
from journeysim.model.quantity import Floats
from journeysim.model.transitions import coarse_bins, known_moves
from journeysim.model.visits import Visits
from journeysim.model.weights import distinct, summed, worth

MOST_VISITS: Final = 64
MOST_PATTERNS: Final = 4000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """Unique patterns; all columns have one row per (persona, touchpoint, counts, open time).

    `taken` has shape (row, link): completed moves over each link, in the order of `all_links`, 0 where padded. The
    last visit of these customers has been open for a time in [still_from, still_to) days; NaN where it is not open.
    `first_visits` (touchpoint,) is how many visits of each customer were looked at, 0 where nobody came twice. A touchpoint's
    customers of one persona count as many as their weights are worth (`model.weights`).
    """

    persona: Ints
    touchpoint: Ints
    taken: Ints
    still_from: Floats
    still_to: Floats
    customers: Floats
    first_visits: Ints

    def at(self, touchpoint: int) -> Patterns:
        """Return the patterns of one touchpoint."""
        at = self.touchpoint == touchpoint
        return Patterns(
            self.persona[at], self.touchpoint[at], self.taken[at], self.still_from[at], self.still_to[at],
            self.customers[at], self.first_visits,
        )  # fmt: skip


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Visited:
    """One row per visit to a touchpoint: who, where, over which link (-1 open), and in which bin of silent time it is open."""

    customer: Ints
    persona: Ints
    place: Ints
    link: Ints
    still: Ints
    weight: Floats
    square: Floats

    def take(self, rows: Bools | Ints) -> _Visited:
        return _Visited(
            self.customer[rows], self.persona[rows], self.place[rows], self.link[rows], self.still[rows],
            self.weight[rows], self.square[rows],
        )  # fmt: skip


def patterns_of(visits: Visits, _log: EventLog, journey: JourneyMap) -> Patterns:
    """Return the patterns of every touchpoint that some customer left twice or more."""
    visited, edges = _visited(visits, journey)
    width = max((len(all_links(tp)) for tp in journey.touchpoints), default=1)
    first_visits = np.zeros(len(journey.touchpoints), dtype=np.int64)
    found, customers = [np.empty((0, width + 3), dtype=np.int64)], [np.empty(0)]
    for place in range(len(journey.touchpoints)):
        here = visited.take(visited.place == place)
        group, rank = _numbered(here.customer)
        if np.any((rank > 0) & (here.link >= 0)):
            first_visits[place], rows, own = _shortened(here, group, rank, width)
            found.append(np.insert(rows, 1, place, axis=1))
            customers.append(own)
    return _patterns(np.concatenate(found), np.concatenate(customers), edges, first_visits)


def _visited(visits: Visits, journey: JourneyMap) -> tuple[_Visited, Floats]:
    """Return the visits, and the edges of the bins of silent time."""
    leaving = np.flatnonzero(visits.place < len(journey.touchpoints))
    followed = visits.followed[leaving]
    target = np.where(followed, visits.place[np.minimum(leaving + 1, len(visits.place) - 1)], -1)
    source = visits.place[leaving]
    still, edges = coarse_bins(np.where(followed, 0, -visits.micro[leaving]))
    link = _link_positions(journey)[source, target]
    every = _Visited(
        visits.customer[leaving], visits.persona[leaving], source, link, still, visits.weight[leaving],
        visits.square[leaving],
    )  # fmt: skip
    return every.take(known_moves(journey)[source, target]), edges


def _link_positions(journey: JourneyMap) -> Ints:
    """Return a link's position in its row, shape (touchpoint, place + 1); -1 where there is none, and for staying."""
    index = {name: i for i, name in enumerate(journey.place_names)}
    found = np.full((len(journey.touchpoints), len(index) + 1), -1, dtype=np.int64)
    for i, touchpoint in enumerate(journey.touchpoints):
        for j, link in enumerate(all_links(touchpoint)):
            found[i, index[link.target]] = j
    return found


def _numbered(customer: Ints) -> tuple[Ints, Ints]:
    """Return the group of each row of a sorted column, and the row's number within it, from 0."""
    first = np.ones(len(customer), dtype=bool)
    first[1:] = customer[1:] != customer[:-1]
    starts = np.flatnonzero(first)
    group = np.cumsum(first) - 1
    return group, np.arange(len(customer)) - starts[group]


def _shortened(here: _Visited, group: Ints, rank: Ints, width: int) -> tuple[int, Ints, Floats]:
    """Return how many first visits are looked at, the unique (persona, counts, open bin), and how many customers have each."""
    looked = MOST_VISITS
    while True:
        kept = rank < looked
        rows, customers = _unique(here.take(kept), group[kept], width)
        if len(rows) <= MOST_PATTERNS or looked <= 2:
            return looked, rows, customers
        looked //= 2


def _unique(here: _Visited, group: Ints, width: int) -> tuple[Ints, Floats]:
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    done = here.link >= 0
    taken = np.bincount(group[done] * width + here.link[done], minlength=len(starts) * width)
    bins = np.full(len(starts), -1, dtype=np.int64)
    bins[group[~done]] = here.still[~done]
    rows = np.column_stack([here.persona[starts], taken.reshape(len(starts), width), bins])
    unique, at = distinct(rows)
    return unique, summed(at, worth(rows[:, 0], here.weight[starts], here.square[starts]), len(unique))


def _patterns(rows: Ints, customers: Floats, edges: Floats, first_visits: Ints) -> Patterns:
    bins = rows[:, -1]
    still = bins >= 0
    return Patterns(
        rows[:, 0], rows[:, 1], rows[:, 2:-1],
        np.where(still, edges[bins], np.nan), np.where(still, edges[bins + 1], np.nan), customers, first_visits,
    )  # fmt: skip
