"""One run's folder, whole or not at all: everything is made beside it and moved into place at the end."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from journeysim.compare.comparison import Contrast, Level
from journeysim.decide.decision import Decision
from journeysim.errors import BadInput, Problem
from journeysim.model.scenario import Scenario
from journeysim.report.html import Page, page_of
from journeysim.report.kept import FILE, keep
from journeysim.report.results import results
from journeysim.report.tables import money_shown, to_csv
from journeysim.report.workbook import FILE as WORKBOOK
from journeysim.report.workbook import write_workbook

if TYPE_CHECKING:
    import pandas as pd


def render(
    decision: Decision, scenario: Scenario, folder: Path, *, manifest: Mapping[str, object], lang: str = "en"
) -> None:
    """Write report.html, results.json, money.xlsx, outcomes.parquet, page.npz, manifest.json, tables and figures.

    Parameters
    ----------
    decision : Decision
        What is shown.
    scenario : Scenario
        The question it answers; its proposals' changes are drawn on the journey map.
    folder : Path
        Must not exist yet; its parent is made when missing.
    manifest : mapping
        Written as given; its "command" (text) and "versions" (name -> text) also stand in the report.
    lang : {"en", "fr"}
        Language of the report. Tables and results.json are the same in every language.

    Raises
    ------
    BadInput
        When the folder exists or the language is unknown. Nothing is written then, nor on any other failure.
    """
    if folder.exists() or folder.is_symlink():
        raise BadInput([Problem("J091", f'"{folder}" exists; a run is never overwritten: choose another name')])
    page = page_of(decision, scenario, manifest=manifest, lang=lang)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _fill(beside, page, decision, scenario, manifest)
        keep(decision, scenario, beside / FILE, lang=lang)
        beside.chmod(0o755)
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _fill(folder: Path, page: Page, decision: Decision, scenario: Scenario, manifest: Mapping[str, object]) -> None:
    _text(folder / "report.html", page.html)
    _text(folder / "results.json", strict_json(results(decision, scenario)))
    _text(folder / "manifest.json", strict_json(dict(manifest)))
    for name, item in page.tables.items():
        _text(folder / "tables" / f"{name}.csv", to_csv(item))
    for name, svg in page.figures.items():
        _text(folder / "figures" / f"{name}.svg", f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n')
    write_outcomes(decision, folder / "outcomes.parquet")
    if money_shown(decision) and decision.verdicts:
        write_workbook(decision, scenario.money, folder / WORKBOOK, page.language)


def strict_json(content: Mapping[str, object]) -> str:
    """Return JSON without NaN or infinity (ValueError when there is one), two spaces deep."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_outcomes(decision: Decision, path: Path) -> None:
    """Write every metric in every draw as Parquet: metric, arm, persona, view, realism, draw, value.

    Levels have an empty `versus`, paired differences name what they are taken against. At trust grade E those about
    money are left out.
    """
    import duckdb
    import pandas as pd

    rows = [item for item in _measured(decision) if money_shown(decision) or item.unit != "money"]
    draws = len(rows[0].values) if rows else 0
    frame = pd.DataFrame(
        {name: _repeated([cell(row) for row in rows], draws) for name, cell in _LABELS.items()}
        | {
            "realism": np.repeat([getattr(row, "realism", 1.0) for row in rows], draws),
            "draw": np.tile(np.arange(draws), len(rows)),
            "value": np.concatenate([row.values for row in rows]) if rows else np.zeros(0),
        }
    )
    columns = ", ".join(f"{name}::VARCHAR AS {name}" for name in _LABELS)
    with duckdb.connect() as connection:
        connection.register("outcomes", frame)
        escaped = str(path).replace("'", "''")
        query = f"SELECT {columns}, realism, draw, value FROM outcomes"  # noqa: S608 - names of our own
        connection.execute(f"COPY ({query}) TO '{escaped}' (FORMAT parquet, COMPRESSION zstd)")


_LABELS: Final[Mapping[str, Callable[[Level | Contrast], str]]] = {
    "metric": lambda row: row.metric,
    "arm": lambda row: row.arm,
    "versus": lambda row: getattr(row, "versus", ""),
    "persona": lambda row: row.persona,
    "view": lambda row: row.view,
}


def _measured(decision: Decision) -> tuple[Level | Contrast, ...]:
    return (*decision.comparison.levels, *decision.comparison.contrasts)


def _repeated(labels: Sequence[str], draws: int) -> pd.Categorical[str]:
    """Return each label once per draw, as codes: millions of equal strings would take most of the time."""
    import pandas as pd

    names = sorted(set(labels))
    codes = {name: code for code, name in enumerate(names)}
    return pd.Categorical.from_codes(np.repeat([codes[label] for label in labels], draws), pd.Index(names))
