"""crn_share, crn_insert, crn_remove, crn_dwell: how much less a paired difference varies than one of independent arms.

Four kinds of change to the loan journey, at its map's means: a share (odds x 1.15), a touchpoint inserted where one in
thirty gives up, a touchpoint removed whose customers go on along its own links, a dwell cut to a fifth. The same
customers are walked through today and through the change, and other customers through the change; each line is the
variance of the difference of independent arms over that of the paired one, per customer, and is printed beside the
highest that any pairing could reach where the metric is a yes or no: then the variance of a difference d is at
least |d| (1 - |d|). A dwell moves no fate, so its line is about the days until the end.

crn_control: the variance that is left of the first change's difference when signing answers to satisfaction, walked alone over
walked with the exact engine as a control variate.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from journeysim.calibrate import prior_draws, stated_draws
from journeysim.files import read_scenario
from journeysim.model.arms import Arm, World, build_arms
from journeysim.model.changes import AddTouchpoint, AdjustShare, RemoveTouchpoint, ScaleDwell, Terms
from journeysim.model.changes.base import Change
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.simulate.chain import Chain, compile_world
from journeysim.simulate.precision import FIRST
from journeysim.simulate.rounds import walk_worlds
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_lives

SCENARIO: Final = Path(__file__).parent.parent / "scenarios" / "loan_application" / "scenario.yaml"
CUSTOMERS: Final = 200_000
ROUNDS: Final = 3
RUN: Final = Settings(365.25)
_HOURS = Dwell(Family.EXPONENTIAL, Fixed(0.1))
UPLOAD = Touchpoint(
    "paper upload", (Link("assessment", Fixed(29 / 30), _HOURS), Link("cancelled", Fixed(1 / 30), _HOURS))
)
CHANGES: Final[dict[str, Change]] = {
    "share": AdjustShare("offer call", "signed papers", "odds x", Fixed(1.15), None, Terms()),
    "insert": AddTouchpoint(UPLOAD, (("signed papers", "assessment"),), dwell=_HOURS),
    "remove": RemoveTouchpoint("call-back", "bypass"),
    "dwell": ScaleDwell("offer", "offer call", Fixed(0.2)),
}


def measure() -> list[tuple[str, float, str, str]]:
    """Return the five lines."""
    scenario = read_scenario(SCENARIO)
    proposals = tuple(Proposal(name, (change,)) for name, change in CHANGES.items())
    today, *arms = build_arms(replace(scenario, proposals=proposals), stated_draws(scenario.journey), seed=1)
    return [*(_line(today.worlds[0], arm) for arm in arms), _control(scenario, proposals[:1])]


def _control(scenario: Scenario, proposals: tuple[Proposal, ...]) -> tuple[str, float, str, str]:
    journey = edited(scenario.journey)
    arms = build_arms(
        replace(scenario, journey=journey, proposals=proposals), prior_draws(journey, draws=40, seed=1), seed=1
    )
    today, chains = arms[0].worlds[0].draws, {}
    for world in (world for arm in arms for world in arm.worlds):
        chains[id(world.draws)] = compile_world(world.journey, world.draws, None if world.draws is today else today)
    gains = [walk_worlds(arms, chains, settings=RUN, seed=seed, customers=FIRST)[1].gain for seed in range(5)]
    return (
        "crn_control",
        float(np.median(gains)),
        "x",
        "variance of the same paired difference without the exact engine's control",
    )


def edited(journey: JourneyMap) -> JourneyMap:
    """Return the journey with signing more likely, or less, as customers feel."""
    points = [
        replace(point, links=tuple(_felt(link) if link.target == "signed papers" else link for link in point.links))
        for point in journey.touchpoints
    ]
    return replace(journey, touchpoints=tuple(points))


def _felt(link: Link) -> Link:
    return replace(link, sensitivity=Fixed(0.4))


def _line(today: World, arm: Arm) -> tuple[str, float, str, str]:
    before, after = compile_world(today.journey, today.draws), _changed(today, arm)
    days = arm.name == "dwell"
    ratios, gaps, bests = zip(*(_ratio(before, after, seed, days=days) for seed in range(ROUNDS)), strict=True)
    metric = "days to the end" if days else "conversion"
    bound = "" if days else f"; at most {np.median(bests):.4g} with any pairing"
    told = f"variance of {metric} between independent arms, difference {np.median(gaps):+.3g}{bound}"
    return f"crn_{arm.name}", float(np.median(ratios)), "x", told


def _changed(today: World, arm: Arm) -> Chain:
    world = arm.worlds[-1]
    return compile_world(world.journey, world.draws, today.draws)


def _ratio(before: Chain, after: Chain, seed: int, *, days: bool) -> tuple[float, float, float]:
    """Return the variance ratio, the difference, and the highest ratio that a yes or no allows."""
    here, there = _single(before, seed, days=days), _single(after, seed, days=days)
    other = _single(after, seed + 1_000, days=days)
    gap, apart = float((there - here).mean()), float(here.var() + other.var())
    least = abs(gap) * (1.0 - abs(gap))
    paired = float((there - here).var())
    return apart / paired, gap, apart / least if least > 0.0 else float("inf")


def _single(chain: Chain, seed: int, *, days: bool) -> np.ndarray:
    lives = walk_lives(chain, RUN, seed=seed, draws=[0], customers=np.arange(CUSTOMERS))
    if days:
        return np.where(np.isfinite(lives.end_time[0]), lives.end_time[0], RUN.horizon)
    return np.isfinite(lives.convert_time[0]).astype(np.float64)


if __name__ == "__main__":
    for name, value, unit, against in measure():
        sys.stdout.write(f"{name}\t{value:.4g}\t{unit}\t{against}\n")
