"""What a layer is: one function of (map, observations, posterior so far, seed), and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, final

from journeysim.calibrate.account import DwellAccount
from journeysim.calibrate.gates import Gate
from journeysim.model.journey import JourneyMap
from journeysim.model.observations import Observations

if TYPE_CHECKING:
    import xarray as xr


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """A model chosen by predictive fit: what for, which, and by how much (elpd, leave one out, with its error).

    A single series of weeks gives no standard error: None.
    """

    subject: str
    chosen: str
    runner_up: str
    margin: float
    margin_error: float | None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What a layer adds to a calibration.

    `variables` are xarray's (dimensions, values), by name, put into the posterior's dataset; `measured` names, by kind
    of assumption, what now rests on observations (see `ledger`); `dwells` accounts for dwells that the layer fitted.
    """

    variables: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()
    notes: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    measured: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dwells: tuple[DwellAccount, ...] = ()


NOTHING_LEARNED: Final = Layer()


class Learn(Protocol):
    """What every layer offers: one function."""

    def __call__(self, journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
        """Return what the observations add to the posterior `data`, which is left as it is."""
        ...
