"""Bundles: several proposals carried out together, over worlds that all bundles share.

A customer meets each proposal of a bundle independently of the others; within one proposal the exposures are nested as
in `model.arms`. So every world is a choice of one exposure pattern per proposal, and a bundle mixes those in which the
proposals outside it are not met. Changes are applied proposal by proposal, with the sizes they have alone: first those
that leave the touchpoints as they are, then those that add or remove some, each in the order of the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, final

import numpy as np

from journeysim.errors import BadInput
from journeysim.model.arms import Arm, World, proposal_arm
from journeysim.model.checks.proposals import check_changes
from journeysim.model.quantity import Floats
from journeysim.model.scenario import Proposal

Pattern = tuple[tuple[bool, ...], ...]
MOST_WORLDS: Final = 128


@final
@dataclass(frozen=True, slots=True, eq=False)
class Bundles:
    """Every bundle that can be carried out, as proposals by number, over the worlds they share.

    `arms` are the proposals' own arms, in the order in which they act; `clashes` says of each bundle that cannot be
    carried out why.
    """

    arms: tuple[Arm, ...]
    worlds: Mapping[Pattern, World]
    members: tuple[tuple[int, ...], ...]
    clashes: tuple[tuple[tuple[int, ...], str], ...]

    def weights(self, chosen: Sequence[int], days: Floats | None, realism: Sequence[float]) -> dict[Pattern, Floats]:
        """Return the share of customers in each world of a bundle, (D, K) by calendar day, or (D,) once all is in force.

        At realism r a customer whom a proposal reaches responds to it with probability r, to each independently.
        """
        own = [self._alone(k, days, realism[k]) for k in chosen]
        found: dict[Pattern, Floats] = {}
        for pattern in self.worlds:
            outside = any(any(met) for k, met in enumerate(pattern) if k not in chosen)
            if not outside and all(pattern[k] in alone for k, alone in zip(chosen, own, strict=True)):
                parts = [alone[pattern[k]] for k, alone in zip(chosen, own, strict=True)]
                found[pattern] = np.asarray(np.prod(np.broadcast_arrays(*parts), axis=0))
        return found

    def _alone(self, number: int, days: Floats | None, realism: float) -> dict[tuple[bool, ...], Floats]:
        arm = self.arms[number]
        shares = [exposure.reach if days is None else exposure.at(days) for exposure in arm.exposures]
        full = arm.weights(shares)
        return {
            world.exposed: realism * weight + (1.0 - realism if k == 0 else 0.0)
            for k, (world, weight) in enumerate(zip(arm.worlds, full, strict=True))
        }


def build_bundles(proposals: Sequence[Proposal], arms: Sequence[Arm], *, seed: int) -> Bundles:
    """Return every bundle of the proposals that can be carried out, given their own arms over today.

    Two proposals clash when one leaves nothing for a change of the other to act on, or their changes together take a
    share out of [0, 1]. Where all combinations need more than `MOST_WORLDS` worlds, bundles are kept as large as fit.
    """
    pairs = sorted(zip(proposals, arms, strict=True), key=lambda pair: _adds_or_removes(pair[0]))
    proposals, arms = [pair[0] for pair in pairs], tuple(pair[1] for pair in pairs)
    today = arms[0].worlds[0] if arms else None
    most = _largest(arms)
    worlds: dict[Pattern, World] = {} if today is None else {_nobody(arms): today}
    members: list[tuple[int, ...]] = []
    clashes: list[tuple[tuple[int, ...], str]] = []
    for size in range(1, most + 1):
        for chosen in combinations(range(len(arms)), size):
            broken = next((why for part, why in clashes if set(part) <= set(chosen)), None)
            why = broken or _add_worlds(worlds, proposals, arms, chosen, seed=seed)
            if why is None:
                members.append(chosen)
            elif broken is None:
                clashes.append((chosen, why))
    return Bundles(arms, worlds, tuple(members), tuple(clashes))


def _adds_or_removes(proposal: Proposal) -> bool:
    return any(edit.startswith(("add ", "remove ")) for change in proposal.changes for edit in change.edits)


def _nobody(arms: Sequence[Arm]) -> Pattern:
    return tuple((False,) * len(arm.exposures) for arm in arms)


def _largest(arms: Sequence[Arm]) -> int:
    """Return how many proposals a bundle may have so that the worlds stay within `MOST_WORLDS`; at least one."""
    changed = [len(arm.worlds) - 1 for arm in arms]
    total = 1
    for size in range(1, len(arms) + 1):
        total += sum(int(np.prod(part)) for part in combinations(changed, size))
        if total > MOST_WORLDS:
            return max(1, size - 1)
    return len(arms)


def _add_worlds(
    worlds: dict[Pattern, World],
    proposals: Sequence[Proposal],
    arms: Sequence[Arm],
    chosen: tuple[int, ...],
    *,
    seed: int,
) -> str | None:
    """Add the worlds in which every proposal of a bundle is met; return why that cannot be, or None.

    Each is the world of the bundle without its last proposal, changed by that proposal.
    """
    last, before = chosen[-1], [k for k in chosen[:-1] if arms[k].exposures]
    found: dict[Pattern, World] = {}
    for pattern, world in list(worlds.items()):
        if [k for k, exposed in enumerate(pattern) if any(exposed)] != before:
            continue
        try:
            made = _changed(proposals[last], arms[last], world, alone=not before, seed=seed)
        except BadInput as error:
            return error.problems[0].message
        found |= {(*pattern[:last], new.exposed, *pattern[last + 1 :]): new for new in made if any(new.exposed)}
    worlds |= found
    return None


def _changed(proposal: Proposal, arm: Arm, world: World, *, alone: bool, seed: int) -> tuple[World, ...]:
    """Return a proposal's worlds over another world; over today they are those it has already. BadInput on a clash."""
    if alone:
        return arm.worlds
    problems = check_changes(proposal, world.journey)
    if problems:
        raise BadInput(problems)
    return proposal_arm(proposal, world, seed=seed).worlds
