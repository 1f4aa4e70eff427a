"""A run's arm, run again for `score`: what became of those who entered since, for as long as the log watched them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from journeysim.decide.followed import UpTo
    from journeysim.decide.forecast import Came
    from journeysim.model.arms import Arm
    from journeysim.model.draws import Draws
    from journeysim.model.event_log import EventLog
    from journeysim.model.scenario import Scenario

#: Draws that the arm is run again with, evenly spread over the run's.
DRAWS: Final = 100
#: Per draw, where customers are walked.
CUSTOMERS: Final = 2_000


def became_since(
    run: Path, scenario: Scenario, arm: str, events: EventLog, since: np.datetime64
) -> tuple[list[Came], str]:
    """Return what became of the arm's customers beside what the run foretold; and why nothing is told, or nothing.

    Customers count from the day on which all of the arm's changes are in full force.
    """
    from journeysim.cli.score_folder import run_draws
    from journeysim.decide.followed import became, entered_since
    from journeysim.model.arms import build_arms
    from journeysim.model.journey import limited_resources

    draws = run_draws(run)
    rows = np.unique(np.linspace(0, draws.count - 1, DRAWS).round().astype(np.int64))
    arms = build_arms(scenario, draws, seed=scenario.seed)
    own = _taken(next(item for item in arms if item.name == arm), rows)
    if limited_resources(world.journey for world in own.worlds):
        return [], "customers wait for staff: what became of single customers is not foretold by their age"
    start = since + np.timedelta64(int(86_400_000_000 * _in_force(own)), "us")
    entered = entered_since(events, scenario.journey, start)
    up_to = _up_to(own, _taken(arms[0], rows).worlds[0].draws, scenario)
    found = list(became(entered, scenario.journey, up_to, horizon=scenario.horizon, seed=scenario.seed))
    return found, "" if found else "fewer than 20 customers of any persona have entered since all changes are in force"


def _in_force(arm: Arm) -> float:
    """Return the day from which on all of an arm's changes act in full; a change that fades is taken at its height."""
    return max((exposure.start + exposure.ramp for exposure in arm.exposures), default=0.0)


def _taken(arm: Arm, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Arm:
    few: dict[int, Draws] = {}
    worlds = tuple(replace(w, draws=few.setdefault(id(w.draws), w.draws.take(rows))) for w in arm.worlds)
    exposures = tuple(replace(item, reach=item.reach[rows]) for item in arm.exposures)
    return replace(arm, worlds=worlds, exposures=exposures)


def _up_to(arm: Arm, today: Draws, scenario: Scenario) -> UpTo:
    """Return how the arm's customers fare up to an age, at the highest realism of its grid."""
    from journeysim.simulate.chain import compile_world
    from journeysim.simulate.exact import exact_paths, exact_tally
    from journeysim.simulate.executors import HERE
    from journeysim.simulate.outcomes import ArmOutcomes
    from journeysim.simulate.settings import Settings
    from journeysim.simulate.tally import Tally
    from journeysim.simulate.walk import walk_tallies

    chains = [compile_world(w.journey, w.draws, None if w.draws is today else today) for w in arm.worlds]
    layered = any(chain.layers.names for chain in chains)

    def up_to(age: float) -> Tally:
        settings = Settings(age)
        if layered:
            walked = walk_tallies(chains, settings, seed=scenario.seed, customers=CUSTOMERS, executor=HERE)
            tallies = [tally for tally, _ in walked]
        else:
            tallies = [exact_tally(chain, settings)[0] for chain in chains]
            tallies = [
                replace(tally, paths=exact_paths(chain, settings, tally))
                for chain, tally in zip(chains, tallies, strict=True)
            ]
        return ArmOutcomes(arm, tuple(tallies), ()).cohort(max(arm.realism))

    return up_to
