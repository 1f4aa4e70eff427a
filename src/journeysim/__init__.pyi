from journeysim.calibrate import calibrate as calibrate
from journeysim.calibrate import load_or_calibrate as load_or_calibrate
from journeysim.calibrate import prior_draws as prior_draws
from journeysim.calibrate import stated_draws as stated_draws
from journeysim.calibrate.backtest import backtest as backtest
from journeysim.compare import compare as compare
from journeysim.compare import stories_for as stories_for
from journeysim.decide import decide as decide
from journeysim.decide.decision import Fit as Fit
from journeysim.errors import BadInput as BadInput
from journeysim.errors import GateFailed as GateFailed
from journeysim.errors import JourneysimError as JourneysimError
from journeysim.errors import Problem as Problem
from journeysim.files import read_journey as read_journey
from journeysim.files import read_scenario as read_scenario
from journeysim.files.events import read_events as read_events
from journeysim.model.arms import build_arms as build_arms
from journeysim.report import render as render
from journeysim.simulate.run import simulate as simulate
from journeysim.simulate.settings import Settings as Settings

__all__ = [
    "BadInput",
    "Fit",
    "GateFailed",
    "JourneysimError",
    "Problem",
    "Settings",
    "backtest",
    "build_arms",
    "calibrate",
    "compare",
    "decide",
    "load_or_calibrate",
    "prior_draws",
    "read_events",
    "read_journey",
    "read_scenario",
    "render",
    "simulate",
    "stated_draws",
    "stories_for",
]
