"""Compiled: sweeps of all moves over all chains, and one division for all of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled, compiled_into
from journeysim.calibrate.silence.moves.pairs import divide
from journeysim.calibrate.silence.moves.room import Room, room_for
from journeysim.calibrate.silence.moves.rows import NEAR, NOW, SURROGATE, renew, swap
from journeysim.calibrate.silence.moves.small import pool, scale
from journeysim.calibrate.silence.moves.state import Known, Plan, Shelf, enter, leave, look, put_spread
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_SOURCES: Final = (NOW, NEAR, SURROGATE, NEAR)
_PAIRS: Final = 4


@compiled
def sweep_all(
    known: Known, shelf: Shelf, plan: Plan, theta: Floats, kappa: Floats, shares: Floats, rows: Ints,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Write what follows the first entry of every array (sweep, chain, …), sweep by sweep."""
    room = room_for(known)
    for t in range(1, len(kappa)):
        for c in range(kappa.shape[1]):
            enter(room.now, theta[t - 1, c], kappa[t - 1, c], shares[t - 1, c], rows[t - 1, c])
            _sweep(known, shelf, plan, room, rng)
            kappa[t, c] = leave(room.now, theta[t, c], shares[t, c], rows[t, c])


@compiled_into
def _sweep(known: Known, shelf: Shelf, plan: Plan, room: Room, rng: np.random.Generator) -> None:
    look(known, shelf, room.now, room.logs)
    for k in range(len(shelf.first)):
        swap(known, shelf, k, room, rng)
    put_spread(known, shelf, room.now, room.logs)
    for source in _SOURCES:
        renew(known, shelf, source, room, rng)
    if len(plan.pairs):
        for _ in range(_PAIRS):
            which = min(int(np.searchsorted(plan.upto, rng.random())), len(plan.upto) - 1)
            k, other = int(plan.pairs[which, 0]), int(plan.pairs[which, 1])
            row = shelf.first[k] + rng.integers(0, shelf.size[k])
            gain = shelf.left[row] - shelf.left[room.now.rows[shelf.position[k]]]
            divide(known, shelf, shelf.position[k], other, row, gain, room, rng)
    for q in range(len(plan.scaled)):
        scale(known, shelf, plan.scaled[q, 0], room, rng)
        if plan.places.shape[1]:
            pool(known, shelf, plan, q, room, rng)


@compiled
def divide_all(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, k: int, other: int, tried: Ints, gain: Floats,
    theta: Floats, kappa: Floats, shares: Floats, rows: Ints, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try a row of the shelf for learned link k in every chain, with a new division; a row below 0 is not tried."""
    room = room_for(known)
    for c in range(len(kappa)):
        if tried[c] >= 0:
            enter(room.now, theta[c], kappa[c], shares[c], rows[c])
            look(known, shelf, room.now, room.logs)
            divide(known, shelf, shelf.position[k], other, tried[c], gain[c], room, rng)
            kappa[c] = leave(room.now, theta[c], shares[c], rows[c])
