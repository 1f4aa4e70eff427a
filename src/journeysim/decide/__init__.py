"""Comparison + business case -> Decision: cash flow, net benefit, evidence, trust. Draws no pictures."""
