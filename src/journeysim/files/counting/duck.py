"""Counting with DuckDB: the query over a log's open relation of events, beside or beyond memory."""

from __future__ import annotations

from journeysim.errors import BadInput, Problem
from journeysim.files.counting.counted import Counted, counted, names_unknown
from journeysim.files.counting.expression import Has
from journeysim.files.counting.query import query_of
from journeysim.files.events.relation import Events
from journeysim.model.journey import JourneyMap
from journeysim.model.visits import personas_missing, unknown_names


def count_events(events: Events, journey: JourneyMap, *, cut_off: int | None = None) -> Counted:
    """Return an open log, counted as the map's transitions; the same table that the log gives in memory.

    `cut_off` is in microseconds since 1970, by default the last event. Raises BadInput for touchpoints, outcomes and
    personas that the map does not know.
    """
    _require_known_ends(events, journey)
    has = Has(persona=events.has("persona"), outcome=events.has("outcome"))
    usable, last = events.one("SELECT count(*), max(micro) FROM usable")
    until = last if cut_off is None else cut_off
    text = query_of(
        journey, has, "duckdb", table="keyed", cut_off=until or 0, reactivation=events.settings.reactivation
    )
    rows = events.rows(text)
    if names_unknown(rows):
        raise BadInput(unknown_names("touchpoint", _counts(events, "touchpoint"), journey))
    return counted(rows, int(usable), journey)


def _require_known_ends(events: Events, journey: JourneyMap) -> None:
    problems: list[Problem] = []
    if events.has("outcome"):
        problems += unknown_names("outcome", _counts(events, "outcome"), journey)
    if events.has("persona"):
        problems += unknown_names("persona", _counts(events, "persona"), journey)
    else:
        problems += personas_missing(journey)
    if problems:
        raise BadInput([*unknown_names("touchpoint", _counts(events, "touchpoint"), journey), *problems])


def _counts(events: Events, role: str) -> list[tuple[str, int]]:
    text = f"SELECT {role}, count(*) FROM usable WHERE {role} <> '' GROUP BY {role} ORDER BY min(row)"  # noqa: S608 - a role
    return [(str(name), int(rows)) for name, rows in events.rows(text)]
