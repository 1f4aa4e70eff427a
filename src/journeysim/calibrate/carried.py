"""What draws know, written back as a map's beliefs: the next calibration starts from there.

The map's structure stays; its numbers become what the draws say, with the weight they bear:

- a row of shares is the mean of the draws, and `seen` the n at which Dirichlet(n x mean) has the same total variance:
  n + 1 = sum_j m_j (1 - m_j) / sum_j var_j, summed over the links of the touchpoint's rows;
- a dwell is of the family that most draws have, its scale and shape ranges of the draws that have it; a dwell by
  quantiles is the mean table. The time of a silent exit is a convention, not knowledge: it stays as stated;
- entry, shares of personas, arrivals and rewards likewise.

Own shares and rates of customers, memory, swings of weeks and ratings have no place on a map: they are learned anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.beliefs import fallback_link
from journeysim.model.draws import PLACE_FIELDS, Draws
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import (
    JourneyMap,
    Link,
    Outcome,
    Reward,
    Row,
    Tenure,
    Touchpoint,
    all_links,
    link_id,
)
from journeysim.model.quantity import Fixed, Floats, Quantity, Range, Scale

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
#: A share is written to this many decimals; the largest of a row takes the rest.
_DECIMALS: Final = 6
_FIGURES: Final = 6
_TABLE_STEPS: Final = 20


def carried(journey: JourneyMap, draws: Draws, *, weight: float = 1.0) -> JourneyMap:
    """Return the map with what the draws know as its beliefs, every count behind them times `weight`.

    Parameters
    ----------
    journey : JourneyMap
        The structure; its places and links are those of the draws.
    draws : Draws
        A posterior, or a proposal's world over one.
    weight : float
        In (0, 1]: how many of the customers behind each row of shares still count. A world that has changed since is
        worth less than its count.

    Raises
    ------
    ValueError
        When `weight` is not in (0, 1].
    """
    if not 0.0 < weight <= 1.0:
        raise ValueError(f"a weight lies above 0 and at most at 1, not {weight:g}")
    known = _Known(journey, draws, weight)
    entry = draws.values("entry")
    differ = not _alike(entry)
    return replace(
        journey,
        touchpoints=tuple(known.touchpoint(item) for item in journey.touchpoints),
        outcomes=tuple(known.outcome(item) for item in journey.outcomes),
        personas=tuple(
            replace(persona, share=share)
            for persona, share in zip(journey.personas, _written(draws.values("persona_share")), strict=True)
        ),
        entry=known.entering(known.mixed(entry)),
        entry_by_persona=tuple(
            (name, known.entering(entry[:, g])) for g, name in enumerate(journey.persona_names) if differ
        ),
        seen_entry=known.seen([*np.moveaxis(entry, 1, 0), draws.values("persona_share")], journey.seen_entry),
        arrivals_per_day=_belief(draws.values("arrivals")) if journey.arrivals_per_day is not None else None,
    )


class Rewards(TypedDict):
    """The rewards of a touchpoint or of a persona's row there."""

    value: Reward
    cost: Reward
    value_per_day: Quantity
    cost_per_day: Quantity
    effort: Quantity
    feeling: Quantity


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What draws know of a journey, place by place. A base row is that of the last tenure period."""

    journey: JourneyMap
    draws: Draws
    weight: float

    def mixed(self, values: Floats) -> Floats:
        """Return values (D, G, …) averaged over the personas of customers, (D, …)."""
        shares = self.draws.values("persona_share")
        return np.asarray(np.einsum("dg,dg...->d...", shares, values))

    def seen(self, rows: Sequence[Floats], stated: float) -> float:
        """Return how many customers rows of shares, (D, J) each, rest on: as many as the least known of them.

        Rows that leave nothing open (one link) say nothing about it; where no other is there, it stays as stated.
        """
        known = min(map(equivalent_size, rows), default=np.inf)
        return float(f"{max(self.weight * known, 1.0):.4g}") if np.isfinite(known) else stated

    def entering(self, row: Floats) -> tuple[tuple[str, Quantity], ...]:
        """Return entry shares (D, S) by touchpoint, without those where nobody enters."""
        return tuple(
            (place, share) for place, share in zip(self.draws.places, _written(row), strict=True) if share.mean > 0
        )

    def touchpoint(self, item: Touchpoint) -> Touchpoint:
        """Return a touchpoint with what is known of its links and rewards, by persona where personas differ."""
        names = [link_id(item.name, link.target) for link in all_links(item)]
        at = np.array([self.draws.links.index(name) for name in names], dtype=np.int64)
        place, last = self.draws.places.index(item.name), len(self.journey.tenure_ends) - 1
        share = self.draws.values("share")[..., at]
        differ = not all(
            _alike(self.draws.values(name)[..., last, :][..., at]) for name in ("share", "dwell_a", "dwell_b")
        )
        own = [Row(links=self._links(item, at, share[:, g, last], g, last)) if differ else Row()
               for g in range(len(self.journey.personas))]  # fmt: skip
        if not self._rewarded_alike(place):
            own = [replace(row, **self._rewards(place, g)) for g, row in enumerate(own)]
        periods = tuple(self._tenure(item, at, period) for period in item.by_tenure)
        used = [last, *(self.journey.tenure_ends.index(period.until) for period in item.by_tenure)]
        return replace(
            item,
            links=self._links(item, at, self.mixed(share)[:, last], None, last),
            seen=self.seen([share[:, g, p] for g in range(share.shape[1]) for p in used], item.seen),
            basis="measured",
            by_persona=tuple(
                (name, row) for name, row in zip(self.journey.persona_names, own, strict=True) if row != Row()
            ),
            by_tenure=periods,
            **self._rewards(place, None),
        )

    def outcome(self, item: Outcome) -> Outcome:
        """Return an outcome with what is known of its value and cost."""
        place = self.draws.places.index(item.name)
        known = self._rewards(place, None)
        own = () if self._rewarded_alike(place) else tuple(
            (name, Row(value=rewards["value"], cost=rewards["cost"]))
            for g, name in enumerate(self.journey.persona_names)
            for rewards in [self._rewards(place, g)]
        )  # fmt: skip
        return replace(item, value=known["value"], cost=known["cost"], by_persona=own)

    def _tenure(self, item: Touchpoint, at: Ints, period: Tenure) -> Tenure:
        """Return a period's row as of an average customer: a map says no persona's row by tenure."""
        if period.row.links is None:
            return period
        p = self.journey.tenure_ends.index(period.until)
        share = self.mixed(self.draws.values("share")[..., at])[:, p]
        return replace(period, row=replace(period.row, links=self._links(item, at, share, None, p)))

    def _links(self, item: Touchpoint, at: Ints, share: Floats, g: int | None, p: int) -> tuple[Link, ...]:
        """Return a row of links; those that nobody takes in any draw are not part of it."""
        stated = all_links(item)
        live = np.flatnonzero(share.max(axis=0) > 0)
        shares = _written(share[:, live])
        return tuple(
            replace(
                fallback_link(item, stated[k].target).belief,
                share=known,
                dwell=self._dwell(fallback_link(item, stated[k].target).belief, int(at[k]), g, p),
                value=Reward(self._number("link_value", int(at[k]), g, p), stated[k].value.spread),
                cost=Reward(self._number("link_cost", int(at[k]), g, p), stated[k].cost.spread),
            )
            for k, known in zip(live.tolist(), shares, strict=True)
        )

    def _dwell(self, stated: Link, at: int, g: int | None, p: int) -> Dwell:
        """Return the dwell of a link as most draws have it; a silent exit's is booked, not known."""
        if stated.target in self.journey.outcome_names and self.journey.outcome(stated.target).silent:
            return stated.dwell
        families = np.asarray(self.draws.data["family"].values)[:, at]
        codes, counts = np.unique(families, return_counts=True)
        family = Family(int(codes[np.argmax(counts)]))
        rows = families == family
        scale, shape = (self._values(name, at, g, p)[rows] for name in ("dwell_a", "dwell_b"))
        if family is Family.EMPIRICAL:
            return Dwell(family, Fixed(1.0), quantiles=self._quantiles(at, rows, p))
        return Dwell(family, _belief(scale), _belief(shape))

    def _quantiles(self, at: int, rows: Bools, p: int) -> tuple[tuple[float, float], ...]:
        """Return the mean quantiles (days) of the tables of a link: a map has one table for all personas."""
        factor, row = (self.draws.values(name)[rows][..., p, at] for name in ("dwell_a", "dwell_b"))
        tables = factor[..., None] * self.draws.values("dwell_table")[row.astype(np.int64)]
        days = np.einsum("dg,dgq->q", self.draws.values("persona_share")[rows], tables) / np.count_nonzero(rows)
        chances = np.linspace(0.0, 1.0, _TABLE_STEPS + 1)
        found = np.interp(chances, np.linspace(0.0, 1.0, len(days)), days)
        return tuple((round(float(chance), 4), _rounded(day)) for chance, day in zip(chances, found, strict=True))

    def _number(self, name: str, at: int, g: int | None, p: int) -> Quantity:
        return _belief(self._values(name, at, g, p))

    def _values(self, name: str, at: int, g: int | None, p: int) -> Floats:
        """Return one number per draw: a persona's, or the one of an average customer."""
        values = self.draws.values(name)[..., p, at]
        return self.mixed(values) if g is None and not _alike(values) else values[:, g or 0]

    def _rewarded_alike(self, place: int) -> bool:
        return all(_alike(self.draws.values(name)[..., -1, place]) for name in PLACE_FIELDS)

    def _rewards(self, place: int, g: int | None) -> Rewards:
        def known(name: str) -> Quantity:
            return self._number(name, place, g, -1)

        spread = _rounded(float(self._values("visit_value_sd", place, g, -1).mean()))
        return Rewards(
            value=Reward(known("visit_value"), spread),
            cost=Reward(known("visit_cost")),
            value_per_day=known("value_per_day"),
            cost_per_day=known("cost_per_day"),
            effort=known("effort"),
            feeling=known("feeling"),
        )


