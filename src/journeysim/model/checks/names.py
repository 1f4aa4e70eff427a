"""Rules about names: each thing has one, no two things share one, and what is referred to exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from unicodedata import category

from journeysim.errors import Problem
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.checks.rows import Path
from journeysim.model.journey import JourneyMap, Row, Staffing, gives_up_to


def check_names(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return names used twice (J040) and names that cannot be told from a link (J041)."""
    places = [(("touchpoints", name), name) for name in journey.touchpoint_names]
    places += [(("outcomes", name), name) for name in journey.outcome_names]
    groups = [
        places,
        [(("personas", name), name) for name in journey.persona_names],
        [(("resources", item.name), item.name) for item in journey.resources],
    ]
    problems = [problem for group in groups for problem in _twice(group)]
    for group in groups:
        problems += [problem for path, name in group for problem in _readable(path, name)]
    return tuple(problems)


def _twice(group: Iterable[tuple[tuple[str, str], str]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for path, name in group:
        if name in seen:
            message = f'"{name}" names two things (also under {seen[name]}); give one of them another name'
            yield Problem("J040", message, path=path)
        seen.setdefault(name, path[0])


def _readable(path: Path, name: str) -> Iterator[Problem]:
    if " -> " in name or "→" in name:
        yield Problem("J041", f'"{name}" cannot be told from a link; leave the arrow out of names', path=path)
    elif not name.strip() or name != name.strip() or any(category(letter) == "Cc" for letter in name):
        yield Problem("J041", f'"{name}" is not a name; write it on one line, without spaces at its ends', path=path)
    elif name in {"rest", "(enter)", "(open)", "<<"}:
        yield Problem("J041", f'"{name}" has a meaning of its own here; choose another name', path=path)


def check_references(journey: JourneyMap) -> tuple[Problem, ...]:
    """Return unknown personas (J042), resources (J045) and stages (J071), and outcomes that links leave (J036)."""
    return (
        *_personas(journey), *_resources(journey), *_unserved(journey), *_stages(journey), *_outcomes(journey),
    )  # fmt: skip


def _rows_by_persona(journey: JourneyMap) -> Iterator[tuple[Path, str, Row]]:
    for point in journey.touchpoints:
        for persona, row in point.by_persona:
            yield ("touchpoints", point.name, "personas", persona), persona, row
    for outcome in journey.outcomes:
        for persona, row in outcome.by_persona:
            yield ("outcomes", outcome.name, "personas", persona), persona, row


def _personas(journey: JourneyMap) -> Iterator[Problem]:
    named = [(path, persona) for path, persona, _ in _rows_by_persona(journey)]
    named += [(("enter by persona", persona), persona) for persona, _ in journey.entry_by_persona]
    for path, persona in named:
        if persona not in journey.persona_names:
            yield Problem("J042", f'no persona "{persona}"{did_you_mean(persona, journey.persona_names)}', path=path)


def _resources(journey: JourneyMap) -> Iterator[Problem]:
    known = [item.name for item in journey.resources]
    for point in journey.touchpoints:
        if point.staffed_by is not None and point.staffed_by.resource not in known:
            name = point.staffed_by.resource
            cure = did_you_mean(name, known) or '; describe it under "resources:"'
            path = ("touchpoints", point.name, "staffed by", "resource")
            yield Problem("J045", f'"{point.name}" is staffed by "{name}", which is no resource{cure}', path=path)


def _unserved(journey: JourneyMap) -> Iterator[Problem]:
    """Yield what is wrong with where the unserved go (J076), and personas a priority names (J042)."""
    for point in journey.touchpoints:
        staffing = point.staffed_by
        if staffing is None:
            continue
        path = ("touchpoints", point.name, "staffed by")
        for persona, _ in staffing.priority_by_persona:
            if persona not in journey.persona_names:
                hint = did_you_mean(persona, journey.persona_names)
                yield Problem("J042", f'no persona "{persona}"{hint}', path=(*path, "priority", persona))
        target = staffing.gives_up_to
        if target and (target == point.name or target not in journey.place_names):
            hint = did_you_mean(target, journey.place_names)
            message = f'whoever gives up at "{point.name}" goes to another place of the map, not to "{target}"{hint}'
            yield Problem("J076", message, path=(*path, "gives up to"))
        elif journey.outcomes and gives_up_to(journey, point) is None and _can_be_unserved(journey, staffing):
            message = f'whoever is not served at "{point.name}" goes where? every outcome here is a conversion'
            yield Problem("J076", message + '; write "gives up to: …"', path=path)


def _can_be_unserved(journey: JourneyMap, staffing: Staffing) -> bool:
    rooms = [item.room for item in journey.resources if item.name == staffing.resource]
    return staffing.patience is not None or staffing.balks is not None or min(rooms, default=0.0) < float("inf")


def _stages(journey: JourneyMap) -> Iterator[Problem]:
    for point in journey.touchpoints:
        if point.stage and journey.stages and point.stage not in journey.stages:
            hint = did_you_mean(point.stage, journey.stages)
            yield Problem("J071", f'no stage "{point.stage}"{hint}', path=("touchpoints", point.name, "stage"))


def _outcomes(journey: JourneyMap) -> Iterator[Problem]:
    for path, _, row in _rows_by_persona(journey):
        if path[0] == "outcomes" and row.links is not None:
            yield Problem("J036", outcome_with_next(str(path[1])), path=(*path, "next"))


def outcome_with_next(name: str) -> str:
    """Return the sentence for an outcome that something leaves."""
    return (
        f'"{name}" is an outcome: nothing leaves it; if customers can be won back from it, make it a touchpoint '
        f"whose links are the win-back and an outcome"
    )
