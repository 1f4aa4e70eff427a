"""a1: the Sick-Sicker cohort model (Alarid-Escudero et al. 2023): four strategies, five ways to count within a cycle."""

import json

import numpy as np
import pytest

from cohorts import cohort, run
from journeysim.calibrate.prior import stated_draws
from journeysim.model.changes import AdjustShare, ChangeReward
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal
from journeysim.model.units import DAYS_PER_YEAR
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import absorption, discounted_worth, fundamental_matrix

pytestmark = pytest.mark.reference
EXACT = 1e-9


@pytest.fixture(scope="module")
def case(shared):
    return json.loads((shared / "reference_cases" / "a1_sicksicker_time_independent.json").read_text())


def today(case):
    inputs, matrix = case["inputs"], case["expected"]["transition_matrix_SoC"]
    return cohort(
        inputs["states"],
        matrix,
        ends=["D"],
        start="H",
        cost={"H": inputs["c_H"], "S1": inputs["c_S1"], "S2": inputs["c_S2"]},
        value={"H": inputs["u_H"], "S1": inputs["u_S1"], "S2": inputs["u_S2"]},
    )


def strategies(case):
    """Strategies A, B and AB as proposals: what a treatment costs, what it is worth, what it slows."""
    inputs, matrix = case["inputs"], case["expected"]["transition_matrix_B"]
    slower = AdjustShare("S1", "S2", "set to", Fixed(matrix[1][2]), paid_by="S1")

    def treat(*costs):
        return [ChangeReward("cost", state, "plus", Fixed(sum(costs))) for state in ("S1", "S2")]

    better = ChangeReward("value", "S1", "set to", Fixed(inputs["u_trtA"]))
    return [
        Proposal("Strategy A", (*treat(inputs["c_trtA"]), better)),
        Proposal("Strategy B", (*treat(inputs["c_trtB"]), slower)),
        Proposal("Strategy AB", (*treat(inputs["c_trtA"], inputs["c_trtB"]), better, slower)),
    ]


def weights(case, rule):
    cycles = case["inputs"]["n_cycles"]
    inner = {"darth": (2 / 3, 4 / 3), "simpson_true_odd43": (4 / 3, 2 / 3)}[rule]
    return (1 / 3, *(inner[(k + 1) % 2] for k in range(1, cycles)), 1 / 3)


def totals(case, within_cycle, d_c=None, d_e=None):
    inputs = case["inputs"]
    outcomes = run(
        today(case),
        strategies(case),
        horizon=inputs["n_cycles"] * DAYS_PER_YEAR,
        discount_cost=inputs["d_c"] if d_c is None else d_c,
        discount_value=inputs["d_e"] if d_e is None else d_e,
        within_cycle=within_cycle,
    )
    names = ["Standard of care", "Strategy A", "Strategy B", "Strategy AB"]
    tallies = [arm.cohort() for arm in outcomes.arms]
    return {
        name: {"cost": tally.cost_pv.item(), "qaly": tally.value_pv.item()}
        for name, tally in zip(names, tallies, strict=True)
    }


def agree(found, expected):
    for name, figures in expected.items():
        assert found[name]["cost"] == pytest.approx(figures["cost"], rel=EXACT), name
        assert found[name]["qaly"] == pytest.approx(figures["qaly"], rel=EXACT), name


def test_published_costs_and_qalys(case):
    found = totals(case, weights(case, "darth"))
    agree(found, case["expected"]["by_strategy"])
    b, ab, care = found["Strategy B"], found["Strategy AB"], found["Standard of care"]
    published = case["expected"]["by_strategy"]
    for better, worse in ((b, care), (ab, b)):
        icer = (better["cost"] - worse["cost"]) / (better["qaly"] - worse["qaly"])
        assert icer == pytest.approx(published["Strategy B" if better is b else "Strategy AB"]["icer"], rel=1e-8)


@pytest.mark.parametrize("rule", ["none", "half_cycle", "start", "end", "simpson_true_odd43"])
def test_other_ways_to_count_within_a_cycle(case, rule):
    how = {"half_cycle": "half"}.get(rule, rule)
    how = weights(case, rule) if rule.startswith("simpson") else how
    agree(totals(case, how), case["expected"]["alternative_within_cycle_corrections"][rule])


def test_value_and_cost_have_their_own_discount_rates(case):
    agree(totals(case, "half", d_c=0.035, d_e=0.015), case["expected"]["own_variant_dc0.035_de0.015_half_cycle"])


@pytest.mark.parametrize("cycle", range(6))
def test_the_trace_cycle_by_cycle(case, cycle):
    published = case["expected"]["trace_SoC_first6"][cycle]
    now = run(today(case), horizon=(cycle + 0.5) * DAYS_PER_YEAR).today.cohort()
    before = run(today(case), horizon=(cycle - 0.5) * DAYS_PER_YEAR).today.cohort() if cycle else None
    occupancy = now.visits[0, 0, :3] - (before.visits[0, 0, :3] if before is not None else 0.0)
    assert occupancy == pytest.approx(published[:3], abs=EXACT)
    assert now.ends.item() == pytest.approx(published[3], abs=EXACT)


def test_for_ever_without_a_horizon(case):
    expected, journey = case["expected"], today(case)
    chain = compile_world(journey, stated_draws(journey))
    assert fundamental_matrix(chain)[0, 0] == pytest.approx(
        np.array(expected["fundamental_matrix_SoC_infinite_horizon"]), rel=EXACT
    )
    assert absorption(chain).moves.item() == pytest.approx(expected["expected_cycles_to_death_from_H"], rel=EXACT)
    worth = discounted_worth(chain, case["inputs"]["d_e"], case["inputs"]["d_c"])
    wanted = expected["infinite_horizon_discounted_value_from_H_cost_qaly_no_wcc"]
    assert [worth.cost.item(), worth.value.item()] == pytest.approx(wanted, rel=EXACT)
