"""Following customers under way: how `underway` runs a chain by each engine, and which arms it is done for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from journeysim.model.arms import Arm
from journeysim.model.seasons import YEAR
from journeysim.simulate.chain import Chain
from journeysim.simulate.executors import Executor
from journeysim.simulate.layers import NO_LAYERS
from journeysim.simulate.outcomes import Outcomes
from journeysim.simulate.precision import FIRST
from journeysim.simulate.settings import Settings
from journeysim.simulate.tally import Tally
from journeysim.simulate.underway import PARTS_OF_MONTH, Run, Underway, underway

#: Cohorts are differences taken on one grid that keeps mean times, so it may be coarser than that of whole figures …
COARSER: Final = 8
#: … and customers, the same on every way, fewer.
FEWER: Final = 4
LEAST_STEPS, MOST_STEPS = 60, 240
LEAST_CUSTOMERS: Final = 500


def follow_arms(arms: Sequence[Arm], chains: Mapping[int, Chain], run: Run, settings: Settings) -> dict[str, Underway]:
    """Return by arm who is under way when its worlds change; `chains` are by the identity of their draws."""
    found = {}
    for arm in arms:
        worlds = [chains[id(world.draws)] for world in arm.worlds]
        if arm.exposures or _by_month(worlds[0]):
            found[arm.name] = underway(arm, worlds, run, length=settings.horizon, first_day=settings.first_day)
    return found


def _by_month(today: Chain) -> bool:
    """Return whether months differ, so that even today's customers bring other sums when they enter in another month."""
    return today.season is not None and today.season.cycle is YEAR


def exact_again(settings: Settings, steps: Iterable[int]) -> Run:
    """Return how the exact engine runs cohorts, given the numbers of steps that whole figures took."""
    from journeysim.simulate.exact import exact_in_steps

    plain = _finer(replace(settings, within_cycle="none"))
    fewer = min(max(max(steps) // COARSER, LEAST_STEPS), MOST_STEPS)

    def run(chain: Chain) -> Tally:
        return exact_in_steps(replace(chain, layers=NO_LAYERS), plain, steps=fewer)

    return run


def again(outcomes: Outcomes, executor: Executor) -> Run:
    """Return how customers under way are followed in further worlds, just as the run's own were but on the coarsest grid."""
    settings = outcomes.settings
    if outcomes.engine.name == "exact":
        return exact_again(settings, (LEAST_STEPS,))
    return walk_again(settings, seed=outcomes.seed, customers=outcomes.customers or FIRST, executor=executor)


def walk_again(settings: Settings, *, seed: int, customers: int, executor: Executor) -> Run:
    """Return how the walk runs cohorts: the same customers on every way."""
    from journeysim.simulate.walk import walk_tallies

    finer, fewer = _finer(settings), max(customers // FEWER, min(customers, LEAST_CUSTOMERS))

    def run(chain: Chain) -> Tally:
        return walk_tallies([chain], finer, seed=seed, customers=fewer, executor=executor)[0][0]

    return run


def _finer(settings: Settings) -> Settings:
    return replace(settings, parts_of_month=PARTS_OF_MONTH)
