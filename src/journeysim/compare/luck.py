"""Single customers: what each of them did in an arm, and how much single customers differ from one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.arms import Arm
from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.simulate.lives import Lives
from journeysim.simulate.money import of_everybody, variances
from journeysim.simulate.outcomes import ArmOutcomes
from journeysim.simulate.service.enough import STRETCHES

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ON_THE_WAY: Final = -1
_BOTH_AXES: Final = frozenset(item.name for item in fields(Lives)) - {"draws", "customers", "places"}


def worlds_of(arm: Arm, *, seed: int, draws: Ints, customers: Ints, realism: float = 1.0) -> Ints:
    """Return which world of an arm each customer lives in, shape (draw, customer).

    One uniform per customer, addressed by the arm's name, says which exposures reach them (`Arm.world_of`); another
    says whether they respond to the proposal at all: those at or above `realism` live in the first world, today.
    """
    from journeysim.simulate.streams import customer_uniform

    found = np.zeros((len(draws), len(customers)), dtype=np.int64)
    if not arm.exposures:
        return found
    for row, draw in enumerate(draws.tolist()):
        reached = customer_uniform(seed, draw, customers, f"reach {arm.name}")
        responds = customer_uniform(seed, draw, customers, f"realism {arm.name}") < realism
        world = arm.world_of(reached, [float(exposure.reach[draw]) for exposure in arm.exposures])
        found[row] = np.where(responds, world, 0)
    return found


def lives_of(found: ArmOutcomes, *, seed: int, realism: float = 1.0) -> Lives:
    """Return the lives of an arm's customers, each from the world the customer lives in; in a crowd as they were lived.

    `end` counts in `places` of the result: the touchpoints of all worlds in order of appearance, then the outcomes.
    """
    if found.crowds:
        return found.crowd(realism).lives
    first = found.lives[0]
    worlds = worlds_of(found.arm, seed=seed, draws=first.draws, customers=first.customers, realism=realism)
    places = _all_places(found)
    renamed = [_in_places(lives, places) for lives in found.lives]
    picked = {name: np.choose(worlds, [getattr(lives, name) for lives in renamed]) for name in _BOTH_AXES}
    return replace(first, places=places, **picked)


def _all_places(found: ArmOutcomes) -> tuple[str, ...]:
    outcomes = found.arm.worlds[0].journey.outcome_names
    touchpoints = dict.fromkeys(place for lives in found.lives for place in lives.places if place not in outcomes)
    return (*touchpoints, *outcomes)


def _in_places(lives: Lives, places: tuple[str, ...]) -> Lives:
    if lives.places == places:
        return lives
    # One entry more than places, so that -1 (on the way) stays -1.
    position = np.array([*(places.index(name) for name in lives.places), ON_THE_WAY], dtype=np.int16)
    return replace(lives, places=places, end=position[lives.end])


def converted(lives: Lives) -> Bools:
    """Return who converts within the horizon, shape (draw, customer)."""
    return np.isfinite(lives.convert_time)


def _churned(lives: Lives, journey: JourneyMap) -> Floats:
    found = np.zeros(lives.end.shape, dtype=bool)
    for outcome in journey.outcomes:
        if outcome.churn:
            here = lives.end == lives.places.index(outcome.name)
            found |= here & converted(lives) if outcome.after_conversion else here
    return found.astype(np.float64)


def _lost(lives: Lives, _: JourneyMap) -> Floats:
    return np.asarray((lives.end != ON_THE_WAY) & ~converted(lives), dtype=np.float64)


#: Metric -> the same quantity for a single customer, shape (draw, customer).
SINGLE: Final[Mapping[str, Callable[[Lives, JourneyMap], Floats]]] = MappingProxyType(
    {
        "conversion": lambda lives, _: converted(lives).astype(np.float64),
        "churn": _churned,
        "loss": _lost,
        "active": lambda lives, _: (lives.end == ON_THE_WAY).astype(np.float64),
        "revenue": lambda lives, _: lives.value,
        "cost": lambda lives, _: lives.cost,
        "margin": lambda lives, _: lives.value - lives.cost,
        "clv": lambda lives, _: lives.value_pv - lives.cost_pv,
        "effort": lambda lives, _: lives.effort,
        "touches": lambda lives, _: lives.touches.astype(np.float64),
    }
)


_ROUNDING: Final = 1e-14
_SHARES: Final = frozenset({"conversion", "churn", "loss", "active", "bounce", "reach"})


def pooled_sd(values: Floats, chosen: Bools) -> float | None:
    """Return the standard deviation between the chosen customers within draws, pooled over draws.

    `values` and `chosen` have shape (draw, customer); None where no draw has two chosen customers.
    """
    counts = chosen.sum(axis=1)
    usable = counts >= 2
    if not usable.any():
        return None
    picked, marks, sizes = values[usable], chosen[usable], counts[usable]
    means = np.where(marks, picked, 0.0).sum(axis=1) / sizes
    squares = np.where(marks, (picked - means[:, None]) ** 2, 0.0).sum()
    return float(np.sqrt(squares / (sizes - 1).sum()))


def tie_of(values: Floats, chosen: Bools) -> float:
    """Return how many times the variance of a mean over customers is that over as many who have nothing to do with one another.

    `values` and `chosen` have shape (draw, customer), customers in the order of arrival, for who comes after a long queue
    waits behind it. From the sums over `STRETCHES` stretches of each draw (batch means: Law, Simulation Modeling and Analysis,
    5th ed. 2015, section 9.5.3): too small where luck lasts as long as a stretch. 1 where nothing differs.
    """
    size = values.shape[1] // STRETCHES
    marks = chosen[:, : size * STRETCHES]
    counts = np.maximum(marks.sum(axis=1, keepdims=True), 1)
    kept = values[:, : size * STRETCHES]
    away = np.where(marks, kept - np.where(marks, kept, 0.0).sum(axis=1, keepdims=True) / counts, 0.0)
    alone = float((away**2).sum())
    sums = away.reshape(len(values), STRETCHES, size).sum(axis=2)
    return float((sums**2).sum()) * STRETCHES / (STRETCHES - 1) / alone if alone > 0.0 else 1.0


def is_share(metric: str) -> bool:
    """Return whether a metric is the share of customers to whom something happens."""
    return metric.partition("[")[0] in _SHARES


def luck_of_share(values: Floats) -> float | None:
    """Return the standard deviation between customers of a share known exactly in every draw (D,): root of mean p (1 - p).

    The same number as `pooled_sd` estimates from single customers, without its error.
    """
    known = values[np.isfinite(values)]
    variance = known * (1.0 - known)
    return float(np.sqrt(np.mean(np.where(variance > _ROUNDING, variance, 0.0)))) if len(known) else None


def money_luck(found: ArmOutcomes, everybody: str) -> dict[tuple[str, str], float]:
    """Return the standard deviation between customers of each metric of one customer's money, by metric and persona.

    The root of the mean variance over draws, known where the exact engine has the moments; empty elsewhere.
    """
    moments = found.money_moments()
    if moments is None:
        return {}
    whole = variances(of_everybody(moments, found.persona_shares()))
    by_persona = {everybody: {name: values[:, 0] for name, values in whole.items()}}
    for number, persona in enumerate(found.arm.worlds[0].draws.personas):
        by_persona[persona] = {name: values[:, number] for name, values in variances(moments).items()}
    return {
        (name, persona): float(np.sqrt(values.mean()))
        for persona, own in by_persona.items()
        for name, values in own.items()
    }


def of_persona(lives: Lives, personas: Sequence[str], persona: str) -> Bools:
    """Return which customers belong to a persona ("all": everybody), shape (draw, customer)."""
    if persona == "all":
        return np.ones(lives.persona.shape, dtype=bool)
    return np.asarray(lives.persona == list(personas).index(persona))
