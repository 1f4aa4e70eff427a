from __future__ import annotations

import numpy as np
import pytest

from journeysim.compare.comparison import Calendar
from journeysim.decide.money.cases import break_even, break_even_draws, money_case
from journeysim.decide.money.investment import Invested, horizon_months, invested
from journeysim.decide.money.returns import internal_rate, loss_risk, payback_months, return_on, spread_or_never
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Investment, Money, Proposal
from journeysim.model.units import DAYS_PER_MONTH

MONTH = 1 / 12
YEAR_OVER_HALF_MONTH = 365.25 / (DAYS_PER_MONTH / 2)


def calendar(value, cost, *, arm="proposal", realism=1.0):
    sums = [np.atleast_2d(np.asarray(part, dtype=float)) for part in (value, cost)]
    return Calendar(arm, realism, *sums, 0 * sums[0], np.ones(len(sums[0])), assumed_arrivals=False)


def nothing_spent(draws, months):
    nothing = np.zeros((draws, months))
    return Invested(np.zeros(draws), nothing, nothing, (np.ones(months), np.ones(months)))


def spend(proposal, money, *, draws=1, months=2):
    return invested(proposal, money, draws=draws, months=months, seed=1)


def test_a_two_month_cash_flow_by_hand():
    """Value 21 % a year, cost 44 % a year: another factor for each; the investment goes with the cost rate."""
    money = Money(0.21, 0.44, value_horizon=2 * DAYS_PER_MONTH)
    per_day = Fixed(10.0 / DAYS_PER_MONTH)
    proposal = Proposal("p", (), invest=Investment(Fixed(30.0), per_day, ((2, Fixed(5.0)),)))
    today, changed = calendar([100, 100], [40, 40]), calendar([160, 180], [50, 30])
    case = money_case(changed, today, spend(proposal, money), money)
    value = [60 * 1.21 ** (-0.5 * MONTH), 80 * 1.21 ** (-1.5 * MONTH)]
    cost = [10 * 1.44 ** (-0.5 * MONTH), -10 * 1.44 ** (-1.5 * MONTH)]
    spent = [10 * 1.44 ** (-0.5 * MONTH), 10 * 1.44 ** (-1.5 * MONTH) + 5 * 1.44 ** (-1.0 * MONTH)]
    flow = [-30.0, value[0] - cost[0] - spent[0], value[1] - cost[1] - spent[1]]
    assert np.allclose(case.cumulative, [np.cumsum(flow)])
    assert case.net[0] == pytest.approx(sum(flow))
    assert case.roi.mean == pytest.approx(sum(flow) / (30 + sum(spent)))
    assert case.payback_months.mean == 1.0
    assert (case.p_net_benefit, case.p_pays_back, case.expected_loss) == (1.0, 1.0, 0.0)
    assert case.invested == pytest.approx(30 + sum(spent))
    assert case.paid_back_by == (0.0, 1.0, 1.0)
    assert case.months.value.tolist() == [60.0, 80.0]
    assert case.months.cost.tolist() == [10.0, -10.0]
    assert case.months.single.tolist() == [0.0, 5.0]


def test_the_reversed_proposal_has_the_opposite_benefit():
    money = Money(0.08, 0.03)
    today, changed = calendar([100, 100], [40, 40]), calendar([160, 180], [50, 30])
    there = money_case(changed, today, nothing_spent(1, 2), money)
    back = money_case(today, changed, nothing_spent(1, 2), money)
    assert there.net[0] > 100
    assert back.net[0] == -there.net[0]
    assert back.expected_loss == there.net[0]
    assert (back.p_net_benefit, back.p_pays_back) == (0.0, 0.0)


