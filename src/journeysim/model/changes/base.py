"""What every change shares: its terms, and the contract `apply`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import Problem
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Fixed, Floats, Quantity

Sizes = Mapping[str, Floats]


@final
@dataclass(frozen=True, slots=True)
class Terms:
    """Whom a change reaches, when, and what it rests on.

    `personas` empty means all; `reach` is the share of customers it is made for; `start`, `ramp` and `decay` are days:
    from `start` on, the share of customers who meet the change grows linearly to `reach` over `ramp`, and then, if
    `decay` is given, fades linearly to nothing over `decay`; each visit goes by the day on which it begins.
    """

    personas: tuple[str, ...] = ()
    reach: Quantity = Fixed(1.0)
    start: float = 0.0
    ramp: float = 0.0
    decay: float | None = None
    basis: str = "guess"


class Change(ABC):
    """Abstract: one edit of the journey and its draws, both together.

    Every final class is a frozen dataclass with `terms`. `path` in its problems starts at the change itself.
    """

    __slots__ = ()
    terms: Terms

    @property
    @abstractmethod
    def title(self) -> str:
        """Return what it does, in the words of the scenario file, e.g. "change share: cart -> paid"."""

    @property
    @abstractmethod
    def quantities(self) -> Mapping[str, Quantity]:
        """Return its sizes by setting name ("odds x", "times", …)."""

    @property
    @abstractmethod
    def edits(self) -> tuple[str, ...]:
        """Return the places and links ("a -> b") it edits; "remove x" and "add x" are marked so."""

    @abstractmethod
    def check(self, journey: JourneyMap) -> tuple[Problem, ...]:
        """Return what is wrong with it on this map (missing targets, nothing to do)."""

    @abstractmethod
    def apply(self, journey: JourneyMap, draws: Draws, sizes: Sizes) -> tuple[JourneyMap, Draws]:
        """Return the changed journey and draws.

        `sizes` holds one value per draw, shape (draw,), for each of `quantities`. Raises BadInput when a share would
        leave [0, 1] in some draws; the message counts them.
        """


def persona_mask(draws: Draws, personas: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which personas a change reaches, shape (persona,)."""
    return np.array([not personas or name in personas for name in draws.personas])


def per_draw(values: Floats) -> Floats:
    """Return values of shape (draw,) ready to broadcast against (draw, persona, period, link or place)."""
    return np.asarray(values, dtype=np.float64)[:, None, None, None]
