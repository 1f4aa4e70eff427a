"""Compiled: sweeps of all moves over all chains, and one division for all of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.calibrate.numerics.compiled import compiled, compiled_into
from journeysim.calibrate.silence.moves.pairs import divide
from journeysim.calibrate.silence.moves.rows import NEAR, NOW, SURROGATE, renew, swap
from journeysim.calibrate.silence.moves.small import pool, scale
from journeysim.calibrate.silence.moves.state import Known, Plan, Shelf, put, put_rows, waiting_of, weights_of
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
    for t in range(1, len(kappa)):
        for c in range(kappa.shape[1]):
            put(theta[t, c], theta[t - 1, c])
            put_rows(shares[t, c], shares[t - 1, c])
            for j in range(rows.shape[2]):
                rows[t, c, j] = rows[t - 1, c, j]
            kappa[t, c] = _sweep(known, shelf, plan, theta[t, c], kappa[t - 1, c], shares[t, c], rows[t, c], rng)


@compiled_into
def _sweep(
    known: Known, shelf: Shelf, plan: Plan, theta: Floats, kappa: float, shares: Floats, rows: Ints,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    waiting = waiting_of(known, shelf, shares, rows)
    for k in range(len(shelf.first)):
        swap(known, shelf, k, shares, rows, waiting, rng)
    for source in _SOURCES:
        kappa = renew(known, shelf, source, theta, kappa, shares, rows, waiting, rng)
    if len(plan.pairs):
        weights = weights_of(known, theta, kappa)
        for _ in range(_PAIRS):
            which = min(int(np.searchsorted(plan.upto, rng.random())), len(plan.upto) - 1)
            k, other = int(plan.pairs[which, 0]), int(plan.pairs[which, 1])
            row = shelf.first[k] + rng.integers(0, shelf.size[k])
            gain = shelf.left[row] - shelf.left[rows[shelf.position[k]]]
            divide(known, shelf, weights, shelf.position[k], other, row, gain, shares, rows, waiting, rng)
    for q in range(len(plan.scaled)):
        j = plan.scaled[q, 0]
        scale(known, shelf, j, theta, kappa, shares, rows, waiting, rng)
        if plan.places.shape[1]:
            kappa = pool(known, shelf, plan, q, theta, kappa, shares, rows, waiting, rng)
    return kappa


@compiled
def divide_all(  # noqa: PLR0913, PLR0917
    known: Known, shelf: Shelf, k: int, other: int, tried: Ints, gain: Floats,
    theta: Floats, kappa: Floats, shares: Floats, rows: Ints, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Try a row of the shelf for learned link k in every chain, with a new division; a row below 0 is not tried."""
    for c in range(len(kappa)):
        if tried[c] >= 0:
            waiting, weights = waiting_of(known, shelf, shares[c], rows[c]), weights_of(known, theta[c], kappa[c])
            divide(known, shelf, weights, shelf.position[k], other, tried[c], gain[c], shares[c], rows[c], waiting, rng)
