"""Exact posterior of a touchpoint with open spells, by chains side by side that start at draws of the surrogate.

The surrogate (`open_spells`) is a little wrong in every share and every dwell. Weights multiply all these errors; chains
meet them one at a time (`moves`). While they find their way, what they visit becomes the proposal of the dwells that
open spells may belong to, and dwells also move by the difference of two other chains (ter Braak 2006, differential
evolution Markov chain); from then on nothing is adapted, and the draws count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.dwells.families import survival
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.numerics.mixing import convergence
from journeysim.calibrate.silence.fresh import give
from journeysim.calibrate.silence.moves import Known, divide_all, sweep_all
from journeysim.calibrate.silence.open_spells import LinkDwell, Spread
from journeysim.calibrate.silence.plan import MovePlan
from journeysim.calibrate.silence.proposals import (
    Codes,
    Dwells,
    Places,
    Proposal,
    Spells,
    kernel_around,
    scale_shape,
    surrogate,
)
from journeysim.calibrate.silence.rows import Rows
from journeysim.calibrate.silence.settle import Story
from journeysim.calibrate.silence.shelves import Chains, Shelves
from journeysim.model.addresses import name_key
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

#: Enough for the gates on effective sizes.
LEAST_DRAWS: Final = 1200
_CHAINS: Final = 16
#: Groups of chains, one for each explanation to start from.
_GROUPS: Final = 4
#: Points that stories are told by.
_TOLD: Final = 1000
#: Sweeps before the first kernels and the next, and of each round that may count. While gates fail, what a round visited
#: makes the kernels of a longer one: better kernels are worth more than more sweeps; but a round that twice its length
#: would mend goes on.
_FIND: Final = (120, 120)
_ROUNDS: Final = (250, 500, 1000, 2000, 5000)
_STUCK: Final = 0.4
#: Part of the differences that are taken whole, which leads from hump to hump.
_WHOLE: Final = 0.1
_JITTER: Final = 0.02
#: Sweeps that the gates look at, spread evenly over those of a round.
_JUDGED: Final = 1000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A touchpoint's surrogate: its links with their draws, spread of the open spells, rows, shares (draw, persona, link).

    `stories` are explanations of the silences, other families among them, from which chains start too.
    """

    links: tuple[LinkDwell, ...]
    spreads: tuple[Spread, ...]
    rows: Rows
    shares: Floats
    stories: tuple[Story, ...] = ()


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Equally likely draws, chain after chain: links with their dwells, shares (draw, persona, link), and the gates."""

    links: tuple[LinkDwell, ...]
    shares: Floats
    gates: tuple[Gate, ...]


def sample_chains(given: Given, *, draws: int, seed: int, name: str) -> Sampled:
    """Return at least `draws` draws; goes on while a gate fails, up to a limit."""
    key = name_key("open spells, chains", name)
    rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, key]))
    spells = Spells.of(given.spreads)
    learned = tuple(j for j, link in enumerate(given.links) if link.learned)
    proposals = tuple(surrogate(given.links[j], j, spells, given.rows.factor) for j in learned)
    plan = MovePlan.of(given.links, given.rows.tilt, spells, learned)
    row = rng.choice(len(given.shares), _CHAINS, replace=False)
    mover = _Mover(_known(given, spells), _fixed(given, spells, row), proposals, plan, rng)
    at = _At.of(mover, given, row)
    if given.stories:
        mover, at = _told(mover, at, given)
    for sweeps in _FIND:
        history = _found(mover, at, sweeps)
        mover, at = _adapted(mover, history.later(sweeps // 2))
    mover = replace(mover, plan=mover.plan.harder([history.accepted(k) for k in range(len(learned))]))
    for sweeps in _ROUNDS:
        history, gates = _round(mover, at, sweeps, name)
        if all(gate.passed for gate in gates):
            break
        mover, at = _adapted(mover, history)
    return _sampled(given, learned, history, row, draws, gates)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Mover:
    """What moves chains: what is known, dwells that stay (link, chain, spell), proposals by learned link, and the plan."""

    known: Known
    fixed: Floats
    proposals: tuple[Proposal, ...]
    plan: MovePlan
    rng: np.random.Generator
    places: Mapping[int, Places] = field(default_factory=dict)  # by scaled link


@final
@dataclass(frozen=True, slots=True, eq=False)
class _At:
    """Chains, and the shelves that their rows belong to."""

    shelves: Shelves
    chains: Chains

    @classmethod
    def of(cls, mover: _Mover, given: Given, row: NDArray[np.intp]) -> _At:
        """Return chains at draws of the surrogate."""
        rows = np.zeros((_CHAINS, len(given.links)), dtype=np.int64)
        chains = Chains(given.rows.theta[row], given.rows.kappa[row], given.shares[row], rows)
        return cls.begun(mover, [each.cloud.take(row) for each in mover.proposals], chains)

    @classmethod
    def begun(cls, mover: _Mover, own: list[Dwells], chains: Chains) -> _At:
        """Return chains at their own dwells."""
        shelves = Shelves.of(mover.proposals, own, mover.fixed)
        return cls(shelves, shelves.begun(chains))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _History:
    """Where chains were, sweep by sweep: chains, and families (sweep, chain) and coordinates by learned link; the last."""

    chains: Chains
    families: tuple[Codes, ...]
    phi: tuple[Floats, ...]
    last: _At

    @classmethod
    def of(cls, chains: Chains, last: _At) -> _History:
        """Return the history of chains whose shelves stayed the same."""
        found = [last.shelves.where(chains, k) for k in range(len(last.shelves.proposals))]
        return cls(chains, tuple(each[0] for each in found), tuple(each[1] for each in found), last)

    def later(self, first: int) -> _History:
        """Return the sweeps from one on."""
        cut = slice(first, None)
        return _History(
            self.chains.at(cut), tuple(x[cut] for x in self.families), tuple(x[cut] for x in self.phi), self.last
        )

    def every(self, step: int) -> _History:
        """Return every so manieth sweep."""
        cut = slice(None, None, step)
        return _History(
            self.chains.at(cut), tuple(x[cut] for x in self.families), tuple(x[cut] for x in self.phi), self.last
        )

    def followed_by(self, other: _History) -> _History:
        """Return these sweeps and those after them."""
        return _History.joined([self, other])

    @classmethod
    def joined(cls, parts: Sequence[_History]) -> _History:
        """Return sweeps one part after the other."""
        chains = Chains(*(
            np.concatenate([getattr(each.chains, name) for each in parts]) for name in ("theta", "kappa", "shares", "rows")
        ))  # fmt: skip
        families, phi = (
            tuple(np.concatenate(column) for column in zip(*(getattr(each, name) for each in parts), strict=True))
            for name in ("families", "phi")
        )
        return cls(chains, families, phi, parts[-1].last)

    def accepted(self, k: int) -> float:
        """Return how often the dwell of learned link k was another one after a sweep."""
        return float(np.mean(np.any(np.diff(self.phi[k], axis=0) != 0, axis=(2, 3))))


def _known(given: Given, spells: Spells) -> Known:
    rows = given.rows
    alpha, tilt, taken, spread, theta, kappa = (
        np.array(x, order="C") for x in (rows.alpha, rows.tilt, rows.counts, rows.spread, rows.theta, rows.kappa)
    )
    first = np.searchsorted(spells.who, np.arange(len(rows.counts) + 1)).astype(np.int64)
    return Known(first, spells.count, alpha, tilt, taken, spread, float(rows.factor), theta, kappa, rows.root)


def _fixed(given: Given, spells: Spells, row: NDArray[np.intp]) -> Floats:
    """Return P(longer than each open spell) of the links that are not learned, (link, chain, spell); 1 for a silent one."""
    found = [np.empty((0, len(row), len(spells.time)))]
    for link in given.links:
        if link.silent:
            found.append(np.ones((1, len(row), len(spells.time))))
        elif not link.learned:
            a, b = (x[row % len(x)][:, spells.who] for x in (link.a, link.b))
            found.append(survival(link.family, a, b, spells.time, link.tables)[None])
    return np.concatenate(found)


def _told(mover: _Mover, at: _At, given: Given) -> tuple[_Mover, _At]:
    """Return the mover with kernels around what the stories say of dwells in doubt; all but a quarter of chains start there."""
    weights = np.exp([story.behind for story in given.stories])
    each = mover.rng.multinomial(_TOLD, weights / weights.sum())
    points = [story.draw(count, mover.rng) for story, count in zip(given.stories, each, strict=True)]
    from_story = np.repeat(np.arange(len(each)), each)
    pick = mover.rng.permutation(_TOLD)[:_CHAINS]
    told = np.arange(_CHAINS) >= _CHAINS // _GROUPS
    logs = np.concatenate([point.logs for point in points])[pick]
    shares = np.where(told[:, None, None], np.exp(logs), at.chains.shares)
    proposals, own = list(mover.proposals), list(at.shelves.own)
    for k, proposal in enumerate(mover.proposals):
        families = np.array([story.families[proposal.position] for story in given.stories], dtype=np.int8)[from_story]
        if proposal.renewed and (k in mover.plan.doubtful or len(np.unique(families)) > 1):
            phi = np.concatenate([point.phi[:, :, k] for point in points])
            visited = np.concatenate([families, own[k].family]), np.concatenate([phi, own[k].phi])
            proposals[k] = kernel_around(proposal, *visited, mover.rng)
            own[k] = proposals[k].again(own[k]).where(told, proposals[k].at(families[pick], phi[pick]))
    mover = replace(mover, proposals=tuple(proposals))
    return mover, _At.begun(mover, own, replace(at.chains, shares=shares))


def _swept(mover: _Mover, at: _At, sweeps: int) -> _History:
    """Return where chains went in so many sweeps."""
    room = at.chains.repeated(sweeps)
    sweep_all(
        mover.known, at.shelves.shelf(), mover.plan.compiled(mover.places), room.theta, room.kappa, room.shares,
        room.rows, mover.rng,
    )  # fmt: skip
    return _History.of(room.at(slice(1, None)), _At(at.shelves, room.at(-1)))


def _round(mover: _Mover, at: _At, sweeps: int, name: str) -> tuple[_History, tuple[Gate, ...]]:
    """Return where chains went in a round, and its gates; a round that twice its length would mend goes on to that."""
    history = _swept(mover, at, sweeps)
    gates = _gates(name, history)
    if all(gate.passed for gate in gates) or not all(_within_reach(gate) for gate in gates):
        return history, gates
    history = history.followed_by(_swept(mover, history.last, sweeps))
    return history, _gates(name, history)


def _within_reach(gate: Gate) -> bool:
    """Return whether twice as many sweeps would pass: effective sizes are twice as large, R-hat half as far from 1."""
    return 2 * gate.value >= gate.limit if gate.wanted == "at least" else gate.value - 1 <= 2 * (gate.limit - 1)


def _found(mover: _Mover, at: _At, sweeps: int) -> _History:
    """Return where chains went, each sweep followed by a step of one link's dwell."""
    plan, seen = mover.plan, []
    for _ in range(sweeps):
        seen.append(_swept(mover, at, 1))
        at = seen[-1].last
        if len(plan.pairs):
            k, other = plan.pairs[mover.rng.choice(len(plan.pairs), p=plan.often)]
            at = _stepped(mover, at, int(k), int(other)) if mover.proposals[k].moves else at
    return _History.joined(seen)


