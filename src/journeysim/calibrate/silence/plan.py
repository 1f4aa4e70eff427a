"""Which links of a touchpoint chains move together: those between which open spells are in doubt, and silent ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.calibrate.silence.moves import Plan
from journeysim.calibrate.silence.open_spells import LinkDwell
from journeysim.calibrate.silence.proposals import Places, Spells
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: Open spells that must be in doubt between two links before they are moved together.
_DOUBT: Final = 0.05


@final
@dataclass(frozen=True, slots=True, eq=False)
class MovePlan:
    """Which pairs (learned link, other link) are moved together, how often, and which links are scaled."""

    pairs: Ints
    often: Floats
    scaled: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, links: tuple[LinkDwell, ...], tilt: Floats, spells: Spells, learned: tuple[int, ...]) -> MovePlan:
        """Return the pairs between which open spells are in doubt, each as often as the root of how many."""
        doubt = (spells.spread * spells.count[:, None]).T @ spells.spread
        everybody = np.all(tilt > 0, axis=0)
        found = [
            (k, other) for k, j in enumerate(learned) for other in range(len(links))
            if other != j and doubt[j, other] > _DOUBT and everybody[j] and everybody[other]
        ]  # fmt: skip
        often = np.sqrt([doubt[learned[k], other] for k, other in found])
        most = [
            max((i for i in range(len(doubt)) if i != j and everybody[i]), key=lambda i: doubt[j, i], default=j)
            for j in range(len(doubt))
        ]
        scaled = tuple((j, most[j]) for j, link in enumerate(links) if link.silent and everybody[j] and most[j] != j)
        return cls(np.array(found, dtype=np.int64).reshape(-1, 2), often / max(often.sum(), 1e-300), scaled)

    @property
    def doubtful(self) -> set[int]:
        """Learned links whose dwells are in doubt."""
        return {int(k) for k, _ in self.pairs}

    def harder(self, accepted: Sequence[float]) -> MovePlan:
        """Return the plan with pairs as much rarer as their learned link's dwell is easily swapped by itself."""
        often = self.often * (1 - np.asarray(accepted)[self.pairs[:, 0]]) ** 2 + 1e-12
        return replace(self, often=often / often.sum()) if len(often) else self

    def compiled(self, places: Mapping[int, Places]) -> Plan:
        """Return the plan as `moves` reads it, with where log kappa and the log odds of scaled links were."""
        known = [places[j] for j, _ in self.scaled if j in places]
        at, roots = (
            np.array([getattr(each, part) for each in known], dtype=np.float64) for part in ("at", "root")
        )  # fmt: skip
        empty = np.empty((len(self.scaled), 0, 2)), np.empty((0, 2, 2))
        scaled = np.array(self.scaled, dtype=np.int64).reshape(-1, 2)
        return Plan(self.pairs, np.cumsum(self.often), scaled, *((at, roots) if known else empty))
