"""Checks of a fit against what was observed: replicas of the data, dwells, and the map's beliefs."""

from journeysim.calibrate.checks.check import FitCheck
from journeysim.calibrate.checks.fit import Checked, check_fit

__all__ = ["Checked", "FitCheck", "check_fit"]
