"""The exact engine against published models and textbook closed forms (shared/reference_cases a1, b1, f1, i1)."""

import json
from fractions import Fraction

import numpy as np
import pytest

from chains import build_chain, fixed, stack, with_arrays
from journeysim.model.dwell import Family, mean
from journeysim.simulate.exact import absorption, discounted_worth, exact_tally, fundamental_matrix
from journeysim.simulate.settings import Settings

pytestmark = pytest.mark.reference
YEAR = 365.25


@pytest.fixture(scope="module")
def case(shared):
    def read(name):
        return json.loads((shared / "reference_cases" / f"{name}.json").read_text())

    return read


def rows_of(names, matrix, outcomes, days):
    return {
        name: {to: fixed(share, days) for to, share in zip(names, row, strict=True) if share > 0}
        for name, row in zip(names, matrix, strict=True)
        if name not in outcomes
    }


# --- a1: Sick-Sicker (Alarid-Escudero et al. 2023) ---

RULES = {"none": "none", "half_cycle": "half", "start": "start", "end": "end"}


def sick_sicker(inputs, name):
    treated = inputs["strategies"][name]
    ratio = inputs["hr_S1S2_trtB"] if treated["trtB"] else 1.0

    def chance(rate):
        return -np.expm1(-rate)

    die = [chance(inputs["r_HD"] * factor) for factor in (1, inputs["hr_S1"], inputs["hr_S2"])]
    sick, recover, worse = chance(inputs["r_HS1"]), chance(inputs["r_S1H"]), chance(inputs["r_S1S2"] * ratio)
    matrix = [
        [(1 - die[0]) * (1 - sick), (1 - die[0]) * sick, 0.0, die[0]],
        [(1 - die[1]) * recover, (1 - die[1]) * (1 - recover - worse), (1 - die[1]) * worse, die[1]],
        [0.0, 0.0, 1 - die[2], die[2]],
        [0.0, 0.0, 0.0, 1.0],
    ]
    paid = inputs["c_trtA"] * treated["trtA"] + inputs["c_trtB"] * treated["trtB"]
    return build_chain(
        rows_of(inputs["states"], matrix, {"D"}, YEAR),
        outcomes=["D"],
        visit_cost={"H": inputs["c_H"], "S1": inputs["c_S1"] + paid, "S2": inputs["c_S2"] + paid},
        visit_value={
            "H": inputs["u_H"],
            "S1": inputs["u_trtA"] if treated["trtA"] else inputs["u_S1"],
            "S2": inputs["u_S2"],
        },
    )


@pytest.mark.parametrize("strategy", ["Standard of care", "Strategy A", "Strategy B", "Strategy AB"])
def test_sick_sicker_costs_and_qalys_with_every_within_cycle_rule(case, strategy):
    a1 = case("a1_sicksicker_time_independent")
    chain, horizon = sick_sicker(a1["inputs"], strategy), 75 * YEAR
    published = np.where(np.arange(76) % 2, 2 / 3, 4 / 3)
    published[[0, -1]] = 1 / 3
    expected = {tuple(published): a1["expected"]["by_strategy"][strategy]}
    for name, rule in RULES.items():
        expected[rule] = a1["expected"]["alternative_within_cycle_corrections"][name][strategy]
    for rule, numbers in expected.items():
        tally, _ = exact_tally(chain, Settings(horizon, 0.03, 0.03, within_cycle=rule))
        np.testing.assert_allclose(tally.cost_pv, numbers["cost"], rtol=1e-10)
        np.testing.assert_allclose(tally.value_pv, numbers["qaly"], rtol=1e-10)
    numbers = a1["expected"]["own_variant_dc0.035_de0.015_half_cycle"][strategy]
    tally, _ = exact_tally(chain, Settings(horizon, 0.015, 0.035, within_cycle="half"))
    np.testing.assert_allclose(tally.cost_pv, numbers["cost"], rtol=1e-10)
    np.testing.assert_allclose(tally.value_pv, numbers["qaly"], rtol=1e-10)


def test_sick_sicker_trace_and_infinite_horizon(case):
    expected = case("a1_sicksicker_time_independent")
    chain, expected = sick_sicker(expected["inputs"], "Standard of care"), expected["expected"]
    for cycle, trace in [*enumerate(expected["trace_SoC_first6"]), (75, expected["trace_SoC_last"])]:
        now, _ = exact_tally(chain, Settings(cycle * YEAR + 1))
        before = exact_tally(chain, Settings(cycle * YEAR - 1))[0].visits if cycle else 0.0
        np.testing.assert_allclose((now.visits - before)[0, 0, :3], trace[:3], atol=1e-12)
        np.testing.assert_allclose(now.ends[0, 0], trace[3], atol=1e-12)
    np.testing.assert_allclose(
        fundamental_matrix(chain)[0, 0], expected["fundamental_matrix_SoC_infinite_horizon"], rtol=1e-12
    )
    np.testing.assert_allclose(absorption(chain).moves, expected["expected_cycles_to_death_from_H"], rtol=1e-12)
    worth = discounted_worth(chain, 0.03, 0.03)
    wanted = expected["infinite_horizon_discounted_value_from_H_cost_qaly_no_wcc"]
    np.testing.assert_allclose([worth.cost.item(), worth.value.item()], wanted, rtol=1e-12)