def _stepped(mover: _Mover, at: _At, k: int, other: int) -> _At:
    """Return the chains after half of them moved the dwell of link k by a difference of two of the other half."""
    proposal, rng = mover.proposals[k], mover.rng
    family, now = at.shelves.where(at.chains, k)
    mine, theirs = np.array_split(rng.permutation(_CHAINS), 2)
    first = rng.integers(len(theirs), size=len(mine))
    second = (first + rng.integers(1, len(theirs), size=len(mine))) % len(theirs)
    a, b = theirs[first], theirs[second]
    alike = (family[a] == family[mine]) & (family[b] == family[mine]) & (family[mine] != Family.EMPIRICAL)
    length = np.where(rng.uniform(size=len(mine)) < _WHOLE, 1.0, 2.38 / np.sqrt(2 * now[0].size))
    length = (length * rng.uniform(0.2, 1.1, len(mine)))[:, None, None] * _personas(rng, len(mine), now.shape[1])
    phi, tried, gain = now.copy(), np.full(_CHAINS, -1, dtype=np.int64), np.zeros(_CHAINS)
    step = length * (now[a] - now[b]) * (1 + _JITTER * rng.standard_normal((len(mine), *now.shape[1:])))
    phi[mine[alike]] += step[alike]
    phi[family == Family.EXPONENTIAL, :, 1] = 0.0
    moved = mine[alike]
    tried[moved] = at.shelves.tried_rows[moved]
    stepped, height = proposal.weighed(family[moved], phi[moved])
    gain[moved] = height - proposal.height(family[moved], now[moved])
    new = at.shelves.own[k].put(moved, stepped)
    to = at.chains.repeated(0).at(0)
    divide_all(
        mover.known, at.shelves.shelf(new), k, other, tried, gain, to.theta, to.kappa, to.shares, to.rows, mover.rng
    )
    return _At(*at.shelves.stepped(to, k, new))


