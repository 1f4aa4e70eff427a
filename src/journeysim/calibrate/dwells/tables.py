"""Dwells that no family describes: a hazard for every stretch of time, around a log-normal, drawn as curves.

Time is cut into cells, and at every level of detail neighbouring cells are joined to stretches, up to the longest dwell
that was completed. For a link:

    phi         ~ the map's belief about a log-normal G (location and log shape, see `mode.prior_normal`)
    level       one of LEVELS, how wide a stretch is; M one of STRENGTHS, how many customers G counts for
    hazard_s    ~ Beta(M G(stretch s), M G(later stretches) + B)     the chance of moving, of those still there
    B           = M G(after the longest dwell), but half a customer at least: somebody may always be slower
    within a stretch, and after the longest dwell, as G has it

a beta-Stacy process (Walker and Muliere 1997, Beta-Stacy processes and a generalisation of the Polya-urn scheme), the
Dirichlet process of dwells that may be cut short: open spells count as those who were still there, and hazards stay
beta. So the likelihood of the data, hazards summed out, is a product of gamma functions; phi, level and M are summed out
by importance weights. It pays for every stretch it tells apart, so that where a family fits, that family is more
likely. Personas are all alike or each on its own, each with probability 1/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.families import survival, to_scale_shape
from journeysim.calibrate.dwells.mode import DwellBelief, Normal, find_mode, prior_normal
from journeysim.calibrate.gates import weight_size
from journeysim.calibrate.numerics.student import log_mean, sample_near
from journeysim.model.addresses import name_key
from journeysim.model.draws import TABLE_SIZE
from journeysim.model.dwell import Family, cdf
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats
from journeysim.model.transitions import coarse_edges

#: Widths of stretches, as a factor between their ends; 1: as narrow as coarse bins (15 %). No stretch follows the data: bins
#: of completed dwells end where customers are, and a hazard of its own for each of them found lumps in every log-normal.
LEVELS: Final = (1.0, 1.5, 2.2, 5.0)
STRENGTHS: Final = (4.0, 16.0, 64.0)
#: Every pair of level and strength is a model.
_MODELS: Final = tuple((level, strength) for level in LEVELS for strength in STRENGTHS)
#: Level and strength where one curve has to do.
_POINT: Final = (1.5, 16.0)
#: B is at least this many customers.
_SLOWER: Final = 0.5
#: Cells go on until this many times the longest time seen, where somebody was still there after the longest dwell.
_BEYOND: Final = 30.0
#: The same where nobody was: nothing but the centre would say how slow the slowest are, and means would rest on it.
_NOBODY_LEFT: Final = 2.0
_LOWEST: Final = 1e-300
#: Curves of each model that say how it has the open spells, and centres that they are chosen from.
_TRIED: Final = 60
_PILOT: Final = 200


@final
@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Draws of P(dwell > t) at the edges of cells, shape (row, edge); its log is straight in between."""

    edges: Floats
    still: Floats

    def at(self, rows: NDArray[np.intp], times: Floats) -> Floats:
        """Return P(dwell > t), shape (row, time)."""
        cell = np.clip(np.searchsorted(self.edges, times, side="right") - 1, 0, len(self.edges) - 2)
        part = np.clip((times - self.edges[cell]) / np.diff(self.edges)[cell], 0.0, 1.0)
        low, high = (np.log(np.maximum(self.still[np.ix_(rows, k)], _LOWEST)) for k in (cell, cell + 1))
        return np.asarray(np.exp(low + part * (high - low)))

    def quantiles(self, rows: NDArray[np.intp]) -> Floats:
        """Return quantiles at even probabilities, shape (row, probability); the last piece keeps the mean of what is in it."""
        gone = 1.0 - self.still[rows] / self.still[rows, :1]
        gone[:, -1] = 1.0
        at = np.linspace(0.0, 1.0, TABLE_SIZE)
        found = np.stack([np.interp(at, below, self.edges) for below in gone])
        tail = np.diff(np.maximum(gone, at[-2]), axis=1)
        begun = np.where(gone[:, :-1] < at[-2], found[:, -2:-1], self.edges[:-1])
        mean = np.sum(tail * (begun + self.edges[1:]) / 2, axis=1) / (1.0 - at[-2])
        found[:, -1] = np.maximum(found[:, -2], 2 * mean - found[:, -2])
        return found


