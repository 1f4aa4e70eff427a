"""Open spells: customers still at a touchpoint at the cut-off, silent for t, who may yet take any of its links.

The exact likelihood of an open spell is sum_j P_ij S_ij(t). Rows and dwells are first fitted with the surrogate
prod_j (P_ij S_ij(t))^e_j, in which the spell counts e_j for link j, with e_j = P_ij S_ij(t) / sum at the fixed point
of an EM iteration; there the surrogate touches the exact likelihood, and lies below it everywhere else. Importance
weights then replace one by the other, touchpoint by touchpoint, so the posterior is the exact one; the effective
number of draws is gated. Where many open spells could still take several links, the surrogate knows too much and its
draws lie too close together: there all its counts are multiplied by a tempering factor below 1, and the weights put
the rest of the likelihood back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.families import log_likelihood, survival, survival_by_draw, to_scale_shape
from journeysim.calibrate.dwells.mode import DwellBelief, persona_modes
from journeysim.calibrate.dwells.tables import Curves, TableFit, likely_survival
from journeysim.calibrate.pooled import KAPPA_MEDIAN
from journeysim.model.dwell import Family, by_family
from journeysim.model.quantity import Floats

_MOST_ROUNDS = 150
_SETTLED = 0.02
_LEAST = 1e-300
_FEW, _STEEP, _COOLEST = 0.02, 11.0, 0.15


@final
@dataclass(frozen=True, slots=True, eq=False)
class LinkDwell:
    """A link's dwell while it is being fitted: belief, family and data by persona.

    `family` is the one that is most likely so far, `evidence` the log evidence of all that it may be of. `learned` is
    false where the map's own dwell stays (fixed, or never observed); then `a`, `b` hold prior draws of shape (draw,
    persona). Once fitted they hold the posterior's, and `families` (draw,) says of which family each draw is. `b` of an
    empirical dwell is the row of its quantiles in `tables`, where the map states it, or of the fitted `curves`, which were
    drawn from `known`. `logs`
    (draw,) are log weights that make the draws those of the posterior; None where they are all alike. A `silent` link
    leads to an outcome that leaves no event: it has no completed moves, and its dwell, as far as the log can tell, never
    ends.
    """

    name: str
    belief: DwellBelief
    family: Family
    done: tuple[Bins, ...]
    learned: bool
    a: Floats
    b: Floats
    families: NDArray[np.int8]
    tables: Floats
    silent: bool = False
    logs: Floats | None = None
    curves: Curves | None = None
    known: TableFit | None = None
    evidence: Mapping[Family, float] = field(default_factory=dict)

    def seen_moments(self, g: int, stretch: float) -> tuple[float, float]:
        """Return mean and sd of the log of a persona's observed dwells, the mean later by `stretch` sds."""
        done = self.done[g]
        if done.size < 2:
            return self.belief.mean_log + self.belief.apart[g] + stretch * self.belief.sd_log, self.belief.sd_log
        logs = np.log(done.middle)
        mean = float(np.average(logs, weights=done.count))
        sd = max(float(np.sqrt(np.average((logs - mean) ** 2, weights=done.count))), 0.05)
        return mean + stretch * sd, sd


def silent_link(name: str, belief: DwellBelief, done: tuple[Bins, ...]) -> LinkDwell:
    """Return a link to a silent outcome: whoever took it stays an open spell for ever, S(t) = 1."""
    for_ever = np.full((1, len(done)), np.inf)
    ones, fixed, no_tables = np.ones_like(for_ever), np.zeros(1, dtype=np.int8), np.empty((0, 0))
    return LinkDwell(name, belief, Family.FIXED, done, False, for_ever, ones, fixed, no_tables, silent=True)  # noqa: FBT003  learned


@final
@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How a persona's open spells are spread over the links of a touchpoint: weights, shape (bins, links)."""

    silent: Bins
    weights: Floats

    @property
    def by_link(self) -> Floats:
        """How many open spells count for each link, shape (links,)."""
        return np.asarray(self.silent.count @ self.weights)

    def on(self, link: int) -> Bins:
        """Return the open spells as they count for one link."""
        return replace(self.silent, count=self.silent.count * self.weights[:, link])


def tempering(counts: Floats, spreads: tuple[Spread, ...]) -> float:
    """Return the factor on all counts of a touchpoint: 1 unless much of its information is missing.

    The part of the customers whose link is a guess is A / N, with A the sum over open spells of 1 - max_j e_j; the
    factor is 1 - 11 A / N, at least 0.15, and 1 where A / N is below 0.02. (Chosen on a touchpoint of two links, cut
    off so early that half of the customers were still there, where it brings the draws to the exact spread.)
    """
    guessed = sum(float(spread.silent.count @ (1 - spread.weights.max(axis=1))) for spread in spreads)
    part = guessed / (float(counts.sum()) + sum(spread.silent.size for spread in spreads))
    return 1.0 if part < _FEW else max(1.0 - _STEEP * part, _COOLEST)


def even_spread(silent: Bins, shares: Floats) -> Spread:
    """Return open spells spread by the shares alone."""
    return Spread(silent, np.tile(shares / shares.sum(), (len(silent.count), 1)))


