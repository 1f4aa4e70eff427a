"""The journey map as lanes: what each column holds, today and in a proposal, and the feeling curve over the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Final, final

import numpy as np

from journeysim.model.arms import Arm, World
from journeysim.model.changes.base import Change
from journeysim.model.changes.staff import ChangeStaff
from journeysim.model.journey import ZERO, JourneyMap, Touchpoint, split_link
from journeysim.model.quantity import Fixed
from journeysim.report.numbers import trimmed, written
from journeysim.report.sentences import spoken
from journeysim.report.words import Language

WIDEST: Final = 172
NARROWEST: Final = 118
SCROLLED: Final = 152
ROOM: Final = 830
CURVE: Final = 116
_ICONS: Final = (
    ("video", "video"), ("web", "web"), ("site", "web"), ("online", "web"), ("app", "app"), ("mobile", "app"),
    ("phone", "phone"), ("call", "phone"), ("e-mail", "mail"), ("email", "mail"), ("mail", "mail"), ("post", "mail"),
    ("branch", "branch"), ("store", "branch"), ("shop", "branch"), ("chat", "chat"), ("back", "office"),
    ("office", "office"), ("system", "office"),
)  # fmt: skip

_NINETY: Final = np.array([0.05, 0.95])
#: Sizes of a new touchpoint that say nothing about it: all of a link's flow comes by, and what costs or brings nothing.
_UNTOLD: Final = {"divert": Fixed(1.0)} | dict.fromkeys(
    ("value", "cost", "effort", "feeling", "value per day", "cost per day"), ZERO
)


@final
@dataclass(frozen=True, slots=True)
class Card:
    """One column of the map: the touchpoint, whether the proposal adds, removes or changes it, and how."""

    point: Touchpoint
    state: str
    changes: tuple[str, ...]
    feeling: float
    icon: str


@final
@dataclass(frozen=True, slots=True)
class Lanes:
    """One map: its title, its cards, runs of stages (name, columns), the feeling curve as SVG ("" without feelings)."""

    arm: str
    title: str
    cards: tuple[Card, ...]
    stages: tuple[tuple[str, int], ...]
    curve: str
    is_today: bool
    changes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Return the width of all columns in pixels."""
        return column_width(len(self.cards)) * len(self.cards)