@final
@dataclass(frozen=True, slots=True, eq=False)
class CurveDraws:
    """Curves of a link, and the row of every draw and persona, (draw, persona).

    `logs` (draw,) is how much likelier a curve has the open spells than they were held to be when it was drawn.
    """

    curves: Curves
    rows: Ints
    logs: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Stretches:
    """Cells joined: the first cell of each stretch, and the stretch of each cell."""

    first: Ints
    of: Ints


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Counts of one set of customers in cells: completed, and those whose open spell ends in the cell."""

    edges: Floats
    done: Floats
    ends: Floats

    @property
    def used(self) -> int:
        """How many cells there are up to the longest completed dwell."""
        return int(np.flatnonzero(self.done).max(initial=0)) + 1

    @property
    def middle(self) -> Floats:
        """One time per cell."""
        return np.where(self.edges[:-1] > 0, np.sqrt(self.edges[:-1] * self.edges[1:]), self.edges[1:] / 2)

    def joined(self, ratio: float) -> _Stretches:
        """Return stretches of coarse bins, those between powers of the ratio together, which no data move."""
        coarse = coarse_edges(float(self.edges[-1]))
        step = np.searchsorted(coarse, self.edges[: self.used] * (1 + 1e-9), side="right") - 1
        if ratio > 1.0:
            step = np.floor(np.log(np.maximum(coarse[step], coarse[1] / ratio)) / np.log(ratio) + 1e-9)
        of = np.cumsum(np.append(False, np.diff(step) > 0))
        return _Stretches(np.flatnonzero(np.append(True, np.diff(of) > 0)), of)

    def held(self, stretches: _Stretches) -> tuple[Floats, Floats, float]:
        """Return who moved in each stretch, whose open spell is held to end as it begins, and who is held to be slower.

        A spell that ends within a stretch counts partly there and partly in the next one, by where it stands on the log
        scale: that is its survival, log-linear between the ends of the stretch.
        """
        size = self.used
        high = self.edges[np.append(stretches.first[1:], size)]
        low = np.maximum(self.edges[stretches.first], high / 5.0)
        late = np.log(self.middle[:size] / low[stretches.of]) / np.log(high / low)[stretches.of]
        late = np.clip(late, 0.0, 1.0)
        moved, early, later = (
            np.add.reduceat(counts, stretches.first)
            for counts in (self.done[:size], self.ends[:size] * (1.0 - late), self.ends[:size] * late)
        )
        return moved, early + np.append(0.0, later[:-1]), float(later[-1] + self.ends[size:].sum())


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Centres:
    """Log-normals G: P(longer than each edge), (centre, edge), and the chance of each cell, (centre, cell)."""

    above: Floats
    mass: Floats

    def take(self, rows: NDArray[np.intp]) -> _Centres:
        """Return some of them."""
        return _Centres(self.above[rows], self.mass[rows])


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """One set of customers with hazards summed out, and the log weights of models and centres.

    `credit` is how much likelier curves of each model have the open spells than these are held to be; `logs` count it.
    Where many move within one wide stretch, models differ in it by more than in all else.
    """

    cells: _Cells
    centres: _Centres
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
    sums: tuple[list[_Sums], ...]

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
    edges = _edges(data)
    pairs = zip(belief.personas, belief.apart, data, strict=True)
    apart = [_sums(belief, off, edges, [pair], centres, (seed, f"{name}, {who}")) for who, off, pair in pairs]
    if len(data) == 1:
        return TableFit(tuple(data), (apart,))
    return TableFit(tuple(data), ([_sums(belief, 0.0, edges, data, centres, (seed, name))], apart))


def draw_tables(
    fit: TableFit, *, seed: int, draws: int, name: str, data: Sequence[tuple[Bins, Bins]] = ()
) -> CurveDraws:
    """Return draws of curves by persona; `logs` hold them against `data`, where that is more than the fit was told."""
    personas = len(fit.data)
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("posterior dwell", name, "curves")]))
    sizes = np.diff(np.round(np.cumsum(fit.chances) * draws).astype(np.int64), prepend=0)
    curves, rows, held, first = [], [], [], 0
    for sums, count in zip(fit.sums, sizes, strict=True):
        found = [_drawn(each, count, stream) for each in sums]
        own = first + np.arange(count)[:, None] + count * np.arange(len(sums))[None, :]
        rows.append(np.broadcast_to(own, (count, personas)))
        curves += [still for still, _ in found]
        held.append(sum((logs for _, logs in found), np.zeros(count)))
        first += count * len(sums)
    drawn = Curves(fit.sums[0][0].cells.edges, np.concatenate(curves))
    which = np.concatenate(rows).astype(np.int64)
    return CurveDraws(drawn, which, _still(drawn, which, data or fit.data) - np.concatenate(held))


def _edges(data: Sequence[tuple[Bins, Bins]]) -> Floats:
    """Return edges of cells: those of the log's bins, without any that lie inside a bin of completed dwells."""
    done = [bins for bins, _ in data if bins.size]
    last = max(float(bins.high.max()) for bins in (*done, *(still for _, still in data if still.size)))
    low, high = (np.concatenate([getattr(bins, side) for bins in done] or [np.empty(0)]) for side in ("low", "high"))
    end = last * (_BEYOND if last > high.max(initial=0.0) else _NOBODY_LEFT)
    edges = np.unique(np.concatenate([coarse_edges(end), low, high]))
    edges = edges[np.append(True, np.diff(edges) > 1e-9 * edges[1:])]
    inside = (edges[:, None] > low * (1 + 1e-6)) & (edges[:, None] < high * (1 - 1e-6))
    kept = edges[~inside.any(axis=1)]
    return np.asarray(kept[kept <= end])


