"""How fast the walk is with every layer on, against the base process in the same run: transitions per CPU second.

The journey of `walk_vs_simpy`. Customers differ for good (kappa 6) at every touchpoint but three, where the row depends on
the place before; earlier visits shift every link, every touchpoint gives a feeling, every link answers to satisfaction,
and two touchpoints are left at own rates. Measured in turns, median of the ratios. Each layer alone stands beside it: what it
costs is nanoseconds a transition more than the base process.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from typing import Final

import numpy as np
from walk_vs_simpy import HORIZON, journey_chain, speed, walked

from journeysim.model.satisfaction import CSAT_CUTS, NPS_CUTS
from journeysim.simulate.chain import Chain
from journeysim.simulate.layers import Frailty, Layers, Memory, Moods
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import place_key
from journeysim.simulate.walk import walk_tally

ROUNDS: Final = 7
#: Touchpoints whose rows depend on the place before.
AFTER: Final = ("application form", "upload of papers", "offer")
OWN_RATE: Final = ("website", "offer")


def layered_chain() -> Chain:
    """Return the journey with every layer on."""
    chain = journey_chain()
    return replace(chain, layers=Layers(_frailty(chain), _memory(chain), _moods(chain)))


def _frailty(chain: Chain) -> Frailty:
    names = chain.touchpoints
    kappa = np.array([[np.nan if name in AFTER else 6.0 for name in names]])
    rate = np.array([[2.0 if name in OWN_RATE else np.nan for name in names]])
    keys = np.array([place_key("own share", link) for link in chain.links], dtype=np.uint32)
    return Frailty(kappa, kappa, rate, keys, np.zeros(len(chain.links), dtype=np.bool_))


def _memory(chain: Chain) -> Memory:
    rng, n, links = np.random.default_rng(1), len(chain.touchpoints), len(chain.links)
    start, effect = rng.normal(0, 0.1, (1, 1, links)), rng.normal(0, 0.2, (1, links))
    first, rows = np.full((n + 1, n), -1), []
    for name in AFTER:
        i = chain.touchpoints.index(name)
        row = slice(chain.row_start[i], chain.row_start[i + 1])
        for before in range(n):
            first[before, i] = sum(len(part) for part in rows)
            rows.append(rng.dirichlet(20 * chain.share[0, 0, 0, row]))
    order2 = np.concatenate(rows)[None, None]
    return Memory(start, start, effect, effect, first, order2, order2, np.zeros(n, dtype=np.bool_))


def _moods(chain: Chain) -> Moods:
    rng, places = np.random.default_rng(2), len(chain.touchpoints) + len(chain.outcomes)
    at = np.arange(places) < len(chain.touchpoints)
    felt, mood = rng.uniform(-0.3, 0.6, (1, 1, 1, places)) * at, np.full((1, 1), 0.1)
    sensitivity = rng.normal(0, 0.3, (1, len(chain.links)))
    return Moods(
        felt, felt, at, at, 0.4 * at, 0.3 * at, mood, mood, sensitivity, sensitivity, CSAT_CUTS, NPS_CUTS
    )  # fmt: skip


def single_layers() -> dict[str, Chain]:
    """Return the journey with one layer on at a time."""
    chain = layered_chain()
    layers = chain.layers
    return {
        "differing": replace(chain, layers=Layers(frailty=layers.frailty)),
        "memory": replace(chain, layers=Layers(memory=layers.memory)),
        "satisfaction": replace(chain, layers=Layers(moods=layers.moods)),
    }


def measure() -> list[tuple[str, float, str, str]]:
    """Return (name, ratio, unit, what it is compared with): all layers, then each alone."""
    found = []
    for name, chain in {"": layered_chain(), **single_layers()}.items():
        ratio, base, layered = measure_speeds(chain)
        speeds = f"{base / 1e6:.1f} and {layered / 1e6:.1f} million transitions per CPU second"
        told = f"base process in the same run ({speeds}, {1e9 / layered - 1e9 / base:.0f} ns a transition more)"
        found.append(("layers_vs_walk" + (f"_{name}" if name else ""), ratio, "x", told))
    return found


def measure_speeds(layered: Chain) -> tuple[float, float, float]:
    """Return the median ratio and the median speeds of the base process and of a chain with layers."""
    base, settings = journey_chain(), Settings(HORIZON)
    walk_tally(layered, settings, seed=0, customers=1)
    rounds = []
    for seed in range(ROUNDS):
        slow = speed(lambda seed=seed: walked(layered, settings, seed))
        fast = speed(lambda seed=seed: walked(base, settings, seed))
        rounds.append((slow / fast, fast, slow))
    ratio, fast, slow = (statistics.median(column) for column in zip(*rounds, strict=True))
    return ratio, fast, slow


if __name__ == "__main__":
    for line in measure():
        sys.stdout.write("\t".join(str(part) for part in line) + "\n")
