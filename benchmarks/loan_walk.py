"""loan_1000x10000_wall_s: the loan journey walked, 1,000 draws x 10,000 customers x 2 arms, in a process of its own.

Everything `simulate` does is timed (lives for flips and stories included), on threads and on processes; the fit comes
first and is not. What memory grows by is measured against a tenth of the customers.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

SCENARIO: Final = Path(__file__).parent.parent / "scenarios" / "loan_application" / "scenario.yaml"
DRAWS, CUSTOMERS, ROUNDS = 1_000, 10_000, 3


def measure() -> list[tuple[str, float, str, str]]:
    """Return wall and processor time, on threads and on as many processes, and the growth of memory."""
    rounds = [[_run(where, CUSTOMERS) for where in ("threads", "processes")] for _ in range(ROUNDS)]
    few = _run("threads", CUSTOMERS // 10)
    found = []
    for k, where in enumerate(("threads", "processes")):
        wall, cpu = (statistics.median(item[k][name] for item in rounds) for name in ("wall", "cpu"))
        head = "loan_1000x10000" if where == "threads" else f"loan_1000x10000_{where}"
        about = f"{where}, {few['cores']:.0f} cores"
        found += [(f"{head}_wall_s", wall, "s", f"{about}; under 15 s on two cores asked for")]
        found += [(f"{head}_cpu_s", cpu, "s", about)]
    grown = statistics.median(item[0]["peak"] for item in rounds) / few["peak"]  # the first round may compile
    return [
        *found,
        ("loan_1000x10000_memory", grown, "x", f"peak against a tenth of the customers, {few['peak']:.0f} MB"),
    ]


def _run(executor: str, customers: int) -> dict[str, float]:
    command = [sys.executable, __file__, executor, str(customers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=SCENARIO.parents[2])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def walk(executor: str, customers: int) -> dict[str, float]:
    """Walk today and one proposal and return wall seconds, CPU seconds (of children too), peak memory in MB and cores."""
    import os
    import resource
    import time

    from journeysim.cli.pipeline import Options, draws_of, prepare
    from journeysim.model.arms import build_arms
    from journeysim.simulate.executors import opened, usable_cores
    from journeysim.simulate.run import simulate
    from journeysim.simulate.settings import Settings

    prepared = prepare(SCENARIO, Options(draws=DRAWS))
    scenario = prepared.scenario
    draws, _ = draws_of(prepared)
    arms = [
        arm for arm in build_arms(scenario, draws, seed=scenario.seed) if arm.name in {"today", "call next working day"}
    ]
    settings = Settings(scenario.horizon, scenario.money.discount_value, scenario.money.discount_cost)

    def run(count: int, where: str) -> None:
        with opened(where) as workers:
            simulate(arms, settings=settings, seed=1, customers=count, engine="walk", executor=workers)

    run(10, "threads")  # compiled before the clock starts
    before, wall = os.times(), time.perf_counter()
    run(customers, executor)
    wall, after = time.perf_counter() - wall, os.times()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = sum(after[:4]) - sum(before[:4]) + _of_servers()
    return {"wall": wall, "cpu": cpu, "peak": peak, "cores": float(usable_cores())}


def _of_servers() -> float:
    """Return the CPU seconds of this process's children that live on: the server that forks processes, and those it forked."""
    import os

    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(words[1]) == os.getpid():
            ticks += sum(map(int, words[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(walk(sys.argv[1], int(sys.argv[2]))))
