"""How far weeks swing, learned from many series at once: every one has sds of its own, all have common scales.

    weekly_i ~ half-normal(weekly scale),  lasting_i ~ half-normal(lasting scale),  both scales ~ half-normal(0.3)
    carry_i one of CARRIES, all alike beforehand

All of it lies on grids, so nothing is sampled that could go wrong: the evidence of every series at every (weekly, lasting,
carry) is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.layers.layer import Choice
from journeysim.calibrate.layers.swings.series import Peaks, Series, Swing, peaks_of, states
from journeysim.model.addresses import uniforms
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

#: Scales of a week's own factor, and sds of what lasts.
WEEKLY: Final = np.array([0.005, 0.03, 0.06, 0.1, 0.17, 0.3, 0.5, 0.9])
LASTING: Final = np.array([0.005, 0.1, 0.2, 0.4, 0.8])
CARRIES: Final = np.array([0.7, 0.95])
SCALES: Final = np.array([0.01, 0.03, 0.06, 0.1, 0.16, 0.25, 0.4, 0.6])
_SCALE_SD: Final = 0.3
ALIKE: Final = "all weeks are alike"
_LASTS, _OWN = "part of a week's swing lasts", "every week swings on its own"
_SHAPE: Final = (len(WEEKLY), len(LASTING), len(CARRIES))
_SWINGS: Final = tuple(
    Swing(float(lasting), float(carry), float(weekly)) for weekly in WEEKLY for lasting in LASTING for carry in CARRIES
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Swings:
    """What was learned of every series: (level, last, lasting, carry, weekly), shape (series, draw, 5).

    `choice` says which model the evidence prefers; `ahead` how far it is ahead of weeks that are all alike.
    """

    states: Floats
    choice: Choice
    ahead: float


def swings_of(subject: str, series: Sequence[Series], *, seed: int) -> Swings:
    """Return the swings of all series of a subject.

    Whether weeks differ, and whether something of it lasts, is judged by the evidence, which is the product of the
    predictive densities of every week given those before it (Dawid 1984); the margin's error is over series, so a single
    one has none. A few weeks seldom decide it, so draws have every sd and carry as often as the evidence has it.
    """
    peaks = [peaks_of(each, _SWINGS) for each in series]
    evidence = np.stack([each.evidence.reshape(_SHAPE) for each in peaks])
    by_scale = _by_scale(evidence)
    whole = by_scale.sum(axis=0) + _SCALE[:, None] + _SCALE
    choice, ahead = _preferred(subject, evidence, by_scale, whole)
    u = uniforms(seed, len(series[0].expected), "swings", subject)
    weekly, lasting = np.unravel_index(_picked(whole.ravel(), u), whole.shape)
    logs = [_given_scales(own, weekly, lasting) for own in evidence]
    found = [_states(each, own, log, seed) for each, own, log in zip(series, peaks, logs, strict=True)]
    return Swings(np.stack(found), choice, ahead)


def sd_of(states: Floats) -> float:
    """Return how far weeks commonly swing: sd of what lasts and scale of a week's own together, median over the draws."""
    return float(np.median(np.hypot(states[:, 2], states[:, 4])))


def _half_normal(at: Floats, scale: float) -> Floats:
    """Return the log of the probabilities of a half-normal's cells around the points of a grid."""
    edges = np.concatenate([[0.0], np.sqrt(at[:-1] * at[1:]), [np.inf]])
    mass = np.diff(special.erf(edges / (scale * np.sqrt(2.0))))
    return np.asarray(np.log(np.maximum(mass, 1e-300)))


#: Log probabilities: of scales, and of sds given each of the scales (scale, sd).
_SCALE: Final = _half_normal(SCALES, _SCALE_SD)
_WEEKLY: Final = np.stack([_half_normal(WEEKLY, scale) for scale in SCALES])
_LASTING: Final = np.stack([_half_normal(LASTING, scale) for scale in SCALES])


def _by_scale(evidence: Floats) -> Floats:
    """Return the log evidence with sds and carry integrated out, shape (series, scale of weekly, scale of lasting)."""
    carried = special.logsumexp(evidence, axis=3) - np.log(len(CARRIES))
    lasting = special.logsumexp(carried[:, :, None] + _LASTING, axis=3)
    return np.asarray(special.logsumexp(lasting[:, None] + _WEEKLY[None, :, :, None], axis=2))


def _given_scales(evidence: Floats, weekly: Ints, lasting: Ints) -> Floats:
    """Return the log weight of every swing of a series, given the scales of each draw, shape (draw, swing)."""
    prior = _WEEKLY[weekly][:, :, None, None] + _LASTING[lasting][:, None, :, None]
    return np.asarray((prior + evidence).reshape(len(weekly), -1))


def _preferred(subject: str, evidence: Floats, by_scale: Floats, whole: Floats) -> tuple[Choice, float]:
    """Return which of three models the evidence prefers, and how far it is ahead of weeks that are all alike."""
    own = special.logsumexp(evidence[:, None, :, 0, 0] + _WEEKLY, axis=2)
    own_whole = own.sum(axis=0) + _SCALE
    best = np.unravel_index(int(np.argmax(whole)), whole.shape)
    each = {
        _LASTS: by_scale[:, best[0], best[1]],
        _OWN: own[:, int(np.argmax(own_whole))],
        ALIKE: evidence[:, 0, 0, 0],
    }
    score = {
        _LASTS: float(special.logsumexp(whole)),
        _OWN: float(special.logsumexp(own_whole)),
        ALIKE: float(each[ALIKE].sum()),
    }
    first, second = sorted(score, key=lambda name: -score[name])[:2]
    gap = each[first] - each[second]
    error = float(np.sqrt(len(gap)) * gap.std()) if len(gap) > 1 else None
    return Choice(subject, first, second, score[first] - score[second], error), score[first] - score[ALIKE]


def _picked(logs: Floats, u: Floats) -> Ints:
    """Return positions drawn with probabilities in proportion to exp(logs), which are (position,) or (draw, position)."""
    total = np.cumsum(np.exp(logs - logs.max(axis=-1, keepdims=True)), axis=-1)
    return np.asarray(np.sum(total <= (u * total[..., -1])[:, None], axis=1), dtype=np.int64)


def _states(series: Series, peaks: Peaks, logs: Floats, seed: int) -> Floats:
    """Return (level, last, lasting, carry, weekly) of every draw, given the log weights of swings for each."""
    chosen = _picked(logs, uniforms(seed, len(logs), "swing sd", series.name))
    sds = np.array([[swing.lasting, swing.carry, swing.weekly] for swing in peaks.swings])[chosen]
    return np.concatenate([states(series, peaks, chosen, seed), sds], axis=1)
