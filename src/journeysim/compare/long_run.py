"""The long-run view: levels of every arm when nobody stops the clock, with the luck of single customers exact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from journeysim.compare.comparison import Level, spread_of
from journeysim.model.quantity import Floats
from journeysim.simulate.long_run import LongRun, of_everybody
from journeysim.simulate.outcomes import ArmOutcomes

_ROUNDING: Final = 1e-14


def long_run_levels(arm: ArmOutcomes, everybody: str) -> Iterator[Level]:
    """Yield the arm's levels of view "long run", at full effect, for everybody and for each persona; none without one.

    `sd_luck` is the exact standard deviation between customers (root of the mean variance over draws); None where it is
    infinite or not known. Days to convert are those of customers who do.
    """
    found = arm.long_run()
    if found is None:
        return
    whole = of_everybody(found, arm.persona_shares())
    yield from _levels(arm.arm.name, everybody, whole, 0)
    for number, persona in enumerate(arm.arm.worlds[0].draws.personas):
        yield from _levels(arm.arm.name, persona, found, number)


def _levels(arm: str, persona: str, run: LongRun, number: int) -> Iterator[Level]:
    for metric, unit, mean, squares in _figures(run):
        values = np.asarray(mean[:, number])
        luck = None if squares is None else _luck(values, squares[:, number])
        yield Level(
            metric, unit, arm, persona, "long run", spread_of(values), _sd(values), luck, 0.0, values,
        )  # fmt: skip


def _figures(run: LongRun) -> Iterator[tuple[str, str, Floats, Floats | None]]:
    """Yield metric, unit, mean and second moment (None where there is none between customers), (D, G)."""
    yield "conversion", "share", run.converted, run.converted
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(run.converted > 0, run.converted, np.nan)
        yield "days_to_convert", "days", run.convert_days / part, run.convert_days_squares / part
    yield "days_to_end", "days", run.days, run.days_squares
    yield "touches", "count", run.touches, run.touches_squares
    yield "revenue", "money", run.value, run.value_squares
    yield "cost", "money", run.cost, run.cost_squares
    yield "margin", "money", run.value - run.cost, run.margin_squares
    yield "clv", "money", run.value_pv - run.cost_pv, None
    for number, name in enumerate(run.outcomes):
        yield f"ends[{name}]", "share", run.ends[..., number], run.ends[..., number]
    for number, name in enumerate(run.touchpoints):
        yield f"reach[{name}]", "share", run.reached[..., number], run.reached[..., number]


def _sd(values: Floats) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else None


def _luck(mean: Floats, squares: Floats) -> float | None:
    """Return the root of the mean variance over draws; rounding may take a variance of 0 a little below."""
    variance = squares - mean**2
    variance = np.where(variance <= _ROUNDING * squares, 0.0, variance)
    finite = variance[np.isfinite(variance)]
    return float(np.sqrt(finite.mean())) if len(finite) * 2 >= len(variance) and len(finite) else None
