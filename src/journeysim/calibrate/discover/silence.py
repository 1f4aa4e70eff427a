"""Who has left without an event: touchpoints whose silence is longer than their moves can explain.

Nobody chooses a time-out. The moves away from a touchpoint, whatever their target, tell how long people stay; those
still silent at the cut-off are censored stays. Let G(t) be the share that has moved after t, by the life-table
estimate from both (Berkson and Gage 1950; Kaplan and Meier 1958), and t0 the time by which half of those who were seen
moving had moved. Among the stays that lasted to t0, with rho the part that never moves,

    a move after x counts  (1 - rho) f(x) / S(t0),
    silence for t counts   rho + (1 - rho) S(t) / S(t0),

for each dwell family f with survival S (a cure model: Farewell 1982; Maller and Zhou 1996). H0 says rho = 0: everyone
silent is merely slow, as slow as any of the families allows, the heavy-tailed log-logistic among them. The statistic
is twice the gain in log likelihood, the best family on either side; at the edge rho = 0 its p-value is half that of a
chi-square with one degree of freedom (Self and Liang 1987). Only stays beyond t0 enter, so several humps before it
(links of different speed) cannot pass for people who left; because a slow link may hide behind a fast half, the same
is asked from the time when nine in ten had moved, and the larger p-value counts. The share that leaves silently,
(1 - G(t0)) rho, is that of the later t0, averaged over the families by their likelihood, with Greenwood's error of G,
the curvature of the likelihood and the spread between families.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.families import CANDIDATES, dimensions, from_log_moments, survival, to_scale_shape
from journeysim.model.dwell import Family
from journeysim.model.quantity import Z90, Floats

_LEAST: Final = 1e-300
_BOX: Final = ((-16.0, 14.0), (-3.0, 4.0), (-12.0, 12.0))
_STEP: Final = 1e-4
_STARTS: Final = (0.9, 0.5)
_WORTH_A_LOOK: Final = 0.05


@final
@dataclass(frozen=True, slots=True)
class Silence:
    """How the silence at one touchpoint is read.

    `silent` customers were last seen here; about `gone` of them have left (90 %: `gone_low` to `gone_high`), the others
    may still move. `share` of all who come here leave silently, with standard error `share_error`. `p_value` is the
    probability of silence at least this long if nobody left.
    """

    silent: float
    gone: float
    gone_low: float
    gone_high: float
    share: float
    share_error: float
    p_value: float


def silence_of(moved: Bins, silent: Bins) -> Silence:
    """Return how a touchpoint's silence is read; `moved` and `silent` are stays in the same dwell bins.

    Where nobody moved there is nothing to compare with: everyone may have left or nobody, and the p-value is 1.
    """
    if not moved.size or not silent.size:
        return Silence(silent.size, 0.0, 0.0, silent.size, 0.0, 1.0, 1.0)
    table = _life_table(moved, silent)
    late, early = (_tail_of(table, part, moved, silent) for part in _STARTS)
    free, p_value = _judged(late)
    if p_value < _WORTH_A_LOOK and early.start < late.start:
        p_value = max(p_value, _judged(early)[1])
    rho, error = _averaged(free)
    still, still_error = float(table.still(late.start)), float(table.error(late.start))
    share, spread = still * rho, float(np.hypot(still * error, rho * still_error))
    ends = np.clip([share, share - Z90 * spread, share + Z90 * spread], 0.0, 1.0)
    gone, low, high = (_gone(table, silent, float(end)) for end in ends)
    return Silence(silent.size, gone, low, high, share, spread, p_value)


def _judged(tail: _Tail) -> tuple[list[_Fit], float]:
    """Return every family with rho free, and the p-value of rho = 0."""
    free, bound = _fits(tail, free=True), _fits(tail, free=False)
    best = max(fit.log for fit in bound)
    statistic = 2 * max(max(fit.log for fit in free) - best, 0.0)
    return free, 0.5 * float(special.chdtrc(1, statistic))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The life table: P(still there) at the start of every bin, and its standard error."""

    start: Floats
    left: Floats
    sd: Floats

    def still(self, t: float | Floats) -> Floats:
        return np.asarray(self.left[np.searchsorted(self.start, t, side="right") - 1])

    def error(self, t: float | Floats) -> Floats:
        return np.asarray(self.sd[np.searchsorted(self.start, t, side="right") - 1])


def _life_table(moved: Bins, silent: Bins) -> _Table:
    start = np.unique(np.concatenate([[0.0], moved.low, moved.high, silent.low]))
    leaving = np.bincount(np.searchsorted(start, moved.low), weights=moved.count, minlength=len(start))
    ending = np.bincount(np.searchsorted(start, silent.low), weights=silent.count, minlength=len(start))
    at_risk = np.cumsum((leaving + ending)[::-1])[::-1]
    exposed = np.maximum(at_risk - ending / 2, _LEAST)
    hazard = np.minimum(leaving / exposed, 1.0)
    left = np.concatenate([[1.0], np.cumprod(1 - hazard)[:-1]])
    terms = np.where(hazard < 1, hazard / np.maximum(exposed * (1 - hazard), _LEAST), 0.0)
    return _Table(start, left, left * np.sqrt(np.concatenate([[0.0], np.cumsum(terms)[:-1]])))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Tail:
    """Stays that lasted to `start`: bins of those that ended later in a move, times of those still silent."""

    start: float
    low: Floats
    high: Floats
    moved: Floats
    times: Floats
    silent: Floats


