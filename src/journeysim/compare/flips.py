"""Who ends differently: the same customers today and in a proposal, counted and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from journeysim.compare.comparison import Flips, Story
from journeysim.compare.luck import Bools, converted, lives_of, of_persona, worlds_of
from journeysim.model.arms import World
from journeysim.simulate.lives import Lives, Step
from journeysim.simulate.outcomes import ArmOutcomes, Outcomes

if TYPE_CHECKING:
    from journeysim.simulate.chain import Chain

Kind = Literal["saved", "lost", "changed", "unchanged"]
Steps = tuple[Step, ...]
KINDS: Final[tuple[Kind, ...]] = ("saved", "lost", "changed", "unchanged")


def kinds_of(today: Lives, proposal: Lives) -> dict[Kind, Bools]:
    """Return who is saved, lost, changed and unchanged, each of shape (draw, customer); everybody is exactly one."""
    before, after = converted(today), converted(proposal)
    same_end = _end_names(today) == _end_names(proposal)
    alike = before == after
    return {
        "saved": after & ~before,
        "lost": before & ~after,
        "changed": alike & ~same_end,
        "unchanged": alike & same_end,
    }


def _end_names(lives: Lives) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    return np.array([*lives.places, ""])[lives.end]


def flips_of(arm: str, personas: Sequence[str], today: Lives, proposal: Lives) -> Iterator[Flips]:
    """Yield the shares of everybody, and of each of today's personas that has customers, given both lives."""
    kinds = kinds_of(today, proposal)
    for persona in ("all", *personas):
        chosen = of_persona(today, personas, persona)
        if chosen.any():
            yield Flips(arm, persona, **{kind: float(kinds[kind][chosen].mean()) for kind in KINDS})


def stories_of(outcomes: Outcomes, arm: ArmOutcomes, today: Lives, proposal: Lives) -> Iterator[Story]:
    """Yield up to three example lives at full effect: one saved, one lost, one changed (or else unchanged)."""
    kinds = kinds_of(today, proposal)
    third: Kind = "changed" if kinds["changed"].any() else "unchanged"
    for kind in ("saved", "lost", third):
        if kinds[kind].any():
            row, column = _typical(kinds[kind], today, proposal)
            yield _story(outcomes, arm, kind, today, (row, column))


def stories_for(outcomes: Outcomes, *, customers: Sequence[int], draw: int = 0) -> tuple[Story, ...]:
    """Return the lives of chosen customers in one draw: of each the story today and in every proposal, at full effect.

    Raises ValueError for a draw that the outcomes do not have, a number that no customer can have, or, where customers wait
    for staff, one who comes after the measured days.
    """
    if not 0 <= draw < outcomes.today.arm.worlds[0].draws.count:
        raise ValueError(
            f"the outcomes have draws 0 to {outcomes.today.arm.worlds[0].draws.count - 1}; there is no draw {draw}"
        )
    if outcomes.engine.name == "service":
        return _stories_in_crowds(outcomes, customers, draw)
    worlds = {_key(world): world for arm in outcomes.arms for world in arm.arm.worlds}
    followed = {key: _follow(outcomes, world, draw, customers) for key, world in worlds.items()}
    found = []
    for arm in outcomes.proposals:
        lives, told = zip(*(followed[_key(world)] for world in arm.arm.worlds), strict=True)
        whole = lives_of(replace(arm, lives=lives), seed=outcomes.seed)
        today = lives_of(replace(outcomes.today, lives=lives[:1]), seed=outcomes.seed)
        kinds = kinds_of(today, whole)
        for column in range(len(customers)):
            kind = next(name for name in KINDS if kinds[name][0, column])
            found.append(_story(outcomes, arm, kind, today, (0, column), [steps[column] for steps in told]))
    return tuple(found)


