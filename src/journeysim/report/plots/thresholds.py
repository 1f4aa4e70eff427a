"""Threshold pictures: how the expected net benefit, and the realism that breaks even, depend on one number's size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeysim.report.numbers import assumption_name
from journeysim.report.plots.style import GRID, MUTED, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curves(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return the expected net benefit over sizes, of a table `effect_curves`; None when there is none."""
    found = _panels(item, proposals, language)
    if found is None:
        return None
    made, parts = found
    for axes, number, part in parts:
        size, net = part.numbers("size"), part.numbers(part.columns[3].name)
        axes.plot(size, net, color=series_colour(number), linewidth=2.0)
        axes.fill_between(
            size, net, 0, where=[value >= 0 for value in net], color=series_colour(number), alpha=0.18, lw=0
        )
        zero_line(axes, vertical=False)
        label_axis(axes.yaxis, "money", language, most=5)
    return made


def two_way(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return where a proposal pays, over size and realism, of a table `two_way`; None when there is none."""
    found = _panels(item, proposals, language)
    if found is None:
        return None
    made, parts = found
    for axes, number, part in parts:
        size = part.numbers("size")
        even = [1.0 if math.isnan(value) else value for value in part.numbers("break_even_realism")]
        axes.fill_between(size, even, 1.0, color=series_colour(number), alpha=0.25, linewidth=0)
        axes.plot(size, even, color=series_colour(number), linewidth=2.0)
        axes.set_ylim(0, 1)
        label_axis(axes.yaxis, "chance", language, most=5)
    return made


def _panels(
    item: Table, proposals: list[str], language: Language
) -> tuple[Figure, list[tuple[Axes, int, Table]]] | None:
    """Return a figure with a panel for each proposal that has rows, titled with the number its axis shows."""
    parts = [(number, item.where(proposal=name)) for number, name in enumerate(proposals)]
    parts = [(number, part) for number, part in parts if part.rows]
    if not parts:
        return None
    columns = min(2, len(parts))
    made, axes = panels(len(parts), height=1.7, columns=columns, left=0.75, gap=0.85)
    for panel, (number, part) in zip(axes, parts, strict=True):
        name = assumption_name(str(part.rows[0].cells[1]), language, of=proposals[number])
        panel.set_title(wrapped(proposals[number], 34, 1))
        panel.set_xlabel(wrapped(name, 48, 1), loc="left", color=MUTED)
        label_axis(panel.xaxis, "number", language, most=5)
        panel.tick_params(axis="y", labelcolor=MUTED)
        panel.grid(axis="y", color=GRID)
    return made, [(panel, number, part) for panel, (number, part) in zip(axes, parts, strict=True)]
