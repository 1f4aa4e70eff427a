"""Journey files: from a path to a JourneyMap, with every problem at its place."""

from __future__ import annotations

from pathlib import Path

from journeysim.errors import Problem, raise_if_errors
from journeysim.files.journey_shape import JourneyFile, OutcomeFile, SatisfactionFile
from journeysim.files.numbers import UnreadableError
from journeysim.files.phrases import weekly_hours
from journeysim.files.reading import Loaded, Source, currency_of, in_order, open_source, validated
from journeysim.files.rows import touchpoint
from journeysim.files.shapes import Reading
from journeysim.files.yaml_positions import Steps, load
from journeysim.model.checks import check_journey
from journeysim.model.checks.names import outcome_with_next
from journeysim.model.journey import (
    ALWAYS,
    CONFIDENCE,
    NOTHING,
    ZERO,
    ArrivalHours,
    JourneyMap,
    Outcome,
    Persona,
    Resource,
    Row,
)
from journeysim.model.quantity import Fixed, Quantity
from journeysim.model.satisfaction import Satisfaction

_SUM = 1e-9
Shares = tuple[tuple[str, Quantity], ...]
EVERYBODY = (Persona("all customers", Fixed(1.0)),)
NEEDED = {
    "journey": "its name",
    "touchpoints": "where customers can be",
    "outcomes": "how it can end",
    "enter": "where customers come in, for example {cart: 100%}",
}


def read_journey(path: str | Path) -> JourneyMap:
    """Return the journey map a file describes.

    Raises
    ------
    BadInput
        With every problem of the file, each at its line and column.
    """
    journey, problems, _ = journey_with_problems(load(Path(path), str(path)))
    raise_if_errors(problems)
    assert journey is not None  # noqa: S101 - without errors there is a map
    return journey


def journey_with_problems(loaded: Loaded) -> tuple[JourneyMap | None, tuple[Problem, ...], bool]:
    """Return the map as far as it can be read, every problem, and whether its names and links are complete."""
    source, problems = open_source(loaded)
    if source is None:
        return None, problems, False
    journey = journey_of(source)
    return journey, in_order(source.problems), source.structure_known


def journey_of(source: Source) -> JourneyMap:
    """Return the map of an opened file; problems are noted in the source."""
    reading = Reading()
    currency_of(source, reading)
    file = validated(source, JourneyFile, reading)
    for name, what in NEEDED.items():
        if name not in file.model_fields_set or not getattr(file, name):
            source.note("J013", f'a journey file needs "{name}": {what}', (name,))
            source.spoiled.add((name,))
    journey = JourneyMap(
        name=file.journey,
        touchpoints=tuple(touchpoint(source, name, item) for name, item in file.touchpoints.items()),
        outcomes=tuple(_outcome(source, name, item) for name, item in file.outcomes.items()),
        entry=with_rest(source, file.enter, ("enter",)),
        personas=_personas(source, file) or EVERYBODY,
        stages=file.stages,
        entry_by_persona=tuple(
            (persona, with_rest(source, shares, ("enter by persona", persona)))
            for persona, shares in file.enter_by_persona.items()
        ),
        seen_entry=file.enter_seen or CONFIDENCE["guess"],
        arrivals_per_day=file.arrivals,
        arrival_hours=_arrival_hours(source, file),
        resources=_resources(source, file),
        currency=reading.currency.code or "EUR",
        kind=file.kind,
        about=file.about,
        wished=file.touchpoints_wished_for,
        satisfaction=_satisfaction(file.satisfaction),
    )
    found = check_journey(journey, whole=source.structure_known)
    source.add(problem for problem in found if not _names_something_unread(problem, source))
    return journey


