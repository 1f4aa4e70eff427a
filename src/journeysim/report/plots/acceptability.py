"""Acceptability: the chance that each option is best, over the price of one unit of a goal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from journeysim.report.plots.style import GRID, MUTED, TODAY, panels, series_colour
from journeysim.report.plots.ticks import label_axis, wrapped
from journeysim.report.tables.table import Table, unique
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: Height of a label, as part of a panel's.
LABEL: Final = 0.085


def apart(places: Sequence[float]) -> list[float]:
    """Return where labels go so that none covers another: as near to where they belong as the others let them."""
    order = sorted(range(len(places)), key=lambda k: places[k])
    found, lowest = list(places), -LABEL / 2
    for number, k in enumerate(order):
        room = 1 + LABEL / 2 - (len(order) - 1 - number) * LABEL
        found[k] = min(max(places[k], lowest), max(room, lowest))
        lowest = found[k] + LABEL
    return found


def figure(item: Table, today: str, proposals: list[str], language: Language) -> Figure | None:
    """Return a panel per goal of a table `acceptability`; the option best in expectation is drawn thick."""
    goals = unique(item.texts("goal"))
    if not goals:
        return None
    made, axes = panels(len(goals), height=2.0, left=0.75, right=2.4)
    for panel, goal in zip(axes, goals, strict=True):
        part = item.where(goal=goal)
        options = unique(part.texts("option"))
        ends: dict[str, tuple[float, str]] = {}
        others = [name for name in options if name not in {today, *proposals}]
        for name in options:
            own = part.where(option=name)
            colour = TODAY if name == today else series_colour([*proposals, *others].index(name))
            price, chance = own.numbers(own.columns[1].name), own.numbers("p_best")
            leads = [value if own.at(k, "best_in_expectation") else float("nan") for k, value in enumerate(chance)]
            panel.plot(price, chance, color=colour, linewidth=1.2)
            panel.plot(price, leads, color=colour, linewidth=3.2)
            if max(chance) > 0.05:
                ends[name] = (chance[-1], colour)
        for (name, (_, colour)), place in zip(ends.items(), apart([end for end, _ in ends.values()]), strict=True):
            panel.annotate(
                wrapped(language.word("word", name), 34, 1), (price[-1], place), xytext=(6, 0),
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
