"""Draws from the map alone: at its word (one draw of all means), or as a prior (what its weights leave open)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from journeysim.calibrate.beliefs import (
    BASE,
    NumberField,
    Owned,
    RewardField,
    check_dwell_families,
    fallback_link,
    family_of,
    links_at,
    mean_shares,
    normalised,
    number_at,
    reward_at,
    sd_of_log,
)
from journeysim.calibrate.ledger import assumptions_of
from journeysim.calibrate.numerics.addressed import dirichlet, normals
from journeysim.calibrate.seasons import cycle_of_links, season_factors
from journeysim.calibrate.silence.booking import book_silent_exits
from journeysim.model.addresses import uniforms
from journeysim.model.draws import TABLE_SIZE, Draws, new_data, with_more_tables
from journeysim.model.dwell import Family, quantile_table
from journeysim.model.journey import ZERO, JourneyMap, Link, Outcome, Touchpoint, all_links, link_id
from journeysim.model.quantity import Floats, Quantity

Shared = Sequence[tuple[str, Quantity]]


class Reading(ABC):
    """Abstract: how stated beliefs become numbers, one value per draw."""

    __slots__ = ()
    draws: int

    @abstractmethod
    def number(self, quantity: Quantity, *address: str) -> Floats:
        """Return the values of a number, shape (draws,)."""

    @abstractmethod
    def row(self, touchpoint: Touchpoint, owner: str, links: tuple[Link, ...]) -> Floats:
        """Return the shares of a row, shape (draws, links)."""

    @abstractmethod
    def shares(self, stated: Shared, seen: float, *address: str) -> Floats:
        """Return shares that add up to 1 (entry, personas), shape (draws, names)."""

    @abstractmethod
    def scale(self, touchpoint: Touchpoint, owner: str, link: Link) -> Floats:
        """Return the dwell scale of a link, shape (draws,)."""


@final
@dataclass(frozen=True, slots=True)
class AtItsWord(Reading):
    """Every number at its mean."""

    draws: int = 1

    def number(self, quantity: Quantity, *address: str) -> Floats:  # noqa: ARG002  the contract is Reading\'s
        return np.full(self.draws, quantity.mean)

    def row(self, touchpoint: Touchpoint, owner: str, links: tuple[Link, ...]) -> Floats:  # noqa: ARG002  the contract is Reading\'s
        return np.tile(mean_shares(links), (self.draws, 1))

    def shares(self, stated: Shared, seen: float, *address: str) -> Floats:  # noqa: ARG002  the contract is Reading\'s
        return np.tile(normalised(np.array([share.mean for _, share in stated])), (self.draws, 1))

    def scale(self, touchpoint: Touchpoint, owner: str, link: Link) -> Floats:  # noqa: ARG002  the contract is Reading\'s
        return np.full(self.draws, link.dwell.scale.mean)


@final
@dataclass(frozen=True, slots=True)
class AsPrior(Reading):
    """Every number spread as far as the map leaves it open."""

    draws: int
    seed: int

    def number(self, quantity: Quantity, *address: str) -> Floats:
        if quantity.certain:
            return np.full(self.draws, quantity.mean)
        return quantity.ppf(uniforms(self.seed, self.draws, *address))

    def row(self, touchpoint: Touchpoint, owner: str, links: tuple[Link, ...]) -> Floats:
        stated = [(link.target, link.share) for link in links]
        return self._spread(stated, mean_shares(links), touchpoint.seen, "share", touchpoint.name, owner)

    def shares(self, stated: Shared, seen: float, *address: str) -> Floats:
        means = normalised(np.array([share.mean for _, share in stated]))
        return self._spread(list(stated), means, seen, *address)

    def scale(self, touchpoint: Touchpoint, owner: str, link: Link) -> Floats:
        address = ("dwell", touchpoint.name, owner, link.target)
        if not link.dwell.scale.certain:
            return self.number(link.dwell.scale, *address)
        spread = sd_of_log(link.dwell, link.dwell.shape.mean) / np.sqrt(seen_on_link(touchpoint, link))
        return np.asarray(link.dwell.scale.mean * np.exp(spread * normals(self.seed, self.draws, *address)))

    def _spread(self, stated: list[tuple[str, Quantity | None]], means: Floats, seen: float, *address: str) -> Floats:
        """Draw uncertain shares by their own distribution; the others pay in proportion, themselves a Dirichlet."""
        own = np.array([share is not None and not share.certain for _, share in stated])
        shares = np.zeros((self.draws, len(stated)))
        for j in np.flatnonzero(own):
            name, share = stated[j]
            if share is not None:
                shares[:, j] = np.clip(self.number(share, *address, name), 0.0, 1.0)
        taken = shares.sum(axis=1, keepdims=True)
        if np.all(own) or not np.any(means[~own] > 0):
            return np.asarray(shares / taken)
        shares /= np.maximum(taken, 1.0)
        names = [(*address, name) for (name, _), is_own in zip(stated, own, strict=True) if not is_own]
        shares[:, ~own] = np.maximum(1.0 - taken, 0.0) * self._dirichlet(means[~own], seen, names)
        return shares

    def _dirichlet(self, means: Floats, seen: float, names: list[tuple[str, ...]]) -> Floats:
        if not np.isfinite(seen):
            return np.tile(means / means.sum(), (self.draws, 1))
        return dirichlet(seen * means, self.seed, self.draws, names)


@final
@dataclass(frozen=True, slots=True)
class DwellsAsPrior(Reading):
    """Dwells, and every number, as `AsPrior` has them to the bit; shares, whose quantiles take longest, at their means."""

    draws: int
    seed: int

    def number(self, quantity: Quantity, *address: str) -> Floats:
        return AsPrior(self.draws, self.seed).number(quantity, *address)

    def row(self, touchpoint: Touchpoint, owner: str, links: tuple[Link, ...]) -> Floats:
        return AtItsWord(self.draws).row(touchpoint, owner, links)

    def shares(self, stated: Shared, seen: float, *address: str) -> Floats:
        return AtItsWord(self.draws).shares(stated, seen, *address)

    def scale(self, touchpoint: Touchpoint, owner: str, link: Link) -> Floats:
        return AsPrior(self.draws, self.seed).scale(touchpoint, owner, link)


def stated_draws(journey: JourneyMap) -> Draws:
    """Return one draw that holds the means of everything the map states: the map at its word.

    Shares that add up to 1 are exactly as written; a "rest" is what the others leave; rows that do not add up to 1
    (means of uncertain shares) are divided by their sum. Raises BadInput when layers disagree on a dwell family.
    """
    return read_map(journey, AtItsWord(), "stated")


def prior_draws(journey: JourneyMap, *, draws: int, seed: int) -> Draws:
    """Return draws from what the map states, as wide as its weights leave it.

    - Shares of a row: Dirichlet(seen x share). A link whose share is an uncertain number keeps that number's own
      distribution (cut to [0, 1]) and the other links share what is left, in Dirichlet proportions; if uncertain
      shares exceed 1 in a draw they are divided by their sum.
    - Dwell scale: log-normal around the stated one, sd of the log s / sqrt(n), with s the sd of the log dwell (see
      `beliefs.sd_of_log`) and n = max(1, seen x share) customers; an uncertain scale keeps its own distribution; a
      fixed dwell stays fixed. Shapes: as stated, uncertain or not.
    - Entry and persona shares: Dirichlet(seen_entry x share). Everything else: the stated distribution.

    Layers share beliefs: personas without a row of their own have the same value in a draw. Uniforms are addressed by
    (seed, names), so order, other places and the number of draws change nothing.
    """
    return read_map(journey, AsPrior(draws, seed), "prior")


def prior_dwells(journey: JourneyMap, *, draws: int, seed: int) -> Draws:
    """Return `prior_draws` for those who need its dwells only, in more draws than are kept.

    Shares are at their means, and so are the days after which silent exits are booked, which rest on them.
    """
    return read_map(journey, DwellsAsPrior(draws, seed), "prior")


def seen_on_link(touchpoint: Touchpoint, link: Link) -> float:
    """Return how many customers the stated dwell of a link rests on: max(1, seen x share)."""
    stated = {other.target: other for other in all_links(touchpoint)}
    links = next((links for links in _rows(touchpoint) if link in links), tuple(stated.values()))
    return max(1.0, touchpoint.seen * float(mean_shares(links)[[other.target for other in links].index(link.target)]))


def _rows(touchpoint: Touchpoint) -> list[tuple[Link, ...]]:
    rows = [row for _, row in touchpoint.by_persona] + [period.row for period in touchpoint.by_tenure]
    return [touchpoint.links, *(row.links for row in rows if row.links is not None)]


def read_map(journey: JourneyMap, reading: Reading, source: str) -> Draws:
    """Return the draws that a reading of the map gives."""
    check_dwell_families(journey)
    filler = _Filler(journey, reading)
    filler.fill()
    return Draws(filler.data, source, assumptions_of(journey, filler.data))


@final
class _Filler:
    """Writes a reading of the map into a dataset; lives only inside `read_map`."""

    def __init__(self, journey: JourneyMap, reading: Reading) -> None:
        self.journey = journey
        self.reading = reading
        self.labels = tuple((tp, link) for tp in journey.touchpoints for link in all_links(tp))
        self.data = new_data(
            personas=journey.persona_names,
            places=journey.place_names,
            links=tuple(link_id(tp.name, link.target) for tp, link in self.labels),
            slots=tuple(link.place for _, link in self.labels),
            period_ends=journey.tenure_ends,
            draws=reading.draws,
        )

    def fill(self) -> None:
        """Fill every variable."""
        self._whole_journey()
        for position, (touchpoint, link) in enumerate(self.labels):
            self.data["family"].values[:, position] = family_of(touchpoint, link.target)
        places: list[Touchpoint | Outcome] = [*self.journey.touchpoints, *self.journey.outcomes]
        for g, persona in enumerate(self.journey.persona_names):
            for p, period_end in enumerate(self.journey.tenure_ends):
                self._links(g, p, persona, period_end)
                for s, place in enumerate(places):
                    self._place(s, place, g, p)
        self._tables()
        self._moods()
        self._seasons()
        silent = frozenset(end.name for end in self.journey.outcomes if end.silent)
        book_silent_exits(self.data, self.journey.touchpoints, silent)

    def _moods(self) -> None:
        """Write what satisfaction starts from and acts on, where the map states any of it."""
        links = [link for _, link in self.labels]
        personas = self.journey.personas
        if any(link.sensitivity != ZERO for link in links):
            shifts = [
                self.reading.number(link.sensitivity, "sensitivity", tp.name, BASE, link.target)
                for tp, link in self.labels
            ]
            self.data = self.data.assign(sensitivity=(("draw", "link"), np.stack(shifts, axis=-1)))
        if any(persona.mood != ZERO for persona in personas):
            moods = [self.reading.number(persona.mood, "mood", persona.name) for persona in personas]
            self.data = self.data.assign(mood=(("draw", "persona"), np.stack(moods, axis=-1)))

    def _seasons(self) -> None:
        """Write how shares and dwells go up and down over the year or week, where the map states it."""
        cycle = cycle_of_links([link for _, link in self.labels])
        if cycle is not None:
            found = season_factors(self.labels, cycle, self.reading.number, self.reading.draws)
            variables = {name: (("draw", "link", "season"), values) for name, values in found.items()}
            self.data = self.data.assign_coords(season=list(cycle.names)).assign(variables)

    def _tables(self) -> None:
        """Give every empirical dwell its table."""
        tables: list[Floats] = []
        for position, (touchpoint, link) in enumerate(self.labels):
            stated = fallback_link(touchpoint, link.target).belief.dwell
            if stated.family is Family.EMPIRICAL:
                self.data["dwell_b"].values[..., position] = len(tables)
                tables.append(quantile_table(stated, TABLE_SIZE))
        self.data = with_more_tables(self.data, np.reshape(tables, (-1, TABLE_SIZE)))

    def _whole_journey(self) -> None:
        journey, reading = self.journey, self.reading
        personas = [(persona.name, persona.share) for persona in journey.personas]
        self.data["persona_share"].values[:] = reading.shares(personas, journey.seen_entry, "persona share")
        by_persona = dict(journey.entry_by_persona)
        for g, name in enumerate(journey.persona_names):
            owner, entry = (f"persona {name}", by_persona[name]) if name in by_persona else (BASE, journey.entry)
            columns = [self.place_index[place] for place, _ in entry]
            shares = reading.shares(entry, journey.seen_entry, "entry", owner)
            self.data["entry"].values[:, g, columns] = shares
        if journey.arrivals_per_day is not None:
            self.data["arrivals"].values[:] = reading.number(journey.arrivals_per_day, "arrivals")

    @cached_property
    def place_index(self) -> dict[str, int]:
        """Position of each place on its axis."""
        return {name: i for i, name in enumerate(self.journey.place_names)}

    @cached_property
    def link_index(self) -> dict[tuple[str, str], int]:
        """Position of each link on its axis."""
        return {(tp.name, link.target): position for position, (tp, link) in enumerate(self.labels)}

    def _links(self, g: int, p: int, persona: str, period_end: float) -> None:
        for touchpoint in self.journey.touchpoints:
            row = links_at(touchpoint, persona, period_end)
            present = {link.target: link for link in row.belief}
            shares = self.reading.row(touchpoint, row.owner, row.belief)
            for j, link in enumerate(row.belief):
                self.data["share"].values[:, g, p, self.link_index[touchpoint.name, link.target]] = shares[:, j]
            for target in (link.target for link in all_links(touchpoint)):
                stated = Owned(row.owner, present[target]) if target in present else fallback_link(touchpoint, target)
                self._link(touchpoint, stated, g, p)

    def _link(self, touchpoint: Touchpoint, stated: Owned[Link], g: int, p: int) -> None:
        link, address = stated.belief, (touchpoint.name, stated.owner, stated.belief.target)
        at = (slice(None), g, p, self.link_index[touchpoint.name, link.target])
        self.data["dwell_a"].values[at] = self.reading.scale(touchpoint, stated.owner, link)
        self.data["dwell_b"].values[at] = self.reading.number(link.dwell.shape, "dwell shape", *address)
        self.data["link_value"].values[at] = self.reading.number(link.value.mean, "link value", *address)
        self.data["link_cost"].values[at] = self.reading.number(link.cost.mean, "link cost", *address)

    def _place(self, s: int, place: Touchpoint | Outcome, g: int, p: int) -> None:
        persona, period_end = self.journey.persona_names[g], self.journey.tenure_ends[p]
        rewards: tuple[RewardField, ...] = ("value", "cost")
        numbers: tuple[NumberField, ...] = ("value_per_day", "cost_per_day", "effort", "feeling")
        for field in rewards:
            reward = reward_at(place, field, persona, period_end)
            mean = self.reading.number(reward.belief.mean, field, place.name, reward.owner)
            self.data[f"visit_{field}"].values[:, g, p, s] = mean
            if field == "value":
                self.data["visit_value_sd"].values[:, g, p, s] = reward.belief.spread
        for name in numbers:
            number = number_at(place, name, persona, period_end)
            self.data[name].values[:, g, p, s] = self.reading.number(number.belief, name, place.name, number.owner)
