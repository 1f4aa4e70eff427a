from __future__ import annotations

import numpy as np
import pytest

from journeysim.decide.drivers.groups import Group, of_assumption, of_today
from journeysim.decide.drivers.ledger import INTERPLAY, additive, curve_of, evidence_of, one_way, shapley_shares
from journeysim.decide.drivers.smooth import bending, smooth, spread_out
from journeysim.decide.information.value import Worth
from journeysim.model.draws import Assumption
from outcomes_builder import bank_draws

COUNT = 2_000


def numbers(seed, sd=1.0, count=COUNT):
    return np.random.default_rng(seed).normal(0.0, sd, count)


def rows(groups, net):
    nothing = [Worth(0.0, 0.0)] * len(groups)
    return {row.assumption: row for row in evidence_of("p", groups, net, nothing)}


def single(name, values, basis="guess"):
    return of_assumption(Assumption(name, basis, values))


def test_variance_shares_follow_what_a_number_does_and_add_up():
    """Var(3 a) / Var(3 a + b + noise) = 9 / 11; four standard errors of R^2 at 2,000 draws are below 0.04."""
    a, b, idle = numbers(1), numbers(2), numbers(3)
    found = rows([single("a", a), single("b", b), single("idle", idle)], 3 * a + b + numbers(4))
    assert list(found)[:2] == ["a", "b"]
    assert found["a"].variance_share == pytest.approx(9 / 11, abs=0.04)
    assert found["b"].variance_share == pytest.approx(1 / 11, abs=0.04)
    assert found["idle"].variance_share < 0.005
    rest = found["assumptions acting together"]
    assert rest.basis == INTERPLAY
    assert sum(row.variance_share for row in found.values()) == pytest.approx(1.0, abs=1e-12)


def test_shares_of_numbers_that_hang_together_are_those_of_the_shapley_value():
    """y = a + b with correlation 0.6: by symmetry one half each; y = a alone: b has half of what a shares with it.

    For y = a: R^2(a) = 1, R^2(b) = 0.36, so b gets (0.36 + 0) / 2 and a gets (1 + 0.64) / 2.
    """
    common = numbers(1)
    a, b = (np.sqrt(0.6) * common + np.sqrt(0.4) * numbers(k) for k in (2, 3))
    a, b = a - a.mean(), b - b.mean()
    assert shapley_shares(np.stack([a, b], 1), a + b) == pytest.approx([0.5, 0.5], abs=0.03)
    square = np.corrcoef(a, b)[0, 1] ** 2
    assert shapley_shares(np.stack([a, b], 1), a) == pytest.approx([1 - square / 2, square / 2], abs=1e-6)


def test_what_two_numbers_do_only_together_stands_in_a_row_of_its_own():
    a, b = numbers(1), numbers(2)
    found = rows([single("a", a), single("b", b)], a * b)
    assert found["assumptions acting together"].variance_share > 0.9


def test_skewed_numbers_and_bent_effects_are_followed():
    a = np.exp(numbers(1))
    assert rows([single("a", a)], np.log(a) ** 2)["a"].variance_share > 0.99
    assert rows([single("a", a)], -np.sqrt(a))["a"].variance_share > 0.98


def test_a_steady_net_rests_on_nothing():
    found = rows([single("a", numbers(1))], np.full(COUNT, 7.0))
    assert [row.variance_share for row in found.values()] == [0.0]


def test_a_group_that_explains_nothing_explains_nothing_beyond_chance():
    """Thirty idle directions of 2,000 draws: without shrinking they would seem to explain 1.5 %."""
    idle = spread_out(np.random.default_rng(9).normal(size=(COUNT, 30)))
    assert smooth(idle, numbers(1)[:, None]).explained[0] < 0.005
    assert smooth(bending(numbers(5)), numbers(1)[:, None]).explained[0] < 0.005


def test_the_backfitted_parts_are_the_functions_themselves():
    """Error of a fitted function: noise 0.5 over some ten degrees of freedom of 2,000 draws, about 0.04."""
    a, b = numbers(1), numbers(2)
    parts = additive([single("a", a), single("b", b)], np.sin(a) + b**2 + numbers(3, 0.5))
    assert np.std(parts[:, 0] - (np.sin(a) - np.sin(a).mean())) < 0.12
    assert np.std(parts[:, 1] - (b**2 - (b**2).mean())) < 0.12


def test_directions_are_orthonormal_and_limited():
    wide = np.random.default_rng(1).normal(size=(50, 30)) * 10.0 ** np.arange(30)
    found = spread_out(np.hstack([wide, wide[:, :5], np.full((50, 1), 3.0)])).random
    assert found.shape == (50, 5)
    assert np.allclose(found.T @ found, np.eye(5))
    assert np.allclose(found.mean(axis=0), 0)
    assert spread_out(np.ones((50, 2))).empty
    both = bending(numbers(1, count=300))
    joint = np.hstack([both.fixed, both.random])
    assert np.allclose(joint.T @ joint, np.eye(joint.shape[1]), atol=1e-8)


