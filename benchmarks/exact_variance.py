"""What the spread between customers costs beside the means: processor time of `exact_money` over that of the tally.

Today's map of every example and of the loan scenario, from beliefs alone, layers off; grids found by each for itself. The
median map is the measure, and the dearest one is said.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from journeysim.calibrate import prior_draws
from journeysim.files import read_scenario
from journeysim.simulate.chain import Chain, compile_world
from journeysim.simulate.control import without_layers
from journeysim.simulate.exact import exact_money, exact_tally
from journeysim.simulate.settings import Settings

ROOT: Final = Path(__file__).parent.parent
EXAMPLES: Final = ("aida", "linear", "loop", "online_shop", "spiral", "subscription")
DRAWS, ROUNDS = 100, 5


def measure() -> tuple[str, float, str, str]:
    """Return the median over maps of the ratio in one run."""
    ratios = {path.parent.name: _ratio(*_map(path)) for path in _paths()}
    dearest = max(ratios, key=lambda name: ratios[name])
    against = f"means by the exact engine, {len(ratios)} maps; {ratios[dearest]:.2f} in the dearest, {dearest}"
    return "exact_variance", statistics.median(ratios.values()), "x", against


def _paths() -> list[Path]:
    examples = [ROOT / "src" / "journeysim" / "examples" / name / "scenario.yaml" for name in EXAMPLES]
    return [*examples, ROOT / "scenarios" / "loan_application" / "scenario.yaml"]


def _map(path: Path) -> tuple[Chain, Settings]:
    scenario = read_scenario(path)
    draws = prior_draws(scenario.journey, draws=DRAWS, seed=1)
    return without_layers(compile_world(scenario.journey, draws)), Settings(scenario.horizon, 0.08, 0.08)


def _ratio(chain: Chain, settings: Settings) -> float:
    """Return the median over rounds, after one that may compile."""
    found = [
        _took(lambda: exact_money(chain, settings)) / _took(lambda: exact_tally(chain, settings))
        for _ in range(ROUNDS + 1)
    ]
    return statistics.median(found[1:])


def _took(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
