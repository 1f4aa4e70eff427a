"""Where a link's dwell may move to: draws made beforehand, their P(longer than every open spell), and what they leave out.

A chain takes one of these draws at random, so a draw counts by how much likelier it is than it was to be proposed:
`left` is log(prior x completed moves / density of the proposal). Two kinds:

    surrogate   draws of the surrogate with its counts tempered by F: left = (1 - F) log L - F sum e n log S,
                and for how much rarer or more often than likely a family was drawn; F = 1 for an empirical dwell
    kernel      a Student t of 5 degrees of freedom around places where the chains were, family by family; curves of empirical
                dwells are drawn anew, with open spells spread as the chains spread them (`fresh`)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.families import dimensions, log_likelihood, survival, to_location, to_scale_shape
from journeysim.calibrate.dwells.fit import log_prior
from journeysim.calibrate.silence.fresh import FreshCurves, fresh_curves
from journeysim.calibrate.silence.open_spells import LinkDwell, Spread
from journeysim.model.dwell import Family, by_family
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

Codes = NDArray[np.int8]

_LEAST: Final = 1e-300
_DEGREES: Final = 5.0
#: Places of a family that the kernel keeps, draws it makes, and its widths in sds of the places: near and, rarely, far.
_PLACES: Final = 150
_DRAWS: Final = 1500
_NEAR, _FAR, _RARELY = 0.5, 2.0, 0.25
#: A family where the chains were is proposed at least this often.
_SELDOM: Final = 0.03
#: Places that count for the spread of a family beside those where chains were in it: as far apart as in all families.
_BORROWED: Final = 10.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Open spells of all personas in one row: persona, length, count, and the surrogate's spread over the links."""

    who: NDArray[np.intp]
    time: Floats
    count: Floats
    spread: Floats  # (spell, link)
    gathered: Floats  # (spell, persona) their counts, 0 where the spell is another's

    @classmethod
    def of(cls, spreads: tuple[Spread, ...]) -> Spells:
        """Return the open spells of every persona, one after the other."""
        who = np.repeat(np.arange(len(spreads)), [len(spread.silent.count) for spread in spreads])
        count = np.concatenate([spread.silent.count for spread in spreads])
        return cls(
            who,
            np.concatenate([spread.silent.middle for spread in spreads]),
            count,
            np.concatenate([spread.weights for spread in spreads]),
            (who[:, None] == np.arange(len(spreads))) * count[:, None],
        )

    @property
    def bins(self) -> tuple[Bins, ...]:
        """The spells of every persona, as a dwell's fit takes them."""
        own = (np.flatnonzero(self.gathered[:, g]) for g in range(self.gathered.shape[1]))
        return tuple(Bins(self.time[at], self.time[at], self.count[at], self.time[at]) for at in own)

    def by_persona(self, values: Floats) -> Floats:
        """Return the sums over each persona's spells, weighted with their counts: (…, spell) -> (…, persona)."""
        return np.asarray(values @ self.gathered)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Dwells:
    """Dwells of a link: family (n,), coordinates (n, persona, 2), P(longer than each spell) (n, spell), `left` (n,).

    The coordinates of an empirical dwell are its factor and its table.
    """

    family: Codes
    phi: Floats
    still: Floats
    left: Floats

    def take(self, which: NDArray[np.intp]) -> Dwells:
        """Return some of them."""
        return Dwells(self.family[which], self.phi[which], self.still[which], self.left[which])

    def put(self, which: NDArray[np.intp], other: Dwells) -> Dwells:
        """Return these, with the others in the place of some."""
        parts = [(getattr(self, name).copy(), getattr(other, name)) for name in ("family", "phi", "still", "left")]
        for mine, theirs in parts:
            mine[which] = theirs
        return Dwells(*(mine for mine, _ in parts))

    def where(self, new: NDArray[np.bool_], other: Dwells) -> Dwells:
        """Return these, with the others' where `new`."""
        return Dwells(
            np.where(new, other.family, self.family), np.where(new[:, None, None], other.phi, self.phi),
            np.where(new[:, None], other.still, self.still), np.where(new, other.left, self.left),
        )  # fmt: skip


