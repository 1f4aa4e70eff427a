"""How much faster the service kernel is than idiomatic SimPy models of the same desks, in customers per CPU second.

Run it: `python benchmarks/service_vs_simpy.py`. Two cases: a desk of ten with impatient customers, and a blueprint of
five touchpoints whose staff are three shared resources. Kernel and SimPy are measured in turns in one process, by
processor time; each ratio is the median over the rounds. The kernel's time includes making the customers.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Generator
from typing import Any, Final

import simpy

from journeysim.calibrate import stated_draws
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Resource, Staffing, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.simulate.chain import compile_world
from journeysim.simulate.service.blueprint import Span, blueprint_of
from journeysim.simulate.service.stage import Stage, arriving_of, first_room, run_draw, stage_of
from journeysim.simulate.settings import Settings

ROUNDS: Final = 5
PER_DAY: Final = 10.0
KERNEL_DAYS: Final = 20_000.0
SIMPY_DAYS: Final = 800.0

#: Touchpoint -> (resource, mean service, mean patience, ((next place, share, mean dwell), …)).
DESK: Final = {"call": ("agents", 1.0, 2.0, (("served", 1.0, 1.0),))}
SHARED: Final = {
    "form": ("web team", 0.1, 2.0, (("call", 0.7, 0.5), ("gone", 0.3, 0.5))),
    "call": ("advisers", 0.4, 1.0, (("check", 0.6, 1.0), ("form", 0.1, 0.5), ("gone", 0.3, 0.5))),
    "check": ("back office", 0.5, 5.0, (("offer", 0.8, 0.5), ("papers", 0.2, 0.5))),
    "papers": ("back office", 0.3, 5.0, (("check", 0.7, 1.0), ("gone", 0.3, 1.0))),
    "offer": ("advisers", 0.3, 2.0, (("served", 0.6, 1.0), ("gone", 0.4, 1.0))),
}
STAFF: Final = {"agents": 10, "web team": 2, "advisers": 6, "back office": 5}
Rows = dict[str, tuple[str, float, float, tuple[tuple[str, float, float], ...]]]


def stage_for(rows: Rows) -> Stage:
    """Return the rows as a stage of one draw."""
    points = tuple(
        Touchpoint(
            name,
            tuple(Link(to, Fixed(share), _exponential(dwell)) for to, share, dwell in moves),
            staffed_by=Staffing(resource, _exponential(service), _exponential(patience), "gone"),
        )
        for name, (resource, service, patience, moves) in rows.items()
    )
    used = dict.fromkeys(resource for resource, *_ in rows.values())
    journey = JourneyMap(
        "bench", points, (Outcome("served", conversion=True), Outcome("gone")), ((next(iter(rows)), Fixed(1.0)),),
        arrivals_per_day=Fixed(PER_DAY), resources=tuple(Resource(name, Fixed(float(STAFF[name]))) for name in used),
    )  # fmt: skip
    draws, span = stated_draws(journey), Span(0.0, KERNEL_DAYS, KERNEL_DAYS)
    chain = compile_world(journey, draws)
    blueprint = blueprint_of([journey], draws, chain, span, seed=1)
    return stage_of(chain, blueprint, arriving_of(journey, draws, span), Settings(KERNEL_DAYS), span, seed=1)


def simpy_model(rows: Rows, seed: int) -> int:
    """Serve customers with SimPy, one process each; return how many came."""
    random.seed(seed)
    env = simpy.Environment()
    desks = {name: simpy.Resource(env, capacity=STAFF[name]) for name in {resource for resource, *_ in rows.values()}}
    ways = {name: ([to for to, *_ in row[3]], [share for _, share, _ in row[3]]) for name, row in rows.items()}
    dwells = {(name, to): dwell for name, row in rows.items() for to, _, dwell in row[3]}
    came = 0

    def customer() -> Generator[simpy.Event, Any, None]:
        place = next(iter(rows))
        while place in rows:
            resource, service, patience, _ = rows[place]
            request = desks[resource].request()
            yield request | env.timeout(random.expovariate(1.0 / patience))
            if not request.triggered:
                request.cancel()
                return
            env.process(hold(resource, request, random.expovariate(1.0 / service)))
            target = random.choices(*ways[place])[0]  # noqa: S311 - a simulation, not a cipher
            yield env.timeout(random.expovariate(1.0 / dwells[place, target]))
            place = target

    def hold(resource: str, request: simpy.Event, service: float) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(service)
        desks[resource].release(request)

    def source() -> Generator[simpy.Event, Any, None]:
        nonlocal came
        while True:
            yield env.timeout(random.expovariate(PER_DAY))
            came += 1
            env.process(customer())

    env.process(source())
    env.run(until=SIMPY_DAYS)
    return came


def measure() -> list[tuple[str, float, str, str]]:
    """Return (name, ratio, unit, what it is compared with) of both cases."""
    peer = f"SimPy {simpy.__version__}, same desks, customers per CPU second"
    return [
        ("service_vs_simpy_desk", speeds(DESK)[0], "x", peer),
        ("service_vs_simpy_shared", speeds(SHARED)[0], "x", peer),
    ]


def speeds(rows: Rows) -> tuple[float, float, float]:
    """Return the median ratio and the median customers per CPU second of the kernel and of SimPy."""
    stage = stage_for(rows)
    _, room = run_draw(stage, 0, 0, first_room(stage))
    rounds = []
    for seed in range(ROUNDS):
        kernel = _speed(lambda seed=seed: run_draw(stage, 0, seed, room)[0])
        peer = _speed(lambda seed=seed: simpy_model(rows, seed))
        rounds.append((kernel / peer, kernel, peer))
    ratio, kernel, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    return ratio, kernel, peer


def _speed(run: Callable[[], int]) -> float:
    start = time.process_time()
    customers = run()
    return customers / (time.process_time() - start)


def _exponential(mean: float) -> Dwell:
    return Dwell(Family.EXPONENTIAL, Fixed(mean))


if __name__ == "__main__":
    for name, case in (("desk", DESK), ("shared resources", SHARED)):
        median, fast, slow = speeds(case)
        sys.stdout.write(f"{name}: kernel {fast / 1e6:.2f} M/s, SimPy {slow / 1e3:.1f} k/s, ratio {median:.0f}\n")
