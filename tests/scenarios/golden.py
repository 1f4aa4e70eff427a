"""Golden runs: what of a run is kept in `expected.json`, and how a new run is compared with it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SCENARIOS = sorted(file.parent for file in (REPOSITORY / "scenarios").glob("*/scenario.yaml"))
DRAWS = 200
METRICS = ("conversion", "churn", "loss", "revenue", "cost", "clv", "time_to_convert_median")
SIZES = ("mean", "q05", "q95")
#: With the libraries the figures were made with: relative, and absolute in the metric's own unit.
RELATIVE, ABSOLUTE = 0.005, 1e-4
#: With another sampler the draws are others: four standard errors of each size at this number of draws, as a part of
#: the 90 % range (a normal's sd is the range / 3.29; a 5 % quantile's standard error is 2.06 sd / root of the draws).
_MEAN, _END = 4 / 3.29 / DRAWS**0.5, 4 * 2.06 / 3.29 / DRAWS**0.5
WITH_OTHER_DRAWS = {"mean": _MEAN, "q05": _END, "q95": _END}
CHANCE_WITH_OTHER_DRAWS = 4 * 0.5 / DRAWS**0.5
SAMPLERS = ("numpy", "scipy", "pymc", "pytensor")


def run(folder: Path) -> tuple[dict[str, object], float]:
    """Run a scenario with few draws into a folder that is thrown away; return its results and the seconds it took."""
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


def samplers() -> dict[str, str]:
    """Return the releases that decide the draws."""
    return {name: version(name) for name in SAMPLERS}


def differences(
    found: Mapping[str, float | None], expected: Mapping[str, float | None], *, same_draws: bool = True
) -> list[str]:
    """Return a line for every figure that is not as expected."""
    names = dict.fromkeys([*expected, *found])
    return [
        f"{name}: expected {expected.get(name, 'no such figure')}, found {found.get(name, 'no such figure')}"
        for name in names
        if name not in found or name not in expected or not _close(name, found, expected, same_draws=same_draws)
    ]


def _close(
    name: str, found: Mapping[str, float | None], expected: Mapping[str, float | None], *, same_draws: bool
) -> bool:
    one, other = found[name], expected[name]
    if one is None or other is None:
        return one is other or not same_draws
    room = max(ABSOLUTE, RELATIVE * abs(other))
    return abs(one - other) <= (room if same_draws else max(room, _sampling_error(name, expected)))


def _sampling_error(name: str, expected: Mapping[str, float | None]) -> float:
    head, _, size = name.rpartition(" | ")
    if size not in WITH_OTHER_DRAWS:
        return CHANCE_WITH_OTHER_DRAWS
    low, high = (expected.get(f"{head} | {end}") for end in ("q05", "q95"))
    return 0.0 if low is None or high is None else WITH_OTHER_DRAWS[size] * (high - low)