@final
@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """A density around places (p, k) where chains were: Student t's with this root of their spread, near and, rarely, far."""

    at: Floats
    root: Floats

    @classmethod
    def of(cls, visited: Floats, rng: np.random.Generator, wide: Floats | None = None) -> Places:
        """Return the density around some of the places visited (n, k); where they are few, as wide as a spread (k, k)."""
        k = visited.shape[1]
        spread = np.atleast_2d(np.cov(visited.T)) if len(visited) > 1 else np.zeros((k, k))
        if wide is not None:
            few = _BORROWED / (_BORROWED + len(np.unique(visited[:, 0])))
            spread = (1 - few) * spread + few * wide
        root = np.linalg.cholesky(spread + np.diag(0.01 * np.diag(spread) + 1e-6))
        kept = rng.choice(len(visited), min(_PLACES, len(visited)), replace=False)
        return cls(visited[kept], np.asarray(root, dtype=np.float64))

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Return points, shape (size, k)."""
        width = np.where(rng.uniform(size=size) < _RARELY, _FAR, _NEAR) / np.sqrt(
            rng.chisquare(_DEGREES, size) / _DEGREES
        )
        off = rng.standard_normal((size, self.at.shape[1])) @ self.root.T
        return np.asarray(self.at[rng.integers(len(self.at), size=size)] + width[:, None] * off)

    def log_density(self, points: Floats) -> Floats:
        """Return the log density at points (n, k)."""
        k, inverse = len(self.root), np.linalg.inv(self.root).T
        here, there = (points - self.at[0]) @ inverse, (self.at - self.at[0]) @ inverse
        square = np.maximum(np.sum(here**2, 1)[:, None] + np.sum(there**2, 1) - 2 * here @ there.T, 0.0)
        height = special.gammaln((_DEGREES + k) / 2) - special.gammaln(_DEGREES / 2) - k / 2 * np.log(_DEGREES * np.pi)
        height -= np.sum(np.log(np.diagonal(self.root))) + np.log(len(self.at))
        parts = [
            part / width**k * (1 + square / (_DEGREES * width**2)) ** (-(_DEGREES + k) / 2)
            for part, width in ((1 - _RARELY, _NEAR), (_RARELY, _FAR))
        ]
        return np.asarray(height + np.log(sum(part.sum(axis=1) for part in parts)))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """Families with their weights, and the density of the coordinates of each; of empirical dwells that of their curves."""

    weights: Mapping[Family, float]
    places: Mapping[Family, Places]
    curves: FreshCurves | None = None

    def log_density(self, family: Codes, phi: Floats, still: Floats) -> Floats:
        """Return the log density at dwells, over prior and completed moves of curves; a family not proposed has none."""
        logs = np.full(len(family), -np.inf)
        for kind, rows in by_family(family):
            if kind in self.places:
                logs[rows] = np.log(self.weights[kind]) + self.places[kind].log_density(_flat(kind, phi[rows]))
            elif kind in self.weights and self.curves is not None:
                logs[rows] = np.log(self.weights[kind]) + self.curves.log_density(still[rows])
        return logs

    def draw(self, count: int, curves: Ints, rng: np.random.Generator) -> tuple[Codes, Floats]:
        """Return families (n,) and coordinates (n, persona, 2); empirical ones are some of these curves (curve, persona)."""
        kinds = list(self.weights)
        each = rng.multinomial(count, [self.weights[kind] for kind in kinds])
        found = [
            _deep(kind, self.places[kind].draw(size, rng)) if kind in self.places
            else np.stack([np.ones((size, curves.shape[1])), curves[rng.integers(len(curves), size=size)]], axis=-1)
            for kind, size in zip(kinds, each, strict=True)
        ]  # fmt: skip
        return np.repeat(np.array(kinds, dtype=np.int8), each), np.concatenate(found)


def _flat(kind: Family, phi: Floats) -> Floats:
    return np.asarray(phi[..., : dimensions(kind)].reshape(len(phi), -1))


def _of_family(kind: Family, spread: Floats) -> Floats:
    """Return the part of a spread of all coordinates that is of those a family has."""
    return spread if dimensions(kind) == 2 else spread[::2, ::2]


def _deep(kind: Family, flat: Floats) -> Floats:
    phi = np.zeros((len(flat), flat.shape[1] // dimensions(kind), 2))
    phi[..., : dimensions(kind)] = flat.reshape(*phi.shape[:2], -1)
    return phi


@final
@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A learned link, its position among the links, dwells to move to, and how to find `left` of any other dwell."""

    link: LinkDwell
    position: int
    spells: Spells
    factor: float
    kernel: Kernel | None
    cloud: Dwells

    @property
    def moves(self) -> bool:
        """Whether dwells have coordinates to move along: empirical ones are only swapped."""
        return bool(np.any(self.cloud.family != Family.EMPIRICAL))

    @property
    def renewed(self) -> bool:
        """Whether other dwells can be drawn: of curves, where it is known what they are drawn from."""
        return self.link.known is not None or not np.any(self.cloud.family == Family.EMPIRICAL)

    def at(self, family: Codes, phi: Floats) -> Dwells:
        """Return dwells at families and coordinates."""
        return self.weighed(family, phi)[0]

    def weighed(self, family: Codes, phi: Floats) -> tuple[Dwells, Floats]:
        """Return dwells at families and coordinates, and their heights."""
        still, done = _still(self, family, phi), _done(self.link, family, phi)
        height = _prior(self.link, family, phi) + done
        if self.kernel is None:
            left = _left(self.factor, done, still, self.spells, self.position)
        else:
            left = height - self.kernel.log_density(family, phi, still)
        return Dwells(family, phi, still, left), height

    def height(self, family: Codes, phi: Floats) -> Floats:
        """Return the log of prior x completed moves, shape (n,); 0 for curves, which are drawn with both."""
        return _prior(self.link, family, phi) + _done(self.link, family, phi)

    def again(self, dwells: Dwells) -> Dwells:
        """Return dwells with the `left` of this proposal."""
        return self.at(dwells.family, dwells.phi)


