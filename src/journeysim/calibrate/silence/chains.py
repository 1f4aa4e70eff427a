"""Exact posterior of a touchpoint with open spells, by chains side by side that start at draws of the surrogate.

The surrogate (`open_spells`) is a little wrong in every share and every dwell. Weights multiply all these errors; chains
meet them one at a time (`moves`). While they find their way, what they visit becomes the proposal of the dwells that
open spells may belong to; from then on nothing is adapted, and the draws count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.dwells.families import survival
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.silence.moves import Chains, Mover, Rows, Source, pooled_odds
from journeysim.calibrate.silence.open_spells import LinkDwell, Spread
from journeysim.calibrate.silence.proposals import Places, Proposal, Spells, kernel_around, scale_shape, surrogate
from journeysim.calibrate.silence.settle import Story
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

#: Enough for the gates on effective sizes.
LEAST_DRAWS: Final = 1200
_CHAINS: Final = 16
#: Groups of chains, one for each explanation to start from.
_GROUPS: Final = 4
#: Points that stories are told by.
_TOLD: Final = 1000
#: Sweeps before the first kernels and the next, and of each round that counts. While gates fail, what a round visited
#: makes the kernels of a longer one.
_FIND: Final = (120, 120)
_ROUNDS: Final = (250, 500, 1000, 2500)
#: Open spells that must be in doubt between two links before they are moved together.
_DOUBT: Final = 0.05
_PAIRS: Final = 4
_STUCK: Final = 0.4
_SOURCES: Final[tuple[Source, ...]] = ("now", "near", "surrogate", "near")


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
    plan = _Plan.of(given, spells, learned)
    mover, at = Mover(spells, given.rows, proposals, rng), _start(given, spells, proposals, rng)
    if given.stories:
        mover, at = _told(mover, at, given, plan)
    for sweeps in _FIND:
        history = list(_sweeps(mover, at, plan, sweeps, steps=True))
        mover, at = _adapted(mover, history[sweeps // 2 :], plan)
    plan = plan.harder(history)
    for sweeps in _ROUNDS:
        kept = list(_sweeps(mover, at, plan, sweeps, steps=False))
        gates = _gates(name, kept)
        if all(gate.passed for gate in gates):
            break
        mover, at = _adapted(mover, kept, plan)
    return _sampled(given, learned, kept, draws, gates)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Which pairs (learned link, other link) are moved together, how often, and which links are scaled."""

    pairs: NDArray[np.intp]
    often: Floats
    scaled: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, given: Given, spells: Spells, learned: tuple[int, ...]) -> _Plan:
        """Return the pairs between which open spells are in doubt, each as often as the root of how many."""
        doubt = (spells.spread * spells.count[:, None]).T @ spells.spread
        everybody = np.all(given.rows.tilt > 0, axis=0)
        found = [
            (k, other) for k, j in enumerate(learned) for other in range(len(given.links))
            if other != j and doubt[j, other] > _DOUBT and everybody[j] and everybody[other]
        ]  # fmt: skip
        often = np.sqrt([doubt[learned[k], other] for k, other in found])
        most = [
            max((i for i in range(len(doubt)) if i != j and everybody[i]), key=lambda i: doubt[j, i], default=j)
            for j in range(len(doubt))
        ]
        scaled = tuple(
            (j, most[j]) for j, link in enumerate(given.links) if link.silent and everybody[j] and most[j] != j
        )
        return cls(np.array(found, dtype=np.intp).reshape(-1, 2), often / max(often.sum(), 1e-300), scaled)

    def harder(self, history: list[Chains]) -> _Plan:
        """Return the plan with pairs as much rarer as their link's dwell is easily swapped by itself."""
        ease = np.array([_accepted(history, k) for k, _ in self.pairs])
        often = self.often * (1 - ease) ** 2 + 1e-12
        return replace(self, often=often / often.sum()) if len(often) else self

    def draw(self, rng: np.random.Generator, count: int) -> Iterator[tuple[int, int]]:
        """Yield pairs, none where nothing is in doubt."""
        for which in rng.choice(len(self.pairs), count, p=self.often) if len(self.pairs) else ():
            yield int(self.pairs[which, 0]), int(self.pairs[which, 1])


def _start(given: Given, spells: Spells, proposals: tuple[Proposal, ...], rng: np.random.Generator) -> Chains:
    row = rng.choice(len(given.shares), _CHAINS, replace=False)
    still = np.ones((_CHAINS, len(given.links), len(spells.time)))
    for j, link in enumerate(given.links):
        if not link.learned and not link.silent:
            a, b = (x[row % len(x)][:, spells.who] for x in (link.a, link.b))
            still[:, j] = survival(link.family, a, b, spells.time, link.tables)
    dwells = tuple(proposal.cloud.take(row) for proposal in proposals)
    for proposal, each in zip(proposals, dwells, strict=True):
        still[:, proposal.position] = each.still
    theta, kappa = given.rows.theta[row], given.rows.kappa[row]
    return Chains(theta, kappa, given.rows.weights(theta, kappa), given.shares[row], still, dwells, row)


