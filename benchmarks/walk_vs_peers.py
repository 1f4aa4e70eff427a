"""How much faster the walk is than idiomatic models of the same journey elsewhere, in transitions per CPU second.

Peers: Ciw, salabim, and NumPy with all customers in lock-step. Ciw and salabim are no dependencies: a line is left out,
with the reason on stderr, where one is not installed (`pip install ciw salabim`). Walk and peer are measured in turns
in one process, by processor time; each ratio is the median over the rounds. `benchmarks/walk_vs_simpy.py` has SimPy.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
from collections.abc import Callable, Generator
from importlib.metadata import version
from typing import Final

import numpy as np
from walk_vs_simpy import HORIZON, JOURNEY, LOGNORMAL, ROUNDS, WEIBULL, journey_chain, speed, walked

from journeysim.model.dwell import Family
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_tally

CIW_CUSTOMERS: Final = 4_000
SALABIM_CUSTOMERS: Final = 5_000
LOCK_STEP_CUSTOMERS: Final = 200_000


def ciw_model(seed: int) -> int:
    """Walk customers with Ciw and return their transitions.

    Its dwells belong to nodes, so every link is one, with as many servers as it takes; customers come over the horizon.
    """
    import ciw

    links = [(place, *move) for place, row in JOURNEY.items() for move in row]
    per_day = CIW_CUSTOMERS / HORIZON
    ways = [[share if place == target else 0.0 for place, _, share, *_ in links] for _, target, *_ in links]
    network = ciw.create_network(
        arrival_distributions=[
            ciw.dists.Exponential(per_day * share) if place == "advert" else None for place, _, share, *_ in links
        ],
        service_distributions=[_ciw_dwell(*rest) for _, _, _, *rest in links],
        routing=ways,
        number_of_servers=[float("inf")] * len(links),
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(HORIZON)
    return len(simulation.get_all_records())


def _ciw_dwell(family: Family, scale: float, shape: float) -> object:
    import ciw

    if family is LOGNORMAL:
        return ciw.dists.Lognormal(float(np.log(scale)), shape)
    return ciw.dists.Weibull(scale, shape) if family is WEIBULL else ciw.dists.Exponential(1.0 / scale)


def salabim_model(seed: int) -> int:
    """Walk customers with salabim, one component each, and return their transitions."""
    import salabim

    salabim.yieldless(False)  # noqa: FBT003 - its signature
    env = salabim.Environment(random_seed=seed, trace=False)
    rows = {
        name: salabim.Pdf([target for target, *_ in row], [share for _, share, *_ in row], env=env)
        for name, row in JOURNEY.items()
    }
    dwells = {(name, target): _salabim_dwell(env, *rest) for name, row in JOURNEY.items() for target, _, *rest in row}
    moves = 0

    class Customer(salabim.Component):  # type: ignore[misc, name-defined]
        def process(self) -> Generator[object, None, None]:
            nonlocal moves
            place = "advert"
            while place in rows:
                target = rows[place].sample()
                yield self.hold(dwells[place, target]())
                moves += 1
                place = target

    for _ in range(SALABIM_CUSTOMERS):
        Customer(env=env)
    env.run(till=HORIZON)
    return moves


def _salabim_dwell(env: object, family: Family, scale: float, shape: float) -> Callable[[], float]:
    """Return salabim's own sampler; it has no log-normal, so that one is the standard library's, as its manual says."""
    import random

    import salabim

    if family is LOGNORMAL:
        return salabim.External(random.lognormvariate, mu=float(np.log(scale)), sigma=shape, env=env).sample
    if family is WEIBULL:
        return salabim.Weibull(scale, shape, env=env).sample
    return salabim.Exponential(scale, env=env).sample


def lock_step_model(seed: int) -> int:
    """Walk all customers together with NumPy, a transition of everybody still on the way at a time."""
    rng, chain = np.random.default_rng(seed), journey_chain()
    start, target = chain.row_start, chain.target
    share, scale, shape = (np.ravel(item) for item in (chain.share, chain.dwell_a, chain.dwell_b))
    family, n = np.ravel(chain.family), len(chain.touchpoints)
    upper = np.cumsum(share) + 0.0
    before = np.concatenate([[0.0], upper])[start[:-1]]
    place, day, moves = np.zeros(LOCK_STEP_CUSTOMERS, dtype=np.int64), np.zeros(LOCK_STEP_CUSTOMERS), 0
    while place.size:
        link = np.searchsorted(upper, before[place] + rng.random(place.size), side="right")
        link = np.minimum(link, start[place + 1] - 1)
        dwell = np.empty(place.size)
        for kind in np.unique(family):
            at = np.flatnonzero(family[link] == kind)
            chosen = link[at]
            if kind == LOGNORMAL:
                dwell[at] = scale[chosen] * np.exp(shape[chosen] * rng.standard_normal(at.size))
            elif kind == WEIBULL:
                dwell[at] = scale[chosen] * rng.weibull(shape[chosen])
            else:
                dwell[at] = scale[chosen] * rng.standard_exponential(at.size)
        day = day + dwell
        moved = day <= HORIZON
        moves += int(moved.sum())
        going = moved & (target[link] < n)
        place, day = target[link][going], day[going]
    return moves


def measure() -> list[tuple[str, float, str, str]]:
    """Return (name, ratio, unit, what it is compared with) of every peer that is there."""
    found = []
    for name, model in (("ciw", ciw_model), ("salabim", salabim_model)):
        if importlib.util.find_spec(name) is None:
            sys.stderr.write(f"walk_vs_{name} left out: {name} is not installed\n")
            continue
        peer = f"{name} {version(name)}, same journey, transitions per CPU second"
        found.append((f"walk_vs_{name}", ratio_to(model)[0], "x", peer))
    peer = f"NumPy {np.__version__}, all customers in lock-step, transitions per CPU second"
    return [*found, ("walk_vs_numpy", ratio_to(lock_step_model)[0], "x", peer)]


def ratio_to(model: Callable[[int], int]) -> tuple[float, float, float]:
    """Return the median ratio and the median transitions per CPU second of the walk and of a peer."""
    chain, settings = journey_chain(), Settings(HORIZON)
    walk_tally(chain, settings, seed=0, customers=1)
    rounds = []
    for seed in range(ROUNDS):
        walk = speed(lambda seed=seed: walked(chain, settings, seed))
        peer = speed(lambda seed=seed: model(seed))
        rounds.append((walk / peer, walk, peer))
    ratio, walk, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    return ratio, walk, peer


if __name__ == "__main__":
    for named in (ciw_model, salabim_model, lock_step_model):
        median, fast, slow = ratio_to(named)
        sys.stdout.write(
            f"{named.__name__}: walk {fast / 1e6:.1f} M/s, peer {slow / 1e3:.1f} k/s, ratio {median:.0f}\n"
        )
