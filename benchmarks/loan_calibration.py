"""CPU time of the loan calibration with nothing compiled or kept, and the wall time of loading it when it is kept.

Each measure runs in processes of its own; "cold" gives PyTensor an empty folder, so its compilation is counted.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 3
CODE = """
import sys, time
from pathlib import Path
from journeysim.calibrate import load_or_calibrate
from journeysim.files.journey_file import read_journey
root = Path(sys.argv[1])
journey = read_journey(root / "scenarios" / "loan_application" / "journey.yaml")
start = time.perf_counter()
table = root / "calibration" / "loan_application"
load_or_calibrate(journey, table, seed=1, draws=1000, cache=Path(sys.argv[2]))
print(time.perf_counter() - start)
"""


def measure() -> list[tuple[str, float, str, str]]:
    """Return CPU seconds of one cold calibration, and the median wall seconds of loading it again."""
    with tempfile.TemporaryDirectory() as folder:
        before = _children_cpu()
        _load(Path(folder))
        cold = _children_cpu() - before
        cached = statistics.median(_load(Path(folder)) for _ in range(ROUNDS))
    return [
        ("loan_calibration_cold_cpu_s", cold, "s", "one fresh process, nothing compiled; at most 60 s asked for"),
        ("loan_calibration_cached_wall_s", cached, "s", "in a fresh process, xarray's import included; at most 1 s"),
    ]


def _load(folder: Path) -> float:
    """Calibrate, or load what is kept, in a process of its own; return the wall seconds of that call."""
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={folder / 'compiled'}"}
    command = [sys.executable, "-c", CODE, str(ROOT), str(folder / "cache")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    if done.stderr:
        raise SystemExit(f"the calibration was not silent: {done.stderr}")
    return float(done.stdout)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    for line in measure():
        sys.stdout.write("\t".join(map(str, line)) + "\n")