def equivalent_size(row: Floats) -> float:
    """Return the n at which Dirichlet(n x mean) has the total variance of shares (D, J); infinite without any spread."""
    means, spread = row.mean(axis=0), float(row.var(axis=0).sum())
    return float(np.sum(means * (1 - means)) / spread) - 1.0 if spread > 0 else float("inf")


def _alike(values: Floats) -> bool:
    """Return whether the personas (second axis) have the same values in every draw."""
    return bool(np.array_equal(values, np.broadcast_to(values[:, :1], values.shape), equal_nan=True))


def _written(row: Floats) -> tuple[Quantity, ...]:
    """Return the mean shares of a row (D, J) with few decimals, adding up to 1."""
    means = np.round(row.mean(axis=0), _DECIMALS)
    means[np.argmax(means)] += 1.0 - means.sum()
    return tuple(Fixed(float(np.round(share, _DECIMALS))) for share in means)


def _belief(values: Floats) -> Quantity:
    """Return values per draw as a belief: the number where all agree, else their 90 % range."""
    low, high = (_rounded(float(end)) for end in np.quantile(values, (0.05, 0.95)))
    if low == high:
        return Fixed(float(values[0]) if np.ptp(values) == 0 else low)
    return Range(low, high, Scale.POSITIVE if low > 0 else Scale.REAL)


def _rounded(value: float) -> float:
    return float(f"{value:.{_FIGURES}g}")
