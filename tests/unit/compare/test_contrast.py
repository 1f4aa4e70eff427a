from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from journeysim.compare import compare
from journeysim.compare.comparison import spread_of
from journeysim.compare.contrast import difference, p_better
from journeysim.compare.luck import tie_of
from journeysim.model.changes import ChangeAudience, Terms
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Proposal
from outcomes_builder import CUSTOMERS, bank_arms, bank_draws, bank_outcomes, more_calls, outcomes_of

MONEY_AND_COUNTS = ("conversion", "revenue", "cost", "margin", "clv", "effort", "touches", "loss")


@pytest.fixture(scope="module")
def found():
    return compare(bank_outcomes(more_calls(Range(1.2, 2.0, Scale.POSITIVE))), horizon_months=12)


def contrast(comparison, metric, *, persona="all", realism=1.0, view="cohort", arm=None):
    key = (metric, persona, realism, view)
    return next(
        item
        for item in comparison.contrasts
        if (item.metric, item.persona, item.realism, item.view) == key and arm in (None, item.arm)
    )


def level(comparison, metric, arm, persona="all", view="cohort"):
    key = (metric, arm, persona, view)
    return next(item for item in comparison.levels if (item.metric, item.arm, item.persona, item.view) == key)


def test_difference_is_the_proposal_less_today(found):
    for metric in MONEY_AND_COUNTS:
        expected = level(found, metric, "more calls").values - level(found, metric, "today").values
        assert np.allclose(contrast(found, metric).values, expected, atol=1e-12), metric


def test_more_calls_help_and_fewer_harm(found):
    worse = compare(bank_outcomes(more_calls(0.5)))
    assert contrast(found, "conversion").p_better == 1.0
    assert contrast(worse, "conversion").p_better == 0.0
    # Less loss is better, more cost is not.
    assert contrast(found, "loss").p_better == 1.0
    assert contrast(found, "cost").p_better == 0.0
    assert contrast(worse, "cost").p_better == 1.0
    assert contrast(found, "touches").p_better is None


def test_identical_arms_differ_by_exactly_nothing_and_it_is_said():
    terms = Terms(reach=Fixed(0.7), start=10.0, ramp=50.0)
    same = compare(bank_outcomes(more_calls(1.0, terms=terms, name="same"), more_calls(2.0, terms=terms)))
    own = [item for item in same.contrasts if item.arm == "same"]
    assert len(own) > 100
    for item in own:
        assert (item.values == 0).all()
        assert item.p_better in (None, 0.0)
    assert [text for text in same.warnings if "identical" in text and "same" in text]
    assert not [text for text in same.warnings if "more calls" in text]


def test_an_arm_that_only_brings_more_customers_is_not_called_identical():
    more = ChangeAudience(arrivals=Fixed(50.0))
    comparison = compare(outcomes_of(bank_arms(Proposal("campaign", (more,)))))
    assert (contrast(comparison, "conversion").values == 0).all()
    assert contrast(comparison, "conversions", view="calendar").p_better == 1.0
    assert comparison.warnings == ()


def test_reach_and_realism_scale_the_effect(found):
    part = compare(bank_outcomes(more_calls(Range(1.2, 2.0, Scale.POSITIVE), terms=Terms(reach=Fixed(0.7)))))
    for metric in ("conversion", "revenue", "clv"):
        full = contrast(found, metric).values
        assert np.allclose(contrast(part, metric).values, 0.7 * full)
        assert np.allclose(contrast(found, metric, realism=0.25).values, 0.25 * full)


def test_personas_have_their_own_differences_and_mix_to_everybodys(found):
    small, large = (contrast(found, "revenue", persona=name).values for name in ("small", "large"))
    assert not np.allclose(small, large, rtol=0.05)
    assert np.allclose(contrast(found, "revenue").values, 0.6 * small + 0.4 * large)


def test_persona_mix_of_an_audience_change_moves_everybody_but_no_persona():
    audience = ChangeAudience(personas=(("large", Fixed(0.8)),))
    comparison = compare(outcomes_of(bank_arms(Proposal("audience", (audience,)))))
    assert np.allclose(contrast(comparison, "effort", persona="small").values, 0)
    draws = level(comparison, "effort", "today", "small").values, level(comparison, "effort", "today", "large").values
    assert np.allclose(contrast(comparison, "effort").values, 0.4 * (draws[1] - draws[0]))


def test_calendar_view_totals_over_the_months(found):
    today = level(found, "revenue", "today", view="calendar")
    assert np.allclose(today.values, found.calendars[0].value.sum(axis=1))
    margin = contrast(found, "margin", view="calendar").values
    both = [contrast(found, name, view="calendar").values for name in ("revenue", "cost")]
    assert np.allclose(margin, both[0] - both[1])
    assert level(found, "conversions", "more calls", view="calendar").unit == "count"


def test_not_knowing_and_luck_are_told_apart(found):
    today = level(found, "conversion", "today")
    assert today.sd_not_knowing == pytest.approx(today.values.std(ddof=1))
    # Single customers convert or not: their spread is that of a yes or no, far above the one between draws.
    p = today.spread.mean
    assert today.sd_luck == pytest.approx(np.sqrt(p * (1 - p)), rel=0.1)
    assert level(found, "time_to_convert_median", "today").sd_luck is None
    assert level(found, "drop_off[form]", "today").sd_luck is None


