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
#: By what the answers stand for (Reichheld, "The one number you need to grow", Harvard Business Review 2003): detractors
#: (0 to 6) are unhappy, passives (7, 8) satisfied but unenthusiastic, promoters (9, 10) enthusiasts.
NPS_CUTS: Final = (*(round(k / 7 - 1, 4) for k in range(1, 8)), 0.25, 0.5, 0.75)


@final
@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Weights of a feeling, and cut-points: four between the answers 1 to 5 (CSAT), ten between 0 and 10 (NPS).

    Without others, those of CSAT divide [-1, 1] into equal parts; those of NPS put the unhappy (s at or below 0) at 0 to 6,
    and divide what is above 0 into equal parts for 7 to 10.
    """

    weight: float = 0.3
    weight_at_truth: float = 0.6
    csat: tuple[float, ...] = CSAT_CUTS
    nps: tuple[float, ...] = NPS_CUTS
