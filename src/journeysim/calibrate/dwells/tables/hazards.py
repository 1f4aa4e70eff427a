"""Hazards of stretches around log-normal centres: the likelihood with them summed out, and curves with them drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.dwells.families import survival, to_scale_shape
from journeysim.calibrate.dwells.tables.cells import LEVELS, Cells
from journeysim.calibrate.dwells.tables.curves import LOWEST
from journeysim.model.dwell import Family, cdf
from journeysim.model.quantity import Floats

STRENGTHS: Final = (4.0, 16.0, 64.0)
#: Every pair of level and strength is a model.
MODELS: Final = tuple((level, strength) for level in LEVELS for strength in STRENGTHS)
#: B is at least this many customers.
_SLOWER: Final = 0.5


@final
@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Log-normals G: P(longer than each edge), (centre, edge), and the chance of each cell, (centre, cell)."""

    above: Floats
    mass: Floats

    def take(self, rows: NDArray[np.intp]) -> Centres:
        """Return some of them."""
        return Centres(self.above[rows], self.mass[rows])


def centres_at(at: Floats, edges: Floats) -> Centres:
    """Return the log-normals at points phi, shape (point, 2); chances of cells are taken in the nearer tail."""
    a, b = to_scale_shape(Family.LOGNORMAL, at[:, :1], at[:, 1:])
    above, below = survival(Family.LOGNORMAL, a, b, edges), cdf(Family.LOGNORMAL, a, b, edges)
    mass = np.where(above[:, :-1] < 0.5, above[:, :-1] - above[:, 1:], np.diff(below, axis=1))
    return Centres(np.maximum(above, LOWEST), np.maximum(mass, LOWEST))


def by_model(cells: Cells, centres: Centres) -> Floats:
    """Return the log likelihood of every model, its own prior probability in it, shape (model, centre)."""
    logs = [each for level in LEVELS for each in likelihoods(cells, centres, level)]
    return np.asarray(np.stack(logs) - np.log(len(MODELS)))


def likelihoods(cells: Cells, centres: Centres, level: float) -> list[Floats]:
    """Return the log likelihood of cells around every centre at each of STRENGTHS, hazards summed out, shape (centre,).

    Beta functions of neighbouring stretches cancel but where somebody moves, or an open spell ends.
    """
    stretches = cells.joined(level)
    moved, ends, slower = cells.held(stretches)
    there = np.cumsum((moved + ends)[::-1])[::-1] - ends + slower
    part = np.add.reduceat(centres.mass[:, : cells.used], stretches.first, axis=1)
    taken, ended = moved > 0, ends > 0
    ended[0] = False
    k = np.flatnonzero(cells.done)
    within = np.log(centres.mass[:, k] / part[:, stretches.of[k]]) @ cells.done[k]
    same, rest_of = within + _tail(cells, centres.above), centres.above[:, cells.used]
    found = []
    for strength in STRENGTHS:
        alpha, rest = strength * part, np.maximum(strength * rest_of, _SLOWER)
        total = np.cumsum(alpha[:, ::-1], axis=1)[:, ::-1] + rest[:, None]
        logs = _rises(alpha[:, taken], moved[taken]) + _rises((total + there)[:, ended], ends[ended])
        logs += _rises(rest[:, None], np.array([slower])) - _rises(total[:, :1], there[:1])
        found.append(same + logs)
    return found


def _tail(cells: Cells, above: Floats) -> Floats:
    """Return the log chance of open spells beyond the longest completed dwell, of those who are slower, shape (centre,)."""
    k = cells.used + np.flatnonzero(cells.ends[cells.used :])
    part = (cells.middle[k] - cells.edges[k]) / (cells.edges[k + 1] - cells.edges[k])
    logs = (1.0 - part) * np.log(above[:, k]) + part * np.log(above[:, k + 1]) - np.log(above[:, cells.used, None])
    return np.asarray(logs @ cells.ends[k])


def _rises(start: Floats, by: Floats) -> Floats:
    """Return the sum of log gamma(start + by) - log gamma(start) over the last axis."""
    return np.asarray(np.sum(special.gammaln(start + by) - special.gammaln(start), axis=-1))


def curves_around(
    cells: Cells, centres: Centres, model: tuple[float, float], stream: np.random.Generator | None
) -> tuple[Floats, Floats]:
    """Return P(dwell > edge), shape (centre, edge), and the log likelihood of the open spells; expected without a stream."""
    stretches = cells.joined(model[0])
    moved, ends, slower = cells.held(stretches)
    mass, above = centres.mass[:, : cells.used], centres.above
    part = np.add.reduceat(mass, stretches.first, axis=1)
    alpha, rest = model[1] * part, np.maximum(model[1] * above[:, cells.used], _SLOWER)
    later = np.cumsum(alpha[:, ::-1], axis=1)[:, ::-1] - alpha + rest[:, None]
    stayed = np.cumsum((moved + ends)[::-1])[::-1] - moved - ends + slower
    leaves, stays = alpha + moved, later + stayed
    hazard = leaves / (leaves + stays) if stream is None else stream.beta(leaves, stays)
    after = np.maximum(np.cumprod(1.0 - hazard, axis=1), LOWEST)
    before = np.concatenate([np.ones((len(above), 1)), after[:, :-1]], axis=1)
    over = np.clip(np.cumsum(mass / part[:, stretches.of], axis=1) - stretches.of, 0.0, 1.0)
    inside = (before[:, stretches.of]) * (1.0 - hazard[:, stretches.of] * over)
    inside[:, np.append(stretches.first[1:], cells.used) - 1] = after
    beyond = after[:, -1:] * above[:, cells.used + 1 :] / above[:, cells.used, None]
    held = np.log(before) @ ends + slower * np.log(after[:, -1]) + _tail(cells, above)
    return np.concatenate([np.ones((len(above), 1)), inside, beyond], axis=1), held
