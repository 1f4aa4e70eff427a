"""What tests of backtests on real logs share: fits that are made once, and the lines that docs/validation.md keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from journeysim.calibrate import Calibration, calibrate
from journeysim.calibrate.backtest import Backtest, Forecast, Score
from journeysim.calibrate.backtest.predict import foretell
from journeysim.calibrate.backtest.result import ALL, QUANTILES
from journeysim.model.journey import JourneyMap
from journeysim.model.observations import Observations


def remembered(fits: dict[tuple[str, int], Calibration]) -> Callable[..., Calibration]:
    """Return a `calibrate` that fits the same observations once."""

    def fitted(journey: JourneyMap, observed: Observations, *, seed: int, draws: int) -> Calibration:
        key = f"{observed.transitions.count.sum():.6f}", seed
        if key not in fits:
            fits[key] = calibrate(journey, observed, seed=seed, draws=draws)
        return fits[key]

    return fitted


def without_swings(journey, data, *where, **settings):
    """Foretell as if all weeks were alike, from the same draws."""
    swings = [name for name in data.data_vars if str(name).startswith("swing_")]
    return foretell(journey, data.drop_vars(swings), *where, **settings)


def judged(found: Backtest) -> list[Forecast]:
    """Return the forecasts one period ahead that gates look at."""
    several = len({item.persona for item in found.forecasts}) > 1
    return [item for item in found.forecasts if item.ahead == 1 and (item.persona != ALL or not several)]


def beaten(found: Backtest) -> tuple[int, int]:
    """Return on how many figures the CRPS is better than that of both naive forecasts, and of how many."""
    scores = _compared(found)
    return sum(map(_better, scores)), len(scores)


def _compared(found: Backtest) -> list[Score]:
    """Return the scores one period ahead of figures that have naive forecasts beside."""
    return [score for score in _joined(found) if score.ahead == 1 and score.compared]


def _better(score: Score) -> bool:
    return score.crps_beside < _rival(score)


def _rival(score: Score) -> float:
    return min(score.crps_last, score.crps_average)


def _joined(found: Backtest) -> list[Score]:
    """Return the scores of all personas together."""
    names = {score.persona for score in found.scores}
    return [score for score in found.scores if score.persona == ALL or len(names) == 1]


def lines_of(found: Backtest, subject: str, shown: Sequence[str]) -> Iterator[str]:
    """Yield the page's lines: where it was foretold from, a table of some figures, and the gates."""
    yield (f"{subject}, {len(found.origins)} origins one week apart from {found.origins[0]}; up to six weeks foretold "
           f"from each until {found.until[:10]}. One week ahead, all personas together:")  # fmt: skip
    yield ""
    yield "| figure | 50 % | 80 % | 90 % | off by | CRPS | CRPS last week | CRPS average so far |"
    yield "|---|---|---|---|---|---|---|---|"
    for metric in shown:
        yield from (_row(item) for item in _joined(found) if (item.metric, item.ahead) == (metric, 1))
    yield ""
    yield from (f"- {gate}" for gate in found.gates)


def _row(item: Score) -> str:
    covered = " | ".join(f"{part:.0%}" for part in item.coverage)
    return (f"| {item.metric} | {covered} | {item.error:.3g} | {item.crps:.3g} | {item.crps_last:.3g} | "
            f"{item.crps_average:.3g} |")  # fmt: skip


def compared(found: Backtest, alike: Backtest) -> Iterator[str]:
    """Yield what swings of weeks change, from the same fits: coverage, widths and CRPS over all figures and personas."""
    yield ""
    yield "| one week ahead, all figures | 50 % | 80 % | 90 % | width of 50 % | width of 90 % | CRPS | better than both naive |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, each in (("days and weeks that differ", found), ("the same fits, days and weeks alike", alike)):
        items = judged(each)
        held = " | ".join(f"{part:.1%}" for part in np.mean([item.held for item in items], axis=0))
        half, most = (np.mean([item.quantiles[k] - item.quantiles[-1 - k] for item in items]) for k in (-3, -1))
        crps = np.mean([item.model.crps for item in items])
        better, of = beaten(each)
        yield f"| {name} | {held} | {half:.1f} | {most:.1f} | {crps:.2f} | {better} of {of} |"
    beside = [item for item in judged(found) if item.last and item.average]
    for name, rivals in (("as in the last week", "last"), ("as on average so far", "average")):
        held = " | ".join(f"{part:.1%}" for part in np.mean([getattr(item, rivals).held for item in beside], axis=0))
        yield f"| {name} | {held} | | | {np.mean([getattr(item, rivals).crps for item in beside]):.2f} | |"
    yield ""
    yield f"Widths and CRPS are means over {len(judged(found))} forecasts of all figures, naive ones over {len(beside)}."
    others = [
        f"{score.metric} ({score.crps_beside:.3g}, {_rival(score):.3g})"
        for score in _compared(found)
        if not _better(score)
    ]
    yield f"Not better than both naive ones (CRPS, that of the better): {', '.join(others) or 'none'}."


def by_origin(found: Backtest, followed: Sequence[str]) -> Iterator[str]:
    """Yield, by origin, what intervals held one week ahead, some figures beside their medians, and failed gates of fits."""
    yield ""
    yield "One week ahead, by origin; of single figures, all personas together, what came / the median foretold:"
    yield ""
    yield f"| origin | 50 % | 80 % | 90 % | CRPS | {' | '.join(followed)} |"
    yield "|---|---|---|---|---|" + "---|" * len(followed)
    together = {(item.origin, item.metric): item for item in _together(found) if item.ahead == 1}
    for origin in found.origins:
        items = [item for item in judged(found) if item.origin == origin]
        held = " | ".join(f"{part:.0%}" for part in np.mean([item.held for item in items], axis=0))
        crps = np.mean([item.model.crps for item in items])
        came = " | ".join(_came(together.get((origin, metric))) for metric in followed)
        yield f"| {origin} | {held} | {crps:.2f} | {came} |"
    yield ""
    yield from (f"- {note}" for note in found.notes)


def _together(found: Backtest) -> list[Forecast]:
    """Return the forecasts of all personas together."""
    names = {item.persona for item in found.forecasts}
    return [item for item in found.forecasts if item.persona == ALL or len(names) == 1]


def _came(item: Forecast | None) -> str:
    if item is None:
        return "–"
    median = item.quantiles[QUANTILES.index(0.5)]
    return " / ".join(f"{float(f'{value:.3g}'):,g}" for value in (item.actual, median))
