"""Hazards of stretches around log-normal centres: the likelihood with them summed out, and curves with them drawn.

Of those still there as a stretch begins a part h leaves in it. Who leaves counts h, who is still there at its end 1 - h,
and an open spell that ends where a part o of the stretch's moves is over counts 1 - h o. All but the last are conjugate. The
last, with f(h) = sum of e log(1 - h o), are held to be a sum of two betas: everybody may leave in the stretch, and else

    exp f(h) - exp f(1) ~ exp(c + a log h + b log(1 - h))        value, slope and curvature at the posterior mean of h
    b = (1 - h)^2 (h u + v), a = -h^2 (v - (1 - h) u)            v = -slope, u = -curvature of the logarithm on the left

What that gets wrong of f is put right by weights, draw by draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.dwells.families import to_scale_shape
from journeysim.calibrate.dwells.tables.cells import LEVELS, Cells, Stretches
from journeysim.calibrate.dwells.tables.curves import LOWEST
from journeysim.model.dwell import Family
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

STRENGTHS: Final = (4.0, 16.0, 64.0)
#: Every pair of level and strength is a model.
Model = tuple[float, float]
MODELS: Final[tuple[Model, ...]] = tuple((level, strength) for level in LEVELS for strength in STRENGTHS)
#: Times that the point where f is matched is found anew.
_MATCHES: Final = 3
#: Less than this of a beta's first count is never taken by a match.
_KEPT: Final = 0.1
#: Counts of a beta are at least this.
_FEWEST: Final = 1e-12


@final
@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Log-normals G: P(longer than each edge), (centre, edge), and the chance of each cell and of all up to it, (centre, cell).

    `grounds` are what is known of them, whoever is still there, by level; only where that is asked for many times.
    """

    above: Floats
    mass: Floats
    before: Floats
    grounds: Mapping[float, Ground] = field(default_factory=dict)

    def take(self, rows: NDArray[np.intp]) -> Centres:
        """Return some of them."""
        return Centres(self.above[rows], self.mass[rows], self.before[rows])

    def laid(self, cells: Cells, models: Sequence[Model]) -> Centres:
        """Return these with their grounds for models and for who moved."""
        by_level = {level: [strength for each, strength in models if each == level] for level, _ in models}
        return replace(
            self, grounds={level: Ground.of(cells, self, level, by_level[level]).kept() for level in by_level}
        )


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Beta counts of hazards before anybody was seen, and those of leaving afterwards, (centre, stretch).

    Log gammas of alpha and of leaves are there where they are asked for many times.
    """

    alpha: Floats
    beta: Floats
    leaves: Floats
    log_alpha: Floats | None = None
    log_leaves: Floats | None = None

    @classmethod
    def of(cls, part: Floats, last: Floats, moved: Floats, strength: float) -> Counted:
        """Return the counts where G, with `last` (centre, 1) beyond the last edge, counts for `strength` customers."""
        alpha = np.maximum(strength * part, _FEWEST)
        return cls(alpha, _after(alpha) + np.maximum(strength * last, _FEWEST), alpha + moved)

    def kept(self) -> Counted:
        """Return these with their log gammas."""
        return replace(self, log_alpha=special.gammaln(self.alpha), log_leaves=special.gammaln(self.leaves))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What is known of a level of detail around centres, whoever is still there.

    Stretches and the chance of each, (centre, stretch); who moved, by cell and by stretch, and the log likelihood of where in
    their stretches they did, (centre,); and the counts of each strength.
    """

    stretches: Stretches
    part: Floats
    done: Floats
    moved: Floats
    within: Floats
    counted: Mapping[float, Counted]

    @classmethod
    def of(cls, cells: Cells, centres: Centres, level: float, strengths: Sequence[float]) -> Ground:
        """Return what is known of the cells' level."""
        stretches = cells.joined(level)
        part, moved, k = stretches.sums(centres.mass), stretches.sums(cells.done), np.flatnonzero(cells.done)
        within = np.log(centres.mass[:, k] / part[:, stretches.of[k]]) @ cells.done[k]
        last = centres.above[:, -1:]
        counted = {strength: Counted.of(part, last, moved, strength) for strength in strengths}
        return cls(stretches, part, cells.done, moved, within, counted)

    def kept(self) -> Ground:
        """Return this with the log gammas of its counts."""
        return replace(self, counted={strength: each.kept() for strength, each in self.counted.items()})


