"""What a calibration with silent exits costs: flat in the number of customers; ESS per second against one row each.

The world: 30 % leave without an event, 50 % buy after a log-normal dwell (median 5 days), 20 % ask after a slower one
(median 20 days); customers arrive evenly over 120 days. The peer is the same likelihood and prior written in plain
PyMC with one row per customer, exact times, sampled by its NUTS with its defaults.
"""

from __future__ import annotations

import time

import numpy as np

from journeysim.calibrate import calibrate
from journeysim.calibrate.numerics import pymc_adapter
from journeysim.calibrate.numerics.mixing import convergence
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed, Floats
from journeysim.model.transitions import ENTER, OPEN, Transitions, dwell_edges

CUT, SEEN, FEW, MANY, PLAIN = 120.0, 8.0, 10_000, 1_000_000, 5000
BELIEVED = Dwell(Family.LOGNORMAL, Fixed(5.0), Fixed(1.0))
SHARES = {"buy": 0.5, "ask": 0.2, "gone": 0.3}
ROUNDS = 3


def journey() -> JourneyMap:
    """Return one touchpoint with two links and a silent exit."""
    links = (*(Link(name, Fixed(SHARES[name]), BELIEVED) for name in ("buy", "ask")), Link("gone", Fixed(0.3)))
    outcomes = Outcome("buy"), Outcome("ask"), Outcome("gone", silent=True)
    return JourneyMap("bench", (Touchpoint("t", links, seen=SEEN),), outcomes, (("t", Fixed(1.0)),))


def lives(customers: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return link (0, 1 or 2: gone), dwell and age at the cut-off of every customer."""
    rng = np.random.default_rng(seed)
    link = rng.choice(3, size=customers, p=list(SHARES.values())).astype(np.float64)
    dwell = np.where(link == 0, 5.0, 20.0) * np.exp(rng.normal(size=customers))
    return link, np.where(link == 2, np.inf, dwell), rng.uniform(0, CUT, customers)


def table(link: Floats, dwell: Floats, age: Floats) -> Transitions:
    """Return the transition table of these lives."""
    edges, done = dwell_edges(CUT), dwell < age
    rows = [(ENTER, "t", np.nan, np.nan, float(len(link)))]
    parts = ("buy", dwell[done & (link == 0)]), ("ask", dwell[done & (link == 1)]), (OPEN, age[~done])
    for target, values in parts:
        counts = np.histogram(values, edges)[0]
        rows += [("t", target, lo, hi, float(n)) for lo, hi, n in zip(edges, edges[1:], counts, strict=False) if n]
    source, target, low, high, count = zip(*rows, strict=True)
    return Transitions(
        Names.of(["all customers"] * len(rows)), Names.of(source), Names.of(target),
        np.array(low), np.array(high), np.array(count),
    )  # fmt: skip


def measure() -> list[tuple[str, float, str, str]]:
    """Return the ratio of CPU time, a million customers over ten thousand, and the ratio of ESS per CPU second."""
    small, large = table(*lives(FEW, 1)), table(*lives(MANY, 2))
    _cpu(small)
    costs = [(_cpu(small), _cpu(large)) for _ in range(ROUNDS)]
    flat = float(np.median([many / few for few, many in costs]))
    ours, plain = _ours(*lives(PLAIN, 3)), _plain(*lives(PLAIN, 3))
    return [
        ("calibration_flatness", flat, "ratio", f"CPU, {MANY:,} customers over {FEW:,}, after the log pass; at most 1.3"),
        ("ess_vs_unreduced", ours / plain, "ratio",
         f"min effective draws per CPU s of a calibration, over plain PyMC's sampling, a row for each of {PLAIN:,} customers"),
    ]  # fmt: skip


def _cpu(transitions: Transitions) -> float:
    start = time.process_time()
    calibrate(journey(), transitions, seed=1)
    return time.process_time() - start


def _ours(link: Floats, dwell: Floats, age: Floats) -> float:
    """Return the smallest effective number of draws per CPU second of a whole `calibrate`: families, fit, open spells."""
    observed = table(link, dwell, age)
    start = time.process_time()
    found = calibrate(journey(), observed, seed=1)
    seconds = time.process_time() - start
    sizes = [gate.value for gate in found.gates if gate.name.startswith(("effective draws", "bulk ESS", "tail ESS"))]
    return min(sizes) / seconds


def _plain(link: Floats, dwell: Floats, age: Floats) -> float:
    """Return the same of the plain model; compilation is not counted."""
    pymc, tensor = pymc_adapter.modules()
    done = dwell < age
    took, after, still = link[done].astype(int), np.log(dwell[done]), np.log(age[~done])
    with pymc_adapter.quiet(), pymc.Model():
        shares = pymc.Dirichlet("shares", SEEN * np.array(list(SHARES.values())))
        seen = SEEN * np.array([0.5, 0.2])
        middle = pymc.Normal("middle", np.log(5.0), 1.0 / np.sqrt(seen))
        shape = pymc.Normal("shape", 0.0, 1.0 / np.sqrt(seen))
        score = (after - middle[took]) / tensor.exp(shape)[took]
        pymc.Potential("moves", (tensor.log(shares)[took] - 0.5 * score**2 - shape[took]).sum())
        late = (still[:, None] - middle[None]) / tensor.exp(shape)[None]
        slow = (shares[None, :2] * 0.5 * tensor.erfc(late / np.sqrt(2.0))).sum(axis=1)
        pymc.Potential("open", tensor.log(shares[2] + slow).sum())
        trace = pymc.sample(
            500, tune=500, chains=2, cores=1, random_seed=1, progressbar=False, compute_convergence_checks=False,
            return_inferencedata=False, compile_kwargs={"mode": "NUMBA"},
        )  # fmt: skip
    spent = np.sum([np.sum(trace.get_sampler_stats("process_time_diff", chains=[c])) for c in trace.chains])
    values = np.concatenate(
        [np.stack(trace.get_values(name, combine=False)) for name in ("shares", "middle", "shape")], axis=-1
    )
    gates = convergence("plain", values)
    return min(gate.value for gate in gates if gate.name.startswith("bulk ESS")) / float(spent)