def surrogate(link: LinkDwell, position: int, spells: Spells, factor: float) -> Proposal:
    """Return the surrogate's draws of a link's dwell as the places to move to."""
    phi = np.stack([link.a, link.b], axis=-1)
    for kind, rows in by_family(link.families):
        if kind is not Family.EMPIRICAL:
            phi[rows] = np.stack(to_location(kind, link.a[rows], link.b[rows]), axis=-1)
    empty = Dwells(link.families, phi, np.empty((0, 0)), np.empty(0))
    bare = Proposal(link, position, spells, factor, None, empty)
    still = _still(bare, link.families, phi)
    done = _done(link, link.families, phi) if factor < 1 else np.zeros(len(phi))
    left = _left(factor, done, still, spells, position)
    if link.logs is not None:
        empirical = link.families == Family.EMPIRICAL
        left[empirical] = _left(1.0, done[empirical], still[empirical], spells, position)
        left += link.logs
    return Proposal(link, position, spells, factor, None, Dwells(link.families, phi, still, left))


def kernel_around(
    was: Proposal, family: Codes, phi: Floats, rng: np.random.Generator, given: Floats | None = None
) -> Proposal:
    """Return a kernel around places where the chains were, families (n,) and coordinates (n, persona, 2).

    `given` (giving, spell) are open spells given to the link as chains would, from which its curves are drawn.
    """
    visited = dict(by_family(family))
    often = np.maximum([len(rows) / len(family) for rows in visited.values()], _SELDOM)
    weights = dict(zip(visited, (float(part) for part in often / often.sum()), strict=True))
    places = _places(visited, phi, rng)
    link, curves, rows = was.link, None, np.empty((0, phi.shape[1]), dtype=np.int64)
    if Family.EMPIRICAL in weights and link.known is not None and given is not None:
        count = int(np.ceil(_DRAWS * weights[Family.EMPIRICAL]))
        curves, link, rows = fresh_curves(link, link.known, given, was.spells.bins, count, rng)
    kernel = Kernel(weights, places, curves)
    bare = Proposal(link, was.position, was.spells, was.factor, kernel, was.cloud)
    return Proposal(link, was.position, was.spells, was.factor, kernel, bare.at(*kernel.draw(_DRAWS, rows, rng)))


