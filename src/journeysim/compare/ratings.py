"""Ratings: Net Promoter Score and customer satisfaction from counts of answers.

NPS after Reichheld, "The one number you need to grow", Harvard Business Review 2003: answers 0 to 10, promoters
9-10, passives 7-8, detractors 0-6; NPS = 100 (promoters - detractors). One answer scored +1, 0 or -1 has variance
p + d - (p - d)^2, which gives the standard error. CSAT is the share of answers in the top boxes of 1 to 5. No answers
give None ("no responses"), never 0. Nothing is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.model.quantity import Floats

_Z95: Final = float(special.ndtri(0.975))


@final
@dataclass(frozen=True, slots=True)
class NpsSummary:
    """NPS (-100 to 100) of n answers: the three shares, standard error and 95 % interval in points, mean score."""

    n: int
    promoters: float
    passives: float
    detractors: float
    nps: float
    se: float
    ci95: tuple[float, float]
    mean_score: float


@final
@dataclass(frozen=True, slots=True)
class CsatSummary:
    """CSAT (0 to 100) of n answers: the percentage in the top boxes, and the mean answer."""

    n: int
    csat: float
    mean: float


def nps(counts_by_score_0_10: Sequence[float]) -> NpsSummary | None:
    """Return the summary of how many answers gave each score 0 … 10; None when there are none.

    Raises ValueError when the counts are not eleven whole numbers of at least 0.
    """
    counts = _checked(counts_by_score_0_10, 11)
    n = int(counts.sum())
    if n == 0:
        return None
    detractors, promoters = float(counts[:7].sum() / n), float(counts[9:].sum() / n)
    difference = promoters - detractors
    se = 100 * math.sqrt(max(promoters + detractors - difference**2, 0.0) / n)
    score, half = 100 * difference, _Z95 * se
    passives = float(counts[7:9].sum() / n)
    mean = float(counts @ np.arange(11) / n)
    return NpsSummary(n, promoters, passives, detractors, score, se, (score - half, score + half), mean)


def csat(counts_1_5: Sequence[float], top: int = 2) -> CsatSummary | None:
    """Return the share of the `top` best answers of five, given how many answers gave 1 … 5; None without answers.

    Raises ValueError when the counts are not five whole numbers of at least 0, or `top` is not 1 to 5.
    """
    counts = _checked(counts_1_5, 5)
    if top not in range(1, 6):
        raise ValueError(f"top is how many of the five answers count as satisfied, 1 to 5; got {top}")
    n = int(counts.sum())
    return None if n == 0 else CsatSummary(n, float(100 * counts[-top:].sum() / n), float(counts @ np.arange(1, 6) / n))


def counted(scores: Iterable[float], *, lowest: int, highest: int) -> tuple[int, ...]:
    """Return how many answers gave each score from `lowest` to `highest`.

    Raises ValueError naming every answer that is not one of these whole numbers.
    """
    answers = np.array(list(scores), dtype=np.float64)
    valid = np.isin(answers, np.arange(lowest, highest + 1))
    if not valid.all():
        bad = ", ".join(f"{answer:g}" for answer in answers[~valid].tolist())
        raise ValueError(f"scores are whole numbers from {lowest} to {highest}; got {bad}")
    found = np.bincount(answers.astype(np.int64) - lowest, minlength=highest - lowest + 1)
    return tuple(int(count) for count in found)


def merged(groups: Iterable[Sequence[float]]) -> tuple[int, ...]:
    """Return the counts of several groups of answers together; ValueError when their scales differ or none is given."""
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    if len({array.shape for array in arrays}) != 1:
        raise ValueError(f"groups to merge need one scale; got lengths {[len(array) for array in arrays]}")
    return tuple(int(count) for count in _checked(np.sum(arrays, axis=0).tolist(), len(arrays[0])))


def weighted(segments: Iterable[tuple[float, float]]) -> float:
    """Return the population's NPS from (NPS, population share) of its segments.

    Raises ValueError when an NPS lies outside [-100, 100], a share outside [0, 1], or shares do not add up to 1.
    """
    pairs = list(segments)
    total = sum(share for _, share in pairs)
    if not all(-100 <= score <= 100 and 0 <= share <= 1 for score, share in pairs) or abs(total - 1) > 1e-9:
        raise ValueError(f"segments need an NPS in [-100, 100] and shares that add up to 1; got {pairs}")
    return float(sum(score * share for score, share in pairs))


def sample_size(margin: float, *, promoters: float = 0.5, detractors: float = 0.5) -> int:
    """Return how many answers give the NPS to within +- `margin` points with 95 % confidence.

    The default shares are the worst case (variance 1). Raises ValueError for a margin that is not positive.
    """
    if not margin > 0:
        raise ValueError(f"a margin is a positive number of points; got {margin}")
    variance = promoters + detractors - (promoters - detractors) ** 2
    return math.ceil(variance * (100 * _Z95 / margin) ** 2)


def _checked(counts: Sequence[float], length: int) -> Floats:
    array = np.asarray(counts, dtype=np.float64)
    if array.shape != (length,):
        raise ValueError(f"expected {length} counts, one per score; got shape {array.shape}")
    if not (np.isfinite(array).all() and (array >= 0).all() and (array == np.floor(array)).all()):
        raise ValueError(f"counts are whole numbers of at least 0; got {array.tolist()}")
    return array