def centres_at(at: Floats, edges: Floats) -> Centres:
    """Return the log-normals at points phi, shape (point, 2); chances of cells are taken in the nearer tail."""
    a, b = to_scale_shape(Family.LOGNORMAL, at[:, :1], at[:, 1:])
    with np.errstate(divide="ignore"):
        z = np.log(edges / a) / b
    above, below = special.ndtr(-z), special.ndtr(z)
    mass = np.where(above[:, :-1] < 0.5, above[:, :-1] - above[:, 1:], np.diff(below, axis=1))
    mass = np.maximum(mass, LOWEST)
    return Centres(np.maximum(above, LOWEST), mass, np.cumsum(mass, axis=1))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Who was seen in stretches, and the open spells that end within one.

    `stayed` are those there at the end of a stretch, `ended` open spells that end with it, and `inside` those that end within.
    `open` are cells with an open spell that ends with it, but not with its stretch; `count` how many, `start` where each of
    the stretches `some` that have any begins among them, and `group` which of these each belongs to.
    """

    moved: Floats
    stayed: Floats
    ended: Floats
    inside: Floats
    open: Ints
    count: Floats
    some: Ints
    start: Ints
    group: Ints

    @classmethod
    def of(cls, cells: Cells, stretches: Stretches) -> _Seen:
        """Return what cells say of stretches."""
        ends = np.append(stretches.first[1:], len(cells.done)) - 1
        within = cells.still.copy()
        within[ends] = 0.0
        moved, inside = stretches.sums(cells.done), stretches.sums(within)
        ended = cells.still[ends]
        cell = np.flatnonzero(within)
        of = stretches.of[cell]  # in order
        begins = np.append(True, np.diff(of) > 0)[: len(of)]
        start = np.flatnonzero(begins)
        return cls(
            moved, _after(moved + inside + ended) + ended, ended, inside, cell, within[cell], of[start], start,
            np.cumsum(begins) - 1,
        )  # fmt: skip


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Match:
    """What open spells within stretches are held to be, all (centre, one of the stretches that have any).

    Counts of the hazard's beta where not everybody leaves, the constant c, and f(1).
    """

    leaves: Floats
    stays: Floats
    constant: Floats
    everybody: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Hazards:
    """Beta counts of hazards around centres, before and after what was seen, (centre, stretch), and the match beside them."""

    counted: Counted
    leaves: Floats
    stays: Floats
    match: _Match | None

    def chances(self, some: Ints) -> tuple[Floats, Floats]:
        """Return the log chance that not everybody leaves in each of some stretches, and that everybody does."""
        if self.match is None:
            return np.empty((len(self.leaves), 0)), np.empty((len(self.leaves), 0))
        not_all = self.match.constant + _log_beta(self.match.leaves, self.match.stays)
        return not_all, self.match.everybody + _log_beta(self.leaves[:, some], self.stays[:, some])


def by_model(cells: Cells, centres: Centres, models: Sequence[Model] = MODELS) -> Floats:
    """Return the log likelihood of models, the prior probability of each in it, shape (model, centre)."""
    logs = []
    for level in dict.fromkeys(level for level, _ in models):
        logs += likelihoods(cells, centres, level, [strength for each, strength in models if each == level])
    return np.asarray(np.stack(logs) - np.log(len(MODELS)))


def likelihoods(cells: Cells, centres: Centres, level: float, strengths: Sequence[float] = STRENGTHS) -> list[Floats]:
    """Return the log likelihood of cells around every centre at each strength, hazards summed out, shape (centre,)."""
    ground = centres.grounds.get(level)
    if ground is None or not np.array_equal(ground.done, cells.done):
        ground = Ground.of(cells, centres, level, strengths)
    seen = _Seen.of(cells, ground.stretches)
    over = _over(centres, ground.stretches, ground.part, seen.open)
    found = (_hazards(seen, ground.counted[strength], over) for strength in strengths)
    return [ground.within + _evidence(seen, each) for each in found]


def _after(counts: Floats) -> Floats:
    """Return sums over all later positions of the last axis."""
    return np.asarray(np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1] - counts)


def _over(centres: Centres, stretches: Stretches, part: Floats, cells: Ints) -> Floats:
    """Return which part of their stretch's moves is over as these cells end, (centre, cell)."""
    of = stretches.of[cells]
    begun = centres.before[:, stretches.first[of]] - centres.mass[:, stretches.first[of]]
    return np.asarray(np.clip((centres.before[:, cells] - begun) / part[:, of], 0.0, 1.0))


def _hazards(seen: _Seen, counted: Counted, over: Floats) -> _Hazards:
    """Return the hazards' counts after what was seen."""
    leaves, stays = counted.leaves, counted.beta + seen.stayed
    match = _matched(seen, leaves[:, seen.some], stays[:, seen.some], over) if len(seen.some) else None
    return _Hazards(counted, leaves, stays, match)


def _matched(seen: _Seen, leaves: Floats, stays: Floats, over: Floats) -> _Match:
    """Return the betas that have value, slope and curvature of the open spells where the posterior mean is."""

    def sums(of_cells: Floats) -> Floats:
        return np.asarray(np.add.reduceat(seen.count * of_cells, seen.start, axis=1))

    everybody = sums(_log(1.0 - over))
    hazard = leaves / (leaves + stays + sums(over))
    for _ in range(_MATCHES):
        at = hazard
        there = np.maximum(1.0 - at[:, seen.group] * over, _FEWEST)
        value, slope = sums(np.log(there)), over / there
        rest = np.maximum(-np.expm1(everybody - value), _FEWEST)
        v = sums(slope) / rest
        u = sums(slope**2) / rest + v**2 * (1.0 - rest)
        a = np.maximum(-(at**2) * (v - (1.0 - at) * u), (_KEPT - 1.0) * leaves)
        b = (1.0 - at) ** 2 * (at * u + v)
        hazard = (leaves + a) / (leaves + a + stays + b)
    constant = value + np.log(rest) - a * _log(at) - b * _log(1.0 - at)
    return _Match(leaves + a, stays + b, constant, everybody)