def _stories_in_crowds(outcomes: Outcomes, customers: Sequence[int], draw: int) -> tuple[Story, ...]:
    """Return the lives of chosen customers who share staff with everybody else."""
    (today, before), *others = (_served(outcomes, arm, draw, customers) for arm in outcomes.arms)
    found = []
    for arm, (lives, after) in zip(outcomes.proposals, others, strict=True):
        kinds = kinds_of(today, lives)
        for column in range(len(customers)):
            kind = next(name for name in KINDS if kinds[name][0, column])
            found.append(_told(outcomes, arm, kind, today, (0, column), (before[column], after[column])))
    return tuple(found)


def _served(
    outcomes: Outcomes, arm: ArmOutcomes, draw: int, customers: Sequence[int]
) -> tuple[Lives, tuple[Steps, ...]]:
    from journeysim.simulate.service.arms import served_stories

    return served_stories(outcomes, arm, draw=draw, customers=customers)


def _typical(chosen: Bools, today: Lives, proposal: Lives) -> tuple[int, int]:
    """Return row and column of the chosen customer whose number of visits, both lives together, is nearest the median.

    The first of them in draw and customer order, so the same outcomes always tell the same story.
    """
    visits = today.touches + proposal.touches
    distance = np.where(chosen, np.abs(visits - np.median(visits[chosen])), np.inf)
    row, column = np.unravel_index(int(np.argmin(distance)), distance.shape)
    return int(row), int(column)


def _story(
    outcomes: Outcomes,
    arm: ArmOutcomes,
    kind: Kind,
    lives: Lives,
    at: tuple[int, int],
    told: Sequence[Steps] | None = None,
) -> Story:
    """Return a customer's story; `told` has their steps in each world of the arm, where these are known."""
    draw, customer = lives.draws[at[0] : at[0] + 1], lives.customers[at[1] : at[1] + 1]
    if outcomes.engine.name == "service":
        both = (_served(outcomes, item, int(draw[0]), customer.tolist())[1][0] for item in (outcomes.today, arm))
        return _told(outcomes, arm, kind, lives, at, tuple(both))
    number = int(worlds_of(arm.arm, seed=outcomes.seed, draws=draw, customers=customer)[0, 0])
    address = int(draw[0]), int(customer[0])
    if told is None:
        told = [() for _ in arm.arm.worlds]
        for k in {0, number}:
            told[k] = _follow(outcomes, arm.arm.worlds[k], address[0], address[1:])[1][0]
    return _told(outcomes, arm, kind, lives, at, (told[0], told[number]))


def _told(
    outcomes: Outcomes, arm: ArmOutcomes, kind: Kind, lives: Lives, at: tuple[int, int], told: Sequence[Steps]
) -> Story:
    """Return a customer's story, given their steps today and in the proposal."""
    return Story(
        arm.arm.name,
        outcomes.today.arm.worlds[0].draws.personas[int(lives.persona[at])],
        kind,
        int(lives.draws[at[0]]),
        int(lives.customers[at[1]]),
        today=_plain(told[0]),
        proposal=_plain(told[1]),
    )


def _plain(steps: Steps) -> tuple[tuple[str, float], ...]:
    return tuple((step.place, step.day) for step in steps)


def _key(world: World) -> tuple[int, int]:
    return id(world.journey), id(world.draws)


def _follow(outcomes: Outcomes, world: World, draw: int, customers: Sequence[int]) -> tuple[Lives, tuple[Steps, ...]]:
    """Return the lives of chosen customers in a world, and their steps within the horizon."""
    from journeysim.simulate.walk import life_story, walk_lives

    chain, settings, seed = _chain(outcomes, world), outcomes.settings, outcomes.seed
    lives = walk_lives(chain, settings, seed=seed, draws=[draw], customers=list(customers))
    return lives, tuple(life_story(chain, settings, seed=seed, draw=draw, customer=one) for one in customers)


def _chain(outcomes: Outcomes, world: World) -> Chain:
    from journeysim.simulate.chain import compile_world

    today = outcomes.today.arm.worlds[0]
    return compile_world(world.journey, world.draws, None if world.draws is today.draws else today.draws)
