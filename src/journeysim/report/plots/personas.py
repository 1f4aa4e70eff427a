"""Winners and losers: the difference per persona, for each proposal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeysim.report.numbers import written
from journeysim.report.plots.style import GRID, INK, MUTED, interval, panels, series_colour, zero_line
from journeysim.report.plots.ticks import label_axis, name_rows, unit_label, wrapped
from journeysim.report.tables.effects import QUANTILES
from journeysim.report.tables.table import Table, as_float, unique
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return one column of panels per metric and one panel per proposal of a table `personas`."""
    metrics, people = unique(item.texts("metric")), unique(item.texts("persona"))
    if not metrics or not proposals:
        return None
    count = len(proposals) * len(metrics)
    made, axes = panels(count, height=0.36 * len(people) + 0.1, columns=len(metrics), left=1.35, gap=0.85, right=0.75)
    ranges = {metric: _range(item.where(metric=metric)) for metric in metrics}
    for k, panel in enumerate(axes):
        number, column = divmod(k, len(metrics))
        part = item.where(metric=metrics[column], proposal=proposals[number])
        if part.rows:
            _panel(panel, part, people, number, language, names=column == 0)
            panel.set_xlim(*ranges[metrics[column]])
        panel.set_title(f"{wrapped(proposals[number], 30, 1)}: {language[f'fig.personas.{metrics[column]}']}")
    return made


def _range(item: Table) -> tuple[float, float]:
    ends = [*item.numbers("difference_q05"), *item.numbers("difference_q95")]
    values = [end for end in ends if math.isfinite(end)]
    low, high = min([0.0, *values]), max([0.0, *values])
    pad = 0.06 * (high - low) or 1.0
    return low - pad, high + pad


def _panel(axes: Axes, item: Table, people: list[str], number: int, language: Language, *, names: bool) -> None:
    zero_line(axes)
    for place, persona in enumerate(people):
        row = item.find(persona=persona)
        if row is None or item.at(row, "difference_q50") is None:
            continue
        interval(
            axes, -place, [as_float(item.at(row, f"difference_{name}")) for name in QUANTILES], series_colour(number)
        )
        text = written(item.at(row, "p_better"), "chance", language)
        axes.text(1.03, -place, text, transform=axes.get_yaxis_transform(), ha="left", va="center", size=9.5, color=INK)
    kind = item.kind(0, "difference_mean")
    axes.set_ylim(-len(people) + 0.4, 0.6)
    labels = [wrapped(language.word("word", name), 20, 2) for name in people] if names else []
    name_rows(axes, range(0, -len(labels), -1), labels)
    axes.set_xlabel(unit_label(kind, str(item.at(0, "unit")), language), loc="left", color=MUTED)
    label_axis(axes.xaxis, kind, language, most=4)
    axes.grid(axis="x", color=GRID)
