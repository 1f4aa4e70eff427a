"""Comparison + business case -> Decision: cash flow, net benefit, evidence, trust. Draws no pictures."""

from journeysim.decide.cashflow import horizon_months
from journeysim.decide.verdicts import decide

__all__ = ["decide", "horizon_months"]