def _cells(edges: Floats, data: Sequence[tuple[Bins, Bins]]) -> _Cells:
    size = len(edges) - 1
    done, ends = np.zeros(size), np.zeros(size)
    for completed, still in data:
        done += np.bincount(_cell(edges, completed.middle), completed.count, size)
        ends += np.bincount(_cell(edges, still.middle), still.count, size)
    return _Cells(edges, done, ends)


def _cell(edges: Floats, times: Floats) -> Ints:
    return np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)


def _sums(
    belief: DwellBelief, off: float, edges: Floats, data: Sequence[tuple[Bins, Bins]], centres: int,
    address: tuple[int, str],
) -> _Sums:  # fmt: skip
    """Return centres G, and the log of prior x likelihood over the density they were drawn with."""
    believed = prior_normal(belief, Family.LOGNORMAL)
    prior = Normal(believed.mean + np.array([off, 0.0]), believed.precision)
    cells, credit = _cells(edges, data), np.zeros(len(_MODELS))
    if any(still.size for _, still in data):
        credit = _credit(_centred(cells, prior, credit, min(centres, _PILOT), address), data, address)
    return _centred(cells, prior, credit, centres, address)


def _centred(cells: _Cells, prior: Normal, credit: Floats, centres: int, address: tuple[int, str]) -> _Sums:
    """Return centres drawn near where models with this credit are likely."""

    def density(at: Floats) -> Floats:
        logs = _by_model(cells, _at(at, cells.edges)) + credit[:, None]
        return np.asarray(special.logsumexp(logs, axis=0) + _log_normal(prior, at))

    seed, name = address
    start = _start(cells, prior)
    spread = np.asarray(np.linalg.inv(start.precision), dtype=np.float64)
    drawn = sample_near(density, start.mean, spread, draws=centres, seed=seed, names=("centres", name))
    found = _at(drawn.at, cells.edges)
    logs = _by_model(cells, found) + credit[:, None]
    return _Sums(cells, found, logs - special.logsumexp(logs, axis=0) + drawn.logs + np.log(len(logs)), credit)


def _credit(sums: _Sums, data: Sequence[tuple[Bins, Bins]], address: tuple[int, str]) -> Floats:
    """Return for each model the log of how much likelier its curves have the open spells than these are held to be."""
    seed, name = address
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key("posterior dwell", name, "credit")]))
    rows = np.broadcast_to(np.arange(_TRIED)[:, None], (_TRIED, len(data)))
    found = []
    for logs, model in zip(sums.logs, _MODELS, strict=True):
        chosen = stream.choice(len(logs), _TRIED, p=special.softmax(logs))
        still, held = _curves(sums.cells, sums.centres.take(chosen), model, stream)
        found.append(log_mean(_still(Curves(sums.cells.edges, still), rows, data) - held))
    return np.array(found)


def _by_model(cells: _Cells, centres: _Centres) -> Floats:
    """Return the log likelihood of every model, its own prior probability in it, shape (model, centre)."""
    logs = [each for level in LEVELS for each in _likelihoods(cells, centres, level)]
    return np.asarray(np.stack(logs) - np.log(len(_MODELS)))


def _log_normal(prior: Normal, at: Floats) -> Floats:
    precision = np.diagonal(prior.precision)
    return np.asarray(0.5 * np.sum(np.log(precision / (2 * np.pi)) - precision * (at - prior.mean) ** 2, axis=1))


def _start(cells: _Cells, prior: Normal) -> Normal:
    """Return where to begin: a hazard of its own takes most of what is seen in a cell, so each counts for little."""
    taken = cells.done > 0
    seen = Bins(cells.edges[:-1][taken], cells.edges[1:][taken], np.log1p(cells.done[taken]))
    return find_mode(Family.LOGNORMAL, prior, [(seen, NO_BINS)])