def spread_open(links: list[LinkDwell], silent: tuple[Bins, ...], counts: Floats, alpha: Floats) -> tuple[Spread, ...]:
    """Return the fixed point of the EM iteration for one touchpoint.

    `counts` are completed moves, shape (persona, link); `alpha` the prior's weights of the row, shape (link,).
    """
    spreads = tuple(even_spread(bins, row) for bins, row in zip(silent, _point_shares(counts, alpha), strict=True))
    if not any(bins.size for bins in silent):
        return spreads
    for _ in range(_MOST_ROUNDS):
        before = np.stack([spread.by_link for spread in spreads])
        shares = _point_shares(counts + before, alpha)
        still = [_point_survival(link, j, spreads) for j, link in enumerate(links)]
        spreads = tuple(
            _expect(spread, shares[g], np.stack([curves[g] for curves in still], axis=1))
            for g, spread in enumerate(spreads)
        )
        if np.max(np.abs(np.stack([spread.by_link for spread in spreads]) - before)) < _SETTLED:
            break
    return spreads


def _point_shares(counts: Floats, alpha: Floats) -> Floats:
    """Return shares near the posterior mean, shape (persona, link)."""
    pooled = (alpha + counts.sum(axis=0)) / (alpha.sum() + counts.sum())
    return np.asarray((counts + KAPPA_MEDIAN * pooled) / (counts.sum(axis=1, keepdims=True) + KAPPA_MEDIAN))


def _point_survival(link: LinkDwell, j: int, spreads: tuple[Spread, ...]) -> list[Floats]:
    """Return P(dwell > silent time) of a link for each persona at a point estimate."""
    times = [spread.silent.middle for spread in spreads]
    if not link.learned:
        a, b = np.median(link.a, axis=0), np.median(link.b, axis=0)
        return [survival(link.family, a[g], b[g], t, link.tables) for g, t in enumerate(times)]
    data = [(done, spread.on(j)) for done, spread in zip(link.done, spreads, strict=True)]
    if link.family is Family.EMPIRICAL:
        return likely_survival(link.belief, data, times)
    modes = persona_modes(link.family, link.belief, data)
    points = [to_scale_shape(link.family, m.mean[0], m.mean[1] if len(m.mean) > 1 else 0.0) for m in modes]
    return [survival(link.family, a, b, t) for (a, b), t in zip(points, times, strict=True)]


def _expect(spread: Spread, shares: Floats, still: Floats) -> Spread:
    joint = shares * np.maximum(still, _LEAST)
    return Spread(spread.silent, joint / joint.sum(axis=1, keepdims=True))


def log_weights(links: list[LinkDwell], spreads: tuple[Spread, ...], shares: Floats, factor: float) -> Floats:
    """Return log(exact / tempered surrogate) at a touchpoint, shape (draw,).

    `shares` has shape (draw, persona, link); the links hold their fitted (or prior) draws; `factor` is the tempering.
    """
    logs = _left_out(links, spreads, shares, factor)
    for link in links:
        logs += 0.0 if link.logs is None else link.logs
    for g, spread in enumerate(spreads):
        if spread.silent.size:
            p = np.maximum(shares[:, g, None, :], _LEAST)
            still = np.stack([_curves(link, g, spread.silent.middle) for link in links], axis=-1)
            learned = np.array([link.learned for link in links])
            exact = np.log(np.maximum(np.sum(p * still, axis=-1), _LEAST))
            kept = np.where(learned, np.log(np.maximum(still, _LEAST)), 0.0)
            logs += (exact - np.sum(spread.weights * (np.log(p) + kept), axis=-1)) @ spread.silent.count
    return logs


def _left_out(links: list[LinkDwell], spreads: tuple[Spread, ...], shares: Floats, factor: float) -> Floats:
    """Return the part of the surrogate's log likelihood that the tempering left out; of empirical dwells, `logs` has it."""
    logs = np.zeros(len(shares))
    if factor < 1.0:
        for j, link in enumerate(links):
            for g, (done, spread) in enumerate(zip(link.done, spreads, strict=True)):
                silent = spread.on(j)
                logs += (done.size + silent.size) * np.log(np.maximum(shares[:, g, j], _LEAST))
                if link.learned:
                    logs += _log_parametric(link, g, done, silent)
    return (1.0 - factor) * logs


def _log_parametric(link: LinkDwell, g: int, done: Bins, silent: Bins) -> Floats:
    """Return the log likelihood of a persona's dwells in the draws that are of a family, 0 in empirical ones."""
    logs = np.zeros(len(link.a))
    for family, rows in by_family(link.families):
        if family is not Family.EMPIRICAL:
            logs[rows] = log_likelihood(family, link.a[rows, g], link.b[rows, g], done, silent)
    return logs


def _curves(link: LinkDwell, g: int, times: Floats) -> Floats:
    """Return P(dwell > t) per draw, shape (draw, times)."""
    if link.curves is None:
        return survival_by_draw(link.families, link.a[:, g, None], link.b[:, g, None], times, link.tables)
    still = np.empty((len(link.a), len(times)))
    for family, rows in by_family(link.families):
        if family is Family.EMPIRICAL:
            still[rows] = link.curves.at(link.b[rows, g].astype(np.intp), times)
        else:
            still[rows] = survival(family, link.a[rows, g, None], link.b[rows, g, None], times)
    return still
