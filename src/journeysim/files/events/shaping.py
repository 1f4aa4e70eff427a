"""The shape of a log as queries on its relation: what `LogShape` says, whatever counts the events afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.events.sources import escaped
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.log_shape import AS_IT_IS, LogShape

if TYPE_CHECKING:
    from journeysim.files.events.relation import Events

#: Why shaping sets a row aside.
DROPPED: Final = "left out, as asked (drop)"
COLLAPSED: Final = "the same touchpoint again, as asked (collapse repeats)"
EARLIER: Final = "of a journey that began earlier, as asked (entered from)"
_MICROSECONDS_PER_DAY: Final = 86_400_000_000
_IN_ORDER: Final = "PARTITION BY customer, reason IS NULL ORDER BY time, row"
_OF_CUSTOMER: Final = (
    "PARTITION BY customer, reason IS NULL ORDER BY row ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
)


def named_with(name: str, *others: str) -> str:
    """Return the expression of a touchpoint's name with the texts of other columns added; blank stays blank."""
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


def shape_events(events: Events, reasons: Sequence[str]) -> None:
    """Put the shaped events in the place of the relation `events`; raises BadInput for names that no event has."""
    shape = events.settings.shape
    if shape in (AS_IT_IS, LogShape(split_by=shape.split_by)):
        return
    _require_names(events, shape)
    events.connection.execute("CREATE TEMP TABLE shaped AS " + _query(events, shape, reasons))
    kind = events.one("SELECT table_type FROM information_schema.tables WHERE table_name = 'events'")[0]
    events.connection.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} events")
    events.connection.execute("ALTER TABLE shaped RENAME TO events")


def _query(events: Events, shape: LogShape, reasons: Sequence[str]) -> str:
    text = "events"
    steps: tuple[tuple[object, Callable[[], str]], ...] = (
        (shape.drop, lambda: _dropped(shape.drop, reasons.index(DROPPED))),
        (shape.rename, lambda: _renamed(shape)),
        (shape.after, lambda: _after(shape)),
        (shape.session_gap is not None, lambda: _sessions(events, shape.session_gap or 0.0)),
        (shape.entered_from, lambda: _later(shape.entered_from, reasons.index(EARLIER))),
        (shape.collapse is not None, lambda: _collapsed(shape.collapse or 0.0, reasons.index(COLLAPSED))),
    )
    for asked, step in steps:
        if asked:
            text = f"({step().replace(_BEFORE, text)})"
    return f"SELECT * FROM {text}"  # noqa: S608 - from below


_BEFORE: Final = "«events»"


def _dropped(names: Sequence[str], reason: int) -> str:
    left_out = f"reason IS NULL AND ({' OR '.join(map(_is, names))})"
    return f"SELECT * REPLACE (CASE WHEN {left_out} THEN {reason} ELSE reason END AS reason) FROM {_BEFORE}"  # noqa: S608


def _renamed(shape: LogShape) -> str:
    cases = " ".join(f"WHEN {_is(name)} THEN {_text(new)}" for name, new in shape.rename)
    return f"SELECT * REPLACE (CASE {cases} ELSE touchpoint END AS touchpoint) FROM {_BEFORE}"  # noqa: S608 - quoted


