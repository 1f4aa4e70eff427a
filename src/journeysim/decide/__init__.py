"""Comparison + business case -> Decision: cash flow, net benefit, evidence, trust. Draws no pictures."""

from journeysim.decide.money import horizon_months
from journeysim.decide.verdicts import decide

__all__ = ["decide", "horizon_months"]
