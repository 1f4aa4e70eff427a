from __future__ import annotations

import json

import numpy as np
import pytest

from journeysim.decide.evidence import (
    Group,
    conditional_means,
    directions_of,
    evidence_of,
    evpi,
    of_assumption,
    of_today,
)
from journeysim.model.draws import Assumption
from outcomes_builder import bank_draws

COUNT = 4_000


def numbers(seed, sd=1.0):
    return np.random.default_rng(seed).normal(0.0, sd, COUNT)


def rows(groups, *nets):
    return {row.assumption: row for row in evidence_of("p", groups, np.stack(nets, axis=1), 0)}


def single(name, values, basis="guess"):
    return of_assumption(Assumption(name, basis, values))


def test_variance_shares_follow_what_a_number_does():
    """Var(3 a) / Var(3 a + b + noise) = 9 / 11; four standard errors of R^2 at 4,000 draws are below 0.03."""
    a, b, idle = numbers(1), numbers(2), numbers(3)
    net = 3 * a + b + numbers(4)
    found = rows([single("a", a), single("b", b), single("idle", idle)], net)
    assert list(found) == ["a", "b", "idle"]
    assert found["a"].variance_share == pytest.approx(9 / 11, abs=0.03)
    assert found["b"].variance_share == pytest.approx(1 / 11, abs=0.03)
    assert found["idle"].variance_share < 0.005


def test_skewed_numbers_and_bent_effects_are_followed():
    a = np.exp(numbers(1))
    assert rows([single("a", a)], np.log(a) ** 2)["a"].variance_share > 0.99
    assert rows([single("a", a)], -np.sqrt(a))["a"].variance_share > 0.98


def test_linear_gaussian_value_of_information(shared):
    """The closed form of reference case j2; Monte Carlo error of a 4,000 draw mean is about 0.15."""
    case = json.loads((shared / "reference_cases" / "j2_evpi_ceac.json").read_text())["expected"]["linear_gaussian"]
    first, second = 10 + numbers(1, 4.0), 5 + numbers(2, 6.0)
    found = rows([single("t1", first), single("t2", second)], -20 + 3 * first - 2 * second)
    assert found["t1"].evppi == pytest.approx(case["evppi_t1"], rel=0.1)
    assert found["t2"].evppi == pytest.approx(case["evppi_t2"], rel=0.1)
    net = (-20 + 3 * first - 2 * second)[:, None]
    assert evpi(net) == pytest.approx(case["evpi"], rel=0.1)


def test_evpi_of_the_published_net_benefits(shared):
    case = json.loads((shared / "reference_cases" / "j2_evpi_ceac.json").read_text())
    benefits = np.array(case["inputs"]["hand_psa_net_benefit"])
    assert evpi(benefits[:, 1:] - benefits[:, :1]) == pytest.approx(case["expected"]["hand_psa"]["evpi"])


def test_a_settled_decision_has_nothing_to_learn():
    net = 100 + numbers(1)
    assert evpi(net[:, None]) == 0.0
    assert rows([single("a", net)], net)["a"].evppi == 0.0
    assert evpi(-net[:, None]) == 0.0


def test_knowing_is_worth_nothing_where_another_proposal_wins_anyway():
    a = numbers(1)
    alone = rows([single("a", a)], a)["a"]
    beside = rows([single("a", a)], a, np.full(COUNT, 50.0))["a"]
    assert alone.evppi > 0.3
    assert beside.evppi == 0.0
    assert beside.variance_share == pytest.approx(alone.variance_share)


def test_a_number_that_explains_nothing_is_worth_nothing_beyond_chance():
    """Without the pull towards the mean, 30 idle directions of 4,000 draws would seem worth about 0.03."""
    idle = np.random.default_rng(9).normal(size=(COUNT, 30))
    net = numbers(1)
    found = rows([Group("idle", "guess", directions_of(idle))], net)["idle"]
    assert found.variance_share < 0.01
    assert found.evppi < 0.02


def test_directions_are_orthonormal_and_limited():
    wide = np.random.default_rng(1).normal(size=(50, 30)) * 10.0 ** np.arange(30)
    found = directions_of(np.hstack([wide, wide[:, :5], np.full((50, 1), 3.0)]))
    assert found.shape == (50, 5)
    assert np.allclose(found.T @ found, np.eye(5))
    assert np.allclose(found.mean(axis=0), 0)
    assert directions_of(np.ones((50, 2))).shape == (50, 0)


def test_one_draw_explains_nothing():
    means, shares = conditional_means(directions_of(np.ones((1, 3))), np.array([[7.0]]))
    assert (means.tolist(), shares.tolist()) == ([[7.0]], [0.0])


def test_todays_groups_are_what_varies():
    names = [group.name for group in of_today(bank_draws())]
    assert names == ["today: shares at form", "today: shares at call", "today: value and cost at signed"]


def test_a_rows_share_of_the_variance_is_found_on_the_log_odds():
    draws = bank_draws(2_000)
    share = draws.values("share")[:, 0, 0, 2]
    groups = of_today(draws)
    found = rows(groups, np.log(share / (1 - share)))
    assert found["today: shares at call"].variance_share == pytest.approx(1.0, abs=1e-6)
    assert found["today: shares at form"].variance_share < 0.01


def test_the_basis_of_todays_numbers():
    def basis(**changes):
        return {group.name: group.basis for group in of_today(bank_draws(**changes))}

    fitted = basis(source="posterior")
    assert fitted["today: shares at form"] == "measured"
    assert set(basis(source="prior").values()) == {"map beliefs"}


def test_a_row_no_data_speak_of_is_a_belief_even_in_a_posterior():
    draws = bank_draws()
    unseen = tuple(
        Assumption(item.name, "workshop" if "form ->" in item.name else item.basis, item.values)
        for item in draws.assumptions
    )
    found = {group.name: group.basis for group in of_today(type(draws)(draws.data, "posterior", unseen))}
    assert found["today: shares at form"] == "map beliefs"
    assert found["today: shares at call"] == "measured"
