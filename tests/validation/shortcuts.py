"""Silent exits against two shortcuts: everybody who is silent is lost; whoever is silent for 30 days is lost.

Worlds as in `models.spells`: shares and dwells drawn from the map's own prior, the family told, so that an interval that
is right holds the true exit share in 90 % of them. The shortcuts get the interval that goes with them: of those who
entered so many are lost, with the map's own weight as the prior, a beta distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import stats

from journeysim.calibrate import calibrate
from journeysim.model.quantity import Floats
from journeysim.model.transitions import OPEN
from validation.models.spells import GONE, SEEN, Setting, draw_truths, observed_rows, told
from validation.sbc import RANKED, Check, Worlds, check
from validation.tables import Row, table

TIMEOUT: Final = 30.0
LEVEL: Final = 0.9
OURS: Final = "calibrated"
METHODS: Final = (OURS, "silent means lost", "lost after 30 days")
#: What the worlds are like, and how many calibrations of how many worlds (seeds 1, 2, …: one family each).
SETTINGS: Final = (
    ("1,000 customers, 60 days", Setting({"all customers": 1000}, 60.0, silent=True, told=True), 5, 16),
    ("1,000 customers, 120 days", Setting({"all customers": 1000}, 120.0, silent=True, told=True), 5, 16),
    ("300 customers, 60 days", Setting({"all customers": 300}, 60.0, silent=True, told=True), 5, 12),
    ("personas of 600 and 200, 90 days", Setting({"many": 600, "few": 200}, 90.0, silent=True, told=True), 5, 8),
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Centre and 90 % interval of the exit share in many worlds, and the truth; all of shape (world,)."""

    truth: Floats
    centre: Floats
    low: Floats
    high: Floats

    @property
    def held(self) -> Floats:
        """Whether the interval holds the truth."""
        return np.asarray((self.low <= self.truth) & (self.truth <= self.high), dtype=np.float64)

    @property
    def bias(self) -> float:
        """Centre minus truth, in points."""
        return float(100 * np.mean(self.centre - self.truth))

    @property
    def width(self) -> float:
        """Mean width, in points."""
        return float(100 * np.mean(self.high - self.low))

    @classmethod
    def joined(cls, parts: Sequence[Intervals]) -> Intervals:
        """Return the worlds of several as one."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("truth", "centre", "low", "high")))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Shortcuts:
    """What a setting's worlds gave: intervals by method, and the posterior's draws for the ranks."""

    intervals: Mapping[str, Intervals]
    worlds: Worlds


def compared(setting: Setting, maps: int, per_map: int) -> Shortcuts:
    """Return what the calibration and the two shortcuts say about the exit share of every persona in many worlds."""
    blocks = [_block(setting, per_map, seed) for seed in range(1, maps + 1)]
    intervals = {name: Intervals.joined([block.intervals[name] for block in blocks]) for name in METHODS}
    return Shortcuts(intervals, Worlds.joined([block.worlds for block in blocks]))


def _block(setting: Setting, count: int, seed: int) -> Shortcuts:
    rng, journey = np.random.default_rng([seed, count, round(setting.cut_off)]), setting.journey(count)
    truths, family = draw_truths(setting, journey, rng, seed)
    rows = [observed_rows(setting, truth, f"t{i}", rng) for i, truth in enumerate(truths)]
    with told(family):
        draws = calibrate(journey, table([row for world in rows for row in world]), seed=seed, draws=RANKED).draws
    at = [draws.links.index(f"t{i} -> {GONE}") for i in range(count)]
    share = np.concatenate([draws.values("share")[:, g, 0][:, at] for g in range(len(setting.customers))], axis=1)
    truth = np.concatenate([[t.shares[g, -1] for t in truths] for g in range(len(setting.customers))])
    low, high = np.quantile(share, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    found = {OURS: Intervals(truth, share.mean(axis=0), low, high)}
    for name, after in zip(METHODS[1:], (0.0, TIMEOUT), strict=True):
        lost = np.array([_lost(world, persona, after) for persona in setting.customers for world in rows])
        entered = np.repeat(list(setting.customers.values()), count)
        found[name] = _counted(truth, lost, entered)
    return Shortcuts(found, Worlds(truth, share))


def _lost(rows: Sequence[Row], persona: str, after: float) -> float:
    """Return how many of a persona have been silent for so long."""
    return sum(n for who, _, to, low, high, n in rows if who == persona and to == OPEN and np.sqrt(low * high) >= after)


def _counted(truth: Floats, lost: Floats, entered: Floats) -> Intervals:
    """Return what a count of lost customers says: Beta(map's weight + lost, the rest)."""
    believed = 0.2 * SEEN
    posterior = stats.beta(believed + lost, SEEN - believed + entered - lost)
    return Intervals(truth, posterior.mean(), *posterior.interval(LEVEL))


def ranks_of(found: Sequence[Shortcuts]) -> Check:
    """Return the check of the exit shares' ranks over all settings."""
    return check("exit share", Worlds.joined([each.worlds for each in found]), 0)


def rows_of(name: str, found: Mapping[str, Intervals]) -> Iterator[str]:
    """Yield the page's rows of a setting."""
    for method, each in found.items():
        size = len(each.truth)
        error = 100 * np.sqrt(LEVEL * (1 - LEVEL) / size)
        yield (f"| {name} | {size} | {method} | {100 * each.held.mean():.1f} +- {error:.1f} | {each.bias:+.1f} "
               f"| {each.width:.1f} |")  # fmt: skip
        name = ""