def _personas(rng: np.random.Generator, count: int, personas: int) -> NDArray[np.bool_]:
    """Return whom a step moves, (chain, persona, 1): in half of the chains everybody, in half one persona."""
    one = rng.integers(personas, size=(count, 1)) == np.arange(personas)
    return np.asarray(one | (rng.uniform(size=(count, 1)) < 0.5))[..., None]


def _adapted(mover: _Mover, history: _History) -> tuple[_Mover, _At]:
    """Return the mover with kernels where dwells are in doubt or their swaps are refused, and the chains as it sees them."""
    last = history.last
    proposals, own = list(mover.proposals), [last.shelves.dwells(last.chains, k) for k in range(len(mover.proposals))]
    parts = _parts(mover, own, last.chains)
    for k, proposal in enumerate(mover.proposals):
        if proposal.renewed and (k in mover.plan.doubtful or history.accepted(k) < _STUCK):
            phi, spells = history.phi[k], proposal.spells
            given = give(parts[k], spells.count, mover.rng)
            proposals[k] = kernel_around(
                proposal, history.families[k].ravel(), phi.reshape(-1, *phi.shape[2:]), mover.rng, given
            )
            own[k] = proposals[k].again(own[k])
    several = len(mover.known.taken) > 1
    places = {j: Places.of(history.chains.odds(j).reshape(-1, 2), mover.rng) for j, _ in mover.plan.scaled if several}
    mover = replace(mover, proposals=tuple(proposals), places=places)
    return mover, _At.begun(mover, own, last.chains)


