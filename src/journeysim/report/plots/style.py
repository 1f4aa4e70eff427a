"""How every figure looks, and how it becomes SVG: no pyplot, no date, theme colours as CSS variables, text as text."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Sentinel colours drawn by matplotlib -> the page's CSS variable with a fallback for the file on its own.
INK, MUTED, GRID, PAPER, ACCENT = "#010203", "#010204", "#010205", "#010206", "#010207"
#: Proposals, in order: blue, vermilion, green, purple, ochre, sky of Okabe and Ito (2008), muted. Today is grey.
SERIES: Final = ("#010211", "#010212", "#010213", "#010214", "#010215", "#010216")
TODAY: Final = "#010210"
_VARIABLES: Final = {
    INK: "var(--ink,#1d2126)", MUTED: "var(--muted,#666d75)", GRID: "var(--grid,#dcdcd6)",
    PAPER: "var(--paper,#ffffff)", ACCENT: "var(--accent,#0b5c8c)", TODAY: "var(--today,#7d838a)",
    SERIES[0]: "var(--s1,#1a6fa8)",
    SERIES[1]: "var(--s2,#c4622d)", SERIES[2]: "var(--s3,#2b8a6e)", SERIES[3]: "var(--s4,#a2588c)",
    SERIES[4]: "var(--s5,#8c7613)", SERIES[5]: "var(--s6,#3f94bd)",
}  # fmt: skip
_SETTINGS: Final = {
    "svg.fonttype": "none", "text.parse_math": False, "font.size": 10.0, "axes.spines.top": False,
    "axes.spines.right": False, "axes.spines.left": False, "axes.edgecolor": GRID, "axes.labelcolor": MUTED,
    "axes.labelsize": 9.5, "axes.linewidth": 0.8, "axes.axisbelow": True, "axes.unicode_minus": True,
    "xtick.color": GRID, "ytick.color": GRID, "xtick.labelcolor": MUTED, "ytick.labelcolor": INK,
    "xtick.labelsize": 9.5, "ytick.labelsize": 10.0,
    "xtick.major.size": 3.0, "ytick.major.size": 0.0, "xtick.minor.visible": False, "text.color": INK,
    "grid.color": GRID, "grid.linewidth": 0.7, "axes.titlesize": 10.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.titlecolor": INK, "axes.titlepad": 10.0, "figure.facecolor": "none",
    "axes.facecolor": "none", "savefig.facecolor": "none", "hatch.linewidth": 0.6, "path.simplify": False,
}  # fmt: skip
WIDTH: Final = 7.6


def series_colour(number: int) -> str:
    """Return the colour of the proposal with that number; colours repeat after six."""
    return SERIES[number % len(SERIES)]


@contextmanager
def styled(salt: str) -> Iterator[None]:
    """Draw and save inside this: the settings hold here only, and element ids depend on `salt` alone."""
    from matplotlib import rc_context

    settings: dict[Any, Any] = {**_SETTINGS, "svg.hashsalt": salt}
    with rc_context(settings):
        yield


def panels(
    count: int,
    *,
    height: float,
    columns: int = 1,
    sharey: bool = False,
    left: float = 1.6,
    gap: float = 0.35,
    right: float = 0.2,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of the report's width with `count` panels, each `height` inches high.

    Margins are in inches; `right` is kept free beside the last column, `gap` between columns.
    """
    from matplotlib.figure import Figure

    rows = -(-count // columns)
    top, bottom, between = 0.38, 0.55, 0.85
    total = top + bottom + rows * height + (rows - 1) * between
    figure = Figure(figsize=(WIDTH, total))
    wide = (WIDTH - left - right - gap * (columns - 1)) / columns
    axes: list[Axes] = []
    for k in range(count):
        row, column = divmod(k, columns)
        box = (left + column * (wide + gap), total - top - (row + 1) * height - row * between, wide, height)
        share = axes[0] if sharey and axes else None
        axes.append(figure.add_axes((box[0] / WIDTH, box[1] / total, box[2] / WIDTH, box[3] / total), sharey=share))
    return figure, axes


def zero_line(axes: Axes, *, vertical: bool = True) -> None:
    """Draw the line of no difference."""
    draw = axes.axvline if vertical else axes.axhline
    draw(0.0, color=INK, linewidth=0.9, zorder=1)


def interval(axes: Axes, y: float, quantiles: Sequence[float], colour: str, *, vertical: bool = False) -> None:
    """Draw a 90 % line, a 50 % bar and the median (q05, q25, q50, q75, q95) at height `y`, on end where `vertical`."""
    low, first, middle, third, high = quantiles
    for ends, width, alpha in (((low, high), 1.8, 0.9), ((first, third), 6.5, 0.55)):
        points = ((y, y), ends) if vertical else (ends, (y, y))
        axes.plot(*points, color=colour, linewidth=width, alpha=alpha, solid_capstyle="butt", zorder=2)
    at = (y, middle) if vertical else (middle, y)
    axes.plot(*at, marker="o", markersize=6.0, color=colour, markeredgecolor=PAPER, markeredgewidth=1.2, zorder=3)


def to_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """Return a figure as an SVG element with its title and description, ids made unique by its name."""
    out = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(out, format="svg", metadata=nothing)
    return dressed(out.getvalue(), name, title, description)


def dressed(svg: str, name: str, title: str, description: str) -> str:
    """Return matplotlib's SVG ready for the page: variables for sentinels, inherited font, no prolog, alt text."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r" ?font-family: [^;\"]*;?", "", svg)
    svg = svg.replace("font-weight: 700", "font-weight: 600")
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)
    width, height = (float(value) for value in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="Helvetica, Arial, sans-serif">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    )
    return head + svg[svg.index(">") + 1 :].strip()
