"""Where unserved customers go, as links: so that every count of moves and visits holds for them too."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from journeysim.model.arms import World
from journeysim.model.changes.editing import NewLink, edit_touchpoint, has_link, relabel
from journeysim.model.draws import Draws
from journeysim.model.journey import JourneyMap, Link, Touchpoint, gives_up_to, link_id
from journeysim.model.quantity import Fixed


def with_ways_out(world: World) -> World:
    """Return the world with a link of share 0 where a queue can be left for a place that no link leads to."""
    journey, missing = world.journey, list[tuple[str, str]]()
    for point in world.journey.touchpoints:
        target = gives_up_to(world.journey, point) if point.staffed_by is not None else None
        if target is not None and not has_link(world.journey, point.name, target):
            journey = edit_touchpoint(journey, point.name, partial(_with_link, target))
            missing.append((point.name, target))
    return World(world.exposed, journey, _with_links(world.draws, journey, missing)) if missing else world


def _with_link(target: str, point: Touchpoint) -> Touchpoint:
    return replace(point, links=(*point.links, Link(target, Fixed(0.0))))


def _with_links(draws: Draws, journey: JourneyMap, missing: list[tuple[str, str]]) -> Draws:
    added = [NewLink(source, target, slot=target) for source, target in missing]
    fresh = [item for item in added if link_id(item.source, item.target) not in draws.links]
    return relabel(draws, places=journey.place_names, add=fresh) if fresh else draws
