"""Change of dwell: faster or slower moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from journeysim.errors import Problem
from journeysim.model.changes.base import Change, Sizes, Terms, per_draw, persona_mask
from journeysim.model.changes.editing import position, row_of, with_values
from journeysim.model.changes.shares import missing_link
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap, link_id
from journeysim.model.quantity import Quantity


@final
@dataclass(frozen=True, slots=True)
class ScaleDwell(Change):
    """Multiply the dwell of one link, or of all links of a touchpoint when `target` is None."""

    source: str
    target: str | None
    factor: Quantity
    terms: Terms = Terms()

    @property
    def title(self) -> str:
        return f"change dwell: {self.source if self.target is None else link_id(self.source, self.target)}"

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        return {"times": self.factor}

    @property
    def edits(self) -> tuple[str, ...]:
        return (self.source if self.target is None else link_id(self.source, self.target),)

    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        if self.target is not None:
            return missing_link(journey, self.source, self.target, "change dwell")
        if self.source in journey.touchpoint_names:
            return ()
        message = (
            f'change has no effect: there is no touchpoint "{self.source}"; name a touchpoint or a link of the map'
        )
        return (Problem("J043", message, path=("change dwell",)),)

    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        at = (
            row_of(draws, self.source) if self.target is None else np.array([position(draws, self.source, self.target)])
        )
        factor = np.where(persona_mask(draws, self.terms.personas)[:, None, None], per_draw(sizes["times"]), 1.0)
        scale = draws.values("dwell_a").copy()
        scale[..., at] *= factor
        return journey, with_values(draws, dwell_a=scale)