def test_few_draws_and_few_values_still_give_an_answer():
    one = smooth(spread_out(np.ones((1, 3))), np.array([[7.0]]))
    assert (one.values.tolist(), one.explained.tolist()) == ([[7.0]], [0.0])
    two = single("flag", np.repeat([0.0, 1.0], 30))
    assert rows([two], np.repeat([0.0, 5.0], 30))["flag"].variance_share == pytest.approx(1.0, abs=0.01)


def test_one_way_ends_are_the_net_at_the_ends_of_the_number():
    """net = 10 - 4 a: at the 5 % point of a standard normal 10 + 4 * 1.645."""
    a = numbers(1)
    low, high = one_way(single("a", a), 10 - 4 * a)
    ends = np.quantile(a, [0.05, 0.95])
    assert (low, high) == (pytest.approx(10 - 4 * ends[0], abs=0.2), pytest.approx(10 - 4 * ends[1], abs=0.2))
    assert one_way(Group("none", "guess", spread_out(np.ones((9, 1)))), a[:9]) == (None, None)


def test_the_threshold_is_where_the_net_is_nothing_and_turns_with_the_sign():
    a = numbers(1)
    up = curve_of("p", single("a", a), 3 * (a - 0.5), investment=1.0, realism=1.0)
    down = curve_of("p", single("a", a), -3 * (a - 0.5), investment=1.0, realism=1.0)
    assert up.threshold == pytest.approx(0.5, abs=0.01)
    assert down.threshold == pytest.approx(up.threshold, abs=1e-9)
    assert up.p_beyond == pytest.approx(np.mean(a > 0.5), abs=0.01)
    assert down.p_beyond == pytest.approx(1 - up.p_beyond, abs=1e-9)


def test_the_realism_that_breaks_even_at_a_size():
    """At full effect net = 3 a with an investment of 2: the gain is 3 a + 2, so realism 2 / (3 a + 2) breaks even."""
    a = numbers(1)
    for realism in (1.0, 0.5):
        net = realism * (3 * a + 2) - 2
        found = curve_of("p", single("a", a), net, investment=2.0, realism=realism)
        paying = found.sizes > 0
        assert found.even[paying] == pytest.approx(2 / (3 * found.sizes[paying] + 2), abs=0.01)
        assert np.isnan(found.even[found.sizes < -0.01]).all()


def test_no_threshold_without_a_crossing_or_with_two():
    a = numbers(1)
    assert curve_of("p", single("a", a), 9 + a, investment=0.0, realism=1.0).threshold is None
    assert curve_of("p", single("a", a), a**2 - 1, investment=0.0, realism=1.0).threshold is None
    assert curve_of("p", single("a", a), np.zeros(COUNT), investment=0.0, realism=1.0) is None


def test_todays_groups_are_what_varies():
    names = [group.name for group in of_today(bank_draws(), {})]
    assert names == ["today: shares at form", "today: shares at call", "today: value and cost at signed"]


def test_a_rows_share_of_the_variance_is_found_on_the_log_odds():
    draws = bank_draws(2_000)
    share = draws.values("share")[:, 0, 0, 2]
    groups = of_today(draws, {})
    found = rows(groups, np.log(share / (1 - share)))
    assert found["today: shares at call"].variance_share == pytest.approx(1.0, abs=1e-3)
    assert found["today: shares at form"].variance_share < 0.01


def test_the_basis_of_todays_numbers():
    def basis(**changes):
        return {group.name: group.basis for group in of_today(bank_draws(**changes), {})}

    fitted = basis(source="posterior")
    assert fitted["today: shares at form"] == "measured"
    assert set(basis(source="prior").values()) == {"map beliefs"}


def test_a_row_no_data_speak_of_is_a_belief_even_in_a_posterior():
    draws = bank_draws()
    unseen = tuple(
        Assumption(item.name, "workshop" if "form ->" in item.name else item.basis, item.values)
        for item in draws.assumptions
    )
    found = {group.name: group.basis for group in of_today(type(draws)(draws.data, "posterior", unseen), {})}
    assert found["today: shares at form"] == "map beliefs"
    assert found["today: shares at call"] == "measured"


def test_the_part_of_todays_numbers_that_is_still_the_maps():
    parts = {"share: form -> call": 0.4, "share: form -> left": 0.2}
    found = {group.name: group.prior_share for group in of_today(bank_draws(), parts)}
    assert found["today: shares at form"] == pytest.approx(0.3)
    assert found["today: shares at call"] is None
    assert {group.prior_share for group in of_today(bank_draws(source="prior"), {})} == {1.0}
