"""CPU time of calibrating a loan log with silent exits, cold and warm; and the wall time of loading a kept calibration.

Cold and warm: the 24 raw activities of the log, two personas, silent exits everywhere (`loan_raw`). Cold is a fresh
process with nothing compiled, not even numba's own folder; warm is a second process that finds what the first compiled,
and no fit. Without the observed data only the shipped scenario is measured.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from loan_raw import FOLDER

ROOT = Path(__file__).parents[1]
ROUNDS = 3
KEPT = """
import sys, time
from pathlib import Path
from journeysim.calibrate import load_or_calibrate
from journeysim.files.journey_file import read_journey
root = Path(sys.argv[1])
journey = read_journey(root / "scenarios" / "loan_application" / "journey.yaml")
table = root / "calibration" / "loan_application"
wall, cpu = time.perf_counter(), time.process_time()
load_or_calibrate(journey, table, seed=1, draws=1000, cache=Path(sys.argv[2]))
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
RAW = """
import sys, time
sys.path.insert(0, sys.argv[1] + "/benchmarks")
from loan_raw import raw_loans
journey, table = raw_loans()
from journeysim.calibrate import calibrate
start = time.process_time()
found = calibrate(journey, table, seed=1)
print(time.process_time() - start, len(found.failed))
"""


def measure() -> list[tuple[str, float, str, str]]:
    """Return CPU seconds of calibrations, and the median wall seconds of loading one."""
    lines = []
    if FOLDER.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            (cold, failed), (warm, _) = (_run(RAW, Path(folder)) for _ in range(2))
        what = "24 touchpoints, two personas, silent exits, dwell"
        lines = [
            (
                "loan_calibration_cold_cpu_s",
                cold,
                "s",
                f"{what}; nothing compiled; at most 120 s asked for; {failed:.0f} gates failed",
            ),
            ("loan_calibration_warm_cpu_s", warm, "s", f"{what}; a second process; at most 30 s asked for"),
        ]
    with tempfile.TemporaryDirectory() as folder:
        shipped = _run(KEPT, Path(folder))[1]
        cached = statistics.median(_run(KEPT, Path(folder))[0] for _ in range(ROUNDS))
    return [
        *lines,
        ("loan_scenario_cold_cpu_s", shipped, "s", "the shipped map and table; nothing compiled; at most 60 s asked for"),
        ("loan_calibration_cached_wall_s", cached, "s", "in a fresh process, xarray's import included; at most 1 s"),
    ]  # fmt: skip


def _run(code: str, folder: Path) -> list[float]:
    """Run code in a process of its own, which keeps what it compiles in a folder; return the numbers it prints."""
    flags = {"PYTENSOR_FLAGS": f"base_compiledir={folder / 'compiled'}", "NUMBA_CACHE_DIR": str(folder / "numba")}
    command = [sys.executable, "-c", code, str(ROOT), str(folder / "cache")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | flags)
    if done.stderr:
        raise SystemExit(f"the calibration was not silent: {done.stderr}")
    return [float(number) for number in done.stdout.split()]


if __name__ == "__main__":
    for line in measure():
        sys.stdout.write("\t".join(map(str, line)) + "\n")
