"""The layers of a calibration beyond shares and dwell: each is off unless the observations hold something about it.

A layer returns what it adds, and leaves what it was given alone; where the observations say nothing about it, it returns
NOTHING_LEARNED. Layers run in the order of LAYERS, so a later one sees the variables that an earlier one wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from journeysim.calibrate.layers.arrivals import learn_arrivals
from journeysim.calibrate.layers.frailty import learn_frailty
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer, Learn
from journeysim.calibrate.layers.memory import learn_memory
from journeysim.calibrate.layers.ratings import learn_ratings
from journeysim.calibrate.layers.repeats import learn_repeats
from journeysim.calibrate.layers.swings import learn_swings
from journeysim.calibrate.layers.tenure import learn_tenure
from journeysim.calibrate.layers.values import learn_values
from journeysim.model.journey import JourneyMap
from journeysim.model.observations import Observations

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LAYERS", "NOTHING_LEARNED", "Choice", "Layer", "Learn", "joined", "learn_layers"]

#: In the order they run.
LAYERS: Final[tuple[Learn, ...]] = (
    learn_repeats,
    learn_frailty,
    learn_tenure,
    learn_memory,
    learn_values,
    learn_ratings,
    learn_arrivals,
    learn_swings,
)


def learn_layers(
    journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int
) -> tuple[xr.Dataset, tuple[Layer, ...]]:
    """Return the posterior with the variables of every layer, and what each layer found."""
    found = []
    for learn in LAYERS:
        layer = learn(journey, observed, data, seed=seed)
        data = data.assign(layer.variables)
        found.append(layer)
    return data, tuple(found)


def joined(parts: Iterable[Mapping[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """Return what is measured, by kind of assumption, over several parts."""
    whole: dict[str, frozenset[str]] = {}
    for part in parts:
        whole |= {kind: whole.get(kind, frozenset()) | names for kind, names in part.items()}
    return whole
