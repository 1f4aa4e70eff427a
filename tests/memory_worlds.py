"""Logs of worlds with a known memory: hubs that customers come back to, each with two ways in, a loop and two ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.quantity import Fixed

DAY = np.timedelta64(86_400_000_000, "us")
#: A row over (ask, shop, buy, left) given (where from: "(enter)", "ask", "shop"; earlier visits; persona).
RowOf = Callable[[str, int, int], np.ndarray]


def hubs(count: int, *, personas: int = 1, silent: bool = False) -> JourneyMap:
    """Return hubs 0 … count - 1; customers enter at a hub or at its shop, and return from `ask` and `shop`."""
    day = Dwell(Family.FIXED, Fixed(1.0))
    touchpoints = []
    for k in range(count):
        ways = (f"ask {k}", 0.25), (f"shop {k}", 0.25), ("buy", 0.25), ("left", 0.25)
        touchpoints.append(Touchpoint(f"hub {k}", tuple(Link(name, Fixed(share), day) for name, share in ways)))
        touchpoints += [Touchpoint(name, (Link(f"hub {k}", Fixed(1.0), day),)) for name, _ in ways[:2]]
    entry = tuple((f"{name} {k}", Fixed(0.5 / count)) for k in range(count) for name in ("hub", "shop"))
    people = tuple(Persona(f"p{g}", Fixed(1 / personas)) for g in range(personas))
    return JourneyMap("hubs", tuple(touchpoints), (Outcome("buy"), Outcome("left", silent=silent)), entry, people)


def log_of(count: int, customers: int, row_of: RowOf, *, seed: int, personas: int = 1, cut: int = 10_000) -> EventLog:
    """Return customers of every hub; of several personas, customer c is of persona c modulo their number.

    With a `cut`, customers enter on any day before it, those who leave are silent, and later events are not seen.
    """
    stream = np.random.default_rng(seed)
    rows = []
    for c in range(count * customers):
        k, g = c % count, (c // count) % personas
        at, before, seen = ("hub", "shop")[int(stream.integers(2))], "(enter)", 0
        day = int(stream.integers(0, cut)) if cut < 10_000 else 0
        while day < cut:
            if not (at == "left" and cut < 10_000):
                rows.append((f"c{c}", at if at in {"buy", "left"} else f"{at} {k}", day, f"p{g}"))
            if at in {"buy", "left"}:
                break
            if at == "hub":
                following = ("ask", "shop", "buy", "left")[int(stream.choice(4, p=row_of(before, seen, g)))]
                seen += 1
            else:
                following = "hub"
            before, at, day = at, following, day + 1
    customer, place, days, persona = zip(*rows, strict=True)
    start = np.datetime64("2026-01-01", "us")
    return EventLog(
        Names.of(customer),
        Names.of(place),
        start + np.array(days) * DAY,
        start + min(cut, 10_000) * DAY - DAY // 2,
        Names.of(persona),
    )


FORGETFUL = np.array([0.25, 0.15, 0.35, 0.25])
AFTER = {"(enter)": FORGETFUL, "ask": np.array([0.1, 0.1, 0.6, 0.2]), "shop": np.array([0.3, 0.2, 0.2, 0.3])}


def forgetful(_before: str, _earlier: int, _persona: int) -> np.ndarray:
    return FORGETFUL


def second_order(before: str, _earlier: int, _persona: int) -> np.ndarray:
    return AFTER[before]


def tiring(before: str, earlier: int, persona: int) -> np.ndarray:  # noqa: ARG001  RowOf's
    raw = FORGETFUL * np.exp(SHIFT * min(earlier, 3))
    return np.asarray(raw / raw.sum())


#: Adds up to 0: every visit makes leaving likelier, buying a little.
SHIFT = np.array([-0.3, -0.2, 0.1, 0.4])