def _at(at: Floats, edges: Floats) -> _Centres:
    """Return the log-normals at points phi, shape (point, 2); chances of cells are taken in the nearer tail."""
    a, b = to_scale_shape(Family.LOGNORMAL, at[:, :1], at[:, 1:])
    above, below = survival(Family.LOGNORMAL, a, b, edges), cdf(Family.LOGNORMAL, a, b, edges)
    mass = np.where(above[:, :-1] < 0.5, above[:, :-1] - above[:, 1:], np.diff(below, axis=1))
    return _Centres(np.maximum(above, _LOWEST), np.maximum(mass, _LOWEST))


def _likelihoods(cells: _Cells, centres: _Centres, level: float) -> list[Floats]:
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


def _tail(cells: _Cells, above: Floats) -> Floats:
    """Return the log chance of open spells beyond the longest completed dwell, of those who are slower, shape (centre,)."""
    k = cells.used + np.flatnonzero(cells.ends[cells.used :])
    part = (cells.middle[k] - cells.edges[k]) / (cells.edges[k + 1] - cells.edges[k])
    logs = (1.0 - part) * np.log(above[:, k]) + part * np.log(above[:, k + 1]) - np.log(above[:, cells.used, None])
    return np.asarray(logs @ cells.ends[k])


def _rises(start: Floats, by: Floats) -> Floats:
    """Return the sum of log gamma(start + by) - log gamma(start) over the last axis."""
    return np.asarray(np.sum(special.gammaln(start + by) - special.gammaln(start), axis=-1))


def _drawn(sums: _Sums, draws: int, stream: np.random.Generator) -> tuple[Floats, Floats]:
    """Return curves at the edges of cells (draw, edge), and the log likelihood of the open spells they were drawn with."""
    weights = np.exp(sums.logs - sums.logs.max()).ravel()
    model, centre = np.divmod(stream.choice(len(weights), draws, p=weights / weights.sum()), sums.logs.shape[1])
    still, held = np.empty((draws, len(sums.cells.edges))), np.zeros(draws)
    for m, (level, strength) in enumerate(_MODELS):
        here = np.flatnonzero(model == m)
        if len(here):
            still[here], held[here] = _curves(sums.cells, sums.centres.take(centre[here]), (level, strength), stream)
    return still, held + sums.credit[model]


def _curves(
    cells: _Cells, centres: _Centres, model: tuple[float, float], stream: np.random.Generator | None
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
    after = np.maximum(np.cumprod(1.0 - hazard, axis=1), _LOWEST)
    before = np.concatenate([np.ones((len(above), 1)), after[:, :-1]], axis=1)
    over = np.clip(np.cumsum(mass / part[:, stretches.of], axis=1) - stretches.of, 0.0, 1.0)
    inside = (before[:, stretches.of]) * (1.0 - hazard[:, stretches.of] * over)
    inside[:, np.append(stretches.first[1:], cells.used) - 1] = after
    beyond = after[:, -1:] * above[:, cells.used + 1 :] / above[:, cells.used, None]
    held = np.log(before) @ ends + slower * np.log(after[:, -1]) + _tail(cells, above)
    return np.concatenate([np.ones((len(above), 1)), inside, beyond], axis=1), held


def _still(curves: Curves, rows: Ints, data: Sequence[tuple[Bins, Bins]]) -> Floats:
    """Return the log likelihood of the open spells by the curves, shape (draw,)."""
    logs = np.zeros(len(rows))
    for g, (_, still) in enumerate(data):
        if still.size:
            logs += np.log(np.maximum(curves.at(rows[:, g], still.middle), _LOWEST)) @ still.count
    return logs


def likely_survival(belief: DwellBelief, data: Sequence[tuple[Bins, Bins]], times: Sequence[Floats]) -> list[Floats]:
    """Return P(dwell > t) for every persona's times at the expected hazards around the best log-normal."""
    found, edges = [], _edges(data)
    pooled = find_mode(Family.LOGNORMAL, prior_normal(belief, Family.LOGNORMAL), data).mean
    for pair, off, at in zip(data, belief.apart, times, strict=True):
        centre = _at((pooled + np.array([off, 0.0]))[None], edges)
        still, _ = _curves(_cells(edges, [pair]), centre, _POINT, None)
        found.append(Curves(edges, still).at(np.zeros(1, dtype=np.intp), at)[0])
    return found
