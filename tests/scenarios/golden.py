"""Golden runs: what of a run is kept in `expected.json`, and how a new run is compared with it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SCENARIOS = sorted(file.parent for file in (REPOSITORY / "scenarios").glob("*/scenario.yaml"))
DRAWS = 200
METRICS = ("conversion", "churn", "loss", "revenue", "cost", "clv", "time_to_convert_median")
SIZES = ("mean", "q05", "q95")
#: Relative, and absolute in the metric's own unit: room for another release of a library, not for another answer.
TOLERANCE = {"relative": 0.005, "absolute": 1e-4}


def run(folder: Path) -> tuple[dict[str, object], float]:
    """Run a scenario with few draws into a folder that is thrown away; return its results and the seconds it took."""
    import time

    began = time.monotonic()
    # Reports must lie inside the project; a private folder of it is ignored by git and swept away again.
    private = REPOSITORY / ".journeysim"
    private.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=private, prefix="golden-") as out:
        command = ["run", str(folder / "scenario.yaml"), "--draws", str(DRAWS), "--out", out, "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "journeysim.cli", *command],
            cwd=REPOSITORY, capture_output=True, text=True, check=False, encoding="utf-8",
        )  # fmt: skip
    if done.returncode not in {0, 3}:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)["runs"][0]["results"], time.monotonic() - began


def key_figures(results: Mapping[str, object]) -> dict[str, float | None]:
    """Return the figures that are kept, by a name that says which they are."""
    return {name: value if value is None else float(f"{value:.6g}") for name, value in _figures(results)}


def _figures(results: Mapping[str, object]) -> Iterator[tuple[str, float | None]]:
    for row in results["metrics"]:
        if row["metric"] in METRICS and row["persona"] == "all" and row["view"] == "cohort":
            for size in SIZES:
                yield f"{row['arm']} | {row['metric']} | {size}", row[size]
    for row in results["contrasts"]:
        if row["metric"] in METRICS and row["persona"] == "all" and row["view"] == "cohort" and row["realism"] == 1.0:
            for size in (*SIZES, "p_better"):
                yield f"{row['arm']} - {row['versus']} | {row['metric']} | {size}", row[size]
    for row in results["decision"]:
        yield f"{row['proposal']} | p_net_benefit", row["p_net_benefit"]
        yield f"{row['proposal']} | break_even_realism", row["break_even_realism"]
        for size in SIZES:
            yield f"{row['proposal']} | npv | {size}", row["npv"][size]


def differences(found: Mapping[str, float | None], expected: Mapping[str, float | None]) -> list[str]:
    """Return a line for every figure that is not as expected."""
    names = dict.fromkeys([*expected, *found])
    return [
        f"{name}: expected {expected.get(name, 'no such figure')}, found {found.get(name, 'no such figure')}"
        for name in names
        if name not in found or name not in expected or not _close(found[name], expected[name])
    ]


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(TOLERANCE["absolute"], TOLERANCE["relative"] * abs(other))