def _log_beta(a: Floats, b: Floats) -> Floats:
    return np.asarray(special.gammaln(a) + special.gammaln(b) - special.gammaln(a + b))


def _log(values: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(values, LOWEST)))


def _log_gamma(values: Floats, which: NDArray[np.bool_], known: Floats | None) -> Floats:
    """Return the log gammas of some columns, which may be known."""
    return np.asarray(special.gammaln(values[:, which]) if known is None else known[:, which])


def _evidence(seen: _Seen, found: _Hazards) -> Floats:
    """Return the sum of log beta functions after what was seen over those before, (centre,).

    Gamma functions of neighbouring stretches cancel but where somebody moves, or an open spell ends.
    """
    plain = np.ones(len(seen.moved), dtype=bool)
    plain[seen.some] = False
    cancel = plain[:-1] & plain[1:] & (seen.stayed[:-1] == seen.moved[1:] + seen.stayed[1:])
    upper, lower = plain & np.append(~cancel, True), plain & np.append(True, ~cancel)
    taken, whole, before = plain & (seen.moved > 0), found.leaves + found.stays, found.counted
    parts = (
        _log_gamma(found.leaves, taken, before.log_leaves), -_log_gamma(before.alpha, taken | ~plain, before.log_alpha),
        special.gammaln(found.stays[:, upper]), -special.gammaln(whole[:, lower]),
        special.gammaln(before.alpha[:, :1] + before.beta[:, :1]), -special.gammaln(before.beta[:, -1:]),
        np.logaddexp(*found.chances(seen.some)),
    )  # fmt: skip
    return np.asarray(sum(part.sum(axis=1) for part in parts))


def curves_around(
    cells: Cells, centres: Centres, model: Model, stream: np.random.Generator | None
) -> tuple[Floats, Floats]:
    """Return P(dwell > edge), shape (centre, edge), and the log likelihood of the open spells; expected without a stream."""
    level, strength = model
    stretches = cells.joined(level)
    seen, part = _Seen.of(cells, stretches), stretches.sums(centres.mass)
    counted = Counted.of(part, centres.above[:, -1:], seen.moved, strength)
    found = _hazards(seen, counted, _over(centres, stretches, part, seen.open))
    hazard = _expected(seen, found) if stream is None else _hazards_drawn(seen, found, stream)
    after = np.maximum(np.cumprod(1.0 - hazard, axis=1), LOWEST)
    before = np.concatenate([np.ones((len(after), 1)), after[:, :-1]], axis=1)
    over = _over(centres, stretches, part, np.arange(len(cells.done)))
    inside = before[:, stretches.of] * (1.0 - hazard[:, stretches.of] * over)
    inside[:, np.append(stretches.first[1:], len(cells.done)) - 1] = after
    still = np.concatenate([np.ones((len(after), 1)), np.maximum(inside, LOWEST)], axis=1)
    held = np.log(after) @ seen.ended + np.log(before) @ seen.inside
    return still, held + _held(seen, found, hazard)


def _expected(seen: _Seen, found: _Hazards) -> Floats:
    hazard = found.leaves / (found.leaves + found.stays)
    if found.match is not None:
        not_all, everybody = found.chances(seen.some)
        part = special.expit(everybody - not_all)
        other = found.match.leaves / (found.match.leaves + found.match.stays)
        hazard[:, seen.some] = part * hazard[:, seen.some] + (1.0 - part) * other
    return np.asarray(hazard)


def _hazards_drawn(seen: _Seen, found: _Hazards, stream: np.random.Generator) -> Floats:
    leaves, stays = found.leaves.copy(), found.stays.copy()
    if found.match is not None:
        not_all, everybody = found.chances(seen.some)
        chosen = stream.uniform(size=not_all.shape) < special.expit(not_all - everybody)
        leaves[:, seen.some] = np.where(chosen, found.match.leaves, leaves[:, seen.some])
        stays[:, seen.some] = np.where(chosen, found.match.stays, stays[:, seen.some])
    return stream.beta(leaves, stays)


def _held(seen: _Seen, found: _Hazards, hazard: Floats) -> Floats:
    """Return the log likelihood of the open spells that end within stretches, of those there as these begin, as it was held."""
    if found.match is None:
        return np.zeros(len(hazard))
    match, own = found.match, hazard[:, seen.some]
    a, b = match.leaves - found.leaves[:, seen.some], match.stays - found.stays[:, seen.some]
    not_all = match.constant + a * _log(own) + b * _log(1.0 - own)
    return np.asarray(np.sum(np.logaddexp(not_all, match.everybody), axis=1))
