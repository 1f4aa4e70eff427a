"""The walk's base process against a C loop of the same shape with vectorised maths, in transitions per CPU second.

`walk.c` is compiled by gcc for this machine into a temporary folder (-O3 -march=native -ffast-math: libmvec's exp and log);
without gcc nothing is measured. Same journey, same number of customers, measured in turns; the ratio is the median over
the rounds. Both are asked for the same share of customers who sign, so that neither does less than the other.
"""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from walk_vs_simpy import HORIZON, WALK_CUSTOMERS, journey_chain, speed, walked

from journeysim.model.dwell import Family
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import seed_halves
from journeysim.simulate.walk import walk_tally

ROUNDS: Final = 7
FLAGS: Final = ("-O3", "-march=native", "-ffast-math", "-fno-math-errno", "-shared", "-fPIC")
_GUIDE: Final = 32
_BASES: Final = {Family.FIXED: 0, Family.EXPONENTIAL: 1, Family.WEIBULL: 1, Family.LOGNORMAL: 2}


class Journey(ctypes.Structure):
    """`Journey` of walk.c."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("touchpoints", "places", "links")),
        *((name, ctypes.c_void_p) for name in ("target", "base", "guide", "upper", "scale", "power", "key")),
        *((name, ctypes.c_int32) for name in ("entry", "signed_place")),
        ("horizon", ctypes.c_double),
        *((name, ctypes.c_uint32) for name in ("seed_low", "seed_high", "draw")),
    )


@contextmanager
def compiled_loop(compiler: str) -> Iterator[Any]:
    """Compile walk.c, and give its function while the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "walk.so"
        source = Path(__file__).with_name("walk.c")
        subprocess.run([compiler, *FLAGS, str(source), "-o", str(library), "-lm"], check=True)
        function = ctypes.CDLL(str(library)).walk
        function.restype = ctypes.c_int64
        function.argtypes = (ctypes.c_void_p, ctypes.c_int64, *(ctypes.c_void_p,) * 3)
        yield function


class Loop:
    """The C loop on the benchmark's journey; keeps the arrays that C only points to."""

    def __init__(self, function: Any, seed: int) -> None:  # noqa: ANN401 - a function pointer of ctypes
        chain = journey_chain()
        share, shape, family = chain.share[0, 0, 0], chain.dwell_b[0, 0, 0], np.atleast_2d(chain.family)[0]
        upper = np.concatenate([np.cumsum(row) for row in np.split(share, chain.row_start[1:-1])])
        upper[chain.row_start[1:] - 1] = 2.0
        self.function, self.links, self.places = function, len(share), len(chain.touchpoints) + len(chain.outcomes)
        self.arrays = {
            "target": chain.target.astype(np.int32),
            "base": np.array([_BASES[Family(int(code))] for code in family], dtype=np.int32),
            "guide": _guide(upper, chain.row_start),
            "upper": upper,
            "scale": np.ascontiguousarray(chain.dwell_a[0, 0, 0]),
            "power": np.array([_power(Family(int(f)), b) for f, b in zip(family, shape, strict=True)]),
            "key": np.concatenate([chain.key, np.zeros(len(chain.outcomes), dtype=np.uint32)]),
        }
        low, high = seed_halves(seed)
        pointers = {name: array.ctypes.data for name, array in self.arrays.items()}
        self.journey = Journey(
            touchpoints=len(chain.touchpoints), places=self.places, links=self.links, **pointers,
            entry=chain.touchpoints.index("advert"), signed_place=len(chain.touchpoints) + chain.outcomes.index("signed"),
            horizon=HORIZON, seed_low=int(low), seed_high=int(high), draw=0,
        )  # fmt: skip
        self.signed = 0.0

    def run(self) -> int:
        """Walk the customers and return the completed moves."""
        visits, moves = np.zeros(self.places, dtype=np.int64), np.zeros(self.links, dtype=np.int64)
        signed = np.zeros(1, dtype=np.int64)
        total = self.function(
            ctypes.addressof(self.journey), WALK_CUSTOMERS, visits.ctypes.data, moves.ctypes.data, signed.ctypes.data
        )
        self.signed = float(signed[0]) / WALK_CUSTOMERS
        return int(total)


def _guide(upper: np.ndarray, row_start: np.ndarray) -> np.ndarray:
    """Return the first link of each row that can hold a uniform of each bucket."""
    buckets = np.arange(_GUIDE) / _GUIDE
    rows = [
        first + np.searchsorted(upper[first:last], buckets, side="right")
        for first, last in pairwise(row_start.tolist())
    ]
    return np.concatenate(rows).astype(np.int32)


def _power(family: Family, shape: float) -> float:
    return {Family.EXPONENTIAL: 1.0, Family.LOGNORMAL: shape, Family.WEIBULL: 1.0 / shape}.get(family, 0.0)


def measure() -> list[tuple[str, float, str, str]]:
    """Return (name, ratio, unit, what it is compared with); nothing where there is no gcc."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return []
    ratio, walk, loop = measure_speeds(compiler)
    told = f"gcc {' '.join(FLAGS[:3])}, same shape ({walk / 1e6:.1f} and {loop / 1e6:.1f} million transitions per CPU second)"
    return [("walk_vs_c", ratio, "x", told)]


def measure_speeds(compiler: str) -> tuple[float, float, float]:
    """Return the median ratio and the median transitions per CPU second of the walk and of the C loop.

    Raises ValueError when the two disagree about how many customers sign: then they did not do the same work.
    """
    chain, settings = journey_chain(), Settings(HORIZON)
    signed = walk_tally(chain, settings, seed=0, customers=WALK_CUSTOMERS)[0].converted[0, 0]
    rounds = []
    with compiled_loop(compiler) as function:
        for seed in range(ROUNDS):
            loop = Loop(function, seed)
            walk = speed(lambda seed=seed: walked(chain, settings, seed))
            rounds.append((walk, speed(loop.run)))
            if abs(loop.signed - signed) > 6 * np.sqrt(2 * signed * (1 - signed) / WALK_CUSTOMERS):
                raise ValueError(f"the walk lets {signed:.4f} of the customers sign, the C loop {loop.signed:.4f}")
    walks, loops = zip(*rounds, strict=True)
    ratio = statistics.median(walk / loop for walk, loop in rounds)
    return ratio, statistics.median(walks), statistics.median(loops)


if __name__ == "__main__":
    for line in measure():
        sys.stdout.write(f"{line[0]} {line[1]:.3f} {line[3]}\n")