def _names_something_unread(problem: Problem, source: Source) -> bool:
    """Whether a name that seems to be missing stands in a part of the file that could not be read."""
    if problem.code not in {"J032", "J042", "J045", "J047"}:
        return False
    sections = (
        ("personas",)
        if problem.code == "J042"
        else ("resources",)
        if problem.code == "J045"
        else ("touchpoints", "outcomes")
    )
    written = str(problem.path[-1])
    return any(path in source.spoiled for name in sections for path in ((name,), (name, written)))


def with_rest(source: Source, shares: dict[str, Quantity | None], path: Steps) -> Shares:
    """Return shares with `rest` worked out: what the expected values of the others leave."""
    rest = [name for name, share in shares.items() if share is None]
    if len(rest) > 1:
        source.note(
            "J073", f'"rest" is written for {" and ".join(rest)}; one of them can take the rest', (*path, rest[1])
        )
        source.spoiled.add(path)
    left = Fixed(round(1.0 - sum(share.mean for share in shares.values() if share is not None), 12))
    return tuple((name, left if share is None else share) for name, share in shares.items())


def _personas(source: Source, file: JourneyFile) -> tuple[Persona, ...]:
    for name, item in file.personas.items():
        if "share" not in item.model_fields_set:
            source.note(
                "J013", f'which share of the customers is "{name}"? write "share: 60%" or "rest"', ("personas", name)
            )
            source.spoiled.add(("personas",))
    shares = with_rest(source, {name: item.share for name, item in file.personas.items()}, ("personas",))
    return tuple(
        Persona(name, share, file.personas[name].about, file.personas[name].mood or ZERO) for name, share in shares
    )


def _satisfaction(file: SatisfactionFile | None) -> Satisfaction:
    """Return the stated numbers, the usual ones where none are stated."""
    usual = Satisfaction()
    if file is None:
        return usual
    return Satisfaction(
        weight=file.weight or usual.weight,
        weight_at_truth=file.weight_at_moments_of_truth or usual.weight_at_truth,
        csat=file.csat or usual.csat,
        nps=file.nps or usual.nps,
    )


def _outcome(source: Source, name: str, item: OutcomeFile) -> Outcome:
    path: Steps = ("outcomes", name)
    for setting in ("next", "win-back"):
        if getattr(item, setting.replace("-", "_")) is not None:
            source.note("J036", outcome_with_next(name), (*path, setting))
    for persona, row in item.personas.items():
        if row.next is not None:
            source.note("J036", outcome_with_next(name), (*path, "personas", persona, "next"))
    return Outcome(
        name=name,
        conversion=item.conversion,
        churn=item.churn,
        after_conversion=item.after is not None,
        silent=item.silent,
        value=item.value or NOTHING,
        cost=item.cost or NOTHING,
        by_persona=tuple((persona, Row(value=row.value, cost=row.cost)) for persona, row in item.personas.items()),
    )


def _arrival_hours(source: Source, file: JourneyFile) -> tuple[ArrivalHours, ...]:
    """Return when customers come; problems are noted."""
    found = []
    for text, share in file.arrive.items():
        try:
            found.append(ArrivalHours(text, weekly_hours(text), share))
        except UnreadableError as error:
            source.note(error.code, error.message, ("arrive", text))
            return ()
    if found and abs(sum(part.share for part in found) - 1) > _SUM:
        said = " + ".join(f"{part.share:.0%}" for part in found)
        source.note("J038", f"the shares of when customers arrive add up to {said}, not to 100 %", ("arrive",))
    return tuple(found)


def _resources(source: Source, file: JourneyFile) -> tuple[Resource, ...]:
    found = []
    for name, item in file.resources.items():
        if item.staff is None:
            source.note("J013", f'how many staff has "{name}"? write "staff: 14"', ("resources", name))
            source.spoiled.add(("resources", name))
        text, hours = item.open or ("", ALWAYS)
        room = float("inf") if item.room is None else float(item.room)
        days = sum(end - start for start, end in hours)
        found.append(Resource(name, item.staff or Fixed(1.0), text, days, hours, item.closed, item.queue, room))
    return tuple(found)
