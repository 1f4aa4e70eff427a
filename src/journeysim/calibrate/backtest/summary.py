"""Scores: means over forecasts, by metric and persona."""

from __future__ import annotations

import numpy as np

from journeysim.calibrate.backtest.result import Forecast, Rival, Score


def scores_of(forecasts: tuple[Forecast, ...]) -> tuple[Score, ...]:
    """Return the score of every metric and persona: one period ahead, and over all periods ahead."""
    groups: dict[tuple[str, str, int | None], list[Forecast]] = {}
    for item in forecasts:
        for ahead in (1, None):
            if ahead in {None, item.ahead}:
                groups.setdefault((item.metric, item.persona, ahead), []).append(item)
    return tuple(_score(items, ahead) for (_, _, ahead), items in groups.items())


def _score(items: list[Forecast], ahead: int | None) -> Score:
    first = items[0]
    both = [(item.model, item.last, item.average) for item in items if item.last and item.average]
    beside, last, average = (list(column) for column in zip(*both, strict=True)) if both else ([], [], [])
    return Score(
        first.metric, first.unit, first.persona, ahead, len(items),
        tuple(float(value) for value in np.mean([item.held for item in items], axis=0)),
        *_means([item.model for item in items]), len(both), *_means(beside), *_means(last), *_means(average),
    )  # fmt: skip


def _means(rivals: list[Rival | None] | list[Rival]) -> tuple[float, float]:
    known = [rival for rival in rivals if rival is not None]
    if not known:
        return float("nan"), float("nan")
    return float(np.mean([rival.error for rival in known])), float(np.mean([rival.crps for rival in known]))
