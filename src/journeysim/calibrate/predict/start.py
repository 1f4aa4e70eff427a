"""Where simulated customers start: at their entry, or on the way and not heard of for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Customers at a touchpoint; every column has one row per customer.

    `persona` and `place` are positions in the map, `entered` and `arrived` days on the log's clock (arrived at `place`),
    `silent` for how many days after that nothing was seen of the customer (0: nothing is known yet). `previous` is the
    place before (the number of touchpoints: none), `earlier` the visits to every touchpoint so far, the present one
    included, and `taken` how often each link was taken; None where no layer asks for them.
    """

    persona: Ints
    place: Ints
    entered: Floats
    arrived: Floats
    silent: Floats
    previous: Ints
    earlier: Ints | None = None
    taken: Ints | None = None

    @property
    def size(self) -> int:
        """How many customers there are."""
        return len(self.place)

    def take(self, rows: Ints | NDArray[np.bool_]) -> Start:
        """Return the chosen customers, in that order."""
        return Start(
            self.persona[rows], self.place[rows], self.entered[rows], self.arrived[rows], self.silent[rows],
            self.previous[rows], None if self.earlier is None else self.earlier[rows],
            None if self.taken is None else self.taken[rows],
        )  # fmt: skip

    @classmethod
    def entering(cls, persona: Ints, place: Ints, day: Floats, touchpoints: int) -> Start:
        """Return customers who enter at a touchpoint on a day."""
        none = np.full(len(place), touchpoints, dtype=np.int64)
        return cls(persona, place, day, day, np.zeros(len(place)), none)
