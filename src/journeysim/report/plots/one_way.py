"""One-way tornado: the expected net benefit with each assumption at its 5 % and 95 % point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from journeysim.report.numbers import assumption_name
from journeysim.report.plots.style import GRID, MUTED, panels, series_colour
from journeysim.report.plots.ticks import label_axis, name_rows, wrapped
from journeysim.report.tables.table import Table, as_float
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS: Final = 6


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return the widest assumptions per proposal of a table `one_way`; None when there are none."""
    parts = [(number, item.where(proposal=name)) for number, name in enumerate(proposals)]
    parts = [(number, part) for number, part in parts if part.rows]
    if not parts:
        return None
    most = min(MOST_BARS, max(len(part.rows) for _, part in parts))
    made, axes = panels(len(parts), height=0.36 * most + 0.1, left=3.3)
    ends = [value for _, part in parts for column in (2, 3) for value in part.numbers(part.columns[column].name)]
    pad = 0.05 * (max(0.0, *ends) - min(0.0, *ends)) or 1.0
    for panel, (number, part) in zip(axes, parts, strict=True):
        _panel(panel, part, number, language, most=most)
        panel.set_xlim(min(0.0, *ends) - pad, max(0.0, *ends) + pad)
        panel.set_title(wrapped(proposals[number], 60, 1), x=-3.3 / (7.6 - 3.5), ha="left")
    axes[-1].set_xlabel(language["axis.npv_unit"].format(currency=language.currency), loc="left", color=MUTED)
    return made


def _panel(axes: Axes, item: Table, number: int, language: Language, *, most: int) -> None:
    """Draw bars from the expected value to either end: solid to the 95 % point, pale to the 5 % point."""
    names = []
    for place, row in enumerate(item.rows[:most]):
        low, high, middle = (as_float(cell) for cell in row.cells[2:5])
        for end, alpha in ((low, 0.35), (high, 0.85)):
            axes.barh(-place, end - middle, left=middle, height=0.6, color=series_colour(number), alpha=alpha, lw=0)
        names.append(assumption_name(str(row.cells[1]), language, of=str(row.cells[0])))
    name_rows(axes, range(0, -len(names), -1), [wrapped(name, 40, 2) for name in names])
    axes.axvline(as_float(item.rows[0].cells[4]), color=MUTED, linewidth=0.8)
    axes.axvline(0.0, color=GRID, linewidth=0.9, zorder=0)
    axes.set_ylim(-most + 0.4, 0.6)
    label_axis(axes.xaxis, "money", language, most=6)
