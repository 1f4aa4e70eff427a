"""Draws of curves from what is known of them, and the one curve that stands for them where one has to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.mode import DwellBelief, find_mode, prior_normal
from journeysim.calibrate.dwells.tables.cells import cells_of, edges_of
from journeysim.calibrate.dwells.tables.curves import Curves, open_logs
from journeysim.calibrate.dwells.tables.fit import Sums, TableFit
from journeysim.calibrate.dwells.tables.hazards import centres_at, curves_around
from journeysim.model.addresses import name_key
from journeysim.model.dwell import Family
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: Level and strength where one curve has to do.
_POINT: Final = (1.5, 16.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class CurveDraws:
    """Curves of a link, and the row of every draw and persona, (draw, persona).

    `logs` (draw,) is how much likelier a curve has the open spells than they were held to be when it was drawn.
    """

    curves: Curves
    rows: Ints
    logs: Floats


def draw_tables(
    fit: TableFit, *, seed: int, draws: int, name: str, data: Sequence[tuple[Bins, Bins]] = ()
) -> CurveDraws:
    """Return draws of curves by persona; `logs` hold them against `data`, where that is more than the fit was told."""
    personas = len(fit.data)
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("posterior dwell", name, "curves")]))
    sizes = np.diff(np.round(np.cumsum(fit.chances) * draws).astype(np.int64), prepend=0)
    curves, rows, held, first = [], [], [], 0
    for sums, count in zip(fit.sums, sizes.tolist(), strict=True):
        found = [_drawn(each, count, stream) for each in sums]
        own = first + np.arange(count)[:, None] + count * np.arange(len(sums))[None, :]
        rows.append(np.broadcast_to(own, (count, personas)))
        curves += [still for still, _ in found]
        held.append(sum((logs for _, logs in found), np.zeros(count)))
        first += count * len(sums)
    drawn = Curves(fit.sums[0][0].cells.edges, np.concatenate(curves))
    which = np.concatenate(rows).astype(np.int64)
    return CurveDraws(drawn, which, open_logs(drawn, which, data or fit.data) - np.concatenate(held))


def _drawn(sums: Sums, draws: int, stream: np.random.Generator) -> tuple[Floats, Floats]:
    """Return curves at the edges of cells (draw, edge), and the log likelihood of the open spells they were drawn with."""
    weights = np.exp(sums.logs - sums.logs.max()).ravel()
    model, centre = np.divmod(stream.choice(len(weights), draws, p=weights / weights.sum()), sums.logs.shape[1])
    still, held = np.empty((draws, len(sums.cells.edges))), np.zeros(draws)
    for m, each in enumerate(sums.models):
        here = np.flatnonzero(model == m)
        if len(here):
            still[here], held[here] = curves_around(sums.cells, sums.centres.take(centre[here]), each, stream)
    return still, held


def likely_survival(belief: DwellBelief, data: Sequence[tuple[Bins, Bins]], times: Sequence[Floats]) -> list[Floats]:
    """Return P(dwell > t) for every persona's times at the expected hazards around the best log-normal."""
    found, edges = [], edges_of(data)
    pooled = find_mode(Family.LOGNORMAL, prior_normal(belief, Family.LOGNORMAL), data).mean
    for pair, off, at in zip(data, belief.apart, times, strict=True):
        centre = centres_at((pooled + np.array([off, 0.0]))[None], edges)
        still, _ = curves_around(cells_of(edges, [pair]), centre, _POINT, None)
        found.append(Curves(edges, still).at(np.zeros(1, dtype=np.intp), at)[0])
    return found
