"""The shape of a log that is read here: its events, as `shaping` describes them, in the place of those that were read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.events.shaping import changes, names_asked, require_names, shaped
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.log_shape import LogShape

if TYPE_CHECKING:
    from journeysim.files.events.relation import Events

#: The types of the columns that shaping looks at; texts besides, and what it leaves alone.
_TYPES: Final = {"micro": "int64", "row": "int64", "reason": "int32", "weight": "float64"}


def named_with(name: str, *others: str) -> str:
    """Return the query text of a touchpoint's name with the texts of other columns added; blank stays blank."""
    if not others:
        return name
    parts = "".join(f" || CASE WHEN {other} = '' THEN '' ELSE ' ' || {other} END" for other in others)
    return f"CASE WHEN {name} = '' THEN '' ELSE {name}{parts} END"


def require_columns(shape: LogShape, found: Sequence[str], path: Path) -> None:
    """Raise BadInput for columns to split by that the log does not have."""
    missing = [name for name in shape.split_by if name not in found]
    if missing:
        raise BadInput([
            Problem("E005", f'there is no column "{name}" to split touchpoints by{did_you_mean(name, found)}', Place(str(path)))
            for name in missing
        ])  # fmt: skip


def shape_events(events: Events) -> None:
    """Put the shaped events in the place of the relation `events`; raises BadInput for names that no event has."""
    shape = events.settings.shape
    if not changes(shape):
        return
    if names_asked(shape):
        names = events.rows("SELECT DISTINCT touchpoint FROM events WHERE reason IS NULL ORDER BY 1")
        require_names([str(name) for (name,) in names], shape)
    events.connection.execute(f"CREATE TEMP TABLE shaped AS {_query(events)}")
    kind = events.one("SELECT table_type FROM information_schema.tables WHERE table_name = 'events'")[0]
    events.connection.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} events")
    events.connection.execute("ALTER TABLE shaped RENAME TO events")


def _query(events: Events) -> str:
    import ibis

    columns = [str(name) for name, *_ in events.rows("DESCRIBE events") if name != "time"]
    timed = ibis.table({name: _TYPES.get(name, "string") for name in (*columns, "micro")}, name="timed")
    text = ibis.to_sql(shaped(timed, events.settings.shape, lambda log: [log.row]), dialect="duckdb")
    whole = "SELECT * EXCLUDE (time), epoch_us(time) AS micro FROM events"
    return f"WITH timed AS ({whole}) SELECT * EXCLUDE (micro), make_timestamp(micro) AS time FROM ({text})"  # noqa: S608
