"""Outcomes -> Comparison: one metric registry, paired contrasts, who flips. Knows nothing of money decisions."""
