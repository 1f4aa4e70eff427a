"""Lives: what happened to single customers, the same customers in every world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class Lives:
    """One world's customers in the chosen draws; all arrays have shape (draw, customer) unless said.

    `end` is the place index of the outcome, -1 while still on the way at the horizon. Times are days since entry, NaN
    where it did not happen within the horizon.
    """

    draws: NDArray[np.int64]  # (draw,) which draws
    customers: NDArray[np.int64]  # (customer,) customer numbers
    persona: NDArray[np.int16]
    end: NDArray[np.int16]
    end_time: Floats
    convert_time: Floats
    touches: NDArray[np.int32]  # visits to touchpoints, entry included
    touches_to_convert: NDArray[np.int32]  # … up to and including conversion; 0 where not converted
    effort: Floats
    value: Floats
    cost: Floats
    value_pv: Floats
    cost_pv: Floats
    places: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One arrival in a customer's story: where, and how many days after entry."""

    place: str
    day: float
