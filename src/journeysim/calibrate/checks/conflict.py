"""Where the log contradicts what the map said before the log was opened.

Shares: the count of a link among n moves is beta-binomial under the map's Dirichlet, alpha = seen x share. Customers
still there could yet take the link or not, so the count may lie anywhere between none and all of them taking it: only
what is surprising either way is called a conflict. Dwells: the mean log dwell of n moves is normal around the map's,
with the sd of the belief and the sampling of n. The posterior weighs the two all the same; this says that they differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.counts import Bins, Counts, observed_touchpoints, silent_outcomes, stated_row
from journeysim.calibrate.dwells.beliefs import dwell_belief
from journeysim.model.dwell import INSTANT, Family
from journeysim.model.journey import JourneyMap, Touchpoint, all_links, link_id
from journeysim.model.quantity import Floats

#: Told when the map's belief would give such a log less often than this, and the two differ by enough to matter.
SURPRISING: Final = 0.001
LEAST_POINTS: Final = 5.0
LEAST_RATIO: Final = 1.5
#: Moves that are summed one by one; of more, as many points of an integral are.
ONE_BY_ONE: Final = 2000


@final
@dataclass(frozen=True, slots=True)
class _Conflict:
    """One figure that map and log tell differently: how surprising the log is to the map, and the sentence."""

    chance: float
    text: str


def conflicts(journey: JourneyMap, counts: Counts) -> tuple[str, ...]:
    """Return one sentence for every touchpoint with a conflict: the most surprising of its shares, and of its dwells."""
    hidden = silent_outcomes(counts, journey)
    found = []
    for touchpoint in observed_touchpoints(counts, journey):
        for part in (_shares, _dwells):
            told = sorted(part(journey, counts, touchpoint, hidden), key=lambda item: item.chance)
            if told:
                more = f"; {len(told) - 1} more like it at this touchpoint" if len(told) > 1 else ""
                found.append(told[0].text + more)
    return tuple(found)


def _shares(journey: JourneyMap, counts: Counts, touchpoint: Touchpoint, hidden: frozenset[str]) -> Iterator[_Conflict]:
    targets = tuple(link.target for link in all_links(touchpoint) if link.target not in hidden)
    for persona in journey.persona_names:
        stated = stated_row(touchpoint, persona, targets, journey.tenure_ends[-1])
        weight, stated = touchpoint.seen * stated.sum(), stated / max(stated.sum(), 1e-12)
        taken = np.array([counts.dwells(persona, (touchpoint.name, target)).size for target in targets])
        still, moves = counts.silent(persona, touchpoint.name).size, taken.sum()
        if moves == 0 or not np.isfinite(weight) or weight <= 0:
            continue
        for target, share, count in zip(targets, stated, taken, strict=True):
            ends = (count / (moves + still), (count + still) / (moves + still))
            nearest = float(np.clip(share, *ends))
            chance = two_sided(nearest * (moves + still), moves + still, weight * share, weight * (1 - share))
            if 0 < share < 1 and chance < SURPRISING and 100 * abs(nearest - share) >= LEAST_POINTS:
                yield _Conflict(chance, _said(link_id(touchpoint.name, target), persona, f"{share:.0%}",
                                              f"{count / moves:.0%}", moves, chance))  # fmt: skip


def _said(label: str, persona: str, stated: str, seen: str, moves: float, chance: float) -> str:
    return (f'map and log disagree on "{label}" of "{persona}": the map said {stated}, the log says {seen} '
            f"(n = {moves:,.0f}; prior predictive p {max(chance, 1e-6):.0e})")  # fmt: skip


def two_sided(count: float, moves: float, alpha: float, beta: float) -> float:
    """Return the two-sided tail probability of a beta-binomial count; 1 for a share that is stated as 0 or 1."""
    if alpha <= 0 or beta <= 0:
        return 1.0
    n, at = round(moves), round(count)
    return min(1.0, 2 * min(_at_most(at, n, alpha, beta), _at_most(n - at, n, beta, alpha)))


def _at_most(count: int, n: int, alpha: float, beta: float) -> float:
    """Return P(at most `count` of n) of a beta-binomial, at a cost that does not grow with n.

    At most `count` of n uniforms lie below p where the next one, Q ~ Beta(count + 1, n - count), lies above it: so this
    is the mean over Q of P(p < Q), here by the trapezoidal rule over the log odds of Q. Few moves are summed one by
    one: P(k of n) = B(k + alpha, n - k + beta) / B(alpha, beta) / ((n + 1) B(n - k + 1, k + 1)).
    """
    if count >= n:
        return 1.0
    if n <= ONE_BY_ONE:
        k = np.arange(count + 1)
        logs = special.betaln(k + alpha, n - k + beta) - special.betaln(n - k + 1, k + 1)
        return float(np.exp(logs - special.betaln(alpha, beta) - np.log(n + 1)).sum())
    above, below = count + 1, n - count
    low, high = float(special.betaincinv(above, below, 1e-15)), float(special.betaincinv(below, above, 1e-15))
    odds = np.linspace(_log_odds(low), -_log_odds(high), ONE_BY_ONE)
    log_density = -above * np.logaddexp(0, -odds) - below * np.logaddexp(0, odds)
    density = np.exp(log_density - log_density.max())
    return float(density @ special.betainc(alpha, beta, special.expit(odds)) / density.sum())


def _log_odds(share: float) -> float:
    return float(np.log(share) - np.log1p(-share))


def _dwells(journey: JourneyMap, counts: Counts, touchpoint: Touchpoint, hidden: frozenset[str]) -> Iterator[_Conflict]:
    for link in all_links(touchpoint):
        if link.target in hidden or link.dwell == INSTANT or link.dwell.family is Family.FIXED:
            continue
        belief = dwell_belief(journey, touchpoint, link.target)
        for g, persona in enumerate(journey.persona_names):
            done = counts.dwells(persona, (touchpoint.name, link.target))
            if done.size < 1:
                continue
            mean, sd = _log_moments(done)
            apart = mean - belief.mean_log - belief.apart[g]
            error = np.sqrt(belief.log_scale_sd**2 + max(sd, belief.sd_log) ** 2 / done.size)
            chance = float(2 * special.ndtr(-abs(apart) / error))
            if chance < SURPRISING and abs(apart) >= np.log(LEAST_RATIO):
                label = link_id(touchpoint.name, link.target)
                stated = np.exp(belief.mean_log + belief.apart[g])
                yield _Conflict(chance, _said(f"dwell of {label}", persona, f"{stated:.3g} days typically",
                                              f"{np.exp(mean):.3g}", done.size, chance))  # fmt: skip


def _log_moments(done: Bins) -> tuple[float, float]:
    logs: Floats = np.log(done.middle)
    mean = float(np.average(logs, weights=done.count))
    return mean, float(np.sqrt(np.average((logs - mean) ** 2, weights=done.count)))
