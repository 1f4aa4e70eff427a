"""Bins of time: what they cost against exact times (`make validate`); the page keeps the table.

The data are the expected numbers of customers in very narrow bins, so that nothing is left to chance: what differs
between two fits is what their bins do. Bias and width are those of the mode and of the curvature there; a bias in
sds grows with the square root of the customers, if the bins stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import pytest
from scipy import optimize, special

from journeysim.calibrate.counts import Bins, count_transitions
from journeysim.calibrate.dwells.families import log_likelihood, survival, to_scale_shape
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed, Floats
from journeysim.model.transitions import coarse_edges, dwell_edges
from validation.page import BINS, stamp
from validation.tables import Row, entered, table

CUSTOMERS: Final = (10_000.0, 1_000_000.0)
#: Each bin of a log in so many, for what stands for exact times.
FINER: Final = 8
NOBODY: Final = 1e-9
EVERYBODY: Final = "all customers"


@final
@dataclass(frozen=True, slots=True)
class World:
    """Shares of links with a dwell (family, location, log shape), the rest leaving silently, and days of log."""

    name: str
    links: tuple[tuple[float, Family, float, float], ...]
    cut_off: float

    @property
    def silent(self) -> float:
        """The share of those who leave silently."""
        return 1.0 - sum(share for share, *_ in self.links)

    @property
    def truth(self) -> Floats:
        """Log odds of the shares against the first, then locations and log shapes."""
        shares = [share for share, *_ in self.links] + ([self.silent] if self.silent > NOBODY else [])
        dwells = [x for _, _, location, shape in self.links for x in (location, shape)]
        return np.array([*np.log(np.array(shares[1:]) / shares[0]), *dwells])


WORLDS: Final = (
    World("a fast and a slow link, 30 % silent, 60 days",
          ((0.5, Family.GAMMA, np.log(8.0), np.log(2.0)), (0.2, Family.LOGNORMAL, np.log(20.0), 0.0)), 60.0),
    World("the same, 120 days",
          ((0.5, Family.GAMMA, np.log(8.0), np.log(2.0)), (0.2, Family.LOGNORMAL, np.log(20.0), 0.0)), 120.0),
    World("nobody leaves silently, 30 days",
          ((0.6, Family.WEIBULL, np.log(5.0), 0.0), (0.4, Family.LOGLOGISTIC, np.log(10.0), 0.5)), 30.0),
    *(World(f"one link, dwells vary by {spread:.0%}", ((1.0, Family.LOGNORMAL, np.log(5.01), np.log(spread)),), 60.0)
      for spread in (0.5, 0.2, 0.1, 0.05)),
)  # fmt: skip


def expected(world: World, edges: Floats, size: float) -> tuple[list[Floats], Floats]:
    """Return how many customers move over each link, and are still there, in each bin; they enter evenly."""
    low, high = edges[:-1], edges[1:]
    done = []
    for share, family, location, shape in world.links:
        pieces = np.linspace(low, high, 9)
        still = survival(family, *to_scale_shape(family, location, shape), pieces)
        seen = 1 - (pieces[:-1] + pieces[1:]) / 2 / world.cut_off
        done.append(size * share * np.sum((still[:-1] - still[1:]) * seen, axis=0))
    x, part = np.polynomial.legendre.leggauss(8)
    times = low[:, None] + np.diff(edges)[:, None] * (x + 1) / 2
    chance = world.silent + sum(s * survival(f, *to_scale_shape(f, a, b), times) for s, f, a, b in world.links)
    return done, size * (chance @ part) / 2 * np.diff(edges) / world.cut_off


def fit(world: World, done: Sequence[Bins], silent: Bins) -> tuple[Floats, Floats]:
    """Return the mode of the exact likelihood of bins, and the sds there, near the truth."""
    taken, count = np.array([bins.size for bins in done]), len(done)
    nothing = Bins(np.empty(0), np.empty(0), np.empty(0))

    def minus_log(at: Floats) -> float:
        odds = np.append(0.0, at[: len(at) - 2 * count])
        shares = np.exp(odds - special.logsumexp(odds))
        total = float(taken @ np.log(shares[:count]))
        still = np.full(len(silent.count), shares[count] if len(shares) > count else 0.0)
        for j, (_, family, *_) in enumerate(world.links):
            a, b = to_scale_shape(family, *at[len(odds) - 1 + 2 * j :][:2])
            total += float(log_likelihood(family, a, b, done[j], nothing))
            still += shares[j] * survival(family, a, b, silent.middle)
        return -total - float(silent.count @ np.log(np.maximum(still, 1e-300)))

    found = optimize.minimize(minus_log, world.truth, method="Nelder-Mead",
                              options={"xatol": 1e-8, "fatol": 1e-9, "maxiter": 8000, "maxfev": 8000})  # fmt: skip
    return found.x, np.sqrt(np.diag(np.linalg.inv(_curvature(minus_log, found.x))))


def _curvature(of: Callable[[Floats], float], at: Floats, step: float = 2e-3) -> Floats:
    steps = step * np.eye(len(at))
    found = np.empty((len(at), len(at)))
    for i, a in enumerate(steps):
        for j, b in enumerate(steps[: i + 1]):
            four = of(at + a + b) - of(at + a - b) - of(at - a + b) + of(at - a - b)
            found[i, j] = found[j, i] = four / (4 * step**2)
    return found


def journey(world: World) -> JourneyMap:
    links = tuple(Link(f"to {j}", Fixed(share), Dwell(family, Fixed(1.0), Fixed(1.0)))
                  for j, (share, family, *_) in enumerate(world.links))  # fmt: skip
    gone = (Link("gone", Fixed(world.silent)),) if world.silent > NOBODY else ()
    outcomes = (*(Outcome(link.target) for link in links), *(Outcome(link.target, silent=True) for link in gone))
    return JourneyMap("bins", (Touchpoint("t", (*links, *gone)),), outcomes, (("t", Fixed(1.0)),))


def binned(world: World, edges: Floats, size: float) -> tuple[list[Bins], Bins]:
    """Return the expected numbers as a calibration takes them from a table with these edges."""
    done, still = expected(world, edges, size)
    rows: list[Row] = [entered(EVERYBODY, "t", size)]
    for target, counts in zip([*(f"to {j}" for j in range(len(done))), "(open)"], [*done, still], strict=True):
        kept = np.flatnonzero(counts > NOBODY)
        rows += [(EVERYBODY, "t", target, edges[k], edges[k + 1], float(counts[k])) for k in kept]
    counts_ = count_transitions(table(rows), journey(world))
    return [counts_.dwells(EVERYBODY, ("t", f"to {j}")) for j in range(len(done))], counts_.silent(EVERYBODY, "t")


def edges_of(world: World, finer: int) -> Floats:
    """Return the log's own edges up to the cut-off, or each bin in equal parts of the logarithm."""
    edges = dwell_edges(world.cut_off)
    if finer > 1:
        between = edges[1:-1] * (edges[2:] / edges[1:-1]) ** (np.arange(finer)[:, None] / finer)
        edges = np.append(edges[:1], between.T.ravel())
    return np.append(edges[edges < world.cut_off], world.cut_off)


