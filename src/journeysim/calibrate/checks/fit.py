"""All checks of a fit, as far as the observations allow them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from journeysim.calibrate.checks.check import FitCheck
from journeysim.calibrate.checks.conflict import conflicts
from journeysim.calibrate.checks.dwells import check_dwells
from journeysim.calibrate.checks.paths import check_paths
from journeysim.calibrate.checks.replicas import replicate
from journeysim.calibrate.counts import Counts, silent_outcomes
from journeysim.calibrate.predict import predictor_of
from journeysim.model.journey import JourneyMap
from journeysim.model.observations import Observations
from journeysim.model.observed.paths import conversions

if TYPE_CHECKING:
    import xarray as xr


@final
@dataclass(frozen=True, slots=True)
class Checked:
    """The checks, and sentences about what they found or why one could not be made."""

    checks: tuple[FitCheck, ...]
    notes: tuple[str, ...]


def check_fit(journey: JourneyMap, observed: Observations, data: xr.Dataset, counts: Counts, *, seed: int) -> Checked:
    """Return every check that the observations allow; what fails, and where map and log disagree, is told in notes."""
    checks = list(check_dwells(journey, data, counts, seed=seed))
    notes = []
    if observed.paths is None or observed.second_order is None:
        notes.append("only a transition table is known: path lengths, step conversion and pairs of moves could not be "
                     "checked; an event log would allow it")  # fmt: skip
    else:
        predictor = predictor_of(journey, data, silent_outcomes(counts, journey))
        replicas = replicate(predictor, observed.paths, conversions(journey), seed=seed)
        checks += check_paths(journey, predictor, observed.paths, observed.second_order, replicas)
    notes += [str(check) for check in checks if not check.gate.passed]
    notes += conflicts(journey, counts)
    return Checked(tuple(checks), tuple(notes))
