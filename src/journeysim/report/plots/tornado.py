"""Tornado: share of the decision's variance that each assumption explains, per proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from journeysim.report.numbers import assumption_name, written
from journeysim.report.plots.style import INK, panels, series_colour
from journeysim.report.plots.ticks import name_rows, wrapped
from journeysim.report.tables.table import Table, as_float
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS: Final = 6
_SMALLEST: Final = 0.005


def figure(item: Table, proposals: list[str], language: Language) -> Figure | None:
    """Return the largest assumptions per proposal of a table `evidence`; None when there are none."""
    parts = [(number, _largest(item, name)) for number, name in enumerate(proposals)]
    parts = [(number, rows) for number, rows in parts if rows]
    if not parts:
        return None
    most = max(len(rows) for _, rows in parts)
    made, axes = panels(len(parts), height=0.36 * most + 0.1, left=3.3)
    top = max(as_float(item.at(rows[0], "variance_share")) for _, rows in parts)
    for panel, (number, rows) in zip(axes, parts, strict=True):
        _panel(panel, item, rows, number, language, most=most)
        panel.set_xlim(0, top * 1.55)
        panel.set_title(wrapped(proposals[number], 60, 1), x=-3.3 / (7.6 - 3.5), ha="left")
    return made


def _largest(item: Table, proposal: str) -> list[int]:
    """Return the rows of a proposal's largest assumptions, largest first."""
    rows = [k for k, name in enumerate(item.texts("proposal")) if name == proposal]
    rows = [k for k in rows if as_float(item.at(k, "variance_share")) >= _SMALLEST]
    return sorted(rows, key=lambda k: -as_float(item.at(k, "variance_share")))[:MOST_BARS]


def _panel(axes: Axes, item: Table, rows: list[int], number: int, language: Language, *, most: int) -> None:
    shares = [as_float(item.at(k, "variance_share")) for k in rows]
    axes.barh([-k for k in range(len(rows))], shares, height=0.6, color=series_colour(number), alpha=0.75, linewidth=0)
    for k, (row, share) in enumerate(zip(rows, shares, strict=True)):
        basis = written(item.at(row, "basis"), "basis", language)
        text = f"{written(share, 'share', language)} \u00b7 {basis}"
        axes.text(share, -k, f"\u2002{text}", va="center", ha="left", size=9.5, color=INK)
    proposal = str(item.at(rows[0], "proposal"))
    names = [assumption_name(str(item.at(k, "assumption")), language, of=proposal) for k in rows]
    name_rows(axes, range(0, -len(rows), -1), [wrapped(name, 40, 2) for name in names])
    axes.set_ylim(-most + 0.4, 0.6)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
