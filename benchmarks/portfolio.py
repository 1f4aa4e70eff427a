"""portfolio_wall_s: every bundle of five proposals of the loan scenario, judged together.

Thirty-two arms (today and 31 bundles) over 32 worlds and the scenario's own draws, from the proposals' arms to the best
bundle and the order of roll-out. The fit and the single proposals' simulation come first and are not counted.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from journeysim.cli.pipeline import Options, draws_of, further_like, prepare
from journeysim.decide.money.investment import horizon_months, invested
from journeysim.decide.portfolio.choose import portfolio_of
from journeysim.decide.portfolio.worth import Case
from journeysim.model.arms import build_arms
from journeysim.model.changes import AdjustShare, Terms
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Investment, Proposal
from journeysim.simulate.outcomes import ArmOutcomes, Engine, Outcomes
from journeysim.simulate.settings import Settings

SCENARIO = Path(__file__).parent.parent / "scenarios" / "loan_application" / "scenario.yaml"
FIFTH = Proposal(
    "shorter form",
    (AdjustShare("application form", "lead call", "odds x", Range(1.0, 1.3, Scale.POSITIVE), None, Terms(start=30.0)),),
    invest=Investment(Fixed(30_000.0)),
)


def measure() -> list[tuple[str, float, str, str]]:
    """Return wall and processor time of the whole portfolio."""
    prepared = prepare(SCENARIO, Options())
    scenario = replace(prepared.scenario, proposals=(*prepared.scenario.proposals, FIFTH))
    draws, _ = draws_of(prepared)
    arms = build_arms(scenario, draws, seed=scenario.seed)
    money, months = scenario.money, horizon_months(scenario.money)
    settings = Settings(scenario.horizon, money.discount_value, money.discount_cost)
    outcomes = Outcomes((ArmOutcomes(arms[0], (), ()),), settings, scenario.seed, Engine("exact", ""))
    further = further_like(replace(outcomes, arms=()), scenario)
    assert further is not None
    further.simulated([arms[0].worlds[0]])  # compiled before the clock starts
    wall, cpu = time.perf_counter(), time.process_time()
    spent = [invested(item, money, draws=draws.count, months=months, seed=scenario.seed) for item in scenario.proposals]
    case = Case(
        scenario.proposals,
        arms[1:],
        spent,
        money,
        scenario.limits,
        months,
        follow=further.follow,
        length=scenario.horizon,
    )
    found = portfolio_of(case, further.simulated, seed=scenario.seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert found.best
    about = f"{len(found.bundles)} bundles and today, {draws.count} draws"
    return [
        ("portfolio_wall_s", wall, "s", f"{about}; at most 60 s for 24 arms asked for"),
        ("portfolio_cpu_s", cpu, "s", f"{about}; all threads"),
    ]
