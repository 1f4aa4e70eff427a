"""Change of audience: who comes, where they enter, how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.errors import Problem
from journeysim.model.changes.base import Change, Sizes, Terms, persona_mask
from journeysim.model.changes.editing import check_shares, with_values
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats, Quantity

Shares = tuple[tuple[str, Quantity], ...]


@final
@dataclass(frozen=True, slots=True)
class ChangeAudience(Change):
    """Set persona shares, entry shares or arrivals (customers per day); names left out share what remains in proportion."""

    personas: Shares = ()
    entry: Shares = ()
    arrivals: Quantity | None = None
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return "audience"

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        shares = {f"share of {name}": size for name, size in self.personas}
        shares |= {f"entering at {name}": size for name, size in self.entry}
        return shares | ({} if self.arrivals is None else {"arrivals": self.arrivals})

    @property
    def edits(self) -> tuple[str, ...]:
        return tuple(f"audience {part}" for part in ("personas", "entry", "arrivals") if getattr(self, part))

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        if not self.edits:
            message = 'change has no effect: an audience has "personas", "enter" or "arrivals"'
            return (Problem("J043", message, path=("audience",)),)
        unknown = [("personas", name) for name, _ in self.personas if name not in journey.persona_names]
        unknown += [("enter", name) for name, _ in self.entry if name not in journey.touchpoint_names]
        return tuple(
            Problem(
                "J043", f'change has no effect: the map has no "{name}" under {part}', path=("audience", part, name)
            )
            for part, name in unknown
        )

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        changed: dict[str, Floats] = {}
        if self.personas:
            asked = {draws.personas.index(name): sizes[f"share of {name}"] for name, _ in self.personas}
            changed["persona_share"] = self._set(draws.values("persona_share"), asked)
        if self.entry:
            asked = {draws.places.index(name): sizes[f"entering at {name}"][:, None] for name, _ in self.entry}
            entry, reached = draws.values("entry"), persona_mask(draws, self.terms.personas)
            changed["entry"] = np.where(reached[:, None], self._set(entry, asked), entry)
        if self.arrivals is not None:
            changed["arrivals"] = np.asarray(sizes["arrivals"], dtype=np.float64)
        return journey, with_values(draws, **changed)

    def _set(self, shares: Floats, asked: Mapping[int, Floats]) -> Floats:
        """Return shares (…, name) with some set and the others scaled to what remains."""
        new, named = shares.copy(), sorted(asked)
        others = [k for k in range(shares.shape[-1]) if k not in asked]
        for k in named:
            new[..., k] = asked[k]
        left, had = 1.0 - new[..., named].sum(axis=-1), shares[..., others].sum(axis=-1)
        check_shares(self.title, np.stack([left + 0.0 * had, *(new[..., k] for k in named)], axis=-1).round(12))
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(had > 0.0, left / had, 0.0)
        new[..., others] *= factor[..., None]
        total = new.sum(axis=-1, keepdims=True)
        return np.asarray(new / total)
