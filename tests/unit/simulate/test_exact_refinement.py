"""How finely time is cut: what is reported as error is at least the error, for sums and for timing, at the least cost."""

import numpy as np
import pytest

from chains import build_chain
from journeysim.model.dwell import Family
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.exact.recursion import _on_even_grid
from journeysim.simulate.exact.refinement import TIMING, distances, extrapolate
from journeysim.simulate.settings import Settings


def early(days):
    """Return a journey of a few days within a horizon of a year: sums are right on any grid, their timing is not."""
    rows = {
        "a": {"b": (0.7, Family.LOGNORMAL, days, 0.8), "lost": (0.3, Family.WEIBULL, 3 * days, 1.3)},
        "b": {"a": (0.4, Family.GAMMA, days, 2.5), "bought": (0.6, Family.LOGLOGISTIC, days, 2.5)},
    }
    return build_chain(rows, outcomes=["bought", "lost"], converts=["bought"], visit_value={"bought": 100.0})


@pytest.mark.parametrize("days", [2.0, 15.0, 60.0])
def test_reported_errors_cover_the_true_ones(days):
    settings = Settings(365.25, 0.08, 0.03)
    tally, report = exact_tally(early(days), settings)
    truth = extrapolate(*(_on_even_grid(early(days), settings, steps) for steps in (1_920, 3_840)))
    error, timing = distances(tally, truth)
    assert error <= report.error <= settings.tolerance
    assert timing <= report.timing <= TIMING
    assert report.meets(settings.tolerance)


def test_timing_alone_refines_the_grid():
    coarse, fine = (exact_tally(early(days), Settings(365.25))[1] for days in (60.0, 2.0))
    assert fine.steps > coarse.steps


def test_extrapolated_curves_never_turn():
    settings = Settings(365.25)
    tally = extrapolate(*(_on_even_grid(early(2.0), settings, steps) for steps in (60, 120)))
    assert (np.diff(tally.converted_by) >= 0).all()
    assert (np.diff(tally.active_at) <= 0).all()
    assert tally.converted_by.min() >= 0
    np.testing.assert_array_equal(tally.converted_by[..., -1], tally.converted)
