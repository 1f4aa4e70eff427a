"""Tick labels in the page's language, and names that fit their space."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from journeysim.report.numbers import Kind, trimmed
from journeysim.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis


def label_axis(axis: Axis, kind: Kind, language: Language, *, most: int = 5) -> None:
    """Write the axis' ticks as numbers of that kind, at most `most` steps."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: trimmed(value, kind, language)))


def unit_label(kind: Kind, unit: str, language: Language) -> str:
    """Return what stands under an axis of that kind: points, the currency, or the unit's name."""
    if kind == "points":
        return language["axis.points"]
    return language.currency if kind.startswith("money") else "" if unit == "count" else language.word("word", unit)


def wrapped(name: str, width: int = 20, lines: int = 3) -> str:
    """Return a name over at most `lines` lines, shortened when it is longer still."""
    parts = textwrap.wrap(name, width) or [name]
    if len(parts) > lines:
        parts = [*parts[: lines - 1], textwrap.shorten(" ".join(parts[lines - 1 :]), width, placeholder="…")]
    return "\n".join(part if len(part) <= width + 4 else part[: width + 3] + "…" for part in parts)


def name_rows(axes: Axes, heights: Sequence[float], names: Sequence[str]) -> None:
    """Write names beside the rows, each line on its own: the page's font is not the one lines were measured in."""
    axes.set_yticks([], [])
    for height, name in zip(heights, names, strict=True):
        lines = name.split("\n")
        for k, line in enumerate(lines):
            down = 12.0 * ((len(lines) - 1) / 2 - k)
            axes.annotate(
                line, (0.0, height), xycoords=axes.get_yaxis_transform(), xytext=(-8, down), textcoords="offset points",
                ha="right", va="center", size=10, annotation_clip=False,
            )  # fmt: skip
