"""The flow picture: touchpoints in a row, bands as wide as their moves; conversions rise, losses fall."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, final

from journeysim.report.numbers import written
from journeysim.report.words import Language

PITCH: Final = 136
CARD: Final = (104, 58)
LEFT: Final = 78
RIGHT: Final = 168
PER_HUNDRED: Final = 50.0
ROOM: Final = 944.0
SMALLEST: Final = 0.05
LABELLED: Final = 0.95
_SCALE: Final = PER_HUNDRED / 100.0


@final
@dataclass(frozen=True, slots=True)
class Move:
    """Moves over one link per hundred customers, now and the difference from today."""

    source: str
    target: str
    now: float
    difference: float

    @property
    def width(self) -> float:
        """Return the band's width in pixels; a ghost of a link that went has a hairline."""
        return max(0.8, self.now * _SCALE)

    @property
    def state(self) -> str:
        """Return how the link differs from today: gone, new, more, fewer or nothing."""
        if abs(self.difference) < 0.25:
            return ""
        if self.now < SMALLEST:
            return "gone"
        return "new" if self.now - self.difference < SMALLEST else "more" if self.difference > 0 else "fewer"


@final
@dataclass(frozen=True, slots=True)
class Flow:
    """What the picture shows: touchpoints with their state, outcomes (name, is conversion), moves, entries, totals."""

    arm: str
    touchpoints: tuple[tuple[str, str], ...]
    outcomes: tuple[tuple[str, bool], ...]
    moves: tuple[Move, ...]
    visits: dict[str, float]
    entries: dict[str, float]
    changes: bool


@final
@dataclass(frozen=True, slots=True)
class _Sheet:
    """Where things stand: column of each touchpoint, top of the row, and the river of each outcome (top, total)."""

    column: dict[str, int]
    top: float
    rivers: dict[str, tuple[float, float]]
    wide: float
    high: float
    taken: list[tuple[float, float]] = field(default_factory=list)

    def x(self, name: str, part: float = 0.0) -> float:
        """Return the x of a point on a card; part runs from -0.5 (left edge) to 0.5 (right edge)."""
        return LEFT + PITCH * self.column[name] + CARD[0] * (0.5 + part)

    @property
    def bottom(self) -> float:
        """Return the bottom of the row of cards."""
        return self.top + CARD[1]


def picture(flow: Flow, name: str, language: Language) -> str:
    """Return the flow picture as an SVG element with title and description; `name` makes its ids unique."""
    sheet = _sheet(flow)
    title = language["fig.flow"].format(arm=language.word("word", flow.arm))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'viewBox="0 0 {sheet.wide:.0f} {sheet.high:.0f}" width="{sheet.wide:.0f}" height="{sheet.high:.0f}" '
        f'style="width:100%;height:auto;min-width:{_least(sheet.wide):.0f}px;max-width:{sheet.wide:.0f}px">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(language["alt.flow"])}</desc>'
        f'<defs><pattern id="{name}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>'
    )
    parts = [head]
    labels: list[str] = []
    parts += _bands(flow, sheet, labels, language)
    parts += _entries(flow, sheet, labels, language)
    parts += _cards(flow, sheet, name, language)
    parts += _ends(flow, sheet, language)
    return "".join([*parts, *labels, "</svg>"])


def _least(wide: float) -> float:
    """Return the least width to shrink to: a picture that must scroll anyway keeps its full size."""
    return 0.78 * wide if 0.78 * wide <= ROOM else wide


def _sheet(flow: Flow) -> _Sheet:
    column = {name: k for k, (name, _) in enumerate(flow.touchpoints)}
    totals = {end: sum(move.width for move in flow.moves if move.target == end) for end, _ in flow.outcomes}
    up = [end for end, converts in flow.outcomes if converts]
    down = [end for end, converts in flow.outcomes if not converts]
    ahead = [column[m.target] - column[m.source] for m in flow.moves if m.target in column]
    over = max([_rise(span) + 14 for span in ahead if span > 1], default=0)
    under = max([_rise(1 - span) + 14 for span in ahead if span <= 0], default=0)
    rivers, y = {}, 26.0
    for end in up:
        rivers[end] = (y, totals[end])
        y += max(totals[end], 30.0) + 24
    top = y + over + 22
    y = top + CARD[1] + under + 44
    for end in down:
        rivers[end] = (y, totals[end])
        y += max(totals[end], 30.0) + 30
    wide = LEFT + PITCH * len(flow.touchpoints) + RIGHT - 40
    return _Sheet(column, top, rivers, wide, y - 6)


