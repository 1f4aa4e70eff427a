"""CPU seconds to solve where customers end, for every draw of two arms: 13 touchpoints, 4,000 draws.

The peer is the textbook way in the same run: build I - Q per draw and solve all of them with one batched
`numpy.linalg.solve`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import fields

import numpy as np

from journeysim.model.dwell import Family
from journeysim.simulate.chain import Chain
from journeysim.simulate.exact import end_probabilities

DRAWS, TOUCHPOINTS, OUTCOMES, ROUNDS = 4_000, 13, 3, 7


def _arm(seed: int, personas: int) -> Chain:
    """Return a random journey in which every touchpoint leads to two others, to the next one and to every outcome."""
    rng, places = np.random.default_rng(seed), TOUCHPOINTS + OUTCOMES
    rows = [
        [*range(TOUCHPOINTS, places), *sorted({(i + step) % TOUCHPOINTS for step in (1, 3, 7)})]
        for i in range(TOUCHPOINTS)
    ]
    source = np.repeat(np.arange(TOUCHPOINTS), [len(row) for row in rows])
    share = rng.gamma(1.0, size=(DRAWS, personas, 1, len(source)))
    for i in range(TOUCHPOINTS):
        share[..., source == i] /= share[..., source == i].sum(axis=-1, keepdims=True)
    entry = np.zeros((DRAWS, personas, places))
    entry[..., 0] = 1.0
    links, head = len(source), (DRAWS, personas, 1)
    values = {item.name: np.zeros((*head, places)) for item in fields(Chain)}
    values |= {name: np.zeros((*head, links)) for name in ("link_value", "link_cost", "dwell_b")}
    values |= {name: np.zeros(places, dtype=np.bool_) for name in ("converts", "churns", "after_conversion")}
    names = [f"place {i}" for i in range(places)]
    return Chain(
        **{
            **values,
            "touchpoints": tuple(names[:TOUCHPOINTS]),
            "outcomes": tuple(names[TOUCHPOINTS:]),
            "personas": tuple(f"persona {g}" for g in range(personas)),
            "links": tuple(f"link {link}" for link in range(links)),
            "row_start": np.searchsorted(source, np.arange(TOUCHPOINTS + 1)),
            "source": source,
            "target": np.concatenate(rows),
            "key": np.arange(TOUCHPOINTS, dtype=np.uint32),
            "share": share,
            "today_share": share,
            "coupled": np.zeros(TOUCHPOINTS, dtype=np.bool_),
            "family": np.full((DRAWS, links), Family.EXPONENTIAL, dtype=np.int8),
            "dwell_a": np.ones((*head, links)),
            "dwell_table": np.empty((0, 2)),
            "entry": entry,
            "persona_share": np.full((DRAWS, personas), 1 / personas),
            "arrivals": np.ones(DRAWS),
            "period_end": np.array([np.inf]),
        }
    )


def _by_linear_solver(chain: Chain) -> np.ndarray:
    """Return the end probabilities from entry by (I - Q)^-1 R."""
    (draws, personas), n = chain.share.shape[:2], TOUCHPOINTS
    table = np.zeros((draws, personas, n, n + OUTCOMES))
    table[:, :, chain.source, chain.target] = chain.share[:, :, 0]
    ends = np.linalg.solve(np.eye(n) - table[..., :n], table[..., n:])
    return np.einsum("dgi,dgio->dgo", chain.entry[..., :n], ends)


def _cpu_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def measure(personas: int = 1) -> tuple[str, float, str, str]:
    """Return (name, CPU seconds for both arms, unit, the peer and its time); compilation is not counted."""
    arms = [_arm(seed, personas) for seed in (1, 2)]
    gap = max(float(np.abs(end_probabilities(arm).entry - _by_linear_solver(arm)).max()) for arm in arms)
    assert gap < 1e-12, gap
    ours = _cpu_seconds(lambda: [end_probabilities(arm) for arm in arms])
    peer = _cpu_seconds(lambda: [_by_linear_solver(arm) for arm in arms])
    against = (
        f"2 arms x {DRAWS:,} draws x {personas} persona(s) x {TOUCHPOINTS} touchpoints; "
        f"numpy.linalg.solve batched in the same run: {peer:.4f} s ({peer / ours:.1f} times as long), "
        f"largest difference {gap:.1e}"
    )
    return "exact_absorption_cpu_s", ours, "s", against


if __name__ == "__main__":
    for number in (1, 2):
        print(*measure(number), sep=" | ")