# --- b1: HIV mono- against combination therapy (Chancellor 1997; Briggs et al.), rows by years since entry ---


@pytest.mark.parametrize("therapy", ["mono", "comb"])
def test_hiv_model_with_rows_by_tenure(case, therapy):
    b1 = case("b1_hiv_chancellor_briggs")
    inputs, expected = b1["inputs"], b1["expected"][therapy]
    counts = np.array(inputs["transition_counts"])
    base = counts / counts.sum(axis=1, keepdims=True)
    slow = base * inputs["rr"]
    slow[range(3), range(3)] = 0.0
    slow[range(3), range(3)] = 1 - slow.sum(axis=1)
    names, years = inputs["states"], inputs["rr_years"]
    # shares change for those who arrive from year 2 on; the drug is paid at the ends of years 1 and 2
    chain = build_chain(
        rows_of(names, np.vstack([base, np.zeros(4)]), {"D"}, YEAR),
        outcomes=["D"],
        visit_value=dict.fromkeys("ABC", 1.0),
        period_end=[years * YEAR, (years + 1) * YEAR, np.inf],
    )
    share, cost = chain.share.copy(), chain.visit_cost.copy()
    combined = therapy == "comb"
    if combined:
        share[0, 0, 0] = slow[chain.source, chain.target]
    cost[0, 0, :, :3] = np.array(inputs["cost_health"][:3]) + inputs["cost_zidovudine"]
    cost[0, 0, :2, :3] += inputs["cost_lamivudine"] * combined
    chain = with_arrays(chain, share=share, visit_cost=cost)
    tally, report = exact_tally(chain, Settings(inputs["cycles"] * YEAR, 0.0, 0.06, within_cycle="end"))
    assert report.steps == inputs["cycles"]
    np.testing.assert_allclose(tally.cost_pv, expected["cost_total"], rtol=1e-11)
    np.testing.assert_allclose(tally.cost, expected["cost_health"] + expected["cost_drugs"], rtol=1e-11)
    np.testing.assert_allclose(tally.value, expected["life_year"], rtol=1e-11)


# --- f1: absorbing chains in closed form ---


def test_gamblers_ruin(case):
    for game in case("f1_absorbing_closed_forms")["expected"]["gamblers_ruin"]:
        size, p = game["N"], game["p"]
        names = ["ruin", *[f"has {i}" for i in range(1, size)], "target"]
        rows = {names[i]: {names[i + 1]: p, names[i - 1]: 1 - p} for i in range(1, size)}
        chain = build_chain(rows, outcomes=["ruin", "target"], entry={f"has {game['start']}": 1.0})
        solved = absorption(chain)
        np.testing.assert_allclose(solved.ends[0, 0], [game["P_ruin"], game["P_reach_N"]], rtol=1e-12)
        np.testing.assert_allclose(solved.moves, game["expected_steps"], rtol=1e-12)


def test_coupon_collector(case):
    for album in case("f1_absorbing_closed_forms")["expected"]["coupon_collector"]:
        n = album["n"]
        names = [*[f"has {i}" for i in range(n)], "full"]
        rows = {names[i]: {names[i + 1]: (n - i) / n, **({names[i]: i / n} if i else {})} for i in range(n)}
        solved = absorption(build_chain(rows, outcomes=["full"]))
        np.testing.assert_allclose(solved.moves, album["expected"], rtol=1e-12)
        np.testing.assert_allclose(solved.moves_variance, album["variance"], rtol=1e-11)


def test_geometric(case):
    for law in case("f1_absorbing_closed_forms")["expected"]["geometric"]:
        chain = build_chain({"stay": {"stay": 1 - law["p"], "gone": law["p"]}}, outcomes=["gone"])
        solved = absorption(chain)
        np.testing.assert_allclose(solved.moves, law["mean"], rtol=1e-13)
        np.testing.assert_allclose(solved.moves_variance, law["var"], rtol=1e-12)
        np.testing.assert_allclose(exact_tally(chain, Settings(10.0))[0].active, law["P_gt_10"], rtol=1e-12)


def journey(case, **rewards):
    numbers = case("f1_absorbing_closed_forms")["expected"]["journey_7state"]
    chain = build_chain(
        rows_of(numbers["states"], numbers["P_float"], {"churned", "lost"}, 1.0),
        outcomes=["churned", "lost"],
        **rewards,
    )
    return chain, {
        **numbers,
        "variance": case("f1_absorbing_closed_forms")["expected"]["journey_7state_variance_steps"],
    }


def exact(fractions):
    return [float(Fraction(text)) for text in (fractions.values() if isinstance(fractions, dict) else fractions)]


