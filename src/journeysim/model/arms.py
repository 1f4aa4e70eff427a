"""Arms: today and each proposal as ready-made worlds, with who meets which changes, and when.

A proposal's changes that share their terms (whom, how many, when) form one *exposure*. Every combination of
exposures that some customer meets is one *world*: a journey with its draws in which everybody meets exactly those
changes. A customer lives in the world of the exposures that reach them, and passes from one to another by date
(`model.timeline`); that keeps engines free of dates and audiences (docs/design/0003, 0019).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Problem
from journeysim.model.addresses import uniforms
from journeysim.model.changes.base import Change, Sizes, Terms
from journeysim.model.draws import Assumption, Draws
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Proposal, Scenario

Role = Literal["today", "proposal"]
MOST_EXPOSURES: Final = 4
TODAY: Final = "today"


@final
@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A journey and its draws in which everybody meets the exposures marked in `exposed`."""

    exposed: tuple[bool, ...]
    journey: JourneyMap
    draws: Draws


@final
@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """Changes with the same terms: which share of customers meets them (draw,), and when (days)."""

    name: str
    reach: Floats
    start: float = 0.0
    ramp: float = 0.0
    decay: float | None = None

    def at(self, days: Floats) -> Floats:
        """Return the share of customers who meet it on calendar `days` (k,), shape (draw, k)."""
        since = np.asarray(days, dtype=np.float64) - self.start
        grown = np.where(since < 0, 0.0, np.clip(since / self.ramp, 0.0, 1.0) if self.ramp > 0 else 1.0)
        if self.decay is not None:
            faded = np.clip((since - self.ramp) / self.decay, 0.0, 1.0) if self.decay > 0 else since > self.ramp
            grown = grown * (1.0 - faded)
        return np.asarray(self.reach[:, None] * grown[None, :])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One arm: its worlds (the first is today), its exposures, the realism grid and the assumptions behind it.

    At realism r a customer whom the proposal reaches responds to it with probability r and lives today's life
    otherwise; r = 1 is the full effect (docs/design/0003).
    """

    name: str
    role: Role
    worlds: tuple[World, ...]
    exposures: tuple[Exposure, ...] = ()
    realism: tuple[float, ...] = (1.0,)
    assumptions: tuple[Assumption, ...] = ()

    def weights(self, shares: Sequence[Floats]) -> list[Floats]:
        """Return each world's weight given the share of customers meeting each exposure (arrays of one shape)."""
        return [np.asarray(_weight(world.exposed, shares)) for world in self.worlds]

    def world_of(self, u: Floats, shares: Sequence[float]) -> NDArray[np.int64]:
        """Return which world each customer lives in, given their uniform `u` (customer,) and one share per exposure."""
        met = np.array([u < share for share in shares]).reshape(len(shares), len(u)).T
        index = {world.exposed: k for k, world in enumerate(self.worlds)}
        return np.array([index[tuple(row)] for row in met.tolist()], dtype=np.int64)


def _weight(exposed: tuple[bool, ...], shares: Sequence[Floats]) -> Floats:
    """Return P(u < share for exactly the marked exposures) for one uniform u per customer.

    A proposal reaches its customers in one order: whoever meets the narrower change meets the wider one too, so that
    "60 % of customers" in two places of a proposal are the same customers.
    """
    if not exposed:
        return np.ones(1)
    met = [share for share, is_met in zip(shares, exposed, strict=True) if is_met]
    not_met = [share for share, is_met in zip(shares, exposed, strict=True) if not is_met]
    upper = np.minimum.reduce(met) if met else np.ones_like(shares[0])
    lower = np.maximum.reduce(not_met) if not_met else np.zeros_like(shares[0])
    return np.asarray(np.maximum(upper - lower, 0.0))


def build_arms(scenario: Scenario, draws: Draws, *, seed: int) -> tuple[Arm, ...]:
    """Return today's arm and one arm per proposal, over the same draws.

    Parameters
    ----------
    scenario : Scenario
        Its proposals' changes are composed in the order written.
    draws : Draws
        Of the scenario's journey.
    seed : int
        Addresses the sizes of the changes: draw d of a size depends on (seed, proposal, change, setting, d) alone.

    Raises
    ------
    BadInput
        When a change takes a share out of [0, 1] in some draws; all such changes of all proposals are named.
    """
    today = World((), scenario.journey, draws)
    arms, problems = [Arm(TODAY, "today", (today,), assumptions=draws.assumptions)], []
    for at, proposal in enumerate(scenario.proposals):
        try:
            arms.append(proposal_arm(proposal, today, seed=seed))
        except BadInput as error:
            problems += [_inside(problem, at) for problem in error.problems]
    if problems:
        raise BadInput(problems)
    return tuple(arms)


def _inside(problem: Problem, proposal: int) -> Problem:
    return replace(problem, path=("proposals", proposal, *problem.path))


