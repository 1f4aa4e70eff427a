"""A backtest in two pictures: what was foretold and what came, and how often intervals held it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from journeysim.calibrate.backtest.result import ALL, LEVELS, Backtest, Forecast
from journeysim.report.plots.style import GRID, INK, MUTED, PAPER, SERIES, interval, panels, styled, to_svg
from journeysim.report.plots.ticks import name_rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: In this order where there is room for few.
_FIRST: Final = (
    "conversions",
    "value",
    "rating",
    "on the way",
    "moves",
    "days to convert",
    "entrants",
    "conversions of entrants",
)
_MOST: Final = 6
#: 5, 25, 50, 75 and 95 % among the quantiles that are kept.
_SHOWN: Final = (0, 2, 3, 4, 6)


def backtest_figures(found: Backtest) -> dict[str, str]:
    """Return the figures as SVG by name."""
    made = {}
    for name, draw, title, description in (
        ("forecasts", forecasts_figure, "What was foretold and what came",
         "Per period, the forecast made one period before, with 50 and 90 % intervals, and the actual value."),
        ("coverage", coverage_figure, "How often intervals held what came",
         "Per metric, the part of actual values inside 50, 80 and 90 % intervals, with binomial error."),
    ):  # fmt: skip
        with styled(name):
            made[name] = to_svg(draw(found), f"fig-{name}", title, description)
    return made


def shown_metrics(found: Backtest) -> list[str]:
    """Return the metrics of the first figure: the telling ones, then outcomes, at most six."""
    there = dict.fromkeys(item.metric for item in found.forecasts)
    order = [*_FIRST, *(name for name in there if name.startswith("reached "))]
    return [name for name in order if name in there][:_MOST]


def forecasts_figure(found: Backtest) -> Figure:
    """Draw one panel per metric: the forecast one period ahead, the fan from the first origin, and what came."""
    metrics = shown_metrics(found)
    made, axes = panels(len(metrics), height=1.75, columns=2, left=0.65, gap=0.75, right=0.3)
    everybody = {item.persona for item in found.forecasts}
    persona = ALL if ALL in everybody else next(iter(everybody), ALL)
    for panel, metric in zip(axes, metrics, strict=True):
        own = [item for item in found.forecasts if item.metric == metric and item.persona == persona]
        _panel(panel, own, found.origins[0])
        panel.set_title(wrapped(f"{metric} ({own[0].unit})" if own[0].unit != "count" else metric, 40, 1))
    return made


def _panel(axes: Axes, items: Sequence[Forecast], first: str) -> None:
    from matplotlib.ticker import MaxNLocator

    periods = {start: k for k, start in enumerate(sorted({item.start for item in items}))}
    fan = sorted((item for item in items if item.origin == first), key=lambda item: item.ahead)
    at = [periods[item.start] for item in fan]
    for low, high, alpha in ((0, 6, 0.12), (2, 4, 0.16)):
        ends = ([item.quantiles[low] for item in fan], [item.quantiles[high] for item in fan])
        axes.fill_between(at, *ends, color=SERIES[0], alpha=alpha, linewidth=0)
    for item in items:
        if item.ahead == 1:
            interval(axes, periods[item.start], [item.quantiles[k] for k in _SHOWN], SERIES[0], vertical=True)
    actual = {periods[item.start]: item.actual for item in items}
    order = sorted(actual)
    axes.plot(order, [actual[k] for k in order], color=SERIES[1], linewidth=1.2, zorder=4)
    axes.plot(
        order, [actual[k] for k in order], linestyle="", marker="D", markersize=4.5, color=SERIES[1],
        markeredgecolor=PAPER, markeredgewidth=0.8, zorder=5,
    )  # fmt: skip
    step = max(1, -(-len(periods) // 5))
    names = list(periods)[::step]
    axes.set_xticks([periods[name] for name in names], [name[5:10] for name in names])
    axes.set_xlim(-0.6, len(periods) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.grid(axis="y", color=GRID)


def coverage_figure(found: Backtest) -> Figure:
    """Draw one row per metric, personas joined: the part held by each interval, one period ahead and all."""
    items = [item for item in found.forecasts if item.persona != ALL]
    metrics = list(dict.fromkeys(item.metric for item in items))
    made, (panel,) = panels(1, height=0.32 * (len(metrics) + 1) + 0.2, left=2.1, right=0.3)
    heights = np.arange(len(metrics) + 1)[::-1].astype(float)
    rows = [("all metrics", items), *((name, [item for item in items if item.metric == name]) for name in metrics)]
    for height, (_, own) in zip(heights, rows, strict=True):
        for k, level in enumerate(LEVELS):
            held = float(np.mean([item.held[k] for item in own]))
            error = 1.645 * np.sqrt(level * (1 - level) / len(own))
            panel.plot(
                [level - error, level + error], [height + 0.2 * (1 - k)] * 2, color=SERIES[k], linewidth=3.5, alpha=0.25
            )
            panel.plot(held, height + 0.2 * (1 - k), marker="o", markersize=6, color=SERIES[k], markeredgecolor=PAPER)
    for k, level in enumerate(LEVELS):
        panel.axvline(level, color=SERIES[k], linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
        panel.annotate(
            f"{level:.0%}", (level, heights[0] + 0.55), ha="center", size=9, color=SERIES[k], annotation_clip=False
        )
    panel.set_ylim(-0.6, heights[0] + 0.5)
    panel.set_xlim(-0.03, 1.03)
    panel.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    panel.axhline(heights[0] - 0.5, color=INK, linewidth=0.6)
    name_rows(panel, heights.tolist(), [wrapped(name, 34, 1) for name, _ in rows])
    panel.set_xlabel("part of actual values held; bands: binomial error at 90 %", loc="left", color=MUTED)
    return made
