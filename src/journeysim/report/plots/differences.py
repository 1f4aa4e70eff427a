"""Forest plot: one small panel per metric, one row per proposal, around the line of no difference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from journeysim.report.numbers import bare
from journeysim.report.plots.style import GRID, INK, MUTED, interval, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, name_rows, unit_label, wrapped
from journeysim.report.tables.effects import QUANTILES
from journeysim.report.tables.table import Table, as_float, unique
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS: Final = 6


def shown_metrics(item: Table) -> list[str]:
    """Return the metrics worth a panel: the first ones in order whose difference is not zero for everybody."""
    found = []
    for metric in unique(item.texts("metric")):
        part = item.where(metric=metric)
        spread = [*part.numbers("difference_q05"), *part.numbers("difference_q95")]
        if any(math.isfinite(value) and abs(value) > 1e-12 for value in spread):
            found.append(metric)
    mirrored = {"loss"} if "conversion" in found and "churn" not in found else set()
    return [metric for metric in found if metric not in mirrored][:MOST_PANELS]


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return the forest plot of a table `differences`; None when nothing differs."""
    metrics = shown_metrics(item)
    if not metrics:
        return None
    made, axes = panels(len(metrics), height=0.42 * len(proposals) + 0.12, columns=2, left=1.35, gap=0.95, right=0.85)
    for k, (panel, metric) in enumerate(zip(axes, metrics, strict=True)):
        _panel(panel, item.where(metric=metric), proposals, language, names=k % 2 == 0)
    return made


def _panel(axes: Axes, item: Table, proposals: list[str], language: Language, *, names: bool) -> None:
    zero_line(axes)
    for number, proposal in enumerate(proposals):
        row = item.find(proposal=proposal)
        if row is None or item.at(row, "difference_q50") is None:
            continue
        interval(
            axes, -number, [as_float(item.at(row, f"difference_{name}")) for name in QUANTILES], series_colour(number)
        )
        kind = item.kind(row, "difference_mean")
        text = bare(as_float(item.at(row, "difference_mean")), kind, language)
        axes.text(
            1.03, -number, text, transform=axes.get_yaxis_transform(), ha="left", va="center", size=9.5, color=INK
        )
    kind = item.kind(0, "difference_mean")
    axes.set_title(language.word("metric", str(item.at(0, "metric"))))
    axes.set_xlabel(unit_label(kind, str(item.at(0, "unit")), language), loc="left", color=MUTED)
    axes.set_ylim(-len(proposals) + 0.4, 0.6)
    name_rows(axes, range(0, -len(proposals), -1), [wrapped(name, 18, 2) if names else "" for name in proposals])
    label_axis(axes.xaxis, kind, language, most=4)
    axes.grid(axis="x", color=GRID)
