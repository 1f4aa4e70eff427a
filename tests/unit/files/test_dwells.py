"""Every way to write how long something takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from journeysim.files.dwells import dwell
from journeysim.files.number_texts import duration
from journeysim.files.number_texts import dwell as written
from journeysim.files.numbers import UnreadableError
from journeysim.model import dwell as dwells
from journeysim.model.dwell import INSTANT, Dwell, Family
from journeysim.model.quantity import Fixed, Named, Range, Scale


def test_a_single_time_is_fixed():
    assert dwell("2 days") == Dwell(Family.FIXED, Fixed(2.0))
    assert dwell("0 days") == INSTANT


def test_a_range_is_log_normal_between_customers_with_its_ends_at_5_and_95_percent():
    found = dwell("4 min to 9 min")
    assert found.family is Family.LOGNORMAL
    ends = dwells.ppf(found.family, found.scale.mean, found.shape.mean, [0.05, 0.5, 0.95]) * 1440
    np.testing.assert_allclose(ends, [4, 6, 9], rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "family", "shape"),
    [
        ({"family": "weibull", "mean": "3 days", "shape": "0.7"}, Family.WEIBULL, 0.7),
        ({"family": "gamma", "mean": "3 days", "shape": "2"}, Family.GAMMA, 2.0),
        ({"family": "exponential", "mean": "3 days"}, Family.EXPONENTIAL, 1.0),
        ({"family": "lognormal", "mean": "3 days", "sd log": "0.8"}, Family.LOGNORMAL, 0.8),
        ({"family": "loglogistic", "mean": "3 days", "shape": "2.5"}, Family.LOGLOGISTIC, 2.5),
    ],
)
def test_a_family_by_its_mean_has_that_mean(text, family, shape):
    found = dwell(text)
    assert (found.family, found.shape) == (family, Fixed(shape))
    assert math.isclose(dwells.mean(family, found.scale.mean, shape), 3.0, rel_tol=1e-12)


def test_medians_scales_and_uncertain_sizes():
    assert dwell({"family": "lognormal", "median": "2 days", "sd log": "0.8"}) == Dwell(
        Family.LOGNORMAL, Fixed(2.0), Fixed(0.8)
    )
    assert dwell({"family": "weibull", "scale": "1 to 2 days", "shape": "0.5 to 0.9"}) == Dwell(
        Family.WEIBULL, Range(1.0, 2.0, Scale.POSITIVE), Range(0.5, 0.9, Scale.POSITIVE)
    )
    by_mean = dwell({"family": "gamma", "mean": {"lognormal": ["4 days", "0.3"]}, "shape": "2"})
    assert by_mean == Dwell(Family.GAMMA, Named("lognormal", (2.0, 0.3)), Fixed(2.0))


def test_quantiles():
    text = {"quantiles": {"0%": "1 h", "50%": "1 day", "90%": "5 days", "100%": "20 days"}}
    assert dwell(text) == Dwell(
        Family.EMPIRICAL, Fixed(1.0), quantiles=((0.0, 1 / 24), (0.5, 1.0), (0.9, 5.0), (1.0, 20.0))
    )


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("3", "J022", "give a unit"),
        ({"family": "weibul", "mean": "3 days"}, "J016", 'did you mean "weibull"?'),
        ({"family": "weibull", "mean": "3 days"}, "J013", "needs its shape"),
        ({"family": "weibull", "shape": "2"}, "J013", "needs mean or scale"),
        ({"family": "weibull", "mean": "1 day", "scale": "1 day", "shape": "2"}, "J013", "one of them"),
        ({"family": "exponential", "mean": "3 days", "shape": "2"}, "J014", 'no setting "shape"'),
        ({"family": "gamma", "mean": "3 days", "shape": "0"}, "J039", "above 0"),
        ({"family": "gamma", "mean": "0 days", "shape": "2"}, "J039", "more than 0"),
        ({"family": "loglogistic", "mean": "3 days", "shape": "0.9"}, "J039", "no finite mean"),
        ({"family": "gamma", "mean": "3 days", "shape": "1 to 2"}, "J027", "give its scale"),
        ({"mean": "3 days"}, "J013", "needs its family"),
        ({"familly": "gamma"}, "J014", 'did you mean "family"?'),
        ({"quantiles": {"10%": "1 h", "100%": "2 h"}}, "J027", "start at 0%"),
        ({"quantiles": {"0%": "3 h", "100%": "2 h"}}, "J027", "must not decrease"),
        ({"quantiles": ["1 h"]}, "J020", "{0%: 1 h"),
        (["2 days"], "J020", "not a length of time"),
    ],
)
def test_what_is_refused_and_why(text, code, words):
    with pytest.raises(UnreadableError) as error:
        dwell(text)
    assert error.value.code == code
    assert words in error.value.message


def test_a_loglogistic_without_finite_mean_can_be_given_by_its_median():
    found = dwell({"family": "loglogistic", "median": "3 days", "shape": "0.9"})
    assert found == Dwell(Family.LOGLOGISTIC, Fixed(3.0), Fixed(0.9))


@pytest.mark.parametrize("text", ["2 days", "4 min to 9 min", "30 seconds to 21 h", "90 min", "0 days"])
def test_times_are_written_as_people_write_them(text):
    assert written(dwell(text)) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (2.92, "2.92 days"),
        (1.5, "36 h"),
        (0.62, "14.88 h"),
        (29.7 / 86_400, "29.7 seconds"),
        (888 / 86_400, "14.8 min"),
    ],
)
def test_a_time_is_written_in_the_largest_unit_it_fills_unless_a_smaller_one_is_whole(days, text):
    assert duration(days) == text
