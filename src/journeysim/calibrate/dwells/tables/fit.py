"""What is known of the curves of a link: likely centres, hazards summed out, and every model's weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.mode import DwellBelief, Normal, find_mode, prior_normal
from journeysim.calibrate.dwells.tables.cells import Cells, cells_of, edges_of
from journeysim.calibrate.dwells.tables.curves import Curves, open_logs
from journeysim.calibrate.dwells.tables.hazards import MODELS, Centres, by_model, centres_at, curves_around
from journeysim.calibrate.gates import weight_size
from journeysim.calibrate.numerics.student import log_mean, sample_near
from journeysim.model.addresses import name_key
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

#: Curves of each model that say how it has the open spells, and centres that they are chosen from.
_TRIED: Final = 60
_PILOT: Final = 200


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """One set of customers with hazards summed out, and the log weights of models and centres.

    `credit` is how much likelier curves of each model have the open spells than these are held to be; `logs` count it.
    Where many move within one wide stretch, models differ in it by more than in all else.
    """

    cells: Cells
    centres: Centres
    logs: Floats  # (model, centre)
    credit: Floats  # (model,)

    @property
    def evidence(self) -> float:
        """The log of the marginal likelihood."""
        return log_mean(self.logs.ravel())

    @property
    def effective(self) -> float:
        """Effective number of centres."""
        return weight_size(np.asarray(special.logsumexp(self.logs, axis=0), dtype=np.float64))


@final
@dataclass(frozen=True, slots=True, eq=False)
class TableFit:
    """What is known of the curves of a link: personas alike, then each on its own; only the latter if there is one."""

    data: tuple[tuple[Bins, Bins], ...]
    sums: tuple[list[Sums], ...]

    @property
    def _stories(self) -> Floats:
        return np.array([sum(each.evidence for each in sums) for sums in self.sums])

    @property
    def evidence(self) -> float:
        """The log of the marginal likelihood, open spells as they are held."""
        return log_mean(self._stories)

    @property
    def chances(self) -> Floats:
        """Posterior probability of either story about the personas."""
        return np.asarray(special.softmax(self._stories))

    @property
    def effective(self) -> float:
        """Effective number of centres."""
        sizes = [min(each.effective for each in sums) for sums in self.sums]
        return float(1.0 / np.sum(self.chances**2 / sizes))


def fit_tables(
    belief: DwellBelief, data: Sequence[tuple[Bins, Bins]], *, seed: int, centres: int, name: str
) -> TableFit:
    """Return the posterior with hazards summed out; `data` is (completed, open with weights) by persona."""
    edges = edges_of(data)
    pairs = zip(belief.personas, belief.apart, data, strict=True)
    apart = [sums_of(belief, off, edges, [pair], centres, (seed, f"{name}, {who}")) for who, off, pair in pairs]
    if len(data) == 1:
        return TableFit(tuple(data), (apart,))
    return TableFit(tuple(data), ([sums_of(belief, 0.0, edges, data, centres, (seed, name))], apart))


def sums_of(
    belief: DwellBelief, off: float, edges: Floats, data: Sequence[tuple[Bins, Bins]], centres: int,
    address: tuple[int, str],
) -> Sums:  # fmt: skip
    """Return centres G, and the log of prior x likelihood over the density they were drawn with."""
    believed = prior_normal(belief, Family.LOGNORMAL)
    prior = Normal(believed.mean + np.array([off, 0.0]), believed.precision)
    cells, credit = cells_of(edges, data), np.zeros(len(MODELS))
    if any(still.size for _, still in data):
        credit = _credit(_centred(cells, prior, credit, min(centres, _PILOT), address), data, address)
    return _centred(cells, prior, credit, centres, address)


def _centred(cells: Cells, prior: Normal, credit: Floats, centres: int, address: tuple[int, str]) -> Sums:
    """Return centres drawn near where models with this credit are likely."""

    def density(at: Floats) -> Floats:
        logs = by_model(cells, centres_at(at, cells.edges)) + credit[:, None]
        return np.asarray(special.logsumexp(logs, axis=0) + _log_normal(prior, at))

    seed, name = address
    start = _start(cells, prior)
    spread = np.asarray(np.linalg.inv(start.precision), dtype=np.float64)
    drawn = sample_near(density, start.mean, spread, draws=centres, seed=seed, names=("centres", name))
    found = centres_at(drawn.at, cells.edges)
    logs = by_model(cells, found) + credit[:, None]
    return Sums(cells, found, logs - special.logsumexp(logs, axis=0) + drawn.logs + np.log(len(logs)), credit)


def _credit(sums: Sums, data: Sequence[tuple[Bins, Bins]], address: tuple[int, str]) -> Floats:
    """Return for each model the log of how much likelier its curves have the open spells than these are held to be."""
    seed, name = address
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("posterior dwell", name, "credit")]))
    rows = np.broadcast_to(np.arange(_TRIED)[:, None], (_TRIED, len(data)))
    found = []
    for logs, model in zip(sums.logs, MODELS, strict=True):
        chosen = stream.choice(len(logs), _TRIED, p=special.softmax(logs))
        still, held = curves_around(sums.cells, sums.centres.take(chosen), model, stream)
        found.append(log_mean(open_logs(Curves(sums.cells.edges, still), rows, data) - held))
    return np.array(found)


def _log_normal(prior: Normal, at: Floats) -> Floats:
    precision = np.diagonal(prior.precision)
    return np.asarray(0.5 * np.sum(np.log(precision / (2 * np.pi)) - precision * (at - prior.mean) ** 2, axis=1))


def _start(cells: Cells, prior: Normal) -> Normal:
    """Return where to begin: a hazard of its own takes most of what is seen in a cell, so each counts for little."""
    taken = cells.done > 0
    seen = Bins(cells.edges[:-1][taken], cells.edges[1:][taken], np.log1p(cells.done[taken]))
    return find_mode(Family.LOGNORMAL, prior, [(seen, NO_BINS)])
