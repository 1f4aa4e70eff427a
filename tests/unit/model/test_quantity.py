"""Uncertain numbers: what was written comes back as quantiles, moments and means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeysim.model.addresses import uniforms
from journeysim.model.quantity import Counts, Fixed, Moments, Named, Quantiles, Range, Scale, Trialled

U = (np.arange(200_000) + 0.5) / 200_000


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(0.05, 0.15, Scale.SHARE), (3.0, 12.0, Scale.POSITIVE), (-4.0, 2.0, Scale.REAL)]
)
def test_a_range_is_its_own_five_and_ninety_five_percent_points(low, high, scale):
    assert Range(low, high, scale).ppf([0.05, 0.95]) == pytest.approx([low, high])


@pytest.mark.parametrize("scale", list(Scale))
def test_three_quantiles_are_met_exactly(scale):
    stated = Quantiles(0.1, 0.15, 0.4, scale)
    assert stated.ppf([0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.15, 0.4])


@pytest.mark.parametrize(
    ("centre", "sd", "scale"), [(0.2, 0.05, Scale.SHARE), (9.0, 5.0, Scale.POSITIVE), (-1, 2, Scale.REAL)]
)
def test_moments_are_met(centre, sd, scale):
    values = Moments(centre, sd, scale).ppf(U)
    assert values.mean() == pytest.approx(centre, rel=1e-3, abs=1e-3)
    assert values.std() == pytest.approx(sd, rel=5e-3)


def test_counts_are_jeffreys_posterior():
    counts = Counts(12, 80)
    assert counts.mean == pytest.approx(12.5 / 81)
    assert counts.ppf(U).mean() == pytest.approx(12.5 / 81, rel=1e-5)


def test_no_success_and_all_successes_stay_inside():
    for counts in (Counts(0, 50), Counts(50, 50)):
        values = counts.ppf(U)
        assert np.isfinite(values).all()
        assert 0 <= values.min() <= values.max() <= 1


@pytest.mark.parametrize(
    ("named", "mean"),
    [
        (Named("normal", (2.0, 1.0)), 2.0),
        (Named("lognormal", (2.0, 0.5)), 2.0 * np.exp(0.125)),
        (Named("beta", (2.0, 6.0)), 0.25),
        (Named("gamma", (3.0, 2.0)), 6.0),
        (Named("uniform", (1.0, 5.0)), 3.0),
        (Named("triangular", (0.0, 1.0, 5.0)), 2.0),
    ],
)
def test_named_distributions_have_their_textbook_means(named, mean):
    assert named.ppf(U).mean() == pytest.approx(mean, rel=1e-3)
    assert named.mean == pytest.approx(mean, rel=1e-3)


def test_a_test_without_prior_is_the_empirical_log_odds_ratio():
    mean, sd = Trialled(Counts(41, 510), Counts(58, 498)).log_odds
    assert mean == pytest.approx(np.log(58.5 * 469.5 / (440.5 * 41.5)))
    assert sd == pytest.approx(np.sqrt(1 / 58.5 + 1 / 440.5 + 1 / 41.5 + 1 / 469.5))


def test_a_prior_pulls_a_test_towards_it_and_narrows_it():
    alone = Trialled(Counts(41, 510), Counts(58, 498))
    both = Trialled(alone.control, alone.treated, prior=Range(1.0, 1.1, Scale.POSITIVE))
    assert both.log_odds[0] < alone.log_odds[0]
    assert both.log_odds[1] < alone.log_odds[1]


@given(st.floats(0.01, 0.98), st.floats(0.001, 0.019))
def test_quantities_rise_with_their_probability(low, width):
    for quantity in (Range(low, low + width, Scale.SHARE), Quantiles(low, low + width / 3, low + width, Scale.SHARE)):
        assert (np.diff(quantity.ppf(np.linspace(0.001, 0.999, 99))) > 0).all()


def test_uniforms_are_addressed_not_consumed():
    few, many = uniforms(7, 10, "a", "b"), uniforms(7, 1000, "a", "b")
    assert (few == many[:10]).all()
    assert not np.isclose(uniforms(7, 10, "ab"), few).any()
    assert not np.isclose(uniforms(8, 10, "a", "b"), few).any()
    assert (many > 0).all()
    assert (many < 1).all()
    assert abs(many.mean() - 0.5) < 4.5 / np.sqrt(12 * 1000)


def test_a_certain_number_is_itself():
    assert Fixed(3.0).certain
    assert not Counts(1, 2).certain
    assert (Fixed(3.0).ppf(U[:5]) == 3.0).all()
