"""Change of rewards: value, price, cost, effort and feeling at a place, or value and cost of a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

from journeysim.errors import BadInput, Problem
from journeysim.model.changes.base import Change, Sizes, Terms, per_draw, persona_mask
from journeysim.model.changes.editing import has_link, with_values
from journeysim.model.changes.shares import AdjustShare, missing_link
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap, split_link
from journeysim.model.quantity import Fixed, Floats, Quantity

What = Literal["value", "cost", "price", "effort", "feeling"]
How = Literal["set to", "times", "plus"]
_AT_PLACE: Final = {
    "value": "visit_value",
    "price": "visit_value",
    "cost": "visit_cost",
    "effort": "effort",
    "feeling": "feeling",
}
#: What customers answer to; effort, feelings and the firm's own cost have no elasticity.
_ELASTIC: Final = frozenset({"value", "price"})
_AT_LINK: Final = {"value": "link_value", "price": "link_value", "cost": "link_cost"}


@final
@dataclass(frozen=True, slots=True)
class ChangeReward(Change):
    """Set, scale or shift a reward. A price may carry an elasticity: the odds of `elastic_link` times ratio ** elasticity.

    The elasticity acts on the odds rather than the share, so that no price can push a share out of 0-100 %.
    """

    what: What
    target: str
    how: How
    size: Quantity
    elasticity: Quantity | None = None
    elastic_link: tuple[str, str] | None = None
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return f"change {self.what}: {self.target}"

    @property
    def on_link(self) -> bool:
        """Whether the reward belongs to a link."""
        return " -> " in self.target

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        return {self.how: self.size} | ({} if self.elasticity is None else {"elasticity": self.elasticity})

    @property
    def edits(self) -> tuple[str, ...]:
        return (f"{self.what} of {self.target}",)

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        path = f"change {self.what}"
        problems: tuple[Problem, ...] = ()
        if self.on_link:
            problems += missing_link(journey, *split_link(self.target), path)
            if self.what not in _AT_LINK:
                problems += (Problem("J044", f"a link has no {self.what}; name a touchpoint", path=(path,)),)
        elif self.target not in journey.place_names:
            problems += (
                Problem("J043", f'change has no effect: there is no "{self.target}" on the map', path=(path,)),
            )
        if self.elastic_link is not None and not has_link(journey, *self.elastic_link):
            problems += missing_link(journey, *self.elastic_link, "elasticity on")
        if self.elasticity is not None and self.what not in _ELASTIC:
            message = f"customers answer to a price or value: a change of {self.what} has no elasticity"
            problems += (Problem("J074", message, path=("elasticity",)),)
        return problems

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        name, labels = (_AT_LINK[self.what], draws.links) if self.on_link else (_AT_PLACE[self.what], draws.places)
        at, reached = labels.index(self.target), persona_mask(draws, self.terms.personas)[:, None]
        values = draws.values(name).copy()
        old = values[..., at].copy()
        new = np.where(reached, self._moved(old, per_draw(sizes[self.how])[..., 0]), old)
        values[..., at] = new
        changed = {name: values}
        if name == "visit_value":
            changed["visit_value_sd"] = self._spread(draws.values("visit_value_sd"), at, old, new)
        draws = with_values(draws, **changed)
        if self.elasticity is None or self.elastic_link is None:
            return journey, draws
        own = reached[:, 0]
        ratio = self._ratio(old[:, own].mean(axis=(1, 2)), new[:, own].mean(axis=(1, 2)))
        link = AdjustShare(*self.elastic_link, "odds x", Fixed(1.0), terms=self.terms)
        return link.apply(journey, draws, {"odds x": np.asarray(ratio ** sizes["elasticity"])})

    def _moved(self, old: Floats, size: Floats) -> Floats:
        if self.how == "set to":
            return np.broadcast_to(size, old.shape).astype(np.float64)
        return np.asarray(old * size if self.how == "times" else old + size)

    def _ratio(self, old: Floats, new: Floats) -> Floats:
        """Return new / old, shape (draw,); BadInput where one of them is not above 0, as then no ratio has a log."""
        bad = ~((old > 0) & (new > 0))
        if bad.any():
            sums = f"from {old[bad][0]:g} to {new[bad][0]:g}"
            message = (
                f'"{self.title}" goes {sums} in {int(bad.sum()):,} of {len(bad):,} draws; an elasticity needs a '
                f"{self.what} above 0 before and after: write a smaller change, or leave the elasticity out"
            )
            raise BadInput([Problem("J074", message)])
        return np.asarray(new / old)

    def _spread(self, spread: Floats, at: int, old: Floats, new: Floats) -> Floats:
        """Scale the spread between customers with the mean, so that the relative spread stays."""
        scaled = spread.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled[..., at] *= np.where(old > 0, new / old, 1.0)
        return scaled
