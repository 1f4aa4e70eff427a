"""Compiled: sweeps of all moves over all chains, and one division for all of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.calibrate.numerics.bounded import pick
from journeysim.calibrate.numerics.compiled import compiled_into, lean, lean_inner
from journeysim.calibrate.silence.moves.pairs import divide
from journeysim.calibrate.silence.moves.room import Room, room_for
from journeysim.calibrate.silence.moves.rows import NEAR, NOW, SURROGATE, renew, swap
from journeysim.calibrate.silence.moves.small import pool, scale
from journeysim.calibrate.silence.moves.state import Known, Plan, Shelf, enter, leave, look, put_spread
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_SOURCES: Final = (NOW, NEAR, SURROGATE, NEAR)
_PAIRS: Final = 4
_NOBODY: Final = np.empty((0, 2), dtype=np.int64)
_NOTHING: Final = Plan(_NOBODY, np.empty(0), _NOBODY, np.empty((0, 0, 2)), np.empty((0, 2, 2)))


def sweep_all(
    known: Known, shelf: Shelf, plan: Plan, theta: Floats, kappa: Floats, shares: Floats, rows: Ints,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Write what follows the first entry of every array (sweep, chain, …), sweep by sweep."""
    nobody = np.empty(0, dtype=np.int64)
    _move_all(known, shelf, plan, 0, 0, nobody, np.empty(0), theta, kappa, shares, rows, room_for(known), rng)


def divide_all(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, k: int, other: int, tried: Ints, gain: Floats,
    theta: Floats, kappa: Floats, shares: Floats, rows: Ints, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try a row of the shelf for learned link k in every chain, with a new division; a row below 0 is not tried."""
    _move_all(
        known, shelf, _NOTHING, k, other, tried, gain, theta[None], kappa[None], shares[None], rows[None],
        room_for(known), rng,
    )  # fmt: skip


@lean
def _move_all(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, plan: Plan, k: int, other: int, tried: Ints, gain: Floats,
    theta: Floats, kappa: Floats, shares: Floats, rows: Ints, room: Room, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Divide, then sweep. One function does both, for by themselves each is compiled with all that a division needs."""
    for c in range(len(tried)):
        if tried[c] >= 0:
            enter(room.now, theta[0, c], kappa[0, c], shares[0, c], rows[0, c])
            look(known, shelf, room.now, room.logs)
            divide(known, shelf, shelf.position[k], other, tried[c], gain[c], room, rng)
            kappa[0, c] = leave(room.now, theta[0, c], shares[0, c], rows[0, c])
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
            which = _reached(plan.upto, rng.random())
            k, other = int(plan.pairs[which, 0]), int(plan.pairs[which, 1])
            row = shelf.first[k] + pick(rng, shelf.size[k])
            gain = shelf.left[row] - shelf.left[room.now.rows[shelf.position[k]]]
            divide(known, shelf, shelf.position[k], other, row, gain, room, rng)
    for q in range(len(plan.scaled)):
        scale(known, shelf, plan.scaled[q, 0], room, rng)
        if plan.places.shape[1]:
            pool(known, shelf, plan, q, room, rng)


@lean_inner
def _reached(upto: Floats, chance: float) -> int:
    """Return which of cumulative chances reaches one; the last, should it stay below for rounding."""
    for which in range(len(upto) - 1):
        if upto[which] >= chance:
            return which
    return len(upto) - 1
