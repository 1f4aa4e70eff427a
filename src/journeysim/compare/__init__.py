"""Outcomes -> Comparison: one metric registry, paired contrasts, who flips. Knows nothing of money decisions."""

from journeysim.compare.contrast import compare
from journeysim.compare.flips import stories_for

__all__ = ["compare", "stories_for"]