def test_journey_in_exact_fractions(case):
    chain, numbers = journey(case)
    solved = absorption(chain)
    np.testing.assert_allclose(solved.ends_from[0, 0, :, 0], exact(numbers["prob_churned"]), rtol=1e-14)
    np.testing.assert_allclose(solved.ends_from[0, 0, :, 1], exact(numbers["prob_lost"]), rtol=1e-14)
    np.testing.assert_allclose(solved.moves_from[0, 0], exact(numbers["expected_steps"]), rtol=1e-14)
    np.testing.assert_allclose(solved.moves_variance_from[0, 0], numbers["variance"], rtol=1e-11)
    np.testing.assert_allclose(fundamental_matrix(chain)[0, 0], numbers["fundamental_matrix"], rtol=1e-13)


def test_probability_to_reach_a_touchpoint_is_conversion_there(case):
    chain, numbers = journey(case)
    chain = with_arrays(chain, converts=np.array([name == "active" for name in numbers["states"]]))
    for name, wanted in numbers["prob_ever_active_from"].items():
        entry = np.array([[[float(place == name) for place in numbers["states"]]]])
        tally, _ = exact_tally(with_arrays(chain, entry=entry), Settings(2_000.0))
        np.testing.assert_allclose(tally.converted, float(Fraction(wanted)), rtol=1e-12)
        np.testing.assert_allclose(tally.converted + tally.lost, 1.0, rtol=1e-12)


def test_discounted_value_of_the_journey(case):
    chain, numbers = journey(case)
    money = chain.visit_value.copy()
    money[0, 0, 0, :5] = numbers["reward_per_step_in_state"]
    rate = numbers["discount_per_step"] ** -YEAR - 1
    worth = discounted_worth(with_arrays(chain, visit_value=money), rate, 0.0)
    np.testing.assert_allclose(worth.value_from[0, 0], numbers["expected_discounted_value"], rtol=1e-12)


SHAPES = [
    (Family.FIXED, 1.0),
    (Family.EXPONENTIAL, 1.0),
    (Family.GAMMA, 4.0),
    (Family.LOGNORMAL, float(np.sqrt(np.log(5.0)))),
    (Family.WEIBULL, 0.7),
]


@pytest.mark.parametrize(("family", "shape"), SHAPES)
def test_mean_calendar_time_whatever_the_shape_of_dwells(case, family, shape):
    chain, _ = journey(case)
    wanted = case("f1_absorbing_closed_forms")["expected"]["semi_markov_mean_time"]
    scale = np.array(wanted["dwell_mean_days"])[chain.source] / mean(family, 1.0, shape)
    chain = with_arrays(
        chain,
        family=np.full(len(chain.links), family, dtype=np.int8),
        dwell_a=np.broadcast_to(scale, chain.share.shape).copy(),
        dwell_b=np.full(chain.share.shape, shape),
    )
    np.testing.assert_allclose(absorption(chain).days_from[0, 0], wanted["expected_days"], rtol=1e-12)


def test_two_state_markov_chain_in_continuous_time(case):
    for law in case("f1_absorbing_closed_forms")["expected"]["ctmc_two_state"]:
        rows = {
            "0": {"1": (1.0, Family.EXPONENTIAL, 1 / law["lam"])},
            "1": {"0": (1.0, Family.EXPONENTIAL, 1 / law["mu"])},
        }
        for start, wanted in (("0", law["p01"]), ("1", law["p10"])):
            chain = build_chain(rows, outcomes=["never"], entry={start: 1.0})
            tally, _ = exact_tally(chain, Settings(law["t"], tolerance=1e-9))
            left = tally.visits[0, 0, :2] - tally.moves[0, 0]
            np.testing.assert_allclose(left["01".index(start) - 1], wanted, rtol=1e-9)


# --- i1: Pfeifer & Carraway (2000), customer lifetime value by recency ---


def recency(case):
    i1 = case("i1_pfeifer_carraway_recency_clv")
    names = ["r1", "r2", "r3", "r4", "former"]
    chain = build_chain(
        rows_of(names, i1["expected"]["P"], {"former"}, YEAR),
        outcomes=["former"],
        visit_value=dict(zip(names, i1["inputs"]["R"], strict=True)),
    )
    starts = [with_arrays(chain, entry=np.eye(5)[i][None, None]) for i in range(4)]
    return stack(starts), i1


def test_lifetime_value_by_recency(case):
    chain, i1 = recency(case)
    expected, rate = i1["expected"], i1["inputs"]["d"]
    tally, _ = exact_tally(chain, Settings(i1["inputs"]["horizon_T"] * YEAR, rate))
    np.testing.assert_allclose(tally.value_pv[:, 0], expected["V_T4"][:4], rtol=1e-12)
    worth = discounted_worth(chain, rate, 0.0)
    np.testing.assert_allclose(worth.value[:, 0], expected["V_infinite"][:4], rtol=1e-12)
    np.testing.assert_allclose(worth.value_from[0, 0], expected["V_infinite"][:4], rtol=1e-12)
    np.testing.assert_allclose(fundamental_matrix(chain)[0, 0], expected["fundamental_matrix"], rtol=1e-12)
    solved = absorption(chain)
    np.testing.assert_allclose(solved.moves[0], expected["expected_periods_active_from_r1"], rtol=1e-12)
    np.testing.assert_allclose(solved.moves_variance[:, 0], expected["variance_periods_active"], rtol=1e-11)
