"""Journey maps as files that read back as the same map."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from journeysim.files import number_texts as texts
from journeysim.files.number_texts import Value, Write
from journeysim.files.yaml_positions import FORMAT_VERSION
from journeysim.model.journey import (
    CONFIDENCE,
    NOTHING,
    ZERO,
    JourneyMap,
    Link,
    Outcome,
    Persona,
    Resource,
    Reward,
    Row,
    Staffing,
    Tenure,
    Touchpoint,
)
from journeysim.model.quantity import Quantity
from journeysim.model.satisfaction import Satisfaction
from journeysim.model.seasons import Season

Node = Value | Mapping[str, "Node"] | list["Node"]
Group = dict[str, Node]
LINE_LENGTH: Final = 110
_ROW_OF_LINKS: Final = 3  # touchpoints, a touchpoint, next
SAFE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ ()/'%+.-]*")
RESERVED: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
TEXT_FIELDS: Final = ("stage", "channel", "owner", "goal", "action", "thought")
LIST_FIELDS: Final = ("pain_points", "opportunities", "root_causes", "solutions")
FLAGS: Final = ("moment_of_truth", "magic_moment", "backstage", "conversion")


Comments = Mapping[tuple[str, ...], Iterable[str]]


def write_journey(journey: JourneyMap, comments: Comments = MappingProxyType({})) -> str:
    """Return a journey file that `read_journey` reads as the same map.

    `comments` are lines to put above a setting, by its path: `("touchpoints", "cart")`; those of `()` head the file. An
    empty line stays empty. A link's `slot` is not written (files state today, where every link stands in its own slot).
    Raises TypeError for quantities that have no written form, such as the odds ratio of a test.
    """
    lines = [*_comment(comments, (), ""), *_lines(_journey(journey), (), comments)]
    return "".join(f"{line}\n" for line in lines)


def _comment(comments: Comments, path: tuple[str, ...], pad: str) -> Iterable[str]:
    """Yield the lines above a setting; a line break inside a name must not end a comment."""
    for text in comments.get(path, ()):
        yield f"{pad}# {''.join(letter if letter.isprintable() else ' ' for letter in text)}".rstrip() if text else ""


@dataclass(frozen=True, slots=True)
class _Writers:
    """How amounts are written in a journey's currency."""

    sum_: Write
    per_time: Write


def _journey(journey: JourneyMap) -> Group:
    amount = texts.sums(journey.currency)
    write = _Writers(amount, texts.per_time(amount))
    group: Group = {"journeysim": str(FORMAT_VERSION), "journey": quoted(journey.name)}
    if journey.kind != "current state":
        group["kind"] = journey.kind
    _texts(group, {"about": journey.about, "currency": journey.currency})
    group["personas"] = {
        persona.name: _about({"share": texts.quantity(persona.share, texts.percent)}, persona.about) | _mood(persona)
        for persona in journey.personas
    }
    if journey.stages:
        group["stages"] = [quoted(stage) for stage in journey.stages]
    group["touchpoints"] = {item.name: _touchpoint(item, write) for item in journey.touchpoints}
    group["outcomes"] = {item.name: _outcome(item, write) for item in journey.outcomes}
    if journey.resources:
        group["resources"] = {item.name: _resource(item) for item in journey.resources}
    return group | _arrivals(journey)


def _arrivals(journey: JourneyMap) -> Group:
    group: Group = {"enter": _shares(journey.entry)}
    if journey.entry_by_persona:
        group["enter by persona"] = {persona: _shares(shares) for persona, shares in journey.entry_by_persona}
    if journey.seen_entry != CONFIDENCE["guess"]:
        group["enter seen"] = texts.plain(journey.seen_entry)
    if journey.arrivals_per_day is not None:
        group["arrivals"] = texts.quantity(journey.arrivals_per_day, texts.per_time(texts.plain))
    if journey.arrival_hours:
        group["arrive"] = {part.text: texts.percent(part.share) for part in journey.arrival_hours}
    if journey.wished:
        group["touchpoints wished for"] = [quoted(name) for name in journey.wished]
    return group | _satisfaction(journey.satisfaction)