def _rise(span: int) -> float:
    """Return how far an arc over `span` columns leaves the row."""
    return min(30.0 + 14.0 * span, 110.0)


def _bands(flow: Flow, sheet: _Sheet, labels: list[str], language: Language) -> Iterator[str]:
    """Yield every band: rivers first, then arcs, then the main line, so that the main line lies on top."""
    column = sheet.column
    shown = [move for move in flow.moves if move.now >= SMALLEST or (flow.changes and move.state == "gone")]
    for end, converts in flow.outcomes:
        yield from _river(end, [m for m in shown if m.target == end], sheet, labels, language, up=converts)
    inner = [move for move in shown if move.target in column and move.source in column]
    for move in sorted(inner, key=lambda move: -abs(column[move.target] - column[move.source])):
        span = column[move.target] - column[move.source]
        yield _straight(move, sheet, labels, language) if span == 1 else _arc(move, span, sheet, labels, language)


def _river(
    end: str, moves: Sequence[Move], sheet: _Sheet, labels: list[str], language: Language, *, up: bool
) -> Iterator[str]:
    """Yield one band per touchpoint that leads to an outcome; together they form a river that widens to the right."""
    top, total = sheet.rivers[end]
    right = LEFT + PITCH * len(sheet.column) - 10
    laid = 0.0
    kind = "good" if up else "bad"
    for move in sorted(moves, key=lambda move: sheet.column[move.source]):
        lane = laid + move.width / 2
        y = top + lane if up else top + total - lane
        laid += move.width
        x = sheet.x(move.source, 0.34)
        start = sheet.top if up else sheet.bottom
        bend, turn = (start + y) / 2, x + min(46.0, right - x)
        path = f"M{x:.1f} {start:.1f}C{x:.1f} {bend:.1f} {x + 4:.1f} {y:.1f} {turn:.1f} {y:.1f}H{right:.1f}"
        yield _band(path, move, kind)
        side = -1 if up else 1
        _label(labels, move, x + move.width / 2 + 5, start + side * (14 if up else 18), language, sheet, anchor="start")


def _straight(move: Move, sheet: _Sheet, labels: list[str], language: Language) -> str:
    y = sheet.top + CARD[1] / 2
    x, to = sheet.x(move.source, 0.5), sheet.x(move.target, -0.5)
    _label(labels, move, (x + to) / 2, y - move.width / 2 - 4, language, sheet)
    return _band(f"M{x:.1f} {y:.1f}H{to:.1f}", move, "")


def _arc(move: Move, span: int, sheet: _Sheet, labels: list[str], language: Language) -> str:
    """Return a band over the row for a move that skips touchpoints, under it for a move back."""
    back = span <= 0
    x = sheet.x(move.source, -0.12 if back else 0.16)
    to = sheet.x(move.target, 0.12 if back else -0.16)
    if span == 0:
        x, to = sheet.x(move.source, 0.12), sheet.x(move.source, -0.3)
    y, side = (sheet.bottom, 1) if back else (sheet.top, -1)
    height = _rise(1 - span if back else span) * 4 / 3
    path = f"M{x:.1f} {y:.1f}C{x:.1f} {y + side * height:.1f} {to:.1f} {y + side * height:.1f} {to:.1f} {y:.1f}"
    apex = y + side * 0.75 * height
    _label(labels, move, (x + to) / 2, apex + (13 + move.width / 2 if back else -4 - move.width / 2), language, sheet)
    tip = (
        f'<path class="tip {move.state}" d="M{to - 5:.1f} {y + 9:.1f}L{to:.1f} {y + 1:.1f}L{to + 5:.1f} {y + 9:.1f}z"/>'
        if back
        else ""
    )
    return _band(path, move, "") + tip


def _band(path: str, move: Move, kind: str) -> str:
    names = " ".join(part for part in ("band", kind, "ghost" if move.now < SMALLEST else "") if part)
    title = f"<title>{escape(move.source)} \u2192 {escape(move.target)}</title>"
    changed = max(1.6, abs(move.difference) * _SCALE)
    core = (
        f'<path class="band core {move.state}" d="{path}" stroke-width="{changed:.2f}">{title}</path>'
        if move.state
        else ""
    )
    return f'<path class="{names}" d="{path}" stroke-width="{move.width:.2f}">{title}</path>{core}'


