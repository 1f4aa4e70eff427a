"""Table: the headless twin of a figure. Values with named columns and units; text is made at the edge."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from journeysim.report.numbers import Kind, Value

#: Kind of a difference -> kind of the levels it is a difference of.
LEVEL_OF: Final[Mapping[Kind, Kind]] = {
    "points": "share", "money difference": "money", "days difference": "days", "difference": "number",
    "hundredths difference": "hundredths",
}  # fmt: skip
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


@final
@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name with the unit (as in the CSV), and the kind of its values."""

    name: str
    kind: Kind = "text"


@final
@dataclass(frozen=True, slots=True)
class Row:
    """One row; `kind` is that of the cells whose column says "by row"; "level by row" is the level it differs from."""

    cells: tuple[Value, ...]
    kind: Kind = "number"


@final
@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; `name` is the file's name and the anchor in the report."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def at(self, row: int, column: str) -> Value:
        """Return one cell."""
        return self.rows[row].cells[self.position(column)]

    def position(self, column: str) -> int:
        """Return a column's position; KeyError when there is none of that name."""
        for k, item in enumerate(self.columns):
            if item.name == column:
                return k
        raise KeyError(f'table "{self.name}" has no column "{column}"')

    def kind(self, row: int, column: str) -> Kind:
        """Return the kind of one cell."""
        kind, own = self.columns[self.position(column)].kind, self.rows[row].kind
        if kind == "level by row":
            return LEVEL_OF.get(own, own)
        return own if kind == "by row" else kind

    def find(self, **wanted: Value) -> int | None:
        """Return the first row with these cells, None when there is none."""
        at = [(self.position(name), value) for name, value in wanted.items()]
        for k, row in enumerate(self.rows):
            if all(row.cells[position] == value for position, value in at):
                return k
        return None

    def numbers(self, column: str) -> list[float]:
        """Return a column as floats, NaN where there is no number."""
        at = self.position(column)
        return [as_float(row.cells[at]) for row in self.rows]

    def texts(self, column: str) -> list[str]:
        """Return a column as texts."""
        at = self.position(column)
        return [str(row.cells[at]) for row in self.rows]

    def where(self, **wanted: Value) -> Table:
        """Return the rows with these cells only."""
        at = [(self.position(name), value) for name, value in wanted.items()]
        kept = tuple(row for row in self.rows if all(row.cells[position] == value for position, value in at))
        return Table(self.name, self.columns, kept)


def as_float(value: Value) -> float:
    """Return a cell as a float, NaN where it is empty or text."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan


def unique(names: Iterable[str]) -> list[str]:
    """Return names without repeats, in order of first appearance."""
    return list(dict.fromkeys(names))


def table(name: str, columns: Sequence[tuple[str, Kind]], rows: Iterable[Row]) -> Table:
    """Return a table; not-a-number becomes an empty cell, so that none reaches a reader."""
    clean = tuple(Row(tuple(_clean(cell) for cell in row.cells), row.kind) for row in rows)
    return Table(name, tuple(Column(*column) for column in columns), clean)


def _clean(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_csv(item: Table) -> str:
    """Return a table as CSV: UTF-8, LF, full precision; text that a spreadsheet would run gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_safe(column.name) for column in item.columns])
    writer.writerows([[_cell(value) for value in row.cells] for row in item.rows])
    return out.getvalue()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _safe(value) if isinstance(value, str) else f"{float(value):.10g}"


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_DANGEROUS) else text
