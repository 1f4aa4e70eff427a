"""Would it have been right? Fit on what was known at a date, predict what followed, score against what happened."""

from journeysim.calibrate.backtest.result import Backtest, Forecast, Score
from journeysim.calibrate.backtest.rolling import backtest

__all__ = ["Backtest", "Forecast", "Score", "backtest"]