def _label(
    labels: list[str], move: Move, x: float, y: float, language: Language, sheet: _Sheet, *, anchor: str = "middle"
) -> None:
    """Add a band's number: moves per hundred, or in a proposal the difference where it matters; never over another."""
    if move.state:
        text, name = written(move.difference, "hundredths difference", language), f"delta {move.state}"
    elif move.now >= LABELLED:
        text, name = written(move.now, "hundredths", language), "count"
    else:
        return
    while any(abs(x - other) < 34 and abs(y - height) < 11 for other, height in sheet.taken):
        y += 11
    sheet.taken.append((x, y))
    labels.append(f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')


def _entries(flow: Flow, sheet: _Sheet, labels: list[str], language: Language) -> Iterator[str]:
    for name, entering in flow.entries.items():
        if entering < SMALLEST or name not in sheet.column:
            continue
        width = max(0.8, entering * _SCALE)
        text = f"{language['map.enter']} {written(entering, 'days', language)}"
        if sheet.column[name] == 0:
            y = sheet.top + CARD[1] / 2
            yield f'<path class="band in" d="M14 {y:.1f}H{LEFT}" stroke-width="{width:.2f}"/>'
            labels.append(f'<text class="count" x="14" y="{y - width / 2 - 5:.1f}">{escape(text)}</text>')
        else:
            x, y = sheet.x(name, -0.42), sheet.top
            yield f'<path class="band in" d="M{x:.1f} {y - 22:.1f}V{y:.1f}" stroke-width="{width:.2f}"/>'
            at = f'x="{x - width / 2 - 4:.1f}" y="{y - 10:.1f}"'
            labels.append(f'<text class="count" {at} text-anchor="end">{escape(text)}</text>')


def _cards(flow: Flow, sheet: _Sheet, name: str, language: Language) -> Iterator[str]:
    for point, state in flow.touchpoints:
        x, y = sheet.x(point, -0.5), sheet.top
        box = f'x="{x:.1f}" y="{y:.1f}" width="{CARD[0]}" height="{CARD[1]}" rx="5"'
        yield f'<g class="card {state}"><rect {box}/>'
        if state == "removed":
            yield f'<rect fill="url(#{name}-hatch)" {box}/>'
        lines = _lines(("+ " if state == "added" else "") + point)
        first = y + CARD[1] / 2 - 7 * len(lines) + 4
        for k, line in enumerate(lines):
            yield f'<text x="{x + CARD[0] / 2:.1f}" y="{first + 14 * k:.1f}">{escape(line)}</text>'
        visits = written(flow.visits.get(point, 0.0), "hundredths", language)
        if state != "removed":
            yield f'<text class="visits" x="{x + CARD[0] / 2:.1f}" y="{first + 14 * len(lines):.1f}">{visits}</text>'
        yield "</g>"


def _lines(name: str, width: int = 16) -> list[str]:
    lines = textwrap.wrap(name, width) or [name]
    if len(lines) > 2:
        lines = [lines[0], textwrap.shorten(" ".join(lines[1:]), width, placeholder="…")]
    return [line if len(line) <= width + 1 else line[:width] + "…" for line in lines]


def _ends(flow: Flow, sheet: _Sheet, language: Language) -> Iterator[str]:
    right = LEFT + PITCH * len(sheet.column)
    for end, converts in flow.outcomes:
        top, total = sheet.rivers[end]
        moves = [move for move in flow.moves if move.target == end]
        now, difference = sum(move.now for move in moves), sum(move.difference for move in moves)
        y = top + total / 2
        half = max(total / 2, 1.0)
        kind = "good" if converts else "bad"
        yield f'<rect class="end {kind}" x="{right - 10:.1f}" y="{y - half:.1f}" width="5" height="{2 * half:.1f}"/>'
        yield f'<text class="end" x="{right + 4:.1f}" y="{y - 1:.1f}">{escape(_lines(end, 22)[0])}</text>'
        share = f"{written(now, 'days', language)}\u00a0%"
        yield f'<text class="share" x="{right + 4:.1f}" y="{y + 15:.1f}">{share}</text>'
        if flow.changes and abs(difference) >= 0.05:
            text = written(difference, "hundredths difference", language)
            state = "more" if difference > 0 else "fewer"
            yield f'<text class="delta {state}" x="{right + 56:.1f}" y="{y + 15:.1f}">{text}</text>'
