"""Print every measure, one line each: NAME, VALUE, UNIT, what it is measured against; tab-separated.

Ratios are taken within one run against a named peer; each measure is the median of several rounds. Nothing here is a
test: a slow machine prints other numbers, not a failure.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

MEASURES = (
    "walk_vs_simpy",
    "walk_vs_peers",
    "walk_vs_c",
    "layers_vs_walk",
    "service_vs_simpy",
    "crn",
    "exact_absorption",
    "exact_variance",
    "ingest_vs_duckdb",
    "loan_calibration",
    "silent_exits",
    "loan_run",
    "loan_walk",
    "portfolio",
)


def main(names: list[str]) -> None:
    """Print the named measures, or all of them."""
    sys.path.insert(0, str(Path(__file__).parent))
    for name in names or MEASURES:
        found = importlib.import_module(name).measure()
        for line in found if isinstance(found, list) else [found]:
            label, value, unit, against = line
            print(f"{label}\t{value:.4g}\t{unit}\t{against}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
