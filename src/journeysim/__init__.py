"""journeysim: what a change to a customer journey would bring, simulated beside today, with honest ranges.

    import journeysim as js

    scenario = js.read_scenario("scenario.yaml")
    draws = js.prior_draws(scenario.journey, draws=1000, seed=1)
    arms = js.build_arms(scenario, draws, seed=2)
    outcomes = js.simulate(arms, settings=js.Settings(scenario.horizon), seed=3)

Everything is loaded when it is first used, so that importing the package costs nothing; types stand in `__init__.pyi`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any, Final, final

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

_HOMES: Final = {
    **dict.fromkeys(("BadInput", "GateFailed", "JourneysimError", "Problem"), "errors"),
    **dict.fromkeys(("read_journey", "read_scenario"), "files"),
    **dict.fromkeys(("load_or_calibrate", "prior_draws", "stated_draws"), "calibrate"),
    "Fit": "decide.decision",
    "Settings": "simulate.settings",
    "backtest": "calibrate.backtest",
    "build_arms": "model.arms",
    "read_events": "files.events",
    "render": "report",
    "stories_for": "compare",
}
#: Verbs that share their name with the package they live in, and the module that holds the function.
_VERBS: Final = {"calibrate": "calibrate", "simulate": "simulate.run", "compare": "compare", "decide": "decide"}


@final
class _Verb(ModuleType):
    """A package that is called like its verb: `js.compare(outcomes)` is `journeysim.compare.compare(outcomes)`."""

    @property
    def _function(self) -> Any:  # noqa: ANN401 - whatever the verb returns
        verb = self.__name__.rpartition(".")[2]
        return getattr(importlib.import_module(f"journeysim.{_VERBS[verb]}"), verb)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)

    def __call__(self, *args: Any, **settings: Any) -> Any:  # noqa: ANN401 - the verb's own types are given above
        return self._function(*args, **settings)


@final
class _Package(ModuleType):
    """The package itself: an imported package `compare` that Python hangs on it must not hide the verb of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _VERBS and isinstance(value, ModuleType):
            value.__class__ = _Verb
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - one of the names in __all__, typed above
    if name in _VERBS:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Package
