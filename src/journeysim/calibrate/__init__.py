"""EventLog or transition table + journey map -> Draws; or the map alone, at its word or as a prior."""

from journeysim.calibrate.posterior import Calibration, calibrate
from journeysim.calibrate.prior import prior_draws, stated_draws
from journeysim.calibrate.store import calibration_key, load_or_calibrate

__all__ = ["Calibration", "calibrate", "calibration_key", "load_or_calibrate", "prior_draws", "stated_draws"]