def _tail_of(table: _Table, part: float, moved: Bins, silent: Bins) -> _Tail:
    """Return the stays beyond the last bin at whose start at most this part of those seen moving had moved."""
    over = 1 - table.left
    at = int(np.searchsorted(over, part * over.max(), side="right")) - 1
    start = float(table.start[at])
    late, quiet = moved.low >= start, silent.low >= start
    return _Tail(start, moved.low[late], moved.high[late], moved.count[late], silent.middle[quiet], silent.count[quiet])


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A family at its best: log likelihood less one per coordinate of its own, and the coordinates, rho's logit last."""

    family: Family
    log: float
    at: Floats
    error: float


def _fits(tail: _Tail, *, free: bool) -> list[_Fit]:
    return [_fit(tail, family, free=free) for family in CANDIDATES]


def _fit(tail: _Tail, family: Family, *, free: bool) -> _Fit:
    """Return the best of two starts: everyone silent has left, and everyone silent moves in as long again."""
    from scipy.optimize import minimize

    k = dimensions(family)
    box = [*_BOX[:k], *([_BOX[2]] if free else [])]
    stencil = np.concatenate([np.zeros((1, len(box))), _STEP * np.eye(len(box)), -_STEP * np.eye(len(box))])

    def target(point: Floats) -> tuple[float, Floats]:
        """Return minus the log likelihood and its slope by central differences."""
        logs = -_log_likelihood(tail, family, point + stencil, free=free)
        up, down = np.split(logs[1:], 2)
        return float(logs[0]), (up - down) / (2 * _STEP)

    found = []
    for moments in _moments(tail):
        start = np.array([*from_log_moments(family, *moments)[:k], *([0.0] if free else [])])
        found.append(minimize(target, np.clip(start, *np.array(box).T), jac=True, method="L-BFGS-B", bounds=box))
    best = min(found, key=lambda result: float(result.fun))
    at = np.asarray(best.x, dtype=np.float64)
    return _Fit(family, -float(best.fun) - k, at, _error(tail, family, at) if free else 0.0)


def _log_likelihood(tail: _Tail, family: Family, points: Floats, *, free: bool) -> Floats:
    """Return the log likelihood at points of shape (p, coordinates), the logit of rho last where it is free."""
    k = dimensions(family)
    a, b = to_scale_shape(family, points[:, 0], points[:, 1] if k > 1 else 0.0 * points[:, 0])
    rho = special.expit(points[:, k:]) if free else np.zeros((len(points), 1))
    times = np.concatenate([[tail.start], tail.low, tail.high, tail.times])
    still = survival(family, a[:, None], b[:, None], times)
    still = still[:, 1:] / np.maximum(still[:, :1], _LEAST)
    low, high, waiting = np.split(still, [len(tail.low), 2 * len(tail.low)], axis=1)
    moving = (1 - rho) * np.maximum(low - high, 0.0)
    waiting = rho + (1 - rho) * waiting
    return np.asarray(
        np.log(np.maximum(moving, _LEAST)) @ tail.moved + np.log(np.maximum(waiting, _LEAST)) @ tail.silent
    )


def _moments(tail: _Tail) -> list[tuple[float, float]]:
    """Return mean and sd of the log of the late moves, and of everyone, as if the silent moved at twice their time."""
    moved = np.log(np.sqrt(np.maximum(tail.low, tail.high / 4) * tail.high))
    waiting = np.log(2 * tail.times)
    found = []
    for logs, counts in (
        (moved, tail.moved),
        (np.concatenate([moved, waiting]), np.concatenate([tail.moved, tail.silent])),
    ):
        if counts.sum() > 0:
            mean = float(np.average(logs, weights=counts))
            found.append((mean, max(float(np.sqrt(np.average((logs - mean) ** 2, weights=counts))), 0.3)))
    return found or [(0.0, 1.0)]


def _error(tail: _Tail, family: Family, at: Floats) -> float:
    """Return the standard error of rho from the curvature of the log likelihood at its best point."""
    k, steps = len(at), 10 * _STEP * np.eye(len(at))
    corners = [at + s * steps[i] + t * steps[j] for i in range(k) for j in range(k) for s in (1, -1) for t in (1, -1)]
    values = -_log_likelihood(tail, family, np.array(corners), free=True).reshape(k, k, 4)
    curvature = (values @ np.array([1.0, -1.0, -1.0, 1.0])) / (4 * (10 * _STEP) ** 2)
    sizes, axes = np.linalg.eigh(curvature)
    spread = (axes / np.maximum(sizes, 1e-6)) @ axes.T
    rho = float(special.expit(at[-1]))
    return float(min(rho * (1 - rho) * np.sqrt(spread[-1, -1]), 0.5))


def _averaged(fits: list[_Fit]) -> tuple[float, float]:
    """Return rho and its standard error over the families, each by its likelihood."""
    logs = np.array([fit.log for fit in fits])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    rho = special.expit(np.array([fit.at[-1] for fit in fits]))
    mean = float(weights @ rho)
    return mean, float(np.sqrt(weights @ (np.array([fit.error for fit in fits]) ** 2 + (rho - mean) ** 2)))


def _gone(table: _Table, silent: Bins, share: float) -> float:
    """Return how many of the silent have left if `share` of all who come leave silently: P(gone | still there)."""
    return float(np.minimum(share / np.maximum(table.still(silent.middle), _LEAST), 1.0) @ silent.count)
