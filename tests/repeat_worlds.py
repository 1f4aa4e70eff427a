"""Invented customers who repeat at rates of their own and leave in silence, and the map they live on."""

from __future__ import annotations

import numpy as np

from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from maps import exponential

Event = tuple[str, str, float]


def repeat_map() -> JourneyMap:
    """Return a first purchase, and more of them until the customer is gone without a word."""
    again = Link("purchase again", Fixed(0.7), exponential(60.0))
    touchpoints = (
        Touchpoint("first purchase", (Link("purchase again", Fixed(1.0), exponential(60.0)),)),
        Touchpoint("purchase again", (again, Link("gone", Fixed(0.3))), seen=8.0),
    )
    return JourneyMap(
        "shop", touchpoints, (Outcome("gone", churn=True, silent=True),), (("first purchase", Fixed(1.0)),)
    )


def purchases(
    rates: np.ndarray, leaving: np.ndarray, starts: np.ndarray, until: float, rng: np.random.Generator
) -> list[Event]:
    """Return the purchases of customers with these rates (per day) and shares of leaving, up to a day."""
    found = []
    for k, (rate, share, start) in enumerate(zip(rates, leaving, starts, strict=True)):
        found.append((f"c{k}", "first purchase", float(start)))
        day = start + rng.exponential() / rate
        while day < until:
            found.append((f"c{k}", "purchase again", float(day)))
            if rng.random() < share:
                break
            day += rng.exponential() / rate
    return found
