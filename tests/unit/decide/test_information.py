"""The value of information against closed forms: reference case j2, and Gaussian and binomial decisions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from journeysim.compare.contrast import p_better
from journeysim.decide.drivers.groups import Group, of_assumption
from journeysim.decide.drivers.smooth import smooth, spread_out
from journeysim.decide.information.plan import Choices, Stakes, _of_dwell, _Testable, _trial, sizes
from journeysim.decide.information.studies import ab_test, ab_timing, evsi, pilot, survey
from journeysim.decide.information.value import evpi, evppi
from journeysim.model.changes.dwells import ScaleDwell
from journeysim.model.changes.editing import with_values
from journeysim.model.draws import Assumption
from journeysim.model.dwell import Family
from journeysim.model.quantity import Range, Scale
from journeysim.model.scenario import Money
from outcomes_builder import bank_draws, bank_outcomes

COUNT = 4_000


@pytest.fixture(scope="module")
def case(shared):
    return json.loads((shared / "reference_cases" / "j2_evpi_ceac.json").read_text())


def spread_evenly(seed, count=COUNT):
    """Return standard normal values, one in each of `count` equally likely strata, in random order."""
    return special.ndtri((np.random.default_rng(seed).permutation(count) + 0.5) / count)


def single(values):
    return of_assumption(Assumption("x", "guess", values))


@pytest.fixture(scope="module")
def gaussian():
    """Return the draws of t1 and t2 and the net benefit of the linear Gaussian case."""
    first, second = 10 + 4 * spread_evenly(1), 5 + 6 * spread_evenly(2)
    return first, second, (-20 + 3 * first - 2 * second)[:, None]


def test_evpi_of_the_published_net_benefits(case):
    benefits = np.array(case["inputs"]["hand_psa_net_benefit"])
    assert evpi(benefits[:, 1:] - benefits[:, :1]) == pytest.approx(case["expected"]["hand_psa"]["evpi"], rel=1e-9)


def test_evpi_of_a_gaussian_in_closed_form(case):
    """Quantiles at 400,000 midpoints are exact to 1e-5 of the standard deviation."""
    at = special.ndtri((np.arange(400_000) + 0.5) / 400_000)
    for row in case["expected"]["gaussian_two_arm_evpi"]:
        net = (row["mean_inb"] + row["sd_inb"] * at)[:, None]
        assert evpi(net) == pytest.approx(row["evpi"], abs=2e-4 * row["sd_inb"])
        assert np.mean(net > 0) == pytest.approx(row["p_positive"], abs=1e-5)


def test_chance_of_being_better_of_two_betas_in_closed_form(case):
    """On 1,000 x 1,000 pairs of equally likely values; what lies between two of them is less than a thousandth."""
    at = (np.arange(1_000) + 0.5) / 1_000
    for row in case["expected"]["two_beta_P_B_gt_A"]:
        first, second = (special.betaincinv(*row[name], at) for name in ("A", "B"))
        differences = (second[:, None] - first[None, :]).ravel()
        assert p_better(differences, 1) == pytest.approx(row["P"], abs=1e-3)
        assert p_better(differences, -1) == pytest.approx(1 - row["P"], abs=1e-3)


def test_evppi_within_three_per_cent_of_the_closed_form(case, gaussian):
    first, second, net = gaussian
    expected = case["expected"]["linear_gaussian"]
    for values, name in ((first, "evppi_t1"), (second, "evppi_t2")):
        assert evppi(single(values), net, seed=1).evppi == pytest.approx(expected[name], rel=0.03)
    assert evpi(net) == pytest.approx(expected["evpi"], rel=0.03)


def test_the_error_of_evppi_is_as_large_as_it_says(case):
    """Of 60 samples of 300 draws, 9 in 10 at least lie within two stated errors (95.4 % expected; P(fewer) 0.5 %)."""
    rng, expected = np.random.default_rng(5), case["expected"]["linear_gaussian"]["evppi_t1"]
    inside = 0
    for k in range(60):
        first, second = rng.normal(10, 4, 300), rng.normal(5, 6, 300)
        found = evppi(single(first), (-20 + 3 * first - 2 * second)[:, None], seed=k)
        inside += abs(found.evppi - expected) <= 2 * found.error
    assert inside >= 54


def test_evsi_of_a_survey_within_three_per_cent_of_the_closed_form(case, gaussian):
    first, _, net = gaussian
    means = smooth(single(first).directions, net).values
    for n, expected in case["expected"]["linear_gaussian"]["evsi_t1_n_sigma20"].items():
        found = evsi(survey(first, 20.0), means, int(n), seed=3)
        assert found.evppi == pytest.approx(expected, rel=0.03), n


def test_evsi_of_a_pilot_on_a_share_in_closed_form(case):
    """Beta(12, 88) against a known rate of 0.13; 4,000 strata of the prior are exact to 0.2 %."""
    expected = case["expected"]["beta_binomial"]
    share = special.betaincinv(*expected["prior"], (np.arange(COUNT) + 0.5) / COUNT)
    means = (share - expected["known_rate"])[:, None]
    assert evpi(means) == pytest.approx(expected["evpi_per_customer_unit_value"], rel=2e-3)
    for n, value in expected["evsi"].items():
        assert evsi(pilot(share), means, int(n), seed=1).evppi == pytest.approx(value, rel=2e-3), n


def test_evsi_of_an_ab_test_against_its_binomials_worked_through():
    """A second way: both arms' counts drawn and weighed by their binomial likelihoods over a grid of the prior.

    Control is known (0.2), the odds ratio log-normal; 40,000 played tests have a Monte Carlo error of about 1 %.
    """
    n, count = 400, 800
    log_odds = 0.05 + 0.25 * spread_evenly(1, count)
    treated = special.expit(special.logit(0.2) + log_odds)
    gain = (treated - 0.2)[:, None]
    control = np.full(count, 0.2)
    found = evsi(ab_test(control, treated), gain, n, seed=2).evppi
    rng = np.random.default_rng(7)
    seen = rng.binomial(n, np.repeat(treated, 50))
    ks, often = np.unique(seen, return_counts=True)
    logs = np.outer(ks, np.log(treated)) + np.outer(n - ks, np.log1p(-treated))
    weight = np.exp(logs - logs.max(axis=1, keepdims=True))
    taught = (weight @ gain)[:, 0] / weight.sum(axis=1)
    known_control = often @ np.maximum(taught, 0) / often.sum() - max(0.0, gain.mean())
    # Knowing the control beforehand is worth more than learning it in the test: as much as twice the customers.
    assert evsi(ab_test(control, treated), gain, n // 2, seed=2).evppi < found < known_control
    assert evsi(ab_test(control, treated), gain, 2 * n, seed=2).evppi == pytest.approx(known_control, rel=0.08)


def test_evsi_of_a_test_of_times_in_closed_form():
    """Log factor ~ N(m, s), net linear in it: EVSI is that of a normal mean whose n observations have variance 2 sd^2."""
    factor, sd = np.exp(-0.1 + 0.2 * spread_evenly(1)), 0.7
    net = (-100.0 * np.log(factor) - 5.0)[:, None]
    for n in (20, 100, 1_000):
        told = 100 * 0.2 * np.sqrt(0.04 / (0.04 + 2 * sd**2 / n))
        z = 5.0 / told
        expected = told * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + 5.0 * special.ndtr(z) - 5.0
        found = evsi(ab_timing(factor, np.full(COUNT, sd)), net, n, seed=3).evppi
        assert found == pytest.approx(expected, rel=0.03), n


def test_a_changed_dwell_is_tested_on_those_who_move_and_by_how_their_times_spread():
    draws = bank_draws(50)
    today = bank_outcomes(draws=draws).arms[0].tallies[0]
    fixed = {
        "dwell_b": np.full(draws.values("dwell_b").shape, 0.6),
        "dwell_a": np.full(draws.values("dwell_a").shape, 3.0),
    }
    data = with_values(draws, **fixed).data.assign(
        family=(("draw", "link"), np.full((50, len(draws.links)), Family.LOGNORMAL, dtype=np.int8))
    )
    source, target = draws.links[0].split(" -> ")
    change = ScaleDwell(source, target, Range(0.5, 0.9, Scale.POSITIVE))
    factor = np.linspace(0.5, 0.9, 50)
    item = _of_dwell("x", change, factor, replace(draws, data=data), today)
    assert item.study.kind == "ab_timing"
    assert np.allclose(item.study.noise, 0.6 * np.sqrt(2), rtol=0.02)
    whole = _of_dwell("x", ScaleDwell(source, None, change.factor), factor, replace(draws, data=data), today)
    assert item.per_month < whole.per_month
    assert np.allclose(whole.study.noise, item.study.noise)


def test_a_settled_decision_has_nothing_to_learn():
    net = 100 + spread_evenly(1)
    for settled in (net, -net):
        assert evpi(settled[:, None]) == 0.0
        assert evppi(single(net), settled[:, None], seed=1).evppi == 0.0


def test_knowing_is_worth_nothing_where_another_proposal_wins_anyway():
    a = spread_evenly(1)
    assert evppi(single(a), a[:, None], seed=1).evppi > 0.3
    assert evppi(single(a), np.stack([a, np.full(COUNT, 50.0)], 1), seed=1).evppi == 0.0


def test_the_reversed_decision_is_worth_as_much_to_know(gaussian):
    """Today and the proposal changing places: E max(0, net) - max(0, E net) is the same for -net."""
    first, _, net = gaussian
    there, back = (evppi(single(first), sign * net, seed=1).evppi for sign in (1, -1))
    assert there == pytest.approx(back, rel=1e-6)


def test_a_group_without_effect_is_worth_nothing_beyond_chance():
    idle = Group("idle", "guess", spread_out(np.random.default_rng(9).normal(size=(COUNT, 30))))
    assert evppi(idle, spread_evenly(1)[:, None], seed=1).evppi < 0.02


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    slopes=st.lists(st.floats(-5, 5), min_size=1, max_size=3),
    shift=st.floats(-3, 3),
    n=st.integers(1, 5_000),
    bend=st.floats(-1, 1),
)
def test_a_test_is_worth_no_more_than_knowing_and_knowing_one_thing_no_more_than_everything(
    seed, slopes, shift, n, bend
):
    rng = np.random.default_rng(seed)
    x, luck = rng.normal(size=200), rng.normal(size=(200, len(slopes)))
    nets = shift + np.outer(x + bend * x**2, slopes) + luck
    known = evppi(single(x), nets, seed=seed)
    means = smooth(single(x).directions, nets).values
    for study in (survey(x, 3.0), pilot(special.expit(x)), ab_test(np.full(200, 0.3), special.expit(x))):
        tested = evsi(study, means, n, seed=seed).evppi
        assert 0.0 <= tested <= evpi(means) + 1e-12
        if known.evppi > 0:
            assert tested <= known.evppi + 1e-12 <= evpi(nets) + 2e-12


def test_a_larger_test_is_worth_more(gaussian):
    first, _, net = gaussian
    means = smooth(single(first).directions, net).values
    values = [evsi(survey(first, 20.0), means, n, seed=3).evppi for n in (1, 3, 10, 30, 100, 1_000)]
    assert values == sorted(values)


def stakes(nets, **money):
    members = tuple((name,) for name in ("tested", "other")[: nets.shape[1]])
    return Stakes(Choices(members, nets), "tested", 24, Money(**money), 3)


def test_what_a_test_leaves_counts_its_price_and_the_months_it_takes(gaussian):
    first, _, net = gaussian
    means = smooth(single(first).directions, net).values
    item = _Testable("x", survey(first, 20.0), per_month=100.0)
    free = _trial(item, means, 600, stakes(net - 0.5))
    dear = _trial(item, means, 600, stakes(net - 0.5, test_setup=2.0, test_per_customer=0.001))
    assert free.months == 6.0
    assert free.net_gain == pytest.approx(free.evsi * 0.75)
    assert dear.cost == pytest.approx(2.6)
    assert dear.net_gain == pytest.approx(free.net_gain - 2.6)


def test_waiting_costs_the_benefit_of_the_proposal_under_test_alone(gaussian):
    first, _, net = gaussian
    better = net + 4.0
    means = smooth(single(first).directions, better).values
    item = _Testable("x", survey(first, 20.0), per_month=100.0)
    now = float(better.mean())
    alone = _trial(item, means, 600, stakes(better))
    assert alone.net_gain == pytest.approx(0.75 * alone.evsi - now / 4)
    beside = np.hstack([better, better + 1.0])
    fitted = smooth(single(first).directions, beside).values
    other = _trial(item, fitted, 600, stakes(beside))
    assert other.net_gain == pytest.approx(0.75 * other.evsi)


def test_sizes_are_round_and_fit_into_half_the_horizon():
    item = _Testable("x", survey(np.zeros(3), 1.0), per_month=1_000.0)
    tried = sizes(item, 24)
    assert (tried[0], tried[-1]) == (50, 12_000)
    assert all(float(f"{n:.2g}") == n for n in tried)
    half = sizes(_Testable("x", ab_test(np.full(3, 0.1), np.full(3, 0.2)), per_month=1_000.0), 24)
    assert half[-1] == 6_000
    assert sizes(_Testable("x", survey(np.zeros(3), 1.0), per_month=1.0), 24) == []
