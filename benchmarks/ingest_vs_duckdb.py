"""CPU time of counting a log into a transition table, against a bare DuckDB transition count of the same file.

20 million events of 2.5 million customers in one file, in the order of time; once as Parquet, once as CSV. The peer sorts each
customer's events and counts pairs of touchpoints, no more: no ties, repeats, ends, dwells, or rows set aside, and of a CSV it
finds out the types by itself. Each side is a fresh process, in turn, with as many threads as the machine has. Which forms:
JOURNEYSIM_INGEST_FORMS.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROWS = int(os.environ.get("JOURNEYSIM_INGEST_ROWS", "20000000"))
FORMS = os.environ.get("JOURNEYSIM_INGEST_FORMS", "parquet csv").split()
STEPS = 12
ROUNDS = 3
HEAD = "import resource, sys\npath = sys.argv[1]\n"
TAIL = """
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
"""
PEER = """
import duckdb
following = "lead(touchpoint) OVER (PARTITION BY customer ORDER BY time)"
pairs = f"SELECT touchpoint, {following} AS next FROM '{path}'"
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute(f"SELECT touchpoint, next, count(*) FROM ({pairs}) GROUP BY ALL").fetchall()
"""
OURS = f"""
from journeysim.files.observing import count_log
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
names = [f"step {{k}}" for k in range({STEPS})]
touchpoints = tuple(Touchpoint(a, tuple(Link(b, None) for b in names if b != a)) for a in names[:-1])
journey = JourneyMap("bench", touchpoints, (Outcome(names[-1]),), ((names[0], Fixed(1.0)),))
found, account = count_log(path, journey)
assert account.read == account.used + sum(item.rows for item in account.rows_set_aside)
"""


def measure() -> list[tuple[str, float, str, str]]:
    """Return the ratio of CPU seconds, our own, and our largest memory, for each form."""
    return [line for form in FORMS for line in _measure(form)]


def _measure(form: str) -> list[tuple[str, float, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"events.{form}"
        _generate(path)
        rounds = [(_measured(PEER, path), _measured(OURS, path)) for _ in range(ROUNDS)]
    bare, ours = (statistics.median(side[0] for side in sides) for sides in zip(*rounds, strict=True))
    ratio = statistics.median(own[0] / peer[0] for peer, own in rounds)
    memory = max(own[1] for _, own in rounds)
    name = "ingest" if form == "parquet" else f"ingest_{form}"
    return [
        (f"{name}_vs_duckdb", ratio, "ratio", f"bare lead() and GROUP BY, {ROWS:,} events; at most 1.5 asked for"),
        (f"{name}_cpu_s", ours, "s", f"in a fresh process; {bare:.3g} s for the bare count"),
        (f"{name}_memory_gb", memory / 1e9, "GB", "largest resident memory while counting"),
    ]


def _generate(path: Path) -> None:
    """Write the log: the touchpoint is a hash, so a twelfth of the events repeat the one before, and a twelfth are outcomes."""
    import duckdb

    customer, step = (
        f"'c' || lpad((hash(i) % {ROWS // 8})::VARCHAR, 9, '0')",
        f"'step ' || (hash(i + 7) % {STEPS})::VARCHAR",
    )
    time = f"TIMESTAMP '2025-01-01' + to_seconds(CAST(i * (31536000.0 / {ROWS}) AS BIGINT))"
    events = f"SELECT {customer} AS customer, {step} AS touchpoint, {time} AS time FROM range({ROWS}) r(i)"
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"COPY ({events}) TO '{path}' (FORMAT {path.suffix[1:]})")


def _measured(code: str, path: Path) -> tuple[float, float]:
    """Return CPU seconds and largest resident bytes of a process of its own."""
    command = [sys.executable, "-c", HEAD + code + TAIL, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    cpu, memory = map(float, done.stdout.splitlines()[-1].split())
    return cpu, memory