def _after(shape: LogShape) -> str:
    """Return the query in which events change their name by what came before them, ties in the order of the file."""
    cases = " ".join(
        f"WHEN touchpoint = {_text(rule.touchpoint)} AND count(*) FILTER (touchpoint = {_text(rule.after)}) OVER before > 0 "
        f"THEN {_text(rule.becomes)}"
        for rule in shape.after
    )
    return (
        f"SELECT * REPLACE (CASE {cases} ELSE touchpoint END AS touchpoint) FROM {_BEFORE} "  # noqa: S608 - quoted
        f"WINDOW before AS ({_IN_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    )


def _sessions(events: Events, gap: float) -> str:
    """Return the query in which customers are `id#1`, `id#2`, …; what is known of the customer holds for each of them.

    An outcome that is stated for a customer is the end of the last journey.
    """
    silence = f"epoch_us(time) - lag(epoch_us(time)) OVER ({_IN_ORDER})"
    starts = f"SELECT *, CASE WHEN {silence} > {round(gap * _MICROSECONDS_PER_DAY)} THEN 1 ELSE 0 END AS starts FROM {_BEFORE}"  # noqa: S608
    counted = f"SELECT *, 1 + sum(starts) OVER ({_IN_ORDER}) AS session FROM ({starts})"  # noqa: S608
    ended = f"SELECT *, max(session) OVER (PARTITION BY customer, reason IS NULL) AS sessions FROM ({counted})"  # noqa: S608
    return f"SELECT * EXCLUDE (starts, session, sessions) REPLACE ({', '.join(_of_sessions(events))}) FROM ({ended})"  # noqa: S608


def _of_sessions(events: Events) -> Iterator[str]:
    yield "CASE WHEN reason IS NULL THEN customer || '#' || CAST(session AS BIGINT) ELSE customer END AS customer"
    if events.has("persona"):
        first = f"first_value(nullif(persona, '') IGNORE NULLS) OVER ({_OF_CUSTOMER})"
        yield f"coalesce({first}, '') AS persona"
    if events.has("weight"):
        yield f"first_value(weight IGNORE NULLS) OVER ({_OF_CUSTOMER}) AS weight"
    if events.has("outcome"):
        yield "CASE WHEN session = sessions THEN outcome ELSE '' END AS outcome"


def _collapsed(gap: float, reason: int) -> str:
    most = "" if gap == float("inf") else (
        f" AND epoch_us(time) - lag(epoch_us(time)) OVER stays <= {round(gap * _MICROSECONDS_PER_DAY)}"
    )  # fmt: skip
    again = f"reason IS NULL AND touchpoint = lag(touchpoint) OVER stays{most}"
    return (
        f"SELECT * REPLACE (CASE WHEN {again} THEN {reason} ELSE reason END AS reason) FROM {_BEFORE} "  # noqa: S608
        f"WINDOW stays AS ({_IN_ORDER})"
    )


def _later(day: str, reason: int) -> str:
    """Return the query that sets aside journeys whose first event lies before a day (UTC)."""
    earlier = f"reason IS NULL AND min(time) OVER (PARTITION BY customer, reason IS NULL) < TIMESTAMP {_text(day)}"
    return f"SELECT * REPLACE (CASE WHEN {earlier} THEN {reason} ELSE reason END AS reason) FROM {_BEFORE}"  # noqa: S608


def _is(pattern: str) -> str:
    """Return the condition that a touchpoint has a name, in which `*` stands for any text."""
    if "*" not in pattern:
        return f"touchpoint = {_text(pattern)}"
    plain = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
    return f"touchpoint LIKE {_text(plain)} ESCAPE '\\'"


def _text(text: str) -> str:
    return f"'{escaped(text)}'"


def _require_names(events: Events, shape: LogShape) -> None:
    """Raise BadInput for names that no event has: a misspelt one would leave the log as it is without a word."""
    found = [
        str(name) for (name,) in events.rows("SELECT DISTINCT touchpoint FROM events WHERE reason IS NULL ORDER BY 1")
    ]
    problems = [*_unknown("drop", shape.drop, found), *_unknown("rename", [name for name, _ in shape.rename], found)]
    left = {*found, *(new for _, new in shape.rename)}
    for rule in shape.after:
        problems += _unknown("after", (rule.touchpoint, rule.after), sorted(left))
    if problems:
        raise BadInput(problems)


def _unknown(setting: str, names: Sequence[str], found: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        if not any(_fits(name)(known) for known in found):
            yield Problem("E075", f'{setting}: no event is called "{name}"{did_you_mean(name, found)}')


def _fits(pattern: str) -> Callable[[str], bool]:
    import re

    whole = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return lambda name: whole.fullmatch(name) is not None
