"""Small hand-made maps that tests across the house share."""

from __future__ import annotations

from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Reward, Row, Touchpoint
from journeysim.model.quantity import Fixed


def days(value: float) -> Dwell:
    return Dwell(Family.FIXED, Fixed(value))


def exponential(mean: float) -> Dwell:
    return Dwell(Family.EXPONENTIAL, Fixed(mean))


def shop() -> JourneyMap:
    """Two personas with different shares, values and costs; a loop, a shortcut, and two ways to be lost."""
    young = Row(
        links=(
            Link("cart", Fixed(0.5), exponential(1.0)),
            Link("help", Fixed(0.1), exponential(2.0)),
            Link("left", Fixed(0.4), days(3.0)),
        )
    )
    return JourneyMap(
        name="shop",
        personas=(Persona("old", Fixed(0.7)), Persona("young", Fixed(0.3))),
        touchpoints=(
            Touchpoint(
                "visit",
                (
                    Link("cart", Fixed(0.3), exponential(1.0)),
                    Link("help", Fixed(0.2), exponential(2.0)),
                    Link("left", None, days(3.0)),
                ),
                stage="look",
                seen=200,
                by_persona=(("young", young),),
                cost=Reward(Fixed(0.4)),
                effort=Fixed(1.0),
            ),
            Touchpoint(
                "help",
                (Link("visit", Fixed(0.5), days(1.0)), Link("left", Fixed(0.5), days(5.0))),
                stage="look",
                seen=100,
                cost=Reward(Fixed(6.0)),
                effort=Fixed(2.0),
            ),
            Touchpoint(
                "cart",
                (
                    Link("paid", Fixed(0.6), Dwell(Family.LOGNORMAL, Fixed(0.5), Fixed(1.2))),
                    Link("help", Fixed(0.1), exponential(0.5)),
                    Link("left", Fixed(0.3), Dwell(Family.WEIBULL, Fixed(4.0), Fixed(0.7))),
                ),
                stage="buy",
                seen=150,
                cost=Reward(Fixed(0.2)),
                value_per_day=Fixed(0.01),
            ),
        ),
        outcomes=(
            Outcome("paid", conversion=True, value=Reward(Fixed(80.0), 40.0), cost=Reward(Fixed(5.0))),
            Outcome("left", cost=Reward(Fixed(0.1))),
        ),
        entry=(("visit", Fixed(0.9)), ("cart", Fixed(0.1))),
        seen_entry=500,
        arrivals_per_day=Fixed(20.0),
        stages=("look", "buy"),
    )
