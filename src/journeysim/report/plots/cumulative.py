"""Net benefit fan: the running sum by month, 50 and 90 % bands, one panel per proposal on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeysim.report.numbers import bare
from journeysim.report.plots.style import GRID, MUTED, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return the fans of a table `cumulative_net_benefit`; None without proposals."""
    if not proposals:
        return None
    columns = min(2, len(proposals))
    made, axes = panels(len(proposals), height=2.1, columns=columns, sharey=True, left=0.75, gap=0.85, right=0.75)
    for number, (panel, proposal) in enumerate(zip(axes, proposals, strict=True)):
        _panel(panel, item.where(proposal=proposal), proposal, number, language)
        panel.tick_params(labelleft=number % columns == 0)
    return made


def _panel(axes: Axes, item: Table, proposal: str, number: int, language: Language) -> None:
    month, colour = item.numbers("month"), series_colour(number)
    low, first, middle, third, high = (item.numbers(column.name) for column in item.columns[2:7])
    axes.fill_between(month, low, high, color=colour, alpha=0.16, linewidth=0)
    axes.fill_between(month, first, third, color=colour, alpha=0.3, linewidth=0)
    axes.plot(month, middle, color=colour, linewidth=2.0)
    zero_line(axes, vertical=False)
    axes.annotate(
        bare(middle[-1], "money", language), (month[-1], middle[-1]), xytext=(6, 0), textcoords="offset points",
        ha="left", va="center", size=10, weight="bold", color=colour, annotation_clip=False,
    )  # fmt: skip
    axes.set_title(f"{wrapped(proposal, 34, 1)}, {language.currency}")
    axes.set_xlabel(language["axis.months"], loc="left", color=MUTED)
    axes.set_xlim(0, max(month))
    axes.set_xticks(range(0, int(max(month)) + 1, 6 if max(month) > 11 else 3))
    axes.tick_params(axis="y", labelcolor=MUTED)
    label_axis(axes.yaxis, "money", language, most=5)
    axes.grid(axis="y", color=GRID)