def _satisfaction(rule: Satisfaction) -> Group:
    """Return what is not as usual."""
    usual, group = Satisfaction(), {}
    if rule.weight != usual.weight:
        group["weight"] = texts.percent(rule.weight)
    if rule.weight_at_truth != usual.weight_at_truth:
        group["weight at moments of truth"] = texts.percent(rule.weight_at_truth)
    cuts: Group = {name: [texts.plain(cut) for cut in getattr(rule, name)] for name in ("csat", "nps")
                   if getattr(rule, name) != getattr(usual, name)}  # fmt: skip
    return {"satisfaction": group | cuts} if group or cuts else {}


def _mood(persona: Persona) -> Group:
    return {} if persona.mood == ZERO else {"mood": texts.quantity(persona.mood, texts.plain)}


def _shares(shares: Iterable[tuple[str, Quantity]]) -> Group:
    return {name: texts.quantity(share, texts.percent) for name, share in shares}


def _about(group: Group, about: str) -> Group:
    _texts(group, {"about": about})
    return group


def _texts(group: Group, values: Mapping[str, str]) -> None:
    """Add the texts that are not empty."""
    group.update({name: quoted(value) for name, value in values.items() if value})


def _touchpoint(item: Touchpoint, write: _Writers) -> Group:
    group: Group = {}
    _texts(group, {name: getattr(item, name) for name in TEXT_FIELDS})
    for name in LIST_FIELDS:
        if getattr(item, name):
            group[name.replace("_", " ")] = [quoted(text) for text in getattr(item, name)]
    group.update({name.replace("_", " "): "true" for name in FLAGS if getattr(item, name)})
    group |= _rewards(item, write, spread=item.feeling_spread)
    if item.staffed_by is not None:
        group["staffed by"] = _staffing(item.staffed_by)
    if item.links:
        group["next"] = _links(item.links, write)
    group |= _weight(item)
    if item.by_persona:
        group["personas"] = {persona: _row(row, write, item.links) for persona, row in item.by_persona}
    if item.by_tenure:
        periods: list[Node] = [_tenure(period, write, item.links) for period in item.by_tenure]
        group["tenure"] = periods
    return group


def _tenure(period: Tenure, write: _Writers, base: Iterable[Link]) -> Group:
    until: Group = {"until": texts.duration(period.until)}
    return until | _row(period.row, write, base)


def _weight(item: Touchpoint) -> Group:
    """Return `confidence` or `seen`, or both when the basis is not what the number alone says."""
    if CONFIDENCE.get(item.basis) == item.seen:
        return {} if item.basis == "guess" else {"confidence": item.basis}
    seen: Group = {"seen": texts.plain(item.seen)}
    return seen if item.basis == "measured" else seen | {"confidence": item.basis}


def _rewards(item: Touchpoint | Row, write: _Writers, *, spread: float = 0.0) -> Group:
    group: Group = {}
    none: Reward | None = NOTHING if isinstance(item, Touchpoint) else None
    zero: Quantity | None = ZERO if isinstance(item, Touchpoint) else None
    if item.value is not None and item.value != none:
        group["value"] = texts.reward(item.value, write.sum_)
    if item.cost is not None and item.cost != none:
        group["cost"] = texts.reward(item.cost, write.sum_)
    if item.value_per_day is not None and item.value_per_day != zero:
        group["fee"] = texts.quantity(item.value_per_day, write.per_time)
    if item.cost_per_day is not None and item.cost_per_day != zero:
        group["upkeep"] = texts.quantity(item.cost_per_day, write.per_time)
    if item.effort is not None and item.effort != zero:
        group["effort"] = texts.quantity(item.effort, texts.plain)
    if item.feeling is not None and (item.feeling != zero or spread):
        group["feeling"] = texts.reward(Reward(item.feeling, spread), texts.plain)
    return group


def _row(row: Row, write: _Writers, base: Iterable[Link] = ()) -> Group:
    group = _rewards(row, write)
    return group if row.links is None else group | {"next": _links(row.links, write, base)}


def _links(links: Iterable[Link], write: _Writers, base: Iterable[Link] = ()) -> Group:
    """Return a row; what a link shares with the one of `base` to the same target is left out."""
    known = {link.target: link for link in base}
    return {link.target: _link(link, write, known.get(link.target, Link(link.target, None))) for link in links}


def _link(link: Link, write: _Writers, base: Link) -> Node:
    share = "rest" if link.share is None else texts.quantity(link.share, texts.percent)
    group: Group = {"share": share}
    if link.dwell != base.dwell:
        group["dwell"] = texts.dwell(link.dwell)
    if link.value != base.value:
        group["value"] = texts.reward(link.value, write.sum_)
    if link.cost != base.cost:
        group["cost"] = texts.reward(link.cost, write.sum_)
    if link.sensitivity != base.sensitivity:
        group["sensitivity"] = texts.quantity(link.sensitivity, texts.plain)
    if link.season != base.season:
        group["season"] = _season(link.season)
    return share if len(group) == 1 and isinstance(share, str) else group


