"""Checks on values: one function per rule, each returning the problems it finds with their path in the document.

They hold for a journey however it was made; the readers of files only add the place.
"""

from __future__ import annotations

from journeysim.errors import Problem
from journeysim.model.checks.graph import check_exits, check_reached
from journeysim.model.checks.load import check_load
from journeysim.model.checks.names import check_names, check_references
from journeysim.model.checks.people import check_entry, check_personas
from journeysim.model.checks.proposals import check_changes, check_contradictions, check_some_change
from journeysim.model.checks.rewards import check_rewards
from journeysim.model.checks.rows import check_sums, check_targets
from journeysim.model.checks.seasons import check_seasons
from journeysim.model.checks.times import check_times
from journeysim.model.journey import JourneyMap

__all__ = [
    "check_changes",
    "check_contradictions",
    "check_entry",
    "check_exits",
    "check_journey",
    "check_load",
    "check_names",
    "check_personas",
    "check_reached",
    "check_references",
    "check_rewards",
    "check_seasons",
    "check_some_change",
    "check_sums",
    "check_targets",
    "check_times",
]
_PART_BY_PART = (
    check_names, check_references, check_personas, check_entry, check_targets, check_sums, check_times, check_rewards,
    check_seasons,
)  # fmt: skip


def check_journey(journey: JourneyMap, *, whole: bool = True) -> tuple[Problem, ...]:
    """Return everything that is wrong with a map.

    `whole=False` leaves out the rules about the map as a whole (exits, reach, load), for maps that are known to be
    incomplete; they are also left out when a name or target is wrong, because they would only repeat it.
    """
    problems = tuple(problem for check in _PART_BY_PART for problem in check(journey))
    if not whole or any(problem.code in {"J032", "J040", "J047"} for problem in problems):
        return problems
    problems += check_exits(journey) + check_reached(journey)
    return problems + (() if any(problem.severity == "error" for problem in problems) else check_load(journey))