def _places(visited: Mapping[Family, NDArray[np.intp]], phi: Floats, rng: np.random.Generator) -> dict[Family, Places]:
    """Return densities around the places of every family that has coordinates."""
    own = {kind: rows for kind, rows in visited.items() if kind is not Family.EMPIRICAL}
    if not own:
        return {}
    every = np.concatenate(list(own.values()))
    wide = np.atleast_2d(np.cov(phi[every].reshape(len(every), -1).T)) if len(every) > 1 else None
    return {
        kind: Places.of(_flat(kind, phi[rows]), rng, None if wide is None else _of_family(kind, wide))
        for kind, rows in own.items()
    }


def _scale_shape(kind: Family, phi: Floats) -> tuple[Floats, Floats]:
    return (phi[..., 0], phi[..., 1]) if kind is Family.EMPIRICAL else to_scale_shape(kind, phi[..., 0], phi[..., 1])


def scale_shape(family: Codes, phi: Floats) -> tuple[Floats, Floats]:
    """Return (a, b) of dwells, shape (n, persona)."""
    a, b = np.empty(phi.shape[:-1]), np.empty(phi.shape[:-1])
    for kind, rows in by_family(family):
        a[rows], b[rows] = _scale_shape(kind, phi[rows])
    return a, b


def _still(given: Proposal, family: Codes, phi: Floats) -> Floats:
    """Return P(dwell > t) for every open spell, shape (n, spell)."""
    spells, found = given.spells, np.empty((len(family), len(given.spells.time)))
    for kind, rows in by_family(family):
        a, b = _scale_shape(kind, phi[rows])
        if kind is Family.EMPIRICAL and given.link.curves is not None:
            for g in range(b.shape[1]):
                own = np.flatnonzero(spells.who == g)
                found[np.ix_(rows, own)] = given.link.curves.at(b[:, g].astype(np.intp), spells.time[own])
        else:
            found[rows] = survival(kind, a[:, spells.who], b[:, spells.who], spells.time, given.link.tables)
    return found


def _done(link: LinkDwell, family: Codes, phi: Floats) -> Floats:
    """Return the log likelihood of the completed moves of all personas, shape (n,); empirical dwells are drawn with it."""
    logs = np.zeros(len(family))
    for kind, rows in by_family(family):
        if kind is Family.EMPIRICAL:
            continue
        a, b = _scale_shape(kind, phi[rows])
        for g, done in enumerate(link.done):
            logs[rows] += log_likelihood(kind, a[:, g], b[:, g], done, NO_BINS)
    return logs


def _prior(link: LinkDwell, family: Codes, phi: Floats) -> Floats:
    logs = np.zeros(len(family))
    for kind, rows in by_family(family):
        if kind is not Family.EMPIRICAL:
            logs[rows] = log_prior(kind, link.belief, phi[rows])
    return logs


def _left(factor: float, done: Floats, still: Floats, spells: Spells, position: int) -> Floats:
    spread = spells.count * spells.spread[:, position]
    return np.asarray((1 - factor) * done - factor * (np.log(np.maximum(still, _LEAST)) @ spread))