def _told(mover: Mover, at: Chains, given: Given, plan: _Plan) -> tuple[Mover, Chains]:
    """Return the mover with kernels around what the stories say of dwells in doubt; all but a quarter of chains start there."""
    weights = np.exp([story.behind for story in given.stories])
    each = mover.rng.multinomial(_TOLD, weights / weights.sum())
    points = [story.draw(count, mover.rng) for story, count in zip(given.stories, each, strict=True)]
    from_story = np.repeat(np.arange(len(each)), each)
    pick = mover.rng.permutation(_TOLD)[:_CHAINS]
    told = np.arange(_CHAINS) >= _CHAINS // _GROUPS
    logs = np.concatenate([point.logs for point in points])[pick]
    at = replace(at, shares=np.where(told[:, None, None], np.exp(logs), at.shares))
    proposals, doubtful = list(mover.proposals), set(plan.pairs[:, 0].tolist())
    for k, proposal in enumerate(mover.proposals):
        families = np.array([story.families[proposal.position] for story in given.stories], dtype=np.int8)[from_story]
        if proposal.moves and (k in doubtful or len(np.unique(families)) > 1):
            phi = np.concatenate([point.phi[:, :, k] for point in points])
            proposals[k] = kernel_around(proposal, families, phi, mover.rng)
            now = proposals[k].again(at.dwells[k])
            at = at.taken(np.ones(_CHAINS, dtype=bool), k, proposal.position, now, at.shares)
            at = at.taken(told, k, proposal.position, proposals[k].at(families[pick], phi[pick])[0], at.shares)
    return replace(mover, proposals=tuple(proposals)), at


def _sweeps(mover: Mover, at: Chains, plan: _Plan, count: int, *, steps: bool) -> Iterator[Chains]:
    for _ in range(count):
        for k in range(len(mover.proposals)):
            at = mover.swap(at, k)
        for source in _SOURCES:
            at = mover.renew(at, source)
        for k, other in plan.draw(mover.rng, _PAIRS):
            at = mover.pair(at, k, other)
        for k, other in plan.draw(mover.rng, int(steps)):
            at = mover.step(at, k, other) if mover.proposals[k].moves else at
        for j, other in plan.scaled:
            at = mover.scale(at, j)
            at = mover.pool(at, j, other) if j in mover.pooled else at
        yield at


def _adapted(mover: Mover, history: list[Chains], plan: _Plan) -> tuple[Mover, Chains]:
    """Return the mover with kernels where dwells are in doubt or their swaps are refused, and the chains as it sees them."""
    proposals, dwells = list(mover.proposals), list(history[-1].dwells)
    doubtful = set(plan.pairs[:, 0].tolist())
    for k, proposal in enumerate(mover.proposals):
        if proposal.moves and (k in doubtful or _accepted(history, k) < _STUCK):
            family = np.concatenate([at.dwells[k].family for at in history])
            phi = np.concatenate([at.dwells[k].phi for at in history])
            proposals[k] = kernel_around(proposal, family, phi, mover.rng)
            dwells[k] = proposals[k].again(dwells[k])
    pooled = {
        j: Places.of(np.concatenate([pooled_odds(at, j) for at in history]), mover.rng)
        for j, _ in plan.scaled if len(mover.rows.counts) > 1
    }  # fmt: skip
    return replace(mover, proposals=tuple(proposals), pooled=pooled), replace(history[-1], dwells=tuple(dwells))


def _accepted(history: list[Chains], k: int) -> float:
    """Return how often the dwell of learned link k was another one after a sweep."""
    left = np.array([at.dwells[k].left for at in history])
    return float(np.mean(np.diff(left, axis=0) != 0))


def _gates(name: str, kept: list[Chains]) -> tuple[Gate, ...]:
    """Return the gates on shares and dwells; to R-hat the chains of one explanation are one."""
    from journeysim.calibrate.numerics import pymc_adapter

    values = np.stack([
        np.concatenate([at.shares.reshape(_CHAINS, -1), *(each.phi.reshape(_CHAINS, -1) for each in at.dwells)], axis=1)
        for at in kept
    ], axis=1)  # fmt: skip
    return pymc_adapter.convergence(f'"{name}" (open spells)', values, groups=_GROUPS)


def _sampled(
    given: Given, learned: tuple[int, ...], kept: list[Chains], draws: int, gates: tuple[Gate, ...]
) -> Sampled:
    every = max(1, len(kept) * _CHAINS // draws)
    chosen = kept[::every]
    links, row = list(given.links), np.concatenate([at.row for at in chosen])
    for j, link in enumerate(given.links):
        if link.learned:
            family, phi = (
                np.concatenate([getattr(at.dwells[learned.index(j)], part) for at in chosen])
                for part in ("family", "phi")
            )
            a, b = scale_shape(family, phi)
            links[j] = replace(link, families=family, a=a, b=b)
        else:
            links[j] = replace(link, a=link.a[row % len(link.a)], b=link.b[row % len(link.b)],
                               families=link.families[row % len(link.families)])  # fmt: skip
    return Sampled(tuple(links), np.concatenate([at.shares for at in chosen]), gates)