def test_the_value_rate_lowers_value_only_and_the_cost_rate_cost_only():
    today = calendar([0, 0], [0, 0])
    more_value, more_cost = calendar([0, 50], [0, 0]), calendar([0, 0], [0, 50])
    spent = nothing_spent(1, 2)
    nets = {
        rates: [float(money_case(item, today, spent, Money(*rates)).net[0]) for item in (more_value, more_cost)]
        for rates in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    }
    assert nets[0.0, 0.0] == [50.0, -50.0]
    assert nets[0.5, 0.0] == [pytest.approx(50 * 1.5 ** (-1.5 * MONTH)), -50.0]
    assert nets[0.0, 0.5] == [50.0, pytest.approx(-50 * 1.5 ** (-1.5 * MONTH))]


def test_draws_are_paired():
    today, changed = calendar([[100.0], [300.0]], [[0.0], [0.0]]), calendar([[110.0], [290.0]], [[0.0], [0.0]])
    case = money_case(changed, today, nothing_spent(2, 1), Money())
    assert case.net.tolist() == [10.0, -10.0]
    assert (case.p_net_benefit, case.expected_loss) == (0.5, 5.0)


def test_identical_calendars_are_worth_exactly_nothing():
    case = money_case(calendar([7, 9], [3, 4]), calendar([7, 9], [3, 4]), nothing_spent(1, 2), Money(0.1, 0.03))
    assert case.net.tolist() == [0.0]
    assert case.p_net_benefit == 0.0


def test_investment_draws_are_addressed_and_named():
    proposal = Proposal("p", (), invest=Investment(Range(10.0, 20.0, Scale.POSITIVE), Fixed(1.0)))
    money = Money(0.1, 0.1)
    few, many = spend(proposal, money, draws=5), spend(proposal, money, draws=50)
    assert (many.upfront[:5] == few.upfront).all()
    assert np.ptp(few.upfront) > 0
    assert [item.name for item in few.assumptions] == ["p: invest upfront"]
    other = invested(Proposal("q", (), invest=proposal.invest), money, draws=5, months=2, seed=1)
    assert (other.upfront != few.upfront).all()


def test_money_for_a_month_beyond_the_horizon_is_not_counted_and_month_1_is_day_0():
    proposal = Proposal("p", (), invest=Investment(by_month=((1, Fixed(7.0)), (3, Fixed(100.0)))))
    assert spend(proposal, Money(0.5, 0.5)).monthly.tolist() == [[7.0, 0.0]]


def test_payback_is_the_first_month_from_which_it_stays_paid():
    running = np.array([[-5.0, 1.0, -1.0, 2.0], [-5.0, -4.0, -3.0, -2.0], [0.0, 1.0, 2.0, 3.0], [-1.0, 0.0, 0.0, 0.0]])
    found = payback_months(running)
    assert found[[0, 2, 3]].tolist() == [3.0, 0.0, 1.0]
    assert np.isnan(found[1])


def test_never_counts_as_late_and_not_as_absent():
    found = spread_or_never(np.array([1.0, 2.0, 3.0, np.nan]), "not paid back within 24 months")
    assert (found.mean, found.q05, found.q50, found.q95) == (None, 1.0, 2.0, None)
    assert found.why == "not paid back within 24 months in 1 of 4 draws"
    assert spread_or_never(np.array([1.0, 3.0]), "").mean == 2.0


def test_no_investment_has_no_return():
    found = return_on(np.ones(3), np.zeros(3))
    assert found.mean is None
    assert "no investment" in found.why


@pytest.mark.parametrize(
    ("gain", "investment", "expected"),
    [
        (200.0, 50.0, 0.25),
        (200.0, 200.0, 1.0),
        (200.0, 300.0, None),
        (-200.0, 50.0, None),
        (200.0, 0.0, 0.0),
        (-200.0, 0.0, None),
        (0.0, 0.0, None),
        (-200.0, -50.0, 0.25),
    ],
)
def test_break_even(gain, investment, expected):
    found = break_even(((0.0, np.zeros(2)), (1.0, np.array([gain - 30.0, gain + 30.0]))), investment)
    assert found == (None if expected is None else pytest.approx(expected))
    if found is not None:
        assert gain * found - investment == pytest.approx(0.0)


