"""The shape of a log as expressions on its events: what `LogShape` says, wherever they are and whatever counts them.

One description serves the log that DuckDB reads here and the table of any engine that Ibis speaks, so that both have the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from journeysim.errors import BadInput, Problem
from journeysim.files.events.reasons import COLLAPSED, DROPPED, EARLIER, REASONS
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.log_shape import AS_IT_IS, After, LogShape

if TYPE_CHECKING:
    import ibis.expr.types as ir

    #: What gives the order of events at the same time.
    Ties = Callable[[ir.Table], Sequence[ir.Column]]

_MICROSECONDS_PER_DAY: Final = 86_400_000_000
#: Signs that mean something to LIKE, and what stands for them: how they are escaped differs from engine to engine.
_LOOKALIKES: Final = {"\\": "⧵", "%": "٪", "_": "‗"}


def changes(shape: LogShape) -> bool:
    """Return whether a shape does more than to split touchpoints, which is done where their names are read."""
    return replace(shape, split_by=()) != AS_IT_IS


def shaped(events: ir.Table, shape: LogShape, ties: Ties) -> ir.Table:
    """Return a relation of events, each with its place in the shape, or with the number of the reason why it has none.

    `events` has customer, touchpoint, `micro` (the time in microseconds since 1970) and `reason` (NULL where the row is
    usable), and of persona, weight and outcome those the log has; its other columns stay. Touchpoints are split already.
    """
    steps: tuple[tuple[object, Callable[[ir.Table], ir.Table]], ...] = (
        (shape.drop, lambda before: _dropped(before, shape.drop)),
        (shape.rename, lambda before: _renamed(before, shape.rename)),
        (shape.after, lambda before: _after(before, shape.after, ties)),
        (shape.session_gap is not None, lambda before: _sessions(before, shape.session_gap or 0.0, ties)),
        (shape.entered_from, lambda before: _later(before, shape.entered_from, ties)),
        (shape.collapse is not None, lambda before: _collapsed(before, shape.collapse or 0.0, ties)),
    )
    for asked, step in steps:
        if asked:
            events = step(events)
    return events


def named_with(name: ir.StringValue, others: Sequence[ir.StringValue]) -> ir.StringValue:
    """Return a touchpoint's name with the texts of other columns added; blank stays blank."""
    import ibis

    longer = name
    for other in others:
        longer = longer + ibis.ifelse(_stated(other).isnull(), "", ibis.literal(" ") + other)
    return ibis.ifelse(name == "", "", longer)


def _stated(column: ir.Column) -> ir.Column:
    """Return a column, NULL where nothing is stated."""
    return column.nullif("") if column.type().is_string() else column


def _set_aside(events: ir.Table, condition: ir.BooleanValue, reason: str) -> ir.Table:
    import ibis

    aside = events.reason.isnull() & condition
    return events.mutate(reason=ibis.ifelse(aside, REASONS.index(reason), events.reason))


def _dropped(events: ir.Table, names: Sequence[str]) -> ir.Table:
    import ibis

    return _set_aside(events, ibis.or_(*(_is(events.touchpoint, name) for name in names)), DROPPED)


def _renamed(events: ir.Table, pairs: Sequence[tuple[str, str]]) -> ir.Table:
    import ibis

    cases = [(_is(events.touchpoint, name), ibis.literal(new)) for name, new in pairs]
    return events.mutate(touchpoint=ibis.cases(*cases, else_=events.touchpoint))


def _after(events: ir.Table, rules: Sequence[After], ties: Ties) -> ir.Table:
    """Return the events, named by what came before them; ties in the order of the file."""
    import ibis

    name, before = events.touchpoint, {"preceding": (None, 1)}
    cases = [
        ((name == rule.touchpoint) & (_over((name == rule.after).cast("int8").max(), events, ties, **before) == 1),
         ibis.literal(rule.becomes))
        for rule in rules
    ]  # fmt: skip
    return events.mutate(touchpoint=ibis.cases(*cases, else_=name))


