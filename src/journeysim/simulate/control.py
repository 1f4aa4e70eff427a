"""The exact engine as a control variate: the same customers on the map without its layers, whose expectation is known.

Where feelings, memory and differing customers bend the map a little, a customer's life with them and without are alike:
addressing gives both the same uniforms. With L the figure walked with layers, B the one walked without and E[B] by the
exact engine, L - slope (B - E[B]) has the expectation of L and, at the right slope, 1 - r^2 of its variance, r the
correlation of L and B (Lavenberg and Welch 1981). One slope for all figures, from a first round of customers, keeps
everything that adds up adding up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain
from journeysim.simulate.layers import Layers
from journeysim.simulate.precision import Part, own_parts
from journeysim.simulate.tally import PER_DRAW, Tally

#: A walk without layers takes up to two thirds of the time of one with: less variance than half pays for it.
WORTH: Final = 2.0
#: The exact engine's tolerance for what is taken off, as a part of the one for what is shown.
FINER: Final = 0.1
#: A share this far below 0 is 0.
ROUNDING: Final = 1e-9
#: Shares of the customers that add up: none may come out below 0.
_FATES: Final = ("converted", "churned", "lost", "active", "ends")
_COUNTS: Final = ("visits", "moves", "converted_month", "converted_by", "active_at")


@final
@dataclass(frozen=True, slots=True)
class Control:
    """How much of the difference from the map without layers is taken off, and what that leaves.

    `gain` is the variance of the decision quantity without the control over that with it, of the proposal that needs
    customers most.
    """

    slope: float
    gain: float


NO_CONTROL: Final = Control(0.0, 1.0)


def without_layers(chain: Chain) -> Chain:
    """Return the chain with nothing that acts on what customers do next; values stay as they are drawn."""
    return replace(chain, layers=Layers(values=chain.layers.values))


def control_of(
    differences: Sequence[tuple[Sequence[Part], Sequence[Part]]], sizes: Sequence[int], needy: int
) -> Control | None:
    """Return the control that a first round of customers suggests; None where it is not worth walking twice.

    Parameters
    ----------
    differences : sequence of (parts, parts)
        Of each proposal's difference from today, with layers and without.
    sizes : sequence of int
        Customers of each batch.
    needy : int
        The proposal whose noise is the largest part of its spread.
    """
    if len(sizes) < 2:
        return None
    pairs = [(own_parts(layered, sizes), own_parts(plain, sizes)) for layered, plain in differences]
    # Every proposal counts alike, whatever its unit of noise.
    scaled = [(here / scale, there / scale) for here, there in pairs if (scale := float(np.linalg.norm(here))) > 0.0]
    squares = sum(float((there**2).sum()) for _, there in scaled)
    if squares == 0.0:
        return None
    slope = sum(float((here * there).sum()) for here, there in scaled) / squares
    here, there = pairs[needy]
    left = float(((here - slope * there) ** 2).sum())
    gain = float((here**2).sum()) / left if left > 0.0 else np.inf
    return Control(slope, gain) if gain >= WORTH else None


def controlled(layered: Tally, plain: Tally, known: Tally, slope: float) -> Tally:
    """Return a tally with the control taken off: layered - slope (plain - known), draw by draw and persona by persona.

    Where a share of the customers would fall below 0 the slope is as small as it has to be there; counts of rare
    visits and moves below 0 are 0. What only whole lives tell (`paths`) is as it was walked.
    """
    slopes = _slopes(layered, plain, known, slope)
    changed: dict[str, Any] = {}
    for name in PER_DRAW:
        here, gap = getattr(layered, name), getattr(plain, name) - getattr(known, name)
        found = here - slopes.reshape(slopes.shape + (1,) * (here.ndim - 2)) * gap
        changed[name] = np.maximum(found, 0.0) if name in _COUNTS else found
    return replace(layered, **changed)


def _slopes(layered: Tally, plain: Tally, known: Tally, slope: float) -> Floats:
    """Return the slope of every draw and persona, (D, G)."""
    found = np.full(layered.converted.shape, slope)
    for name in _FATES:
        here, gap = getattr(layered, name), getattr(plain, name) - getattr(known, name)
        least = np.where(slope * gap > here + ROUNDING, here / np.where(gap == 0.0, 1.0, gap), slope)
        least = least.reshape((*found.shape, -1))
        found = np.minimum(found, least.min(axis=-1)) if slope >= 0.0 else np.maximum(found, least.max(axis=-1))
    return np.asarray(found)
