"""Two numbers at once: where a proposal pays, over both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeysim.report.numbers import assumption_name
from journeysim.report.plots.style import INK, MUTED, panels, series_colour
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Standard errors from break-even below which a point is hatched.
SURE = 2.0


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return a panel per proposal of a table `two_numbers`; None when there is none."""
    parts = [(number, item.where(proposal=name)) for number, name in enumerate(proposals)]
    parts = [(number, part) for number, part in parts if part.rows]
    if not parts:
        return None
    made, axes = panels(len(parts), height=2.3, columns=min(2, len(parts)), left=0.75, gap=0.95)
    for panel, (number, part) in zip(axes, parts, strict=True):
        _panel(panel, part, number, proposals[number], language)
    return made


def _panel(axes: Axes, item: Table, number: int, proposal: str, language: Language) -> None:
    first, second = (np.unique(item.numbers(name)) for name in ("first_size", "second_size"))
    shape = (len(first), len(second))
    net, error = (np.reshape(item.numbers(item.columns[k].name), shape).T for k in (5, 6))
    names = [assumption_name(str(item.rows[0].cells[k]), language, of=proposal) for k in (1, 2)]
    if net.max() > 0:
        axes.contourf(
            first, second, net, levels=[0.0, float(net.max()) + 1.0], colors=[series_colour(number)], alpha=0.25
        )
    unsure = np.abs(net) / np.maximum(error, 1e-300)
    if unsure.min() < SURE:
        axes.contourf(first, second, unsure, levels=[0.0, SURE], colors="none", hatches=["////"])
    if net.min() < 0 < net.max():
        axes.contour(first, second, net, levels=[0.0], colors=[series_colour(number)], linewidths=2.4)
    axes.plot(first.mean(), second.mean(), marker="o", markersize=4.5, color=INK)
    axes.set_title(wrapped(proposal, 34, 1))
    axes.set_xlabel(wrapped(names[0], 44, 1), loc="left", color=MUTED)
    axes.set_ylabel(wrapped(names[1], 34, 2), color=MUTED, size=8.5)
    for axis in (axes.xaxis, axes.yaxis):
        label_axis(axis, "number", language, most=5)
    axes.tick_params(axis="y", labelcolor=MUTED)
