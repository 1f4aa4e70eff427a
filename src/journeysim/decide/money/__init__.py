"""Money: what a proposal costs to have, what it brings month by month, and what that is worth."""

from journeysim.decide.money.investment import horizon_months

__all__ = ["horizon_months"]