def column_width(columns: int) -> int:
    """Return the width of a column in pixels: what the page has room for, or a comfortable one when it must scroll."""
    fitting = min(WIDEST, ROOM // max(columns, 1))
    return fitting if fitting >= NARROWEST else SCROLLED


def today_lanes(arm: Arm, language: Language) -> Lanes:
    """Return today's map."""
    world = arm.worlds[0]
    felt = feelings(world)
    cards = tuple(Card(point, "", (), felt[point.name], icon_of(point)) for point in world.journey.touchpoints)
    curve = _curve([(card.feeling, None) for card in cards], "curve-today", language)
    return Lanes(arm.name, language["map.today"], cards, _stages(cards), curve, is_today=True)


def proposal_lanes(today: Arm, arm: Arm, changes: Sequence[Change], number: int, language: Language) -> Lanes:
    """Return a proposal's map over the columns of both maps: removed touchpoints stay visible, struck out."""
    before, after = today.worlds[0], arm.worlds[-1]
    old, new = feelings(before), feelings(after)
    told = _told(before.journey, after.journey, changes, language)
    cards = tuple(
        _card(name, before.journey, after.journey, old | new, told) for name in columns(before.journey, after.journey)
    )
    listed = tuple(_what(change, "", language).replace(" -> ", " \u2192 ") for change in changes)
    points = [(card.feeling if card.state != "removed" else None, old.get(card.point.name)) for card in cards]
    return Lanes(
        arm.name,
        arm.name,
        cards,
        _stages(cards),
        _curve(points, f"curve-{number}", language),
        is_today=False,
        changes=listed,
    )


def columns(before: JourneyMap, after: JourneyMap) -> tuple[str, ...]:
    """Return the touchpoints of both maps in one order: the proposal's, with removed ones where they stood."""
    order = list(after.touchpoint_names)
    for k, name in enumerate(before.touchpoint_names):
        if name not in order:
            earlier = [order.index(other) for other in before.touchpoint_names[:k] if other in order]
            order.insert(max(earlier) + 1 if earlier else 0, name)
    return tuple(order)


def feelings(world: World) -> dict[str, float]:
    """Return the mean feeling at each touchpoint over draws, personas (by share) and tenure periods."""
    shares, values = world.draws.values("persona_share"), world.draws.values("feeling")
    means = np.einsum("dg,dgps->s", shares, values) / (values.shape[0] * values.shape[2])
    found = dict(zip(world.draws.places, means.tolist(), strict=True))
    return {name: found[name] for name in world.journey.touchpoint_names}


def icon_of(point: Touchpoint) -> str:
    """Return the name of a channel's icon."""
    channel = point.channel.lower()
    return next((icon for word, icon in _ICONS if word in channel), "office" if point.backstage else "dot")


def _card(name: str, before: JourneyMap, after: JourneyMap, felt: dict[str, float], told: dict[str, list[str]]) -> Card:
    state = "changed" if told.get(name) else ""
    if name not in before.touchpoint_names:
        state = "added"
    if name not in after.touchpoint_names:
        state = "removed"
    journey = before if state == "removed" else after
    point = journey.touchpoint(name)
    return Card(point, state, tuple(told.get(name, ())), felt[name], icon_of(point))


def _stages(cards: Sequence[Card]) -> tuple[tuple[str, int], ...]:
    return tuple((name, len(list(run))) for name, run in groupby(cards, key=lambda card: card.point.stage))


def _told(before: JourneyMap, after: JourneyMap, changes: Sequence[Change], language: Language) -> dict[str, list[str]]:
    """Return what the changes do, by the touchpoint where they show."""
    known = set(before.touchpoint_names) | set(after.touchpoint_names)
    found: dict[str, list[str]] = {}
    for change in changes:
        place = next((name for name in map(_place, change.edits) if name in known), None)
        if place is not None:
            found.setdefault(place, []).append(_what(change, place, language))
        for name in _served(change, after):
            found.setdefault(name, []).append(_what(change, name, language))
    return found


def _served(change: Change, journey: JourneyMap) -> Iterator[str]:
    """Yield the touchpoints whose staff a change is about."""
    if isinstance(change, ChangeStaff):
        for point in journey.touchpoints:
            if point.staffed_by is not None and point.staffed_by.resource == change.resource:
                yield point.name


def _place(edit: str) -> str:
    """Return the touchpoint that an edit is about: "add x", "remove x", "cost of x", "x -> y" and "x" are about x."""
    for head in ("add ", "remove "):
        edit = edit.removeprefix(head)
    before, mark, rest = edit.partition(" of ")
    plain = rest if mark and before in {"feeling", "effort", "cost", "value", "price"} else edit
    return split_link(plain)[0]


def _what(change: Change, place: str, language: Language) -> str:
    """Return a change in words: its title without the place it stands at ("" for all of it), and sizes or their 90 % ranges."""
    short = change.title.replace(f"{place} -> ", "\u2192 ").removesuffix(f": {place}")
    title = short if place else change.title
    sizes = [
        spoken(name.replace(" x", " \u00d7"), language) + f" {_range(quantity.ppf(_NINETY).tolist(), language)}"
        for name, quantity in change.quantities.items()
        if _UNTOLD.get(name) != quantity
    ]
    return "; ".join([spoken(title, language), *sizes[:2]])


def _range(ends: list[float], language: Language) -> str:
    low, high = (trimmed(end, "number", language) for end in ends)
    return low if low == high else f"{low}\u2013{high}"


def _curve(points: Sequence[tuple[float | None, float | None]], name: str, language: Language) -> str:
    """Return the feeling curve over columns of equal width: (now, today) per column, None where there is none."""
    now = [(k, value) for k, (value, _) in enumerate(points) if value is not None]
    before = [(k, value) for k, (_, value) in enumerate(points) if value is not None]
    if all(abs(value) < 1e-9 for _, value in (*now, *before)):
        return ""
    middle = CURVE / 2
    each = column_width(len(points))
    wide = each * len(points)
    values = ", ".join(written(value, "hundredths difference", language) for _, value in now)
    head = (
        f'<svg class="curve" role="img" aria-labelledby="{name}-t {name}-d" viewBox="0 0 {wide} {CURVE}" '
        f'width="{wide}" height="{CURVE}"><title id="{name}-t">{escape(language["lane.feeling"])}</title>'
        f'<desc id="{name}-d">{escape(language["alt.feeling"].format(values=values))}</desc>'
        f'<line class="zero" x1="0" x2="{wide}" y1="{middle}" y2="{middle}"/>'
    )
    parts = [head]
    if before and before != now:
        parts.append(f'<path class="was" d="{_smooth([_at(*point, each) for point in before])}"/>')
    parts.append(f'<path class="now" d="{_smooth([_at(*point, each) for point in now])}"/>')
    for k, value in now:
        x, y = _at(k, value, each)
        mood = "good" if value > 0.05 else "bad" if value < -0.05 else "flat"
        label = y - 12 if value >= 0 else y + 20
        parts.append(f'<circle class="{mood}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
        parts.append(f'<text x="{x:.1f}" y="{label:.1f}">{written(value, "hundredths difference", language)}</text>')
    return "".join([*parts, "</svg>"])


def _at(column: int, value: float, each: int) -> tuple[float, float]:
    return each * (column + 0.5), CURVE / 2 - float(np.clip(value, -1, 1)) * (CURVE / 2 - 24)


def _smooth(points: Sequence[tuple[float, float]]) -> str:
    """Return a path through the points with level tangents: it never swings past a point's own feeling."""
    (x, y), rest = points[0], points[1:]
    parts = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        half = (to_x - x) / 2
        parts.append(f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return "".join(parts)
