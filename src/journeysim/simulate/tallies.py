"""Expected figures of many worlds at once, without the lives that `simulate` adds: for bundles and parts of proposals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from journeysim.model.arms import World
from journeysim.simulate.chain import Chain, compile_world
from journeysim.simulate.outcomes import ArmOutcomes
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally


def tallies_of(
    worlds: Sequence[World], *, known: Sequence[ArmOutcomes] = (), settings: Settings, seed: int, engine: str,
    customers: int,
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

    Notes
    -----
    The compiled engines release the interpreter's lock, so worlds run on threads side by side; each result is a pure
    function of its world and the seed.
    """
    found = {id(w.draws): tally for arm in known for w, tally in zip(arm.arm.worlds, arm.tallies, strict=True)}
    today, distinct = worlds[0], {id(world.draws): world for world in worlds if id(world.draws) not in found}

    def one(world: World) -> Tally:
        chain = compile_world(world.journey, world.draws, None if world.draws is today.draws else today.draws)
        return _tally(chain, settings, seed=seed, engine=engine, customers=customers)

    with ThreadPoolExecutor(min(len(distinct) or 1, os.cpu_count() or 1)) as pool:
        found |= dict(zip(distinct, pool.map(one, distinct.values()), strict=True))
    return [found[id(world.draws)] for world in worlds]


def _tally(chain: Chain, settings: Settings, *, seed: int, engine: str, customers: int) -> Tally:
    if engine == "exact":
        from journeysim.simulate.exact import exact_tally

        return exact_tally(chain, settings)[0]
    from journeysim.simulate.walk import walk_tally

    return walk_tally(chain, settings, seed=seed, customers=customers)[0]
