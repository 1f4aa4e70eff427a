"""What was seen at a touchpoint by what went before: counts by fold, persona, what went before, and link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.counts import Counts, share_rows
from journeysim.calibrate.dwells.families import survival_by_draw
from journeysim.model.draws import tables_of
from journeysim.model.journey import JourneyMap, Touchpoint, link_id
from journeysim.model.observed.moves_after import FOLDS, MovesAfter
from journeysim.model.quantity import Floats
from journeysim.model.transitions import OPEN
from journeysim.model.weights import worth

if TYPE_CHECKING:
    import xarray as xr

_LEAST: Final = 1e-300
_SETTLED: Final = 200


@final
@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Moves from a touchpoint by what went before; F folds, G personas, C things before, J links, B silent times.

    `alpha` are the map's weights of the row; `tilt` how a persona's row differs from it on the map, 0 for a link that the
    persona does not have. `curves` is P(dwell > time), 1 on silent links.
    """

    touchpoint: str
    before: tuple[str, ...]
    targets: tuple[str, ...]
    done: Floats  # (F, G, C, J)
    still: Floats  # (F, G, C, B)
    times: Floats  # (B,)
    curves: Floats  # (G, B, J)
    alpha: Floats  # (J,)
    tilt: Floats  # (G, J)

    @property
    def others(self) -> Seen:
        """For every fold, what was seen of the customers of all other folds."""
        return replace(self, done=self.done.sum(axis=0) - self.done, still=self.still.sum(axis=0) - self.still)

    @property
    def whole(self) -> Seen:
        """All customers, as one fold."""
        return replace(self, done=self.done.sum(axis=0)[None], still=self.still.sum(axis=0)[None])

    def spread(self, rows: Floats) -> Floats:
        """Return how many open spells count for each link given rows (F, G, C, J): the E step of an EM iteration."""
        whole = np.maximum(rows @ np.swapaxes(self.curves, -1, -2), _LEAST)
        return np.asarray(rows * ((self.still / whole) @ self.curves))

    def log_density(self, rows: Floats) -> Floats:
        """Return the log probability of what was seen, given rows (F, G, C, J), shape (F,)."""
        whole = np.maximum(rows @ np.swapaxes(self.curves, -1, -2), _LEAST)
        moves = np.sum(self.done * np.log(np.maximum(rows, _LEAST)), axis=(1, 2, 3))
        return np.asarray(moves + np.sum(self.still * np.log(whole), axis=(1, 2, 3)))

    def settle(self, centre: Floats, weight: Floats | float) -> Floats:
        """Return rows (F, G, C, J): the mean of Dirichlet(weight x centre + moves + open spells), spells by the rows."""
        rows = np.broadcast_to(centre, self.done.shape)
        for _ in range(_SETTLED if np.any(self.still) else 1):
            before, counts = rows, self.done + self.spread(rows)
            rows = (weight * centre + counts) / (weight + counts.sum(axis=-1, keepdims=True))
            if np.max(np.abs(rows - before), initial=0.0) < 1e-6:
                break
        return rows


def seen_at(
    table: MovesAfter, journey: JourneyMap, counts: Counts, touchpoint: Touchpoint, before: Sequence[str]
) -> Seen:
    """Return what was seen at a touchpoint after the given things; `curves` are all 1 until dwells are put in."""
    rows = share_rows(counts, journey, (touchpoint,))
    targets, personas = rows.targets[0], journey.persona_names
    here = (table.source.recoded((touchpoint.name,)) == 0) & (table.before.recoded(before) >= 0)
    persona, context = table.persona.recoded(personas)[here], table.before.recoded(before)[here]
    link, fold = table.target.recoded((*targets, OPEN))[here], table.fold[here]
    count = worth(persona, table.count[here], table.squares[here])
    is_open = link == len(targets)
    low, high = table.still_from[here], table.still_to[here]
    middle = np.where(low > 0, np.sqrt(low * high), high / 2)
    times, at = np.unique(middle[is_open], return_inverse=True)
    done = np.zeros((FOLDS, len(personas), len(before), len(targets)))
    still = np.zeros((FOLDS, len(personas), len(before), len(times)))
    np.add.at(done, (fold[~is_open], persona[~is_open], context[~is_open], link[~is_open]), count[~is_open])
    np.add.at(still, (fold[is_open], persona[is_open], context[is_open], at.reshape(-1)), count[is_open])
    curves = np.ones((len(personas), len(times), len(targets)))
    return Seen(touchpoint.name, tuple(before), targets, done, still, times, curves, rows.alpha[0], rows.tilt[0])


def curves_of(
    data: xr.Dataset, seen: Seen, silent: frozenset[str], draws: NDArray[np.intp] | slice = slice(None)
) -> Floats:
    """Return P(dwell > time) of a touchpoint's links, shape (draw, G, B, J); 1 on silent links."""
    labels = [str(label) for label in data["link"].values]
    found = []
    for target in seen.targets:
        at = labels.index(link_id(seen.touchpoint, target))
        a, b = (data[name].values[draws][:, :, -1, at][..., None] for name in ("dwell_a", "dwell_b"))
        shape = (*a.shape[:2], len(seen.times))
        families = data["family"].values[draws, at]
        curve = np.ones(shape) if target in silent else survival_by_draw(families, a, b, seen.times, tables_of(data))
        found.append(np.broadcast_to(curve, shape))
    return np.stack(found, axis=-1)


def shares_of(data: xr.Dataset, seen: Seen) -> Floats:
    """Return the order-1 rows of a touchpoint, shape (draw, G, J)."""
    labels = [str(label) for label in data["link"].values]
    at = [labels.index(link_id(seen.touchpoint, target)) for target in seen.targets]
    return np.asarray(data["share"].values[:, :, -1][..., at])
