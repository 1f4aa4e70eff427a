"""Transition tables from CSV (plain or compressed) and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from journeysim.errors import BadInput, Place, Problem
from journeysim.files.events.numbers import number_of
from journeysim.files.events.sources import Source, escaped, query, source_of
from journeysim.model.event_log import Names
from journeysim.model.log_settings import LogSettings
from journeysim.model.quantity import Floats
from journeysim.model.transitions import ENTER, OPEN, Transitions

if TYPE_CHECKING:
    import duckdb

Texts = NDArray[np.object_]
TABLE_COLUMNS: Final = ("persona", "from", "to", "dwell_from_days", "dwell_to_days", "count")
#: In the table of a weighted sample: the sums of squared weights.
SQUARES: Final = "squares"
_MOST_EXAMPLES: Final = 5


def read_transitions(path: str | Path) -> Transitions:
    """Return a transition table from CSV or Parquet.

    Columns: persona, from, to, dwell_from_days, dwell_to_days, count. Raises BadInput with the lines that are wrong:
    counts must be positive numbers, bins must have 0 <= from < to, and entries ("(enter)") have no bin. A column squares,
    where there is one, holds the sums of squared weights of a sample, positive numbers too.
    """
    import duckdb

    file = Path(path)
    with duckdb.connect() as connection:
        source = source_of(connection, file)
        missing = [name for name in TABLE_COLUMNS if name not in source.columns]
        if missing:
            message = f"a transition table needs the columns {', '.join(TABLE_COLUMNS)}; missing: {', '.join(missing)}"
            raise BadInput([Problem("E020", message, Place(str(file)))])
        texts, numbers = _columns(connection, source)
    low, high, count = (numbers[name] for name in TABLE_COLUMNS[3:])
    problems = _problems(texts, numbers, source)
    if problems:
        raise BadInput(problems)
    entering = texts["from"] == ENTER
    low, high = np.where(entering, np.nan, low), np.where(entering, np.nan, high)
    persona, origin, target = (Names.of(texts[name].tolist()) for name in TABLE_COLUMNS[:3])
    return Transitions(persona, origin, target, low, high, count, numbers.get(SQUARES))


def _columns(connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[dict[str, Texts], dict[str, Floats]]:
    """Return the text columns, blanks as "", and the number columns, NaN where there is no finite number."""
    texts = [f"coalesce(trim(CAST({_quoted(name)} AS VARCHAR)), '') AS {_quoted(name)}" for name in TABLE_COLUMNS[:3]]
    held = [*TABLE_COLUMNS[3:], *([SQUARES] if SQUARES in source.columns else [])]
    numbers = [f"{number_of(_quoted(name), LogSettings())} AS {_quoted(name)}" for name in held]
    rows = query(connection, source.path, f"SELECT {', '.join([*texts, *numbers])} FROM {source.scan}")  # noqa: S608
    if not rows:
        raise BadInput([Problem("E002", "no transitions: there is only a header", Place(str(source.path)))])
    columns = dict(zip([*TABLE_COLUMNS[:3], *held], zip(*rows, strict=True), strict=True))
    return (
        {name: np.array(columns[name], dtype=object) for name in TABLE_COLUMNS[:3]},
        {name: np.array(columns[name], dtype=np.float64) for name in held},
    )


def _quoted(name: str) -> str:
    return f'"{escaped(name, chr(34))}"'


def _problems(texts: Mapping[str, Texts], numbers: Mapping[str, Floats], source: Source) -> list[Problem]:
    entering = texts["from"] == ENTER
    low, high, count = (numbers[name] for name in TABLE_COLUMNS[3:])
    squares = numbers.get(SQUARES, count)
    rules = (
        ("E021", "persona, from and to must not be blank",
         (texts["persona"] == "") | (texts["from"] == "") | (texts["to"] == "")),
        ("E022", "count must be a positive number", ~(np.isfinite(count) & (count > 0))),
        ("E022", "squares must be a positive number", ~(np.isfinite(squares) & (squares > 0)) & (count > 0)),
        ("E023", "a dwell bin needs 0 <= dwell_from_days < dwell_to_days",
         ~entering & ~((low >= 0) & (low < high) & np.isfinite(high))),
        ("E024", f'"{OPEN}" can only be a "to", "{ENTER}" only a "from", and no row is both',
         (texts["from"] == OPEN) | (texts["to"] == ENTER) | (entering & (texts["to"] == OPEN))),
    )  # fmt: skip
    return [
        Problem(code, message, Place(str(source.path), int(row) + (source.first or 1)))
        for code, message, broken in rules
        for row in np.flatnonzero(broken)[:_MOST_EXAMPLES]
    ]


def transitions_csv(table: Transitions) -> str:
    """Return a transition table as the text of a CSV file that `read_transitions` reads back."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*TABLE_COLUMNS, *([] if table.squares is None else [SQUARES])])
    columns = (table.persona, table.source, table.target)
    for i, count in enumerate(table.count):
        bounds = ("" if np.isnan(edge) else repr(float(edge)) for edge in (table.dwell_from[i], table.dwell_to[i]))
        numbers = [count] if table.squares is None else [count, table.squares[i]]
        writer.writerow(
            [*(column.labels[column.codes[i]] for column in columns), *bounds, *(f"{x:.15g}" for x in numbers)]
        )
    return out.getvalue()
