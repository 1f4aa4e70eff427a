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
from journeysim.calibrate.dwells.tables.hazards import MODELS, Centres, Model, by_model, centres_at
from journeysim.calibrate.gates import weight_size
from journeysim.calibrate.numerics.student import WeightedDraws, log_mean, log_sum_exp, refit, sample_near
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

#: Centres that say which models are likely, and how far behind the best (log weight) one is not.
_PILOT: Final = 200
_UNLIKELY: Final = 12.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """One set of customers with hazards summed out, and the log weights of likely models and of centres.

    `drawn` (centre,) are the logs of how much rarer or more often a centre was drawn than the prior has it.
    """

    cells: Cells
    centres: Centres
    models: tuple[Model, ...]
    logs: Floats  # (model, centre)
    drawn: Floats

    @property
    def evidence(self) -> float:
        """The log of the marginal likelihood."""
        return log_mean(self.logs.ravel())

    def some(self, centres: int) -> Sums:
        """Return some of the centres, with what is known of them whoever is still there."""
        found = self.centres.take(np.arange(min(centres, len(self.drawn)))).laid(self.cells, self.models)
        return Sums(self.cells, found, self.models, self.logs[:, :centres], self.drawn[:centres])

    def told(self, cells: Cells) -> Sums:
        """Return the centres weighed by other customers."""
        logs = by_model(cells, self.centres, self.models) + self.drawn
        return Sums(cells, self.centres, self.models, logs, self.drawn)

    @property
    def effective(self) -> float:
        """Effective number of centres."""
        return weight_size(log_sum_exp(self.logs))


@final
@dataclass(frozen=True, slots=True, eq=False)
class TableFit:
    """What is known of the curves of a link: personas alike, then each on its own; only the latter if there is one."""

    data: tuple[tuple[Bins, Bins], ...]
    sums: tuple[list[Sums], ...]
    stories: Floats  # the log evidence of each

    @classmethod
    def of(cls, data: Sequence[tuple[Bins, Bins]], sums: tuple[list[Sums], ...]) -> TableFit:
        """Return what is known by the sums of either story."""
        return cls(tuple(data), sums, np.array([sum(each.evidence for each in story) for story in sums]))

    @property
    def evidence(self) -> float:
        """The log of the marginal likelihood, open spells as they are held."""
        return log_mean(self.stories)

    @property
    def chances(self) -> Floats:
        """Posterior probability of either story about the personas."""
        return np.asarray(special.softmax(self.stories))

    def some(self, centres: int) -> TableFit:
        """Return what is known by some of the centres that were found, to be told of other customers many times."""
        return TableFit.of(self.data, tuple([each.some(centres) for each in sums] for sums in self.sums))

    def told(self, data: Sequence[tuple[Bins, Bins]]) -> TableFit:
        """Return what is known where open spells count otherwise, by the same centres."""
        edges = self.sums[0][0].cells.edges
        alike, apart = cells_of(edges, data), [cells_of(edges, [pair]) for pair in data]
        by_story = [apart if len(sums) == len(data) else [alike] for sums in self.sums]
        sums = (
            [each.told(of) for each, of in zip(*pair, strict=True)] for pair in zip(self.sums, by_story, strict=True)
        )
        return TableFit.of(data, tuple(sums))

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
    apart = [
        sums_of(belief, off, cells_of(edges, [pair]), centres, (seed, f"{name}, {who}")) for who, off, pair in pairs
    ]
    if len(data) == 1:
        return TableFit.of(data, (apart,))
    return TableFit.of(data, ([sums_of(belief, 0.0, cells_of(edges, data), centres, (seed, name))], apart))


def sums_of(belief: DwellBelief, off: float, cells: Cells, centres: int, address: tuple[int, str]) -> Sums:
    """Return centres G, and the log of prior x likelihood over the density they were drawn with."""
    believed = prior_normal(belief, Family.LOGNORMAL)
    prior = Normal(believed.mean + np.array([off, 0.0]), believed.precision)
    start = _start(cells, prior)
    near = start.mean, np.asarray(np.linalg.inv(start.precision), dtype=np.float64)
    found = _around(cells, prior, near, MODELS, min(centres, _PILOT), address)
    if centres <= _PILOT:
        return found[0]
    chance = special.logsumexp(found[0].logs, axis=1)
    likely = tuple(model for model, logs in zip(MODELS, chance, strict=True) if logs > chance.max() - _UNLIKELY)
    return _around(cells, prior, refit(found[1]), likely, centres, address)[0]


def _around(
    cells: Cells, prior: Normal, near: tuple[Floats, Floats], models: tuple[Model, ...], centres: int,
    address: tuple[int, str],
) -> tuple[Sums, WeightedDraws]:  # fmt: skip
    """Return centres drawn near where these models are likely, as they are summed and as they were drawn."""
    tried: list[tuple[Floats, Centres, Floats, Floats]] = []

    def density(at: Floats) -> Floats:
        found = centres_at(at, cells.edges)
        logs = by_model(cells, found, models)
        whole = log_sum_exp(logs)
        tried.append((at, found, logs, whole))
        return np.asarray(whole + _log_normal(prior, at))

    seed, name = address
    drawn = sample_near(density, *near, draws=centres, seed=seed, names=("centres", name))
    _, found, logs, whole = next(each for each in tried if each[0] is drawn.at)  # the best round is one of those tried
    ratio = np.asarray(drawn.logs - whole + np.log(len(logs)))
    return Sums(cells, found, models, logs + ratio, ratio), drawn


def _log_normal(prior: Normal, at: Floats) -> Floats:
    precision = np.diagonal(prior.precision)
    return np.asarray(0.5 * np.sum(np.log(precision / (2 * np.pi)) - precision * (at - prior.mean) ** 2, axis=1))


def _start(cells: Cells, prior: Normal) -> Normal:
    """Return where to begin: a hazard of its own takes most of what is seen in a cell, so each counts for little."""
    taken = cells.done > 0
    seen = Bins(cells.edges[:-1][taken], cells.edges[1:][taken], np.log1p(cells.done[taken]))
    return find_mode(Family.LOGNORMAL, prior, [(seen, NO_BINS)])