def _parts(mover: _Mover, own: list[Dwells], chains: Chains) -> Floats:
    """Return which part of every open spell is each learned link's where chains are, (learned link, chain, spell)."""
    positions = [each.position for each in mover.proposals]
    others = [j for j in range(chains.shares.shape[-1]) if j not in positions]
    shares = np.moveaxis(
        chains.shares[:, np.repeat(np.arange(len(mover.known.taken)), np.diff(mover.known.first))], -1, 0
    )
    weights = shares[positions + others] * np.stack([*(each.still for each in own), *mover.fixed])
    return np.asarray(weights[: len(positions)] / np.maximum(weights.sum(axis=0), 1e-300))


def _gates(name: str, history: _History) -> tuple[Gate, ...]:
    """Return the gates on shares and dwells; to R-hat the chains of one explanation are one."""
    kept = history.every(-(-len(history.chains.kappa) // _JUDGED))
    sweeps = len(kept.chains.kappa)
    parts = (kept.chains.shares, *kept.phi)
    values = np.concatenate([part.reshape(sweeps, _CHAINS, -1) for part in parts], axis=-1)
    return convergence(f'"{name}" (open spells)', np.moveaxis(values, 0, 1), groups=_GROUPS)


def _sampled(
    given: Given,
    learned: tuple[int, ...],
    history: _History,
    row: NDArray[np.intp],
    draws: int,
    gates: tuple[Gate, ...],
) -> Sampled:
    chosen = history.every(max(1, len(history.chains.kappa) * _CHAINS // draws))
    links, rows = list(given.links), np.tile(row, len(chosen.chains.kappa))
    for j, link in enumerate(given.links):
        if link.learned:
            k = learned.index(j)
            family, phi = chosen.families[k].ravel(), chosen.phi[k].reshape(-1, *chosen.phi[k].shape[2:])
            a, b = scale_shape(family, phi)
            curves = history.last.shelves.proposals[k].link.curves
            links[j] = replace(link, families=family, a=a, b=b, curves=curves)
        else:
            links[j] = replace(link, a=link.a[rows % len(link.a)], b=link.b[rows % len(link.b)],
                               families=link.families[rows % len(link.families)])  # fmt: skip
    shares = chosen.chains.shares
    return Sampled(tuple(links), shares.reshape(-1, *shares.shape[2:]), gates)
