"""Outcomes -> Comparison: one metric registry, paired contrasts, who flips. Knows nothing of money decisions."""

from journeysim.compare.contrast import compare

__all__ = ["compare"]