def proposal_arm(proposal: Proposal, base: World, *, seed: int, kept: Collection[int] | None = None) -> Arm:
    """Return a proposal's arm over a world, with the changes numbered in `kept` alone where that is given.

    Sizes and reach are drawn at the same addresses whichever changes are kept and whatever the base is. A change whose
    target only exists through a change that is left out has nothing to act on and is passed over.
    """
    terms = _distinct_terms(proposal)
    count = base.draws.count
    exposures = tuple(_exposure(proposal, k, term, count, seed=seed) for k, term in enumerate(terms))
    names = [change.title for change in proposal.changes]
    labels = [f"{name} #{names[:k].count(name)}" for k, name in enumerate(names)]
    sizes = [
        _sizes(proposal, label, change, count, seed=seed)
        for label, change in zip(labels, proposal.changes, strict=True)
    ]
    if kept is not None:
        parts = tuple(
            (change, size) for k, (change, size) in enumerate(zip(proposal.changes, sizes, strict=True)) if k in kept
        )
        proposal, sizes = replace(proposal, changes=tuple(part[0] for part in parts)), [part[1] for part in parts]
    worlds = tuple(
        _world(base, proposal, sizes, terms, exposed, whole=kept is None) for exposed in _met_together(exposures)
    )
    assumptions = tuple(_assumptions(proposal, sizes, exposures, terms))
    return Arm(proposal.name, "proposal", worlds, exposures, proposal.realism, assumptions)


def _key(terms: Terms) -> tuple[object, ...]:
    return (terms.reach, terms.start, terms.ramp, terms.decay)


def _distinct_terms(proposal: Proposal) -> list[Terms]:
    """Return one Terms per exposure, in the order written; too many raise BadInput."""
    found: dict[tuple[object, ...], Terms] = {}
    for change in proposal.changes:
        found.setdefault(_key(change.terms), change.terms)
    if len(found) > MOST_EXPOSURES:
        message = (
            f'proposal "{proposal.name}" has {len(found)} different combinations of for / starts / ramp / decay; '
            f"at most {MOST_EXPOSURES} are simulated together: give some changes the same terms"
        )
        raise BadInput([Problem("J062", message)])
    return list(found.values())


def _exposure(proposal: Proposal, number: int, terms: Terms, count: int, *, seed: int) -> Exposure:
    reach = terms.reach.ppf(uniforms(seed, count, proposal.name, "reach", repr(terms.reach)))
    return Exposure(f"{proposal.name}/{number}", reach, terms.start, terms.ramp, terms.decay)


def _sizes(proposal: Proposal, label: str, change: Change, count: int, *, seed: int) -> Sizes:
    return {
        setting: size.ppf(uniforms(seed, count, proposal.name, label, setting))
        for setting, size in change.quantities.items()
    }


def _met_together(exposures: Sequence[Exposure]) -> list[tuple[bool, ...]]:
    """Return the combinations some customer meets at some date, or with everything in force: none first, all last."""
    ends = [e.start + e.ramp + (e.decay or 0.0) for e in exposures]
    turns = [0.0, *ends, *(e.start for e in exposures), *(e.start + e.ramp for e in exposures)]
    dates = np.unique([*turns, *np.linspace(0.0, max(turns) + 1.0, 400)])
    shares = [np.column_stack([exposure.at(dates), exposure.reach]) for exposure in exposures]
    every = list(product((False, True), repeat=len(exposures)))
    if not exposures:
        return every
    return [met for met in every if met in (every[0], every[-1]) or _weight(met, shares).max() > 0.0]


def _world(
    today: World, proposal: Proposal, sizes: Sequence[Sizes], terms: Sequence[Terms], exposed: tuple[bool, ...],
    *, whole: bool,
) -> World:  # fmt: skip
    """Return the world in which the marked exposures' changes hold, applied in the order written.

    A change whose target only exists through a change that is not met has nothing to act on here and is passed over.
    """
    met = {_key(term) for term, is_met in zip(terms, exposed, strict=True) if is_met}
    journey, draws, problems = today.journey, today.draws, []
    for number, (change, size) in enumerate(zip(proposal.changes, sizes, strict=True)):
        if _key(change.terms) not in met or (not (whole and all(exposed)) and change.check(journey)):
            continue
        try:
            journey, draws = change.apply(journey, draws, size)
        except BadInput as error:
            problems += [Problem(p.code, p.message, path=("changes", number, *p.path)) for p in error.problems]
    if problems:
        raise BadInput(problems)
    return World(exposed, journey, draws)


def _assumptions(
    proposal: Proposal, sizes: Sequence[Sizes], exposures: Sequence[Exposure], terms: Sequence[Terms]
) -> Iterator[Assumption]:
    """Yield every uncertain number of a proposal with its basis."""
    for change, size in zip(proposal.changes, sizes, strict=True):
        for setting, quantity in change.quantities.items():
            if not quantity.certain:
                yield Assumption(f"{proposal.name}: {change.title}, {setting}", change.terms.basis, size[setting])
    for exposure, term in zip(exposures, terms, strict=True):
        if not term.reach.certain:
            yield Assumption(f"{proposal.name}: for whom ({exposure.name})", term.basis, exposure.reach)
