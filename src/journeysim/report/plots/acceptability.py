"""Acceptability: the chance that each option is best, over the price of one unit of a goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeysim.report.plots.style import GRID, MUTED, TODAY, panels, series_colour
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table, unique
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(item: Table, today: str, proposals: list[str], language: Language) -> Figure | None:
    """Return a panel per goal of a table `acceptability`; the option best in expectation is drawn thick."""
    goals = unique(item.texts("goal"))
    if not goals:
        return None
    made, axes = panels(len(goals), height=2.0, left=0.75, right=1.9)
    for panel, goal in zip(axes, goals, strict=True):
        part = item.where(goal=goal)
        for name in (today, *proposals):
            own = part.where(option=name)
            colour = TODAY if name == today else series_colour(proposals.index(name))
            price, chance = own.numbers(own.columns[1].name), own.numbers("p_best")
            leads = [value if own.at(k, "best_in_expectation") else float("nan") for k, value in enumerate(chance)]
            panel.plot(price, chance, color=colour, linewidth=1.2)
            panel.plot(price, leads, color=colour, linewidth=3.2)
            if max(chance) > 0.05:
                panel.annotate(
                    wrapped(language.word("word", name), 22, 1), (price[-1], chance[-1]), xytext=(6, 0),
                    textcoords="offset points", ha="left", va="center", size=9, color=colour, annotation_clip=False,
                )  # fmt: skip
        panel.set_ylim(0, 1)
        panel.set_title(language[f"goal.{goal}"])
        panel.set_xlabel(language["axis.price"].format(currency=language.currency), loc="left", color=MUTED)
        label_axis(panel.yaxis, "chance", language, most=5)
        label_axis(panel.xaxis, "money", language, most=6)
        panel.grid(axis="y", color=GRID)
        panel.tick_params(axis="y", labelcolor=MUTED)
    return made
