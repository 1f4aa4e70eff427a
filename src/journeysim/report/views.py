"""Tables as a page shows them: heads in the page's language, mean and 90 % range side by side, numbers as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from journeysim.report.numbers import Value, ranged, written
from journeysim.report.tables import Table
from journeysim.report.words import Language

_SKIPPED: Final = ("q25", "q50", "q75", "mc_error", "why_empty", "sd_not_knowing", "sd_luck", "view")
_TEXTUAL: Final = frozenset({"text", "sentence", "metric", "basis", "word", "assumption"})


@final
@dataclass(frozen=True, slots=True)
class View:
    """A table ready to be shown: heads and cells as text, which columns are numbers, and what its CSV is called."""

    name: str
    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


def view(item: Table, language: Language, *, drop: Sequence[str] = ()) -> View:
    """Return a table as text; columns in `drop` and finer quantiles stay in the CSV alone."""
    shown = [name for name in _shown(item) if name not in drop]
    rows = tuple(
        tuple(_cell(item, row, name, language) for name in shown) for row in range(len(item.rows))
    )  # fmt: skip
    heads = tuple(_head(item, name, language) for name in shown)
    numeric = tuple(item.columns[item.position(name)].kind not in _TEXTUAL for name in shown)
    return View(item.name, heads, numeric, rows)


def _shown(item: Table) -> Iterator[str]:
    """Yield the columns to show; a q05 column stands for the range from q05 to q95 where there is a mean."""
    means = any("mean" in column.name for column in item.columns)
    for column in item.columns:
        name = column.name
        if means and ("q95" in name or any(part in name for part in _SKIPPED)):
            continue
        if name not in {"unit", "mc_error", "why_empty", "view"}:
            yield name


def _cell(item: Table, row: int, name: str, language: Language) -> str:
    high = name.replace("q05", "q95")
    if high == name or not any("mean" in column.name for column in item.columns):
        return _one(item, row, name, language)
    return ranged(item.at(row, name), item.at(row, high), item.kind(row, name), language)


def _one(item: Table, row: int, name: str, language: Language) -> str:
    value: Value = item.at(row, name)
    if name == "met":
        return language["unknown"] if value is None else language["met" if value else "missed"]
    return written(value, item.kind(row, name), language)


def _head(item: Table, name: str, language: Language) -> str:
    plain = name.removesuffix(f"_{language.currency.lower()}").removesuffix("_months")
    means = any("mean" in column.name for column in item.columns)
    if means and "q05" in plain:
        return language["col.range90"]
    base = plain.removesuffix("_mean") if plain not in {"today_mean", "proposal_mean"} else plain
    if base in {"q05", "q25", "q50", "q75", "q95"}:
        return f"{int(base[1:])}{language['percent']}"
    own = f"col.{item.name}.{base}"
    return language[own] if own in language.words else language.word("col", base)
