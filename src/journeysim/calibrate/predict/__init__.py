"""What posterior draws predict, customer by customer: a small simulator for checking a fit and for backtests.

It knows every layer that a calibration may learn. The engines of `simulate` answer other questions (arms, money,
lives paired between arms); here many draws walk in lock-step, and those already on the way are continued.
"""

from journeysim.calibrate.predict.predictor import Predictor, predictor_of
from journeysim.calibrate.predict.start import Start
from journeysim.calibrate.predict.steps import Step, steps
from journeysim.calibrate.predict.swings import arrival_factors, daily_factors

__all__ = ["Predictor", "Start", "Step", "arrival_factors", "daily_factors", "predictor_of", "steps"]
