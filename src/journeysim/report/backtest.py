"""A backtest's folder: backtest.json, two tables, figures, and one page that needs nothing else."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, final

from journeysim.calibrate.backtest.result import ALL, LEVELS, QUANTILES, Backtest, Forecast, Rival, Score
from journeysim.report.numbers import DASH
from journeysim.report.plots.backtest import backtest_figures
from journeysim.report.write import strict_json

SCHEMA: Final = "journeysim/backtest/1"
_COVERED: Final = tuple(f"held_{level:.0%}".replace("%", "") for level in LEVELS)


@final
@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts as the page shows it."""

    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


def backtest_document(found: Backtest) -> dict[str, object]:
    """Return a backtest as JSON values; what is not a number is null."""
    return {
        "journey": found.journey, "step": found.step, "given": found.given, "origins": list(found.origins),
        "until": found.until, "seed": found.seed, "draws": found.draws, "levels": list(LEVELS),
        "quantiles": list(QUANTILES), "passed": not found.failed,
        "gates": [asdict(gate) | {"passed": gate.passed} for gate in found.gates],
        "scores": [{name: _finite(value) for name, value in asdict(score).items()} for score in found.scores],
        "forecasts": [asdict(item) for item in found.forecasts],
        "notes": list(found.notes),
    }  # fmt: skip


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_backtest(found: Backtest, folder: Path) -> None:
    """Write the folder's files into a folder that does not exist yet."""
    figures = backtest_figures(found)
    folder.mkdir(parents=True)
    files = {
        "backtest.json": strict_json({"schema": SCHEMA, **backtest_document(found)}),
        "forecasts.csv": _csv(_forecast_rows(found)),
        "scores.csv": _csv(_score_rows(found)),
        "backtest.html": backtest_page(found, figures),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / "figures").mkdir()
    for name, svg in figures.items():
        whole = f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n'
        (folder / "figures" / f"{name}.svg").write_text(whole, encoding="utf-8", newline="\n")


def _csv(rows: Iterator[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.10g}" if math.isfinite(value) else ""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return f"'{value}"
    return "" if value is None else value


def _forecast_rows(found: Backtest) -> Iterator[Sequence[object]]:
    head = ("origin", "start", "end", "ahead", "metric", "unit", "persona", "actual")
    rivals = [f"{who}_{what}" for who in ("model", "last", "average") for what in ("centre", "error", "crps")]
    yield (*head, *(f"q{round(100 * q):02d}" for q in QUANTILES), *_COVERED, *rivals)
    for item in found.forecasts:
        scored = [number for rival in (item.model, item.last, item.average) for number in _numbers(rival)]
        yield (*(getattr(item, name) for name in head), *item.quantiles, *item.held, *scored)


def _numbers(rival: Rival | None) -> tuple[float | None, ...]:
    return (None, None, None) if rival is None else (rival.centre, rival.error, rival.crps)


def _score_rows(found: Backtest) -> Iterator[Sequence[object]]:
    compared = ("compared", "error_beside", "crps_beside", "error_last", "crps_last", "error_average", "crps_average")
    yield ("metric", "unit", "persona", "ahead", "forecasts", *_COVERED, "error", "crps", *compared)
    for item in found.scores:
        first = (item.metric, item.unit, item.persona, item.ahead or "all", item.forecasts)
        yield (*first, *item.coverage, item.error, item.crps, *(getattr(item, name) for name in compared))


def score_grid(found: Backtest, ahead: int | None = 1) -> Grid:
    """Return the scores for people: coverage, mean absolute error, and CRPS beside the two naive forecasts."""
    heads = ("metric", "persona", "forecasts", *(f"held by {level:.0%}" for level in LEVELS), "off by", "CRPS",
             "last period", "average so far")  # fmt: skip
    rows = tuple(_score_cells(item) for item in found.scores if item.ahead == ahead)
    return Grid(heads, (False, False, *([True] * (len(heads) - 2))), rows)


def _score_cells(item: Score) -> tuple[str, ...]:
    rivals = (item.crps_last, item.crps_average)
    compared = (f"{item.crps:.3g}", *(_number(value) for value in rivals))
    covered = (f"{part:.0%}" for part in item.coverage)
    return (item.metric, item.persona, str(item.forecasts), *covered, f"{item.error:.3g}", *compared)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else DASH


def gate_grid(found: Backtest) -> Grid:
    """Return the gates for people."""
    rows = tuple(
        (gate.name, f"{gate.value:.3g}", f"{gate.wanted} {gate.limit:g}", "yes" if gate.passed else "NO")
        for gate in found.gates
    )
    return Grid(("gate", "value", "asked", "passed"), (False, True, True, True), rows)


def verdict_of(found: Backtest) -> str:
    """Return what came of it, in two sentences."""
    judged = [item for item in found.forecasts if item.ahead == 1 and item.persona != ALL]
    if not judged:
        return "Nothing could be judged: no figure has both a forecast and an actual value."
    held = [sum(item.held[k] for item in judged) / len(judged) for k in range(len(LEVELS))]
    parts = ", ".join(f"{part:.0%} of {level:.0%}" for part, level in zip(held, LEVELS, strict=True))
    good = "as a right model's would" if not found.failed else "which a right model's would not"
    better = [name for name in ("last", "average") if _beats(judged, name)]
    said = {2: "better than both naive forecasts", 1: "better than one of the naive forecasts only",
            0: "no better than the naive forecasts"}[len(better)]  # fmt: skip
    return f"One period ahead intervals held {parts}, {good}. By CRPS the model is {said}."


def _beats(items: list[Forecast], name: str) -> bool:
    """Return whether the model's CRPS is lower: the mean of the logs of ratios, so that no metric outweighs the rest."""
    found = []
    for item in items:
        rival = getattr(item, name)
        if rival is not None and rival.crps > 0 and item.model.crps > 0:
            found.append(math.log(item.model.crps / rival.crps))
    return bool(found) and sum(found) < 0


def backtest_page(found: Backtest, figures: dict[str, str]) -> str:
    """Return the page, in English: everything is inside the one file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("journeysim.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("backtest.html").render(
        b=found, figures=figures, verdict=verdict_of(found), gates=gate_grid(found), scores=score_grid(found),
        further=score_grid(found, None),
    )  # fmt: skip
