"""Long run: what one world does to an average customer of each persona when nobody stops the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, final

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.tally import aligned


@final
@dataclass(frozen=True, slots=True, eq=False)
class LongRun:
    """Expectations per entering customer to the end of the journey. Axes: D draws, G personas, n touchpoints, m outcomes.

    Second moments stand beside means (`…_squares`), so that worlds and personas mix linearly. Money is not discounted
    but in `value_pv` and `cost_pv`. A number is NaN where a dwell has no mean or no variance, and squares of money are
    where customers differ for good in what they spend.
    """

    converted: Floats  # (D, G) P(ever converts)
    convert_days: Floats  # (D, G) days to conversion, 0 for who never converts
    convert_days_squares: Floats  # (D, G)
    days: Floats  # (D, G) days to the end
    days_squares: Floats  # (D, G)
    touches: Floats  # (D, G) visits to touchpoints
    touches_squares: Floats  # (D, G)
    value: Floats  # (D, G)
    value_squares: Floats  # (D, G)
    cost: Floats  # (D, G)
    cost_squares: Floats  # (D, G)
    margin_squares: Floats  # (D, G)
    value_pv: Floats  # (D, G)
    cost_pv: Floats  # (D, G)
    ends: Floats  # (D, G, m)
    reached: Floats  # (D, G, n) P(ever comes to the touchpoint)
    touchpoints: tuple[str, ...]
    outcomes: tuple[str, ...]


_LABELS: Final = frozenset({"touchpoints", "outcomes"})


def mixed(runs: Sequence[LongRun], weights: Sequence[Floats]) -> LongRun:
    """Return the long run of customers who live in several worlds; weights (D, G) of the worlds add up to 1."""
    touchpoints = tuple(dict.fromkeys(name for run in runs for name in run.touchpoints))
    found: dict[str, Any] = {}
    for item in fields(LongRun):
        if item.name not in _LABELS:
            parts = [getattr(run, item.name) for run in runs]
            if item.name == "reached":
                parts = [aligned(part, run.touchpoints, touchpoints) for part, run in zip(parts, runs, strict=True)]
            found[item.name] = sum(_times(part, weight) for part, weight in zip(parts, weights, strict=True))
    return replace(runs[0], touchpoints=touchpoints, **found)


def of_everybody(run: LongRun, shares: Floats) -> LongRun:
    """Return the whole population's long run given persona shares (D, G); its persona axis has length 1."""
    found: dict[str, Any] = {
        item.name: _times(getattr(run, item.name), shares).sum(axis=1, keepdims=True)
        for item in fields(LongRun)
        if item.name not in _LABELS
    }
    return replace(run, **found)


def _times(values: Floats, weight: Floats) -> Floats:
    """Multiply by weights along the first axes; nobody (weight 0) brings nothing, however infinite."""
    by = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
    return np.where(by > 0, values * by, 0.0)
