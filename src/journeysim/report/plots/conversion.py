"""Conversion over time: today and each proposal, small multiples with today's curve behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeysim.report.plots.style import GRID, MUTED, TODAY, panels, series_colour
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(item: Table, today: str, proposals: list[str], language: Language) -> Figure | None:
    """Return one panel per proposal of a table `conversion_over_time`; None without proposals."""
    if not proposals:
        return None
    columns = min(2, len(proposals))
    made, axes = panels(len(proposals), height=1.9, columns=columns, sharey=True, left=0.7, gap=0.7, right=0.75)
    base = item.where(arm=today)
    end = sorted(set(item.numbers("days_since_entry")))[-2:][0]
    for number, (panel, proposal) in enumerate(zip(axes, proposals, strict=True)):
        _curve(panel, base, TODAY, language.word("word", "today"), dashed=True)
        _curve(panel, item.where(arm=proposal), series_colour(number), None, dashed=False)
        panel.set_title(wrapped(proposal, 40, 1))
        panel.set_xlabel(language["axis.days"], loc="left", color=MUTED)
        panel.set_xlim(0, end)
    # Panels share their axis and a limit stops it from growing, so it is set when all curves are there.
    for number, panel in enumerate(axes[: len(proposals)]):
        panel.set_ylim(bottom=0)
        label_axis(panel.xaxis, "count", language)
        label_axis(panel.yaxis, "share", language, most=4)
        panel.tick_params(axis="y", labelcolor=MUTED, labelleft=number % columns == 0)
        panel.grid(axis="y", color=GRID)
    return made


def _curve(axes: Axes, item: Table, colour: str, label: str | None, *, dashed: bool) -> None:
    days, mean = item.numbers("days_since_entry"), item.numbers("mean")
    axes.fill_between(days, item.numbers("q05"), item.numbers("q95"), color=colour, alpha=0.14, linewidth=0)
    axes.plot(days, mean, color=colour, linewidth=1.6 if dashed else 2.0, linestyle=(0, (4, 2)) if dashed else "-")
    if label:
        axes.annotate(
            label, (days[-2], mean[-2]), xytext=(5, 0), textcoords="offset points", va="center", size=9.5, color=colour,
            annotation_clip=False,
        )  # fmt: skip
