"""Where customers leave today, and what is at stake there: bars per touchpoint, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from journeysim.report.numbers import bare, written
from journeysim.report.plots.style import ACCENT, INK, TODAY, panels
from journeysim.report.plots.ticks import name_rows, wrapped
from journeysim.report.tables.table import Table, as_float
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS: Final = 12
_SMALLEST: Final = 0.05


def figure(item: Table, language: Language) -> Figure | None:
    """Return losses per hundred customers, and what they are worth, of a table `drop_off`; None when nobody is lost."""
    rows = [k for k, value in enumerate(item.numbers("lost_per_100_customers")) if value >= _SMALLEST][:MOST_BARS]
    if not rows:
        return None
    stake = next(
        (column.name for column in item.columns if column.name.startswith("at_stake_per_100_customers_mean")), None
    )
    made, axes = panels(
        len(rows[:1]) + (stake is not None), height=0.36 * len(rows) + 0.1, columns=2, left=1.6, gap=0.5
    )
    names = [wrapped(str(item.at(k, "touchpoint")), 22, 2) for k in rows]
    lost = [as_float(item.at(k, "lost_per_100_customers")) for k in rows]
    rates = [written(item.at(k, "drop_off_share"), "share", language) for k in rows]
    texts = [f"{written(value, 'hundredths', language)} \u00b7 {rate}" for value, rate in zip(lost, rates, strict=True)]
    _bars(axes[0], lost, texts, names, TODAY, language["axis.lost"])
    if stake is not None:
        worth = [max(0.0, as_float(item.at(k, stake))) for k in rows]
        told = [bare(as_float(item.at(k, stake)), "money", language) for k in rows]
        _bars(axes[1], worth, told, [], ACCENT, language["axis.stake"].format(currency=language.currency))
    return made


def _bars(axes: Axes, values: list[float], texts: list[str], names: list[str], colour: str, title: str) -> None:
    heights = [-k for k in range(len(values))]
    axes.barh(heights, values, height=0.6, color=colour, alpha=0.75, linewidth=0)
    for height, value, text in zip(heights, values, texts, strict=True):
        axes.text(value, height, f"\u2002{text}", va="center", ha="left", size=9.5, color=INK)
    name_rows(axes, heights[: len(names)], names)
    axes.set_xlim(0, max(values) * 1.55 or 1.0)
    axes.set_ylim(-len(values) + 0.4, 0.6)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_title(title)