def _season(season: Season) -> Group:
    tables = {"odds x": season.odds, "dwell x": season.dwell}
    return {
        setting: {name: texts.quantity(factor, texts.plain) for name, factor in parts}
        for setting, parts in tables.items()
        if parts
    }


def _staffing(staffing: Staffing) -> Group:
    time = "as the dwell" if staffing.time is None else texts.dwell(staffing.time)
    group: Group = {"resource": quoted(staffing.resource), "time": time}
    if staffing.patience is not None:
        group["patience"] = texts.dwell(staffing.patience)
    if staffing.gives_up_to:
        group["gives up to"] = quoted(staffing.gives_up_to)
    if staffing.priority_by_persona:
        group["priority"] = {name: texts.plain(value) for name, value in staffing.priority_by_persona}
    elif staffing.priority:
        group["priority"] = texts.plain(staffing.priority)
    if staffing.balks is not None:
        group["balks"] = f"{texts.percent(staffing.balks.share)} from {staffing.balks.waiting} waiting"
    if staffing.called_back:
        group["called back"] = texts.percent(staffing.called_back)
    if staffing.waiting_feels:
        group["waiting feels"] = texts.per_time(texts.plain)(-staffing.waiting_feels)
    return group


def _outcome(item: Outcome, write: _Writers) -> Group:
    group: Group = {name: "true" for name in ("conversion", "churn", "silent") if getattr(item, name)}
    if item.after_conversion:
        group["after"] = "conversion"
    if item.value != NOTHING:
        group["value"] = texts.reward(item.value, write.sum_)
    if item.cost != NOTHING:
        group["cost"] = texts.reward(item.cost, write.sum_)
    if item.by_persona:
        group["personas"] = {persona: _row(row, write) for persona, row in item.by_persona}
    return group


def _resource(item: Resource) -> Group:
    staff = "unlimited" if item.staff.mean == float("inf") else texts.quantity(item.staff, texts.plain)
    group: Group = {"staff": staff}
    if item.open:
        group["open"] = quoted(item.open)
    if item.closed:
        group["closed"] = [quoted(day) for day in item.closed]
    if item.queue != "first come":
        group["queue"] = item.queue
    if item.room != float("inf"):
        group["room"] = texts.plain(item.room)
    return group


def quoted(text: str) -> str:
    """Return a text as YAML that every reader takes for the same text."""
    if SAFE.fullmatch(text) and text == text.strip() and text.lower() not in RESERVED:
        return text
    if text.isprintable() and '"' in text:
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    """Return a letter as it stands between double quotes in YAML."""
    if letter in {'"', "\\"}:
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def _lines(group: Mapping[str, Node], path: tuple[str, ...], comments: Comments) -> Iterable[str]:
    """Yield a group as lines: on one line where it fits, else one setting per line.

    Groups of groups stand on one line only inside a row of links.
    """
    pad = " " * 2 * len(path)
    for name, value in group.items():
        yield from _comment(comments, (*path, name), pad)
        head = f"{pad}{quoted(name)}:"
        short = _flow(value)
        top = not path and isinstance(value, dict) and name != "enter"
        inside = len(path) >= _ROW_OF_LINKS
        deep = isinstance(value, Mapping) and any(isinstance(child, Mapping) for child in value.values()) and not inside
        if len(head) + len(short) < LINE_LENGTH and not top and not deep:
            yield f"{head} {short}"
        elif isinstance(value, Mapping):
            yield head
            yield from _lines(value, (*path, name), comments)
        elif isinstance(value, list):
            yield head
            yield from (line for item in value for line in _item(item, (*path, name), comments))
        else:
            yield f"{head} {short}"


def _item(item: Node, path: tuple[str, ...], comments: Comments) -> Iterable[str]:
    pad = " " * 2 * len(path)
    if isinstance(item, Mapping):
        lines = list(_lines(item, (*path, "-"), comments))
        yield f"{pad}- {lines[0].lstrip()}"
        yield from lines[1:]
    else:
        yield f"{pad}- {_flow(item)}"


def _flow(value: Node) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(name)}: {_flow(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return value
