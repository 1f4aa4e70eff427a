"""What a log's weights say about its customers: how many these stand for, and which weights cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from journeysim.errors import Problem
from journeysim.files.events.relation import EXAMPLES, Events
from journeysim.model.log_account import Weighting
from journeysim.model.weights import PARTS

#: The customers of a log: the first usable weight in billionths as `model.weights` takes it, how many others disagree.
_CUSTOMERS: Final = (
    "SELECT customer, coalesce(arg_min(parts, row) FILTER (parts >= 1), {parts}) AS own, "
    "count(DISTINCT parts) FILTER (parts >= 1) AS several, min(row) AS row, any_value(file) AS file "
    "FROM (SELECT customer, row, file, round(weight * {parts})::HUGEINT AS parts FROM events WHERE reason IS NULL) "
    "GROUP BY customer"
)


def weighting_of(events: Events) -> Weighting | None:
    """Return what the weights of a log make of its customers; None for a log without weights."""
    if not events.has("weight"):
        return None
    customers = _CUSTOMERS.format(parts=PARTS)
    total, squares, whole = events.one(
        "SELECT sum(own)::DOUBLE, sum(own::DOUBLE * own::DOUBLE), "  # noqa: S608 - numbers
        f"coalesce(bool_and(own % {PARTS} = 0), true) FROM ({customers})"
    )
    stand_for = float(total or 0.0) / PARTS
    return Weighting(
        stand_for, stand_for if whole or not total else float(total) ** 2 / float(squares), copies=bool(whole)
    )


def weight_warnings(events: Events) -> Iterator[Problem]:
    """Yield what cannot be used: weights of zero or less, customers without a usable one, and with several."""
    if not events.has("weight"):
        return
    column, customers = events.roles["weight"], _CUSTOMERS.format(parts=PARTS)
    wrong = f"reason IS NULL AND weight IS NOT NULL AND round(weight * {PARTS}) < 1"
    rows = int(events.one(f"SELECT count(*) FROM events WHERE {wrong}")[0])  # noqa: S608 - numbers
    if rows:
        yield _warning("E036", f'{rows:,} rows have a weight of zero or less in column "{column}"; it is not used '
                               f"({', '.join(events.examples(wrong))})")  # fmt: skip
    for condition, code, words in (
        ("several = 0", "E037", f'no usable weight in column "{column}"; they count once'),
        ("several > 1", "E038", f'different weights in column "{column}"; the first one holds'),
    ):
        found = f"FROM ({customers}) WHERE {condition}"
        count = int(events.one(f"SELECT count(*) {found}")[0])
        if count:
            first = events.rows(f"SELECT customer, row, file {found} ORDER BY row LIMIT {EXAMPLES}")
            yield _warning(code, f"{count:,} customers have {words} ({_named(events, first)})")


def _warning(code: str, message: str) -> Problem:
    return Problem(code, message, severity="warning")


def _named(events: Events, rows: Sequence[tuple[Any, ...]]) -> str:
    return ", ".join(f'"{customer}", {events.where(row, file)}' for customer, row, file in rows)
