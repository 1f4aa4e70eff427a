"""What a run foretold, kept beside its outcomes: `forecast.parquet` with arm, metric, month, draw and value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from journeysim.errors import BadInput, Place, Problem

if TYPE_CHECKING:
    from journeysim.decide.decision import Decision
    from journeysim.decide.forecast import Foretold

FILE: Final = "forecast.parquet"


def write_forecast(decision: Decision, folder: Path) -> None:
    """Write what is foretold of every arm; nothing where arrivals were only assumed."""
    from journeysim.decide.forecast import foretold_by

    found = foretold_by(decision.comparison)
    if not found:
        return
    import duckdb
    import pandas as pd

    draws, months = found[0].expected.shape
    frame = pd.DataFrame(
        {
            "arm": np.repeat([item.arm for item in found], draws * months),
            "metric": np.repeat([item.metric for item in found], draws * months),
            "month": np.tile(np.arange(1, months + 1), len(found) * draws),
            "draw": np.tile(np.repeat(np.arange(draws), months), len(found)),
            "value": np.concatenate([item.expected.ravel() for item in found]),
        }
    )
    with duckdb.connect() as base:
        base.register("frame", frame)
        target = _quoted(folder / FILE)
        base.execute(f"COPY (SELECT * FROM frame) TO {target} (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608 - a path


def read_forecast(folder: Path, arm: str) -> tuple[Foretold, ...]:
    """Return what a run foretold of one arm; BadInput when it foretold nothing, or knows no such arm."""
    import duckdb

    from journeysim.decide.forecast import Foretold

    if not (folder / FILE).is_file():
        why = f"has no {FILE}: its map states no arrivals, or an older journeysim made it; nothing was foretold"
        raise _refused(folder, why)
    source = _quoted(folder / FILE)
    query = f"SELECT arm, metric, month, draw, value FROM read_parquet({source}) ORDER BY arm, metric, draw, month"  # noqa: S608 - a path
    with duckdb.connect() as base:
        try:
            found = base.execute(query).fetchnumpy()
        except duckdb.Error as error:
            raise _refused(folder, f"has a damaged {FILE} ({str(error).splitlines()[0]})") from error
    arms, metrics = (np.asarray(found[name]).astype(str) for name in ("arm", "metric"))
    if arm not in arms:
        from journeysim.model.checks.did_you_mean import did_you_mean

        raise _refused(folder, f'has no arm "{arm}"{did_you_mean(arm, dict.fromkeys(arms.tolist()))}')
    months = int(np.asarray(found["month"]).max())
    return tuple(
        Foretold(arm, metric, np.asarray(found["value"])[(arms == arm) & (metrics == metric)].reshape(-1, months))
        for metric in dict.fromkeys(metrics.tolist())
    )


def _refused(folder: Path, why: str) -> BadInput:
    return BadInput([Problem("J098", f"{folder} {why}", Place(str(folder), text=str(folder), width=len(str(folder))))])


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
