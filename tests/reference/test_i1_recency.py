"""i1: Pfeifer & Carraway (2000): customer value in a recency chain, finite and infinite, and the best policy."""

import json

import numpy as np
import pytest

from cohorts import cohort, run
from journeysim.calibrate.prior import stated_draws
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import absorption, discounted_worth, fundamental_matrix

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def case(shared):
    return json.loads((shared / "reference_cases" / "i1_pfeifer_carraway_recency_clv.json").read_text())


def recency(case, marketed=4, start=1):
    """States by recency of the last purchase; customers beyond recency `marketed` are former customers."""
    inputs = case["inputs"]
    states = [f"bought {k} ago" for k in range(1, marketed + 1)] + ["former"]
    matrix = []
    for k in range(marketed):
        row = [0.0] * len(states)
        row[0] += inputs["p"][k]
        row[k + 1] += 1.0 - inputs["p"][k]
        matrix.append(row)
    return cohort(
        states,
        matrix,
        ends=["former"],
        start=states[start - 1],
        value={states[0]: inputs["NC"]},
        cost=dict.fromkeys(states[:marketed], inputs["M"]),
    )


@pytest.mark.parametrize("start", [1, 2, 3, 4])
def test_value_over_four_periods(case, start):
    inputs = case["inputs"]
    tally = run(
        recency(case, start=start),
        horizon=(inputs["horizon_T"] + 0.5) * DAYS_PER_YEAR,
        discount_value=inputs["d"],
        discount_cost=inputs["d"],
    ).today.cohort()
    assert (tally.value_pv - tally.cost_pv).item() == pytest.approx(case["expected"]["V_T4"][start - 1], abs=1e-9)


@pytest.mark.parametrize("marketed", [1, 2, 3, 4])
def test_value_for_ever_under_each_policy(case, marketed):
    journey, rate = recency(case, marketed), case["inputs"]["d"]
    worth = discounted_worth(compile_world(journey, stated_draws(journey)), rate, rate)
    found = (worth.value_from - worth.cost_from)[0, 0]
    published = case["expected"]["V_infinite_by_last_recency_marketed_to"][str(marketed)]
    assert found == pytest.approx(published[:-1], abs=1e-9)


def test_the_best_policy_stops_after_recency_three(case):
    rate, values = case["inputs"]["d"], {}
    for marketed in range(1, 5):
        journey = recency(case, marketed)
        worth = discounted_worth(compile_world(journey, stated_draws(journey)), rate, rate)
        values[str(marketed)] = (worth.value - worth.cost).item()
    assert max(values, key=values.get) == case["expected"]["best_policy_last_recency_marketed"]


def test_visits_and_time_as_a_customer(case):
    journey, expected = recency(case), case["expected"]
    chain = compile_world(journey, stated_draws(journey))
    found = absorption(chain)
    assert fundamental_matrix(chain)[0, 0] == pytest.approx(np.array(expected["fundamental_matrix"]), abs=1e-9)
    assert found.moves.item() == pytest.approx(expected["expected_periods_active_from_r1"], abs=1e-9)
    assert found.moves_variance_from[0, 0] == pytest.approx(expected["variance_periods_active"], abs=1e-9)
    assert found.visits[0, 0, 0] == pytest.approx(expected["expected_purchases_incl_first_from_r1"], abs=1e-9)


def test_two_rates_are_two_rates(case):
    """The same model with money earned and money spent discounted differently: against the matrix formula."""
    journey = recency(case)
    worth = discounted_worth(compile_world(journey, stated_draws(journey)), 0.2, 0.05)
    matrix = np.array(case["expected"]["P"])[:4, :4]
    earned = np.array([case["inputs"]["NC"], 0, 0, 0])
    spent = np.full(4, case["inputs"]["M"])
    assert worth.value_from[0, 0] == pytest.approx(np.linalg.solve(np.eye(4) - matrix / 1.2, earned), rel=1e-9)
    assert worth.cost_from[0, 0] == pytest.approx(np.linalg.solve(np.eye(4) - matrix / 1.05, spent), rel=1e-9)
