"""Memory of a touchpoint, read from the functions that draw it: `calibrate` writes it only where it predicts better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from journeysim.calibrate.layers.memory.second_order import KAPPA2_MEDIAN, draw_second_order
from journeysim.calibrate.layers.memory.seen import Seen
from journeysim.calibrate.layers.memory.visit_effect import draw_visits
from journeysim.calibrate.layers.memory.visit_fit import SLOPE_SD
from journeysim.calibrate.pooled import KAPPA_SPREAD
from journeysim.calibrate.silence.points import contrasts
from journeysim.model.quantity import Floats
from validation.sbc import RANKED, Worlds

ALPHA: Final = 8 * np.array([0.5, 0.3, 0.2])
Found = dict[str, tuple[float, Floats]]


def second_order(count: int, seed: int) -> Mapping[str, Worlds]:
    """Return worlds of order-2 rows: the common row, kappa, and a row seen often and one seen hardly."""
    return _worlds(count, seed, _order2_world)


def visit_effect(count: int, seed: int) -> Mapping[str, Worlds]:
    """Return worlds of the visit effect: the first row, and the shift per visit."""
    return _worlds(count, seed, _visit_world)


def _worlds(count: int, seed: int, one: Callable[[np.random.Generator, int], Found]) -> dict[str, Worlds]:
    rng = np.random.default_rng(seed)
    found = [one(rng, 1000 * seed + i) for i in range(count)]
    return {name: Worlds(np.array([world[name][0] for world in found]),
                         np.stack([world[name][1] for world in found], axis=1)) for name in found[0]}  # fmt: skip


def _order2_world(rng: np.random.Generator, seed: int) -> Found:
    theta, kappa = rng.dirichlet(ALPHA), KAPPA2_MEDIAN * np.exp(KAPPA_SPREAD * rng.normal())
    rows = rng.dirichlet(np.maximum(kappa * theta, 1e-3), size=4)
    seen = _seen(rows, [200, 60, 20, 5], rng)
    curves = np.ones((RANKED, 1, 0, len(ALPHA)))
    drawn = draw_second_order(seen, np.tile(ALPHA / 8, (RANKED, 1, 1)), curves, KAPPA2_MEDIAN, ("all",), seed)
    found = {
        f"first share after {name}": (float(rows[c, 0]), drawn.rows[:, 0, c, 0])
        for c, name in ((0, "many"), (3, "few"))
    }
    return found | {"kappa": (float(kappa), drawn.kappa), "likelihood": _likelihood(seen, rows[None], drawn.rows[:, 0])}


def _visit_world(rng: np.random.Generator, seed: int) -> Found:
    first, slope = rng.dirichlet(ALPHA), SLOPE_SD * rng.normal(size=len(ALPHA) - 1)
    shift = contrasts(len(ALPHA)) @ slope
    seen = _seen(_after(first[None], shift[None])[0], [200, 80, 30, 10], rng)
    drawn = draw_visits(seen, draws=RANKED, seed=seed)
    firsts = np.exp(drawn.first[:, 0])
    return {
        "share at a first visit": (float(first[0]), firsts[:, 0]),
        "shift per visit": (float(shift[0]), drawn.shift[:, 0]),
        "likelihood": _likelihood(seen, _after(first[None], shift[None]), _after(firsts, drawn.shift)),
    }


def _after(first: Floats, shift: Floats) -> Floats:
    """Return rows after 0 … 3 earlier visits, shape (point, visit, link)."""
    raw = first[:, None] * np.exp(np.arange(4)[:, None] * shift[:, None])
    return np.asarray(raw / raw.sum(axis=-1, keepdims=True))


def _seen(rows: Floats, sizes: list[int], rng: np.random.Generator) -> Seen:
    before, links = rows.shape
    done = np.stack([rng.multinomial(size, row) for size, row in zip(sizes, rows, strict=True)]).astype(np.float64)
    return Seen(
        "here", tuple("abcd"), tuple("xyz"), done[None, None], np.zeros((1, 1, before, 0)), np.empty(0),
        np.ones((1, 0, links)), ALPHA, np.ones((1, links)),
    )  # fmt: skip


def _likelihood(seen: Seen, truth: Floats, drawn: Floats) -> tuple[float, Floats]:
    logs = [np.sum(seen.done[0, 0] * np.log(np.maximum(rows, 1e-300)), axis=(1, 2)) for rows in (truth, drawn)]
    return float(logs[0][0]), logs[1]
