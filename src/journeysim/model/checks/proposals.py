"""Rules about proposals: they change something, what they change exists, and they do not contradict themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from journeysim.errors import Problem
from journeysim.model.changes import (
    AddTouchpoint,
    AdjustShare,
    Change,
    ChangeAudience,
    ChangeReward,
    RemoveTouchpoint,
    Reroute,
    ScaleDwell,
)
from journeysim.model.changes.editing import has_link
from journeysim.model.checks.added import check_added
from journeysim.model.checks.audiences import check_audience
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.checks.rows import Path, check_share, span
from journeysim.model.journey import JourneyMap, Link, split_link
from journeysim.model.quantity import Quantity
from journeysim.model.scenario import Proposal

NameOf = Callable[[int], str]


def change_path(proposal: Proposal, index: int) -> Path:
    """Return where a change stands in a scenario."""
    return ("proposals", proposal.name, "changes", index)


def check_some_change(proposal: Proposal) -> tuple[Problem, ...]:
    """Return a warning for a proposal without changes (J054)."""
    if proposal.changes:
        return ()
    message = f'"{proposal.name}" has no changes: its arm is identical to today, and every difference will be exactly 0'
    return (Problem("J054", message, severity="warning", path=("proposals", proposal.name)),)


def check_changes(proposal: Proposal, journey: JourneyMap) -> tuple[Problem, ...]:
    """Return what is wrong with each change on the map as the changes before it leave it (J042, J043, …)."""
    problems: list[Problem] = []
    for index, change in enumerate(proposal.changes):
        at = change_path(proposal, index)
        found = (*change.check(journey), *_sizes(change), *_parts(change, journey), *_personas(change, journey))
        problems += [replace(problem, path=(*at, *problem.path)) for problem in found]
        journey = after(change, journey)
    return tuple(problems)


def _sizes(change: Change) -> Iterator[Problem]:
    shares = {"for": change.terms.reach}
    if isinstance(change, AddTouchpoint):
        shares["divert"] = change.divert
    elif isinstance(change, Reroute):
        shares["part"] = change.part
    elif isinstance(change, AdjustShare) and change.how == "set to":
        shares["set to"] = change.size
    for name, share in shares.items():
        yield from check_share(share, f'"{name}"', (name,))
    yield from _factors(change)
    yield from _ratio(change)


def _factors(change: Change) -> Iterator[Problem]:
    factors: dict[str, Quantity] = {}
    if isinstance(change, ScaleDwell):
        factors["times"] = change.factor
    elif isinstance(change, AdjustShare) and change.how in {"odds x", "relative x"}:
        factors[change.how] = change.size
    for name, factor in factors.items():
        if factor.mean <= 0:
            yield Problem("J070", f'"{name}" must lie above 0', path=(name,))


def _ratio(change: Change) -> Iterator[Problem]:
    """Yield a new price that an elasticity cannot answer to: the log of its ratio to the old one does not exist."""
    if not isinstance(change, ChangeReward) or change.elasticity is None or change.how == "plus":
        return
    if not span(change.size).min() > 0:
        message = (
            f"with an elasticity the new {change.what} lies above 0 in every draw, so that it has a ratio to the old "
            f'one; write a "{change.how}" above 0, or leave the elasticity out'
        )
        yield Problem("J074", message, path=(change.how,))


def _parts(change: Change, journey: JourneyMap) -> Iterator[Problem]:
    if isinstance(change, AddTouchpoint):
        yield from check_added(change, journey)
    elif isinstance(change, ChangeAudience):
        yield from check_audience(change, journey)


def _personas(change: Change, journey: JourneyMap) -> Iterator[Problem]:
    for index, persona in enumerate(change.terms.personas):
        if persona not in journey.persona_names:
            hint = did_you_mean(persona, journey.persona_names)
            yield Problem("J042", f'no persona "{persona}"{hint}', path=("personas", index))


def after(change: Change, journey: JourneyMap) -> JourneyMap:
    """Return the map with the touchpoints and links a change adds, as far as later changes may name them."""
    if isinstance(change, AddTouchpoint) and change.touchpoint.name not in journey.place_names:
        point = replace(change.touchpoint, links=change.links)
        journey = replace(journey, touchpoints=(*journey.touchpoints, point))
        for source, _ in change.on:
            journey = _with_link(journey, source, change.touchpoint.name)
    elif isinstance(change, Reroute):
        journey = _with_link(journey, change.source, change.to)
    elif isinstance(change, RemoveTouchpoint) and change.name in journey.touchpoint_names:
        onward = [link.target for link in journey.touchpoint(change.name).links if change.inflow == "bypass"]
        onward += [change.lost_to] if change.inflow == "lost" else []
        for source in [point.name for point in journey.touchpoints if has_link(journey, point.name, change.name)]:
            for target in onward:
                journey = _with_link(journey, source, target)
    return journey


def _with_link(journey: JourneyMap, source: str, target: str) -> JourneyMap:
    """Return the map with a link from `source`, its share left open."""
    touchpoints = tuple(
        replace(point, links=(*point.links, Link(target, None)))
        if point.name == source and all(link.target != target for link in point.links)
        else point
        for point in journey.touchpoints
    )
    return replace(journey, touchpoints=touchpoints)


def check_contradictions(proposal: Proposal, name_of: NameOf | None = None) -> tuple[Problem, ...]:
    """Return pairs of changes that cannot both hold (J055): the problem stands at the second and names both.

    `name_of` says how to call a change by its index; the reader of a file adds its line.
    """
    call = name_of or (lambda index: f'change {index + 1} ("{proposal.changes[index].title}")')
    problems = []
    for second, change in enumerate(proposal.changes):
        for first, earlier in enumerate(proposal.changes[:second]):
            why = _contradiction(earlier, change)
            if why is not None:
                message = f"{call(first)} and {call(second)} contradict each other: {why}"
                problems.append(Problem("J055", message, path=change_path(proposal, second)))
    return tuple(problems)


def _contradiction(first: Change, second: Change) -> str | None:
    """Return why two changes of one proposal cannot both hold, or None."""
    for one, other in ((first, second), (second, first)):
        if isinstance(one, RemoveTouchpoint) and one.name in _touched(other):
            return f'"{one.name}" is removed and also edited; drop one of the two'
    both_add = isinstance(first, AddTouchpoint) and isinstance(second, AddTouchpoint)
    if both_add and _added(first) == _added(second):
        return f'both add "{_added(first)}"; give one of them another name'
    if _sets(first) is not None and _sets(first) == _sets(second) and _share_personas(first, second):
        return f"both set {_sets(first)}; keep one"
    return None


def _added(change: Change) -> str:
    return change.touchpoint.name if isinstance(change, AddTouchpoint) else ""


def _sets(change: Change) -> str | None:
    """Return what a change sets outright, if it does."""
    if isinstance(change, AdjustShare) and change.how == "set to":
        return f"the share of {change.source} -> {change.target}"
    if isinstance(change, ChangeReward) and change.how == "set to":
        return f"{change.what} of {change.target}"
    return None


def _share_personas(first: Change, second: Change) -> bool:
    one, other = set(first.terms.personas), set(second.terms.personas)
    return not one or not other or bool(one & other)


def _touched(change: Change) -> set[str]:  # noqa: PLR0911 - one return per class
    """Return the names a change edits or needs."""
    match change:
        case RemoveTouchpoint():
            return {change.name}
        case ChangeReward():
            elastic = change.elastic_link or ()
            return {*(split_link(change.target) if change.on_link else (change.target,)), *elastic}
        case Reroute():
            return {change.source, change.target, change.to}
        case AdjustShare():
            return {change.source, change.target, change.paid_by or ""}
        case ScaleDwell():
            return {change.source, change.target or ""}
        case AddTouchpoint():
            return {name for label in change.on for name in label} | {link.target for link in change.touchpoint.links}
        case _:
            return set()
