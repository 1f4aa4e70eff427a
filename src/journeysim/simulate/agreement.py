"""Engine agreement: the exact engine's expectation against the lives of the same draws, by fifteen metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.journey import JourneyMap
from journeysim.model.quantity import Floats
from journeysim.simulate.layers import Bools
from journeysim.simulate.lives import Lives
from journeysim.simulate.money import of_everybody, variances_of
from journeysim.simulate.outcomes import Agreement, ArmOutcomes, Engine
from journeysim.simulate.tally import Tally

_BEFORE: Final = ("half_time", "quarter_time")
_SHARES: Final = frozenset({"conversion", "churn", "loss", "active", "bounce"})


def agreement_of(arm: ArmOutcomes, engine: Engine) -> Iterator[Agreement]:
    """Yield fifteen metrics of the arm's last world (all exposures met) by both engines, each per entering customer.

    z is the mean difference over the lives' draws in units of its standard error: that of customers, and beside it the
    error that the exact engine states for itself, of sums up to the horizon or of times before it. Under agreement it
    is a standard normal, or smaller where the exact engine's own error is the larger part.
    """
    tally, lives, shares = arm.tallies[-1], arm.lives[-1], arm.arm.worlds[-1].draws.values("persona_share")
    money = _money_variances(arm, shares)
    for name, exact, single in _pairs(tally, lives, arm.arm.worlds[-1].journey):
        expected = (exact * shares).sum(axis=1)[lives.draws]
        own = (engine.timing if name.startswith(_BEFORE) else engine.error) * float(np.abs(expected).mean())
        known = money[name][lives.draws] if name in money else None
        error = float(np.hypot(_error_of_mean(name, expected, single, known), own))
        difference = float((single.mean(axis=1) - expected).mean())
        z = difference / error if error > 0 else 0.0
        yield Agreement(arm.arm.name, name, float(expected.mean()), float(single.mean()), z)


def _money_variances(arm: ArmOutcomes, shares: Floats) -> dict[str, Floats]:
    """Return the variance between customers of the last world's money, (D,) each, where the exact engine has it."""
    if not arm.money:
        return {}
    found = variances_of(of_everybody(arm.money[-1], shares).moments)[:, 0]
    return {
        "revenue": found[:, 0, 0], "cost": found[:, 0, 1],
        "discounted_revenue": found[:, 1, 0], "discounted_cost": found[:, 1, 1],
    }  # fmt: skip


def _error_of_mean(name: str, expected: Floats, single: Floats, known: Floats | None) -> float:
    """Return the standard error of the mean over draws and customers, with the variance between customers where it is known.

    That of a share comes from its expectation, so that an event, or a payment, which no life shows has one too.
    """
    if known is not None:
        varies = known
    elif name in _SHARES or name.startswith(_BEFORE):
        varies = expected * (1.0 - expected)
    else:
        varies = single.var(axis=1, ddof=1)
    return float(np.sqrt(varies.clip(0.0).sum() / single.shape[1]) / len(expected))


def _pairs(tally: Tally, lives: Lives, journey: JourneyMap) -> Iterator[tuple[str, Floats, Floats]]:
    converted, ended = np.isfinite(lives.convert_time), lives.end >= 0
    churned = ended & _in(lives, journey, after=False) | converted & _in(lives, journey, after=True)
    yield from (
        (name, exact, np.asarray(single, dtype=np.float64))
        for name, exact, single in (
            ("conversion", tally.converted, converted),
            ("churn", tally.churned, churned),
            ("loss", tally.lost, ended & ~converted & ~churned),
            ("active", tally.active, ~ended),
            ("revenue", tally.value, lives.value),
            ("cost", tally.cost, lives.cost),
            ("discounted_revenue", tally.value_pv, lives.value_pv),
            ("discounted_cost", tally.cost_pv, lives.cost_pv),
            ("effort", tally.effort, lives.effort),
            ("touches", tally.visits[..., : len(tally.touchpoints)].sum(axis=-1), lives.touches),
            *_of_paths(tally, lives, converted, ended),
            *_before_the_horizon(tally, lives),
        )
    )


def _in(lives: Lives, journey: JourneyMap, *, after: bool) -> Bools:
    """Return who ended in a churn outcome of the kind that counts for everybody, or only after conversion."""
    names = [item.name for item in journey.outcomes if item.churn and item.after_conversion == after]
    return np.isin(lives.end, [lives.places.index(name) for name in names if name in lives.places])


def _of_paths(
    tally: Tally,
    lives: Lives,
    converted: Bools,
    ended: Bools,
) -> Iterator[tuple[str, Floats, NDArray[np.generic]]]:
    """Yield what the exact engine tells of whole lives; nothing where these were walked."""
    paths = tally.paths
    if paths is not None and "bounce" not in paths.walked:
        yield "bounce", paths.bounced, ended & ~converted & (lives.touches <= 1)
        yield "touches_of_converters", paths.touches_to_convert, lives.touches_to_convert


def _before_the_horizon(tally: Tally, lives: Lives) -> Iterator[tuple[str, Floats, Bools]]:
    half, quarter = len(tally.marks) // 2, len(tally.marks) // 4
    yield "half_time_conversion", tally.converted_by[..., half], lives.convert_time <= tally.marks[half]
    yield "half_time_active", tally.active_at[..., half], ~(lives.end_time <= tally.marks[half])
    yield "quarter_time_active", tally.active_at[..., quarter], ~(lives.end_time <= tally.marks[quarter])
