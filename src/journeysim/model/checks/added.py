"""Rules about a touchpoint that a proposal adds: those of the map's own touchpoints, at the change's own path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from journeysim.errors import Problem
from journeysim.model.changes import AddTouchpoint
from journeysim.model.checks.names import check_names, check_references
from journeysim.model.checks.rewards import check_rewards
from journeysim.model.checks.rows import check_sums, check_targets
from journeysim.model.checks.times import check_dwell, check_times
from journeysim.model.journey import JourneyMap

_RULES: Final = (check_names, check_references, check_targets, check_sums, check_times, check_rewards)
#: What the change itself already says with the places of the map it was given: its name, and where it leads.
_SAID: Final = frozenset({"J032", "J040"})


def check_added(change: AddTouchpoint, journey: JourneyMap) -> Iterator[Problem]:
    """Yield what would be wrong with the touchpoint if it stood on the map: rows, times, rewards, stage, staff."""
    at = ("touchpoints", change.touchpoint.name)
    alone = replace(journey, touchpoints=(change.touchpoint,))
    for problem in (problem for rule in _RULES for problem in rule(alone)):
        if problem.path[:2] == at and problem.code not in _SAID:
            yield replace(problem, path=problem.path[2:] or ("add touchpoint",))
    yield from check_dwell(change.dwell, f'the dwell at "{change.touchpoint.name}"', ("dwell",))
