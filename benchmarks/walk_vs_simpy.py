"""How much faster the walk is than an idiomatic SimPy model of the same journey, in transitions per CPU second.

Run it: `python benchmarks/walk_vs_simpy.py`. Both are measured in turns in one process, by processor time; the ratio
is the median over the rounds. The base process: shares and dwells, conversion counted, no money, no changes.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Generator
from typing import Any, Final

import numpy as np
import simpy

from journeysim.model.addresses import name_key
from journeysim.model.dwell import Family
from journeysim.simulate.chain import Chain
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_tally

HORIZON: Final = 365.0
ROUNDS: Final = 5
SIMPY_CUSTOMERS: Final = 20_000
WALK_CUSTOMERS: Final = 400_000
OUTCOMES: Final = ("signed", "declined", "walked away")
LOGNORMAL, EXPONENTIAL, WEIBULL = Family.LOGNORMAL, Family.EXPONENTIAL, Family.WEIBULL

#: A consumer loan: touchpoint -> (next place, share, dwell family, scale in days, shape).
JOURNEY: Final = {
    "advert": [
        ("website", 0.70, EXPONENTIAL, 0.5, 1.0),
        ("branch visit", 0.20, WEIBULL, 4.0, 1.4),
        ("walked away", 0.10, EXPONENTIAL, 3.0, 1.0),
    ],
    "website": [
        ("calculator", 0.55, LOGNORMAL, 0.01, 0.8),
        ("advert", 0.20, EXPONENTIAL, 6.0, 1.0),
        ("application form", 0.15, LOGNORMAL, 0.02, 1.0),
        ("walked away", 0.10, WEIBULL, 5.0, 0.8),
    ],
    "calculator": [
        ("application form", 0.60, LOGNORMAL, 0.02, 0.9),
        ("website", 0.28, EXPONENTIAL, 2.0, 1.0),
        ("walked away", 0.12, WEIBULL, 6.0, 0.9),
    ],
    "branch visit": [("application form", 0.75, LOGNORMAL, 0.04, 0.5), ("walked away", 0.25, EXPONENTIAL, 7.0, 1.0)],
    "application form": [
        ("upload of papers", 0.66, LOGNORMAL, 0.3, 1.2),
        ("help call", 0.20, EXPONENTIAL, 0.8, 1.0),
        ("walked away", 0.14, WEIBULL, 8.0, 0.7),
    ],
    "help call": [("application form", 0.80, LOGNORMAL, 0.1, 0.7), ("walked away", 0.20, WEIBULL, 4.0, 1.0)],
    "upload of papers": [
        ("identity check", 0.72, LOGNORMAL, 1.0, 1.0),
        ("reminder", 0.22, WEIBULL, 5.0, 1.5),
        ("walked away", 0.06, EXPONENTIAL, 10.0, 1.0),
    ],
    "reminder": [("upload of papers", 0.75, WEIBULL, 2.5, 0.9), ("walked away", 0.25, EXPONENTIAL, 12.0, 1.0)],
    "identity check": [
        ("credit check", 0.82, LOGNORMAL, 0.2, 0.8),
        ("help call", 0.08, EXPONENTIAL, 1.0, 1.0),
        ("walked away", 0.10, WEIBULL, 7.0, 0.8),
    ],
    "credit check": [
        ("offer", 0.62, LOGNORMAL, 1.5, 0.6),
        ("declined", 0.18, LOGNORMAL, 1.0, 0.5),
        ("more papers", 0.20, WEIBULL, 2.0, 1.2),
    ],
    "more papers": [("credit check", 0.80, LOGNORMAL, 3.0, 0.9), ("walked away", 0.20, EXPONENTIAL, 9.0, 1.0)],
    "offer": [
        ("signed", 0.55, WEIBULL, 3.0, 1.1),
        ("offer call", 0.30, EXPONENTIAL, 2.0, 1.0),
        ("walked away", 0.15, WEIBULL, 10.0, 0.9),
    ],
    "offer call": [("offer", 0.72, LOGNORMAL, 0.5, 0.9), ("walked away", 0.28, EXPONENTIAL, 6.0, 1.0)],
}  # fmt: skip


def journey_chain() -> Chain:
    """Return the journey as a chain of one draw and one persona, links in slot order."""
    touchpoints = tuple(JOURNEY)
    places = touchpoints + OUTCOMES
    rows = [sorted(row, key=lambda move: (move[0] not in OUTCOMES, move[0])) for row in JOURNEY.values()]
    moves = [(touchpoints[i], *move) for i, row in enumerate(rows) for move in row]
    share, scale, shape = (np.array([[[[move[k] for move in moves]]]], dtype=np.float64) for k in (2, 4, 5))
    nothing, no_link = np.zeros((1, 1, 1, len(places))), np.zeros(share.shape)
    entry = np.array([[[place == "advert" for place in places]]], dtype=np.float64)
    money = ("visit_value", "visit_value_sd", "visit_cost", "effort", "value_per_day", "cost_per_day")
    return Chain(
        touchpoints=touchpoints,
        outcomes=OUTCOMES,
        personas=("all customers",),
        links=tuple(f"{source} -> {target}" for source, target, *_ in moves),
        row_start=np.cumsum([0, *(len(row) for row in rows)]),
        source=np.array([touchpoints.index(move[0]) for move in moves]),
        target=np.array([places.index(move[1]) for move in moves]),
        key=np.array([name_key("touchpoint", name) & 0xFFFFFFFF for name in touchpoints], dtype=np.uint32),
        share=share,
        today_share=share,
        coupled=np.zeros(len(touchpoints), dtype=np.bool_),
        family=np.array([[move[3] for move in moves]], dtype=np.int8),
        dwell_a=scale,
        dwell_b=shape,
        dwell_table=np.empty((0, 2)),
        entry=entry,
        persona_share=np.ones((1, 1)),
        arrivals=np.ones(1),
        period_end=np.array([np.inf]),
        **dict.fromkeys(money, nothing),
        link_value=no_link,
        link_cost=no_link,
        converts=np.array([place == "signed" for place in places]),
        churns=np.zeros(len(places), dtype=np.bool_),
        after_conversion=np.zeros(len(places), dtype=np.bool_),
    )


def simpy_model(seed: int, customers: int) -> tuple[int, int]:
    """Walk the customers with SimPy, one process each; return (transitions, conversions)."""
    random.seed(seed)
    rows = {name: ([move[0] for move in row], [move[1] for move in row]) for name, row in JOURNEY.items()}
    dwells = {(name, move[0]): _sampler(*move[2:]) for name, row in JOURNEY.items() for move in row}
    counts = {"moves": 0, "signed": 0}

    def customer(env: simpy.Environment) -> Generator[simpy.Event, Any, None]:
        place = "advert"
        while place in rows:
            targets, shares = rows[place]
            target = random.choices(targets, shares)[0]  # noqa: S311 - a simulation, not a cipher
            yield env.timeout(dwells[place, target]())
            counts["moves"] += 1
            place = target
        counts["signed"] += place == "signed"

    env = simpy.Environment()
    for _ in range(customers):
        env.process(customer(env))
    env.run(until=HORIZON)
    return counts["moves"], counts["signed"]


def measure() -> tuple[str, float, str, str]:
    """Return (name, ratio, unit, what it is compared with)."""
    ratio, _, _ = measure_speeds()
    return "walk_vs_simpy", ratio, "x", f"SimPy {simpy.__version__}, same journey, transitions per CPU second"


def measure_speeds() -> tuple[float, float, float]:
    """Return the median ratio and the median transitions per CPU second of the walk and of SimPy."""
    chain, settings = journey_chain(), Settings(HORIZON)
    walk_tally(chain, settings, seed=0, customers=1)
    rounds = []
    for seed in range(ROUNDS):
        walk = speed(lambda seed=seed: walked(chain, settings, seed))
        peer = speed(lambda seed=seed: simpy_model(seed, SIMPY_CUSTOMERS)[0])
        rounds.append((walk / peer, walk, peer))
    ratio, walk, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    return ratio, walk, peer


def walked(chain: Chain, settings: Settings, seed: int) -> int:
    """Walk the customers on one thread and return how many transitions they made."""
    tally, error = walk_tally(chain, settings, seed=seed, customers=WALK_CUSTOMERS, threads=1)
    return round(float((tally.moves.sum(-1) * error.customers).sum()))


def speed(run: Callable[[], int]) -> float:
    """Return the transitions per CPU second of a run that returns how many it made."""
    start = time.process_time()
    moves = run()
    return moves / (time.process_time() - start)


def _sampler(family: Family, scale: float, shape: float) -> Callable[[], float]:
    """Return the standard library's sampler of a dwell."""
    if family is LOGNORMAL:
        mean = float(np.log(scale))
        return lambda: random.lognormvariate(mean, shape)
    if family is WEIBULL:
        return lambda: random.weibullvariate(scale, shape)
    return lambda: random.expovariate(1.0 / scale)


if __name__ == "__main__":
    median, fast, slow = measure_speeds()
    sys.stdout.write(f"walk {fast / 1e6:.1f} M/s, SimPy {slow / 1e6:.3f} M/s, ratio {median:.0f}\n")
