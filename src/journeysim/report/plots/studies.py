"""Tests by size: what they are worth, and what they leave after what they cost and delay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from journeysim.report.numbers import assumption_name, written
from journeysim.report.plots.style import GRID, MUTED, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table, unique
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST: Final = 4


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return the tests that leave most, of a table `test_sizes`; None when none is worth anything."""
    shown = [name for name in unique(item.texts("assumption")) if max(_part(item, name, 4)) > 0][:MOST]
    if not shown:
        return None
    columns = min(2, len(shown))
    made, axes = panels(len(shown), height=1.7, columns=columns, left=0.75, gap=0.85)
    for panel, name in zip(axes, shown, strict=True):
        part = item.where(assumption=name)
        colour, size = series_colour(proposals.index(str(part.rows[0].cells[0]))), part.numbers("customers")
        panel.plot(size, _part(item, name, 4), color=colour, linewidth=1.2, linestyle="--")
        panel.plot(size, _part(item, name, 5), color=colour, linewidth=2.2)
        zero_line(panel, vertical=False)
        panel.set_xscale("log")
        panel.set_title(wrapped(assumption_name(name, language), 50, 1), fontsize=9)
        panel.set_xlabel(language["axis.customers"], loc="left", color=MUTED)
        panel.set_xticks([size[0], size[-1]], [written(end, "count", language) for end in (size[0], size[-1])])
        panel.minorticks_off()
        panel.grid(axis="y", color=GRID)
        panel.tick_params(axis="y", labelcolor=MUTED)
        label_axis(panel.yaxis, "money", language, most=5)
    return made


def _part(item: Table, name: str, column: int) -> list[float]:
    part = item.where(assumption=name)
    return part.numbers(part.columns[column].name)