def exact(world: World, size: float) -> tuple[Floats, Floats]:
    """Return mode and sds with bins far narrower than a log's, none of them merged."""
    edges = edges_of(world, FINER)
    done, still = expected(world, edges, size)
    bins = [Bins(edges[:-1][c > NOBODY], edges[1:][c > NOBODY], c[c > NOBODY]) for c in (*done, still)]
    return fit(world, bins[:-1], bins[-1])


def wide(world: World, size: float) -> tuple[list[Bins], Bins]:
    """Return bins of 15 %, every open spell at the geometric middle: what calibration did before."""
    edges = coarse_edges(world.cut_off)
    edges = np.append(edges[edges < world.cut_off], world.cut_off)
    done, still = expected(world, edges, size)
    bins = [Bins(edges[:-1][c > NOBODY], edges[1:][c > NOBODY], c[c > NOBODY]) for c in (*done, still)]
    return bins[:-1], bins[-1]


def lines() -> Iterator[tuple[str, float, float]]:
    """Yield the page's rows, each with the bias (in sds) and the sd ratio of the bins as they are."""
    for world in WORLDS:
        for size in CUSTOMERS:
            mode, sd = exact(world, size)
            cells = []
            for bins in (wide(world, size), binned(world, edges_of(world, 1), size)):
                found, own = fit(world, *bins)
                bias, ratio = float(np.max(np.abs(found - mode) / sd)), float(np.max(own / sd))
                cells += [f"{bias:.3f}", f"{ratio:.3f}", str(sum(len(b.count) for b in (*bins[0], bins[1])))]
            yield f"| {world.name} | {size:,.0f} | {' | '.join(cells)} |", bias, ratio


def section(rows: Sequence[str], made: str) -> str:
    """Return the page's section."""
    return "\n".join([
        f"## {BINS}",
        "What binning the times costs, against exact ones: expected data, so nothing here is chance. Largest bias of any log",
        "odds, location or log shape in posterior sds, largest ratio of an interval's width, and how many bins a fit looks at.",
        "First with bins of 15 % and open spells at their middles, as it was; then as it is: bins of 3.7 %, merged where that",
        "costs nothing, two times for the open spells of a bin (`calibrate.binning`). Asked for at 10,000: 0.05 sd, 1.05.",
        made,
        "",
        "| world | customers | 15 %: bias | width | bins | now: bias | width | bins |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        "",
    ])  # fmt: skip


@pytest.mark.validation
def test_bins_cost_less_than_a_twentieth_of_a_posterior_sd(record_property: Callable[[str, object], None]):
    """At 10,000 customers, in every world, and four times as much at a million; nothing here is random."""
    before = time.process_time()
    rows, biases, ratios = zip(*lines(), strict=True)
    record_property("validation", section(rows, stamp(time.process_time() - before)))
    assert max(biases[::2]) < 0.05
    assert max(biases[1::2]) < 0.5
    assert max(ratios) < 1.05
