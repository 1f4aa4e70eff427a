"""EventLog or transition table + journey map -> Draws; or the map alone, at its word or as a prior."""

from journeysim.calibrate.prior import prior_draws, stated_draws

__all__ = ["prior_draws", "stated_draws"]
