"""Net benefit draw by draw, kept beside a run's outcomes so that its proposals can be compared later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from journeysim.errors import BadInput, Place, Problem
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    from journeysim.cli.stored import StoredRun
    from journeysim.decide.decision import Decision

NET: Final = "net_benefit.parquet"
OUTCOMES: Final = "outcomes.parquet"


def write_money_draws(decision: Decision, folder: Path) -> None:
    """Write each proposal's net benefit at full effect: proposal, draw, value. Nothing at trust grade E."""
    if decision.trust.grade == "E" or not decision.verdicts:
        return
    import duckdb
    import pandas as pd

    frame = pd.concat(
        [
            pd.DataFrame({"proposal": item.proposal, "draw": np.arange(len(item.full.net)), "value": item.full.net})
            for item in decision.verdicts
        ],
        ignore_index=True,
    )
    with duckdb.connect() as base:
        base.register("frame", frame)
        target = _quoted(folder / NET)
        base.execute(f"COPY (SELECT * FROM frame) TO {target} (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608 - a path


def differences_by_draw(run: StoredRun) -> tuple[str, dict[str, Floats]]:
    """Return the measure that proposals are compared on, and its values per draw by proposal; higher is better.

    Net benefit where the run shows money, else the difference of conversion from today.
    """
    if (run.folder / NET).is_file():
        query = f"SELECT proposal, value FROM read_parquet({_quoted(run.folder / NET)}) ORDER BY proposal, draw"  # noqa: S608
        return "net benefit", _by_proposal(run.folder, query)
    query = (
        f"SELECT arm, value FROM read_parquet({_quoted(run.folder / OUTCOMES)}) WHERE versus <> '' AND persona = 'all' "  # noqa: S608
        "AND view = 'cohort' AND realism = 1 AND metric = 'conversion' ORDER BY arm, draw"
    )
    return "conversion", _by_proposal(run.folder, query)


def _by_proposal(folder: Path, query: str) -> dict[str, Floats]:
    import duckdb

    with duckdb.connect() as base:
        try:
            found = base.execute(query).fetchnumpy()
        except duckdb.Error as error:
            raise _damaged(folder, error) from error
    names, values = (np.asarray(column) for column in found.values())
    return {str(name): values[names == name].astype(np.float64) for name in dict.fromkeys(names)}


def _damaged(folder: Path, error: Exception) -> BadInput:
    message = f"{folder} is damaged or incomplete ({str(error).splitlines()[0]}); run the scenario again"
    return BadInput([Problem("J098", message, Place(str(folder), text=str(folder), width=len(str(folder))))])


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
