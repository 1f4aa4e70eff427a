"""Impact and effort: quick wins and major projects, from the simulation."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from journeysim.report.plots.style import GRID, MUTED, interval, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_CORNERS: Final = (
    (0.01, 0.985, "left", "top", "quick"), (0.99, 0.985, "right", "top", "major"),
    (0.01, 0.015, "left", "bottom", "thankless"),
)  # fmt: skip


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return expected net benefit against effort of a table `impact_effort`; None when no effort is given."""
    if not item.rows:
        return None
    made, (axes,) = panels(1, height=3.0, left=0.75)
    effort, (mean, low, high) = item.numbers("effort"), (item.numbers(column.name) for column in item.columns[2:5])
    right = max(5.0, *effort) + 0.5
    at = _apart(effort, mean, 0.13 * (max(0.0, *high) - min(0.0, *low)))
    for k, name in enumerate(item.texts("proposal")):
        colour = series_colour(proposals.index(name))
        interval(axes, effort[k], (low[k], mean[k], mean[k], mean[k], high[k]), colour, vertical=True)
        flip = effort[k] > 0.85 * right
        axes.annotate(
            wrapped(name, 15, 2), (effort[k], at[k]), xytext=(-10 if flip else 10, 0), textcoords="offset points",
            ha="right" if flip else "left", va="center", size=10, weight="bold", color=colour,
        )  # fmt: skip
    axes.axvspan((0.5 + right) / 2, right, color=GRID, alpha=0.3, linewidth=0, zorder=0)
    zero_line(axes, vertical=False)
    bar = 0.5 * max(mean)
    if bar > 0:
        axes.axhline(bar, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for x, y, ha, va, word in _CORNERS:
        if word != "thankless" or min(low) < 0:
            axes.text(x, y, language[word], transform=axes.transAxes, ha=ha, va=va, size=9.5, color=MUTED)
    axes.set_xlim(0.5, right)
    pad = 0.12 * (max(0.0, *high) - min(0.0, *low))
    axes.set_ylim(min(0.0, *low) - pad, max(0.0, *high) + pad)
    axes.set_xlabel(language["axis.effort"], loc="left", color=MUTED)
    axes.set_title(language["axis.npv_unit"].format(currency=language.currency))
    label_axis(axes.xaxis, "count", language, most=8)
    label_axis(axes.yaxis, "money", language, most=5)
    axes.tick_params(axis="y", labelcolor=MUTED)
    return made


def _apart(effort: list[float], heights: list[float], least: float) -> list[float]:
    """Return where labels go: at their points, pushed down where one of the same effort would lie on another."""
    placed = list(heights)
    order = sorted(range(len(heights)), key=lambda k: (effort[k], -heights[k]))
    for above, below in pairwise(order):
        if effort[above] == effort[below]:
            placed[below] = min(placed[below], placed[above] - least)
    return placed
