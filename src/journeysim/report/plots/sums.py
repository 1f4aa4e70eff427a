"""Sums with their ranges, one row each: what each change adds, and bundles of proposals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from journeysim.report.numbers import assumption_name, bare
from journeysim.report.plots.style import ACCENT, GRID, INK, MUTED, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, name_rows, wrapped
from journeysim.report.tables.table import Table
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BUNDLES: Final = 8


def contributions(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return what each change adds, a panel per proposal, of a table `contributions`; None without any."""
    parts = [(number, item.where(proposal=name)) for number, name in enumerate(proposals)]
    parts = [(number, part) for number, part in parts if part.rows]
    if not parts:
        return None
    most = max(len(part.rows) for _, part in parts)
    made, axes = panels(len(parts), height=0.36 * most + 0.1, left=3.3, right=0.6)
    ends = [value for column in (3, 4) for value in item.numbers(item.columns[column].name)]
    for panel, (number, part) in zip(axes, parts, strict=True):
        names = [assumption_name(text, language) for text in part.texts("change")]
        _rows(panel, part, names, 2, series_colour(number), language)
        panel.set_ylim(-most + 0.4, 0.6)
        _limits(panel, ends, language)
        panel.set_title(wrapped(proposals[number], 60, 1), x=-3.3 / (7.6 - 3.9), ha="left")
    axes[-1].set_xlabel(language["axis.gain_unit"].format(currency=language.currency), loc="left", color=MUTED)
    return made


def bundles(item: Table, language: Language) -> Figure | None:
    """Return the first bundles that may be chosen, of a table `portfolio`; None where there is nothing to combine."""
    ruled = any(column.name == "harmless" for column in item.columns)
    chosen = item.where(within_limits=True, **({"harmless": True} if ruled else {}))
    shown = Table(item.name, item.columns, chosen.rows[:MOST_BUNDLES])
    if len(shown.rows) < 2:
        return None
    made, (axes,) = panels(1, height=0.42 * len(shown.rows) + 0.1, left=3.3, right=0.6)
    _rows(axes, shown, shown.texts("bundle"), 1, ACCENT, language)
    axes.set_ylim(-len(shown.rows) + 0.4, 0.6)
    _limits(axes, [value for column in (2, 3) for value in shown.numbers(item.columns[column].name)], language)
    axes.set_xlabel(language["axis.npv_unit"].format(currency=language.currency), loc="left", color=MUTED)
    return made


def _rows(axes: Axes, item: Table, names: list[str], first: int, colour: str, language: Language) -> None:
    mean, low, high = (item.numbers(item.columns[first + k].name) for k in range(3))
    zero_line(axes)
    for place, sums in enumerate(zip(mean, low, high, strict=True)):
        axes.plot(sums[1:], (-place, -place), color=colour, linewidth=1.8, alpha=0.9, solid_capstyle="butt")
        axes.plot(sums[0], -place, marker="o", markersize=6.0, color=colour)
        axes.annotate(
            bare(sums[0], "money", language), (sums[2], -place), xytext=(6, 0), textcoords="offset points",
            ha="left", va="center", size=9.5, color=INK, annotation_clip=False,
        )  # fmt: skip
    name_rows(axes, range(0, -len(names), -1), [wrapped(name, 42, 2) for name in names])


def _limits(axes: Axes, ends: list[float], language: Language) -> None:
    pad = 0.05 * (max(0.0, *ends) - min(0.0, *ends)) or 1.0
    axes.set_xlim(min(0.0, *ends) - pad, max(0.0, *ends) + pad)
    axes.grid(axis="x", color=GRID)
    label_axis(axes.xaxis, "money", language, most=5)