def test_the_exact_engine_has_no_monte_carlo_error(found):
    assert {item.mc_error for item in (*found.levels, *found.contrasts)} == {0.0}


def test_the_walk_engine_states_its_error_and_pairing_makes_it_smaller():
    comparison = compare(bank_outcomes(more_calls(1.5), engine="walk"))
    single = level(comparison, "conversion", "more calls")
    assert single.mc_error == pytest.approx(single.sd_luck / np.sqrt(40 * CUSTOMERS))
    assert 0 < contrast(comparison, "conversion").mc_error < single.mc_error
    assert np.isnan(level(comparison, "time_to_convert_median", "today").mc_error)


def test_a_persona_has_its_own_customers_only_and_no_more():
    """Before, the error of a persona's mean was that of as many customers as all personas have together."""
    comparison = compare(bank_outcomes(more_calls(1.5), engine="walk"))
    rest = [item for item in comparison.levels if item.metric == "conversion" and item.arm == "more calls"]
    assert {item.persona for item in rest} > {"all"}
    for item in rest:
        share = {"all": 1.0, "small": 0.6, "large": 0.4}[item.persona]
        assert item.mc_error == pytest.approx(item.sd_luck / np.sqrt(40 * CUSTOMERS * share), rel=0.05)


def test_who_waits_behind_another_shares_their_luck():
    """Differences x(t) = phi x(t-1) + e give a mean (1 + phi) / (1 - phi) times the variance, less what stretches end.

    40 draws of 2,500: sd of the estimate 10 % or less by 300 repetitions, so 40 % off is more than four of them.
    """
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((40, 2_500))
    for phi in (0.0, 0.5, 0.8):
        tied = lfilter([1.0], [1.0, -phi], noise, axis=1)
        everybody = np.ones(tied.shape, dtype=bool)
        assert tie_of(tied, everybody) == pytest.approx((1 + phi) / (1 - phi), rel=0.4)
        half = rng.random(tied.shape) < 0.5
        assert tie_of(tied, half) == pytest.approx(1 + phi / (1 - phi), rel=0.4)
    assert tie_of(np.zeros((3, 100)), np.ones((3, 100), dtype=bool)) == 1.0


def test_one_draw_says_nothing_about_not_knowing():
    outcomes = outcomes_of(bank_arms(more_calls(2.0), draws=bank_draws(4)))
    lonely = replace(outcomes, arms=tuple(replace(arm, lives=()) for arm in outcomes.arms))
    comparison = compare(lonely)
    assert level(comparison, "revenue", "today").sd_luck is None
    shares = level(comparison, "conversion", "today")
    assert shares.sd_luck == pytest.approx(np.sqrt(np.mean(shares.values * (1 - shares.values))))
    assert comparison.flips == comparison.stories == ()


def test_flows_cover_everybody(found):
    assert [flow.arm for flow in found.flows] == ["today", "more calls"]
    for flow in found.flows:
        assert flow.tally.moves.shape == (40, 1, 5)


def test_rounding_is_no_difference_but_a_small_effect_is():
    here = np.array([1.0 + 1e-15, 1.0 + 1e-9, np.nan])
    assert difference(here, np.ones(3))[:2].tolist() == [0.0, here[1] - 1.0]


def test_chance_of_being_better_over_defined_draws():
    gaps = np.array([1.0, 2.0, -1.0, 0.0, np.nan])
    assert p_better(gaps, 1) == 0.5
    assert p_better(gaps, -1) == 0.25
    assert p_better(gaps, 0) is None
    assert p_better(np.array([1.0, np.nan, np.nan]), 1) is None


def test_spread_is_mean_and_quantiles_of_the_defined_draws():
    values = np.append(np.random.default_rng(1).normal(size=31), np.nan)
    found = spread_of(values)
    expected = np.quantile(values[:31], [0.05, 0.25, 0.5, 0.75, 0.95])
    assert [found.q05, found.q25, found.q50, found.q75, found.q95] == pytest.approx(expected.tolist(), rel=1e-12)
    assert found.mean == pytest.approx(values[:31].mean())
    assert spread_of(np.array([1.0, np.nan, np.nan])).why == "undefined in 2 of 3 draws"


def test_equal_arms_differ_by_nothing_even_where_cost_eats_the_revenue():
    """A margin of rounding size must not differ by rounding: the mix of worlds is the same on both sides."""
    draws = bank_draws(20)
    data = draws.data.copy(deep=True)
    data["visit_cost"].values[...] = 0.0
    data["visit_cost"].values[..., :2] = [3.1, 7.7]
    tally = bank_outcomes(draws=draws.with_data(data)).today.tallies[0]
    data["visit_value"].values[...] = 0.0
    data["visit_value"].values[:, :, 0, 0] = tally.cost / tally.visits[..., 0] * (1 + 1e-13)
    terms = Terms(reach=Fixed(0.37))
    comparison = compare(bank_outcomes(more_calls(1.0, terms=terms, realism=(0.3,)), draws=draws.with_data(data)))
    assert (contrast(comparison, "margin", realism=0.3).values == 0).all()
    margin = level(comparison, "margin", "today").values
    assert (margin > 0).all()
    assert (margin < 1e-11).all()
