"""A model under validation: how its worlds are made, how many, and what they said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

from validation.sbc import Check, Worlds, checked

#: (worlds, seed) -> quantities by name.
Simulated = Callable[[int, int], Mapping[str, Worlds]]


@final
@dataclass(frozen=True, slots=True)
class Model:
    """A name, what the worlds are like, and `maps` calibrations (seeds 1, 2, …) of `per_map` worlds each.

    `fault` says why a model is known to be wrong: it has to fail then, and a test asks for the note to go when it no
    longer does. Of what is `counted` all draws may well be one and the same.
    """

    name: str
    about: str
    simulate: Simulated
    maps: int
    per_map: int
    fault: str = ""
    counted: bool = False

    @property
    def label(self) -> str:
        """The name as a test's id."""
        return self.name.lower().replace(",", "").replace(" ", "-")

    def checks(self) -> tuple[Check, ...]:
        """Return the checks of all quantities over all worlds."""
        blocks = [self.simulate(self.per_map, seed) for seed in range(1, self.maps + 1)]
        return checked({name: Worlds.joined([block[name] for block in blocks]) for name in blocks[0]})
