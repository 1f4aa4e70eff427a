"""Realism grid: what is left of the result when only part of the effect is real."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeysim.report.numbers import written
from journeysim.report.plots.style import GRID, INK, MUTED, interval, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, name_rows, wrapped
from journeysim.report.tables.table import Table, as_float
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return NPV ranges by realism with the chance of a net benefit beside each, of a table `realism`."""
    parts = [(number, item.where(proposal=name)) for number, name in enumerate(proposals)]
    parts = [(number, part) for number, part in parts if part.rows]
    if not parts:
        return None
    most = max(len(part.rows) for _, part in parts)
    made, axes = panels(len(parts), height=0.36 * most + 0.1, left=1.35, right=1.5)
    low, high = (item.numbers(item.columns[k].name) for k in (3, 7))
    pad = 0.04 * (max(0.0, *high) - min(0.0, *low)) or 1.0
    for panel, (number, part) in zip(axes, parts, strict=True):
        _panel(panel, part, number, language)
        panel.set_ylim(-most + 0.4, 0.6)
        panel.set_xlim(min(0.0, *low) - pad, max(0.0, *high) + pad)
    axes[-1].set_xlabel(f"{language['axis.npv']}, {language.currency}", loc="left", color=MUTED)
    return made


def _panel(axes: Axes, item: Table, number: int, language: Language) -> None:
    zero_line(axes)
    for place in range(len(item.rows)):
        cells = [as_float(item.at(place, column.name)) for column in item.columns[3:8]]
        interval(axes, -place, cells, series_colour(number))
        chance = written(item.at(place, "p_net_benefit"), "chance", language)
        axes.text(
            1.03, -place, chance, transform=axes.get_yaxis_transform(), va="center", ha="left", color=INK, size=10
        )
    shares = [written(item.at(k, "realism"), "chance", language) for k in range(len(item.rows))]
    name_rows(axes, range(0, -len(shares), -1), shares)
    axes.set_title(wrapped(str(item.at(0, "proposal")), 40, 1))
    axes.text(1.03, 1.0, language["axis.p_net"], transform=axes.transAxes, size=9, color=MUTED, va="bottom", ha="left")
    label_axis(axes.xaxis, "money", language, most=6)
    axes.grid(axis="x", color=GRID)
