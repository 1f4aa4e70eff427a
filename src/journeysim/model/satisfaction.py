"""How feelings add up to satisfaction, and what customers answer when asked.

Satisfaction s lies in [-1, 1], starts at the persona's mood, and moves with the feeling e of every touchpoint that says
something about feelings: s <- s + w (e - s). The weight w is larger at moments of truth: what is remembered of an
experience is its peaks and its end more than its average (Kahneman, Fredrickson, Schreiber and Redelmeier, "When more
pain is preferred to less: adding a better end", Psychological Science 1993); the two numbers are a convention.

Answers are ordinal read-outs through cut-points: an answer is the number of cut-points below e or s, plus the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

CSAT_CUTS: Final = (-0.6, -0.2, 0.2, 0.6)
NPS_CUTS: Final = tuple(round(-1 + 2 * k / 11, 4) for k in range(1, 11))


@final
@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Weights of a feeling, and cut-points: four between the answers 1 to 5 (CSAT), ten between 0 and 10 (NPS).

    Without others, cut-points divide [-1, 1] into equal parts.
    """

    weight: float = 0.3
    weight_at_truth: float = 0.6
    csat: tuple[float, ...] = CSAT_CUTS
    nps: tuple[float, ...] = NPS_CUTS
