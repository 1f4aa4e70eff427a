"""The layers of a world beyond shares and dwells, as arrays beside the chain; each is None where it is off.

Axes as in `simulate.chain`. A layer that acts on rows keeps today's numbers of the same slots beside the world's own,
as `today_…`: a customer's row in a proposal is coupled to the row they would have had today (MODEL section 7).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Frailty:
    """Customers who differ for good: own shares ~ Dirichlet(kappa x share), own rate ~ Gamma(rate, mean 1).

    Where there is a row by the place before, its shares stand in for `share`, with the customer's same luck.
    """

    kappa: Floats  # (D, n) NaN where customers are alike
    today_kappa: Floats  # (D, n)
    rate: Floats  # (D, n) NaN where customers are alike
    slot_key: NDArray[np.uint32]  # (L,) address of a link's gamma variate, from its touchpoint and slot
    silent: Bools  # (L,) links whose dwell is a convention and at nobody's own rate


@final
@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What earlier visits and the place before do to a row.

    After v earlier visits (at most 3 count) a link's weight is share x exp(start + v x effect). Where there is a row by
    the place before, its shares stand in for `share`. A touchpoint that only a proposal has is passed through: the
    customer still remembers what lay before it.
    """

    start: Floats  # (D, G, L)
    today_start: Floats  # (D, G, L)
    effect: Floats  # (D, L)
    today_effect: Floats  # (D, L)
    first: Ints  # (n + 1, n) first entry in `order2` by place before (the last one: entered here) and place, or -1
    order2: Floats  # (D, G, O) whole rows, links in slot order
    today_order2: Floats  # (D, G, O)
    passed: Bools  # (n,) touchpoints that are not remembered


@final
@dataclass(frozen=True, slots=True, eq=False)
class Moods:
    """Feelings and satisfaction (`model.satisfaction`): a link's weight is multiplied by exp(sensitivity x satisfaction)."""

    feeling: Floats  # (D, G, P, s) mean of a feeling
    today_feeling: Floats  # (D, G, P, s)
    at: Bools  # (s,) touchpoints that give a feeling at all …
    today_at: Bools  # (s,) … and that do today
    spread: Floats  # (s,) standard deviation of a feeling, before it is cut to [-1, 1]
    weight: Floats  # (s,) how far a feeling moves satisfaction
    mood: Floats  # (D, G) satisfaction at entry
    today_mood: Floats  # (D, G)
    sensitivity: Floats  # (D, L)
    today_sensitivity: Floats  # (D, L)
    csat: tuple[float, ...]  # cut-points between the answers 1 to 5
    nps: tuple[float, ...]  # cut-points between the answers 0 to 10

    @property
    def acts(self) -> bool:
        """Whether satisfaction does anything but being asked for."""
        return bool(self.sensitivity.any() or self.today_sensitivity.any())


@final
@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """How the value of a visit is distributed around its mean; NaN where a place has no learned distribution."""

    zero: Floats  # (D, G, s) chance that a visit brings nothing
    shape: Floats  # (D, G, s) of a positive value, as `model.dwell` says of b
    family: Floats  # (s,) log-normal or gamma, as `model.dwell.Family`
    spend: Floats  # (D, G, s, 3) gamma-gamma p, q, gamma of customers who come back; NaN where they are alike


Layer = Frailty | Memory | Moods | Values
_WITHOUT_DRAWS: Final = frozenset(
    {"slot_key", "silent", "first", "passed", "at", "today_at", "spread", "weight", "csat", "nps", "family"}
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """The layers of a world; none by default."""

    frailty: Frailty | None = None
    memory: Memory | None = None
    moods: Moods | None = None
    values: Values | None = None
    of_period: tuple[Layers, ...] = ()  # what acts on rows in each tenure period, where it is not the same in all

    @property
    def phases(self) -> tuple[Layers, ...]:
        """The different layers of the tenure periods: one, where they are the same in all."""
        return self.of_period or (self,)

    def at(self, period: int) -> Layers:
        """Return the layers that act on rows in a tenure period."""
        return self.of_period[period] if self.of_period else self

    @property
    def names(self) -> tuple[str, ...]:
        """Which layers act on what customers do, in words for people."""
        said = {"frailty": "customers who differ", "memory": "memory"}
        found = tuple(words for name, words in said.items() if getattr(self, name) is not None)
        return (*found, "feelings that act") if self.moods is not None and self.moods.acts else found

    def take(self, chosen: Ints) -> Layers:
        """Return the layers of the chosen draws only."""
        layers = {name: _taken(getattr(self, name), chosen) for name in ("frailty", "memory", "moods", "values")}
        return Layers(**layers, of_period=tuple(item.take(chosen) for item in self.of_period))


NO_LAYERS: Final = Layers()


def _taken(layer: Layer | None, chosen: Ints) -> Any:  # noqa: ANN401 - the same kind of layer as given
    if layer is None:
        return None
    arrays = {item.name: getattr(layer, item.name)[chosen] for item in fields(layer) if item.name not in _WITHOUT_DRAWS}
    return replace(layer, **arrays)
