"""Rules about the map as a whole: every entered touchpoint can be left for good, and every touchpoint is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from journeysim.errors import Problem
from journeysim.model.checks.did_you_mean import listed
from journeysim.model.checks.rows import rows_of, span
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Touchpoint

Edges = Mapping[str, tuple[Link, ...]]
FOREVER: Final = "expected time infinite"


def can_happen(link: Link, row: tuple[Link, ...]) -> bool:
    """Whether a link's share is above 0; a rest takes what the others leave."""
    if link.share is not None:
        return link.share.mean > 0
    return sum(other.share.mean for other in row if other.share is not None) < 1 - 1e-12


def lasting_links(touchpoint: Touchpoint, persona: str) -> tuple[Link, ...]:
    """Return the possible links of a persona once the last tenure period is over."""
    own = next((row.links for name, row in touchpoint.by_persona if name == persona), None)
    row = touchpoint.links if own is None else own
    return tuple(link for link in row if can_happen(link, row))


def reachable(starts: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Return everything that can be reached from `starts`, themselves included."""
    found, todo = set(starts), list(starts)
    while todo:
        for target in edges.get(todo.pop(), ()):
            if target not in found:
                found.add(target)
                todo.append(target)
    return found


def _targets(edges: Edges) -> dict[str, tuple[str, ...]]:
    return {source: tuple(link.target for link in links) for source, links in edges.items()}


def _entered(journey: JourneyMap, persona: str) -> list[str]:
    own = dict(journey.entry_by_persona).get(persona, journey.entry)
    return [name for name, share in own if share.mean > 0]


def check_exits(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return touchpoints from which no outcome can be reached (J033), or that turn in zero time (J035)."""
    found: dict[str, Problem] = {}
    for persona in journey.persona_names:
        edges = {point.name: lasting_links(point, persona) for point in journey.touchpoints}
        for problem in _traps(journey, persona, edges):
            found.setdefault(str(problem.path[1]), problem)
    return tuple(found.values())


def _traps(journey: JourneyMap, persona: str, edges: Edges) -> list[Problem]:
    targets, entered = _targets(edges), _entered(journey, persona)
    reached = reachable(entered, targets) & set(journey.touchpoint_names)
    trapped = {name for name in reached if not reachable([name], targets) & set(journey.outcome_names)}
    doors = {name for name in trapped if name in entered}
    doors |= {target for name in reached - trapped for target in targets[name] if target in trapped}
    return [_trap(name, edges, entering=name in entered) for name in journey.touchpoint_names if name in doors]


def _trap(name: str, edges: Edges, *, entering: bool) -> Problem:
    inside = [point for point in edges if point in reachable([name], _targets(edges))]
    path = ("touchpoints", name, "next")
    who = f'customers {"entering" if entering else "who reach"} "{name}" can never leave'
    if not edges[name]:
        return Problem("J033", f'{who}: no link leads on from it ({FOREVER}); add "next:"', path=path)
    around = f"it leads only to {listed(inside)}"
    if all(_instant(link.dwell) for point in inside for link in edges[point]):
        return Problem(
            "J035",
            f"{who}: {around}, in no time at all: an infinite loop in zero time; add a dwell and a way out",
            path=path,
        )
    return Problem(
        "J033", f"{who}: {around}, and no outcome ({FOREVER}); give one of them a link to an outcome", path=path
    )


def _instant(dwell: Dwell) -> bool:
    return dwell.family is Family.FIXED and bool(span(dwell.scale).max() == 0)


def check_reached(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return warnings for touchpoints and outcomes nobody can reach (J034)."""
    targets: dict[str, set[str]] = {}
    for row in rows_of(journey):
        possible = {link.target for link in row.links if can_happen(link, row.links)}
        targets.setdefault(row.touchpoint.name, set()).update(possible)
    for point in journey.touchpoints:
        if point.staffed_by is not None and point.staffed_by.gives_up_to:
            targets.setdefault(point.name, set()).add(point.staffed_by.gives_up_to)
    starts = {name for persona in journey.persona_names for name in _entered(journey, persona)}
    reached = reachable(starts, targets)
    kinds = [("touchpoints", name) for name in journey.touchpoint_names]
    kinds += [("outcomes", name) for name in journey.outcome_names]
    return tuple(
        Problem(
            "J034",
            f'"{name}" is never reached: no link leads there from an entry',
            severity="warning",
            path=(kind, name),
        )
        for kind, name in kinds
        if name not in reached
    )
