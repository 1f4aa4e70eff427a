"""Expected figures of many worlds at once, without the lives that `simulate` adds: for bundles and parts of proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from journeysim.model.arms import World
from journeysim.simulate.chain import Chain, compile_world
from journeysim.simulate.control import FINER, controlled, without_layers
from journeysim.simulate.executors import HERE, Executor
from journeysim.simulate.outcomes import ArmOutcomes
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally


def tallies_of(
    worlds: Sequence[World], *, known: Sequence[ArmOutcomes] = (), settings: Settings, seed: int, engine: str,
    customers: int, slope: float = 0.0, executor: Executor = HERE,
) -> list[Tally]:  # fmt: skip
    """Return the tally of each world by the named engine; worlds that share draws are computed once.

    Parameters
    ----------
    worlds : sequence of World
        Over the same draws, today first: customers keep its choices where they can (maximal coupling).
    known : sequence of ArmOutcomes
        What the run has simulated already, by the same engine: its worlds are looked up.
    engine : {"exact", "walk"}
        The one that gave the expected figures of the run.
    customers : int
        Customers per draw of the walk engine.
    slope : float
        How much of the run's control variate is taken off walked figures (0: it has none, see `control`).
    executor : Executor
        Does the blocks of draws and customers of all worlds; the bits of the result do not depend on it.
    """
    found = {id(w.draws): tally for arm in known for w, tally in zip(arm.arm.worlds, arm.tallies, strict=True)}
    today, distinct = worlds[0], {id(world.draws): world for world in worlds if id(world.draws) not in found}
    chains = [
        compile_world(world.journey, world.draws, None if world.draws is today.draws else today.draws)
        for world in distinct.values()
    ]
    found |= dict(zip(distinct, _tallies(chains, settings, seed, engine, customers, slope, executor), strict=True))
    return [found[id(world.draws)] for world in worlds]


def walked_tallies(
    worlds: Sequence[World], *, settings: Settings, seed: int, customers: int, executor: Executor = HERE
) -> list[Tally]:
    """Return the tally of each world, today's first, by walking the same customers: with what they answer at the end."""
    from journeysim.simulate.walk import walk_tallies

    today, distinct = worlds[0], {id(world.draws): world for world in worlds}
    chains = [
        compile_world(world.journey, world.draws, None if world.draws is today.draws else today.draws)
        for world in distinct.values()
    ]
    plain = replace(settings, within_cycle="none")
    found = walk_tallies(chains, plain, seed=seed, customers=customers, executor=executor)
    known = {key: tally for key, (tally, _) in zip(distinct, found, strict=True)}
    return [known[id(world.draws)] for world in worlds]


def _tallies(
    chains: Sequence[Chain],
    settings: Settings,
    seed: int,
    engine: str,
    customers: int,
    slope: float,
    executor: Executor,
) -> list[Tally]:
    from journeysim.simulate.exact import exact_tallies

    if engine == "exact":
        return [tally for tally, _ in exact_tallies(chains, settings, executor=executor)]
    from journeysim.simulate.walk import walk_tallies

    walked = [tally for tally, _ in walk_tallies(chains, settings, seed=seed, customers=customers, executor=executor)]
    if slope == 0.0:
        return walked
    bare = [without_layers(chain) for chain in chains]
    plain = walk_tallies(bare, settings, seed=seed, customers=customers, executor=executor)
    finer = replace(settings, tolerance=settings.tolerance * FINER)
    known = exact_tallies(bare, finer, executor=executor)
    return [
        controlled(*found, slope)
        for found in zip(walked, (tally for tally, _ in plain), (tally for tally, _ in known), strict=True)
    ]
