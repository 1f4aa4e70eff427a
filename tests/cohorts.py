"""Published cohort models as journeys: fixed dwell of one cycle, self-links for staying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from journeysim.calibrate.prior import stated_draws
from journeysim.model.arms import build_arms
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Reward, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.outcomes import Outcomes
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings

CYCLE = Dwell(Family.FIXED, Fixed(DAYS_PER_YEAR))


def links(states: Sequence[str], row: Sequence[float], dwell: Dwell = CYCLE) -> tuple[Link, ...]:
    """Return a row's links, zero shares left out."""
    return tuple(Link(name, Fixed(p), dwell) for name, p in zip(states, row, strict=True) if p > 0)


def cohort(
    states: Sequence[str],
    matrix: Sequence[Sequence[float]],
    *,
    ends: Sequence[str],
    start: str,
    cost: Mapping[str, float] | None = None,
    value: Mapping[str, float] | None = None,
    conversion: str = "",
    dwell: Dwell = CYCLE,
) -> JourneyMap:
    """Return a cohort model's map; rewards are per visit."""
    cost, value = cost or {}, value or {}
    return JourneyMap(
        name="cohort",
        touchpoints=tuple(
            Touchpoint(
                name,
                links(states, row, dwell),
                value=Reward(Fixed(value.get(name, 0.0))),
                cost=Reward(Fixed(cost.get(name, 0.0))),
            )
            for name, row in zip(states, matrix, strict=False)
            if name not in ends
        ),
        outcomes=tuple(
            Outcome(name, conversion=name == conversion, value=Reward(Fixed(value.get(name, 0.0)))) for name in ends
        ),
        entry=((start, Fixed(1.0)),),
    )


def run(journey: JourneyMap, proposals: Sequence[Proposal] = (), **settings: object) -> Outcomes:
    """Return the outcomes of a map taken at its word."""
    scenario = Scenario("reference", journey, tuple(proposals))
    arms = build_arms(scenario, stated_draws(journey), seed=1)
    return simulate(arms, settings=Settings(**settings), seed=1)  # type: ignore[arg-type]
