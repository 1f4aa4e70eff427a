"""Wall time of one `journeysim run` of the loan scenario in a fresh process, calibration and compiled code cached."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCENARIO = ROOT / "scenarios" / "loan_application" / "scenario.yaml"
ROUNDS = 3


def measure() -> tuple[str, float, str, str]:
    """Return the median over a few rounds after one that warms the caches."""
    target = ROOT / "reports" / "benchmark"
    times = []
    for _ in range(ROUNDS + 1):
        shutil.rmtree(target, ignore_errors=True)
        start = time.perf_counter()
        command = [sys.executable, "-m", "journeysim.cli", "run", str(SCENARIO), "--out", str(target)]
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        times.append(time.perf_counter() - start)
    shutil.rmtree(target, ignore_errors=True)
    return "loan_run_wall_s", statistics.median(times[1:]), "s", "a fresh process; at most 20 s asked for"