def test_break_even_of_each_draw():
    found = break_even_draws(((0.0, np.zeros(4)), (1.0, np.array([100.0, 200.0, 400.0, 800.0]))), np.full(4, 100.0))
    assert (found.q05, found.q95) == (pytest.approx(0.125, abs=0.02), pytest.approx(1.0, abs=0.1))
    never = break_even_draws(((0.0, np.zeros(3)), (1.0, np.array([50.0, -1.0, 400.0]))), np.full(3, 100.0))
    assert never.q05 == pytest.approx(0.25)
    assert never.q50 is None
    assert "in 2 of 3 draws" in never.why


def test_where_queues_bend_the_effect_realism_is_read_between_the_runs():
    """Gains of 0, 60 and 80 at 0, 50 and 100 %: 70 is reached at 75 %; staff who gain 40 by themselves pay for 30 at 0."""
    bent = ((0.0, np.zeros(1)), (0.5, np.full(1, 60.0)), (1.0, np.full(1, 80.0)))
    assert break_even(bent, 70.0) == pytest.approx(0.75)
    assert break_even_draws(bent, np.full(1, 30.0)).q50 == pytest.approx(0.25)
    assert break_even(((0.0, np.full(1, 40.0)), *bent[1:]), 30.0) == 0.0
    assert break_even(((0.0, np.full(1, 40.0)), (1.0, np.zeros(1))), 30.0) == pytest.approx(0.25)


def test_horizon_in_months():
    assert horizon_months(Money()) == 24
    assert horizon_months(Money(value_horizon=3.0)) == 1


def test_the_internal_rate_makes_the_flow_worth_nothing():
    """A bond in closed form: 100 today brings 110 after half a month, so 1 + r = 1.1 ** (24 / 1)."""
    nothing = np.zeros((1, 1))
    found = internal_rate(np.array([-100.0]), nothing, np.array([[110.0]]))
    assert found[0] == pytest.approx(1.1 ** (YEAR_OVER_HALF_MONTH) - 1, rel=1e-9)


def test_the_internal_rate_at_two_discount_rates_and_the_flows_own():
    rng = np.random.default_rng(3)
    at_once, starts, middles = -rng.uniform(90, 110, 50), -rng.uniform(0, 1, (50, 24)), rng.uniform(4, 9, (50, 24))
    middles = middles + 2
    found = internal_rate(at_once, starts, middles)
    months = np.arange(24)
    left = [
        at_once[d]
        + (starts[d] * (1 + found[d]) ** (-months / 12)).sum()
        + (middles[d] * (1 + found[d]) ** (-(months + 0.5) / 12)).sum()
        for d in range(50)
        if np.isfinite(found[d])
    ]
    assert np.allclose(left, 0.0, atol=1e-7)


def test_no_internal_rate_where_there_are_several_or_none():
    nothing = np.zeros((4, 2))
    later = np.array([[230.0, -132.0], [5.0, 5.0], [-5.0, -5.0], [20.0, 20.0]])
    found = internal_rate(np.array([-100.0, 10.0, -10.0, -100.0]), nothing, later)
    assert np.isnan(found[:3]).all()
    assert -0.99 < found[3] < 0.0 or np.isnan(found[3])


def test_the_reversal_of_a_flow_has_no_internal_rate_and_the_opposite_loss():
    net = np.array([-30.0, -10.0, 20.0, 40.0])
    assert loss_risk(net, 100.0) == ((0.0, 0.5), (10.0, 0.25), (25.0, 0.25), (50.0, 0.0), (100.0, 0.0))
    assert loss_risk(-net, 100.0) == ((0.0, 0.5), (10.0, 0.5), (25.0, 0.25), (50.0, 0.0), (100.0, 0.0))
    assert loss_risk(np.array([5.0, 6.0]), 0.0) == ((0.0, 0.0),)