def _sessions(events: ir.Table, gap: float, ties: Ties) -> ir.Table:
    """Return the events with customers `id#1`, `id#2`, …; what is known of the customer holds for each of them.

    An outcome that is stated for a customer is the end of the last journey.
    """
    import ibis

    silence = _since_event_before(events, ties)
    begun = events.mutate(starts=ibis.ifelse(silence > _micro(gap), 1, 0).cast("int64"))
    counted = begun.mutate(session=_over(begun.starts.sum(), begun, ties, preceding=(None, 0)) + 1)
    for role in ("persona", "weight"):
        if role in events.columns:
            counted = _known_of_customer(counted, role, ties)
    if "outcome" in events.columns:
        last = counted.session == _over(counted.session.max(), counted, ties, **_WHOLE)
        counted = counted.mutate(outcome=ibis.ifelse(last, counted.outcome, ""))
    numbered = counted.customer + "#" + counted.session.cast("int64").cast("string")
    named = counted.mutate(customer=ibis.ifelse(counted.reason.isnull(), numbered, counted.customer))
    return named.drop("starts", "session")


def _known_of_customer(events: ir.Table, role: str, ties: Ties) -> ir.Table:
    """Return the events with what the first row that states it says of their customer.

    Plain minima do, as an engine need not know how to leave out NULLs from the first of several.
    """
    import ibis

    order, said = events["row" if "row" in events.columns else "micro"], _stated(events[role])
    first = _over(ibis.ifelse(said.notnull(), order, ibis.null("int64")).min(), events, ties, **_WHOLE)
    found = events.mutate(first=first, said=said, order=order)
    own = ibis.ifelse(found.order == found["first"], found.said, ibis.null(found.said.type()))
    known = _over(own.min(), found, ties, **_WHOLE)
    return found.mutate(**{role: known.fill_null("") if said.type().is_string() else known}).drop(
        "first", "said", "order"
    )


def _later(events: ir.Table, day: str, ties: Ties) -> ir.Table:
    """Return the events without journeys whose first event lies before a day (UTC)."""
    import numpy as np

    start = int(np.datetime64(day, "us").astype(np.int64))
    return _set_aside(events, _over(events.micro.min(), events, ties, **_WHOLE) < start, EARLIER)


def _collapsed(events: ir.Table, gap: float, ties: Ties) -> ir.Table:
    again = events.touchpoint == _over(events.touchpoint.lag(), events, ties)
    if gap < float("inf"):
        again &= _since_event_before(events, ties) <= _micro(gap)
    return _set_aside(events, again, COLLAPSED)


_WHOLE: Final = {"preceding": None, "following": None}


def _over(value: ir.Value, events: ir.Table, ties: Ties, **frame: object) -> ir.Value:
    """Return a value over the events of a customer in their order; rows set aside are not among those that are not."""
    import ibis

    group, order = [events.customer, events.reason.isnull()], [events.micro, *ties(events)]
    return value.over(ibis.window(group_by=group, order_by=order, **frame))


def _since_event_before(events: ir.Table, ties: Ties) -> ir.IntegerValue:
    return events.micro - _over(events.micro.lag(), events, ties)


def _micro(days: float) -> int:
    return round(days * _MICROSECONDS_PER_DAY)


def _is(name: ir.StringValue, pattern: str) -> ir.BooleanValue:
    """Return the condition that a touchpoint has a name, in which `*` stands for any text."""
    if "*" not in pattern:
        return name == pattern
    for sign, other in _LOOKALIKES.items():
        if sign in pattern:
            name, pattern = name.replace(sign, other), pattern.replace(sign, other)
    return name.like(pattern.replace("*", "%"))


def names_asked(shape: LogShape) -> bool:
    """Return whether a shape names events that may not be there."""
    return bool(shape.drop or shape.rename or shape.after)


def require_names(found: Sequence[str], shape: LogShape) -> None:
    """Raise BadInput for names that no event has: a misspelt one would leave the log as it is without a word."""
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
