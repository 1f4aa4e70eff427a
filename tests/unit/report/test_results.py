"""results.json: strict, complete, and the same bytes wherever it is made."""

import dataclasses
import json

import numpy as np
import pytest

from decision_builder import build_decision
from journeysim.compare.comparison import spread_of
from journeysim.report import results
from journeysim.report.results import WITHHELD
from journeysim.report.write import strict_json

KEYS = {"schema", "scenario", "engine", "seed", "trust", "arms", "metrics", "contrasts", "decision", "evidence"}
SPREAD = {"mean", "q05", "q25", "q50", "q75", "q95"}


@pytest.fixture(scope="module")
def made(decision, scenario):
    return json.loads(strict_json(results(decision, scenario)), parse_constant=pytest.fail)


def test_has_what_the_contract_names(made):
    assert made.keys() >= KEYS
    assert made["schema"] == "journeysim/results/1"
    assert made["engine"].keys() == {"name", "why", "step_days", "error", "timing_error", "luck_error"}
    assert made["trust"].keys() == {"grade", "reasons"}
    assert made["arms"][0] == {"name": "today", "role": "today"}
    names = {"metric", "arm", "persona", "view", "unit", "sd_not_knowing", "sd_luck", "mc_error"} | SPREAD
    assert all(item.keys() >= names for item in made["metrics"])
    assert all(item.keys() >= {"metric", "arm", "versus", "realism", "p_better"} | SPREAD for item in made["contrasts"])
    assert {item["assumption"] for item in made["evidence"]}


def test_decision_rows_are_at_full_realism(made, decision):
    for row, verdict in zip(made["decision"], decision.verdicts, strict=True):
        assert row["realism"] == 1.0
        assert row["npv"]["q50"] == pytest.approx(float(np.median(verdict.full.net)))
        assert row["npv"].keys() == row["roi"].keys() == row["payback_months"].keys() == SPREAD
        assert row["p_net_benefit"] == verdict.full.p_net_benefit
        assert row["break_even_realism"] == verdict.break_even_realism


def test_undefined_is_null_with_a_reason(made):
    empty = [item for item in made["metrics"] if item["metric"] == "time_to_convert_median"]
    assert empty
    assert all(item["mean"] is None and "undefined" in item["reason"] for item in empty)
    assert all("reason" in item for item in made["metrics"] + made["contrasts"] if item["mean"] is None)


def test_no_break_even_says_why(decision, scenario):
    verdicts = tuple(dataclasses.replace(item, break_even_realism=None) for item in decision.verdicts)
    made = results(dataclasses.replace(decision, verdicts=verdicts), scenario)
    assert all(row["break_even_realism"] is None and row["break_even_reason"] for row in made["decision"])


def test_never_paying_back_is_null_with_a_reason(decision, scenario):
    nothing = spread_of(np.full(9, np.nan))
    cases = [dataclasses.replace(decision.verdicts[0].full, payback_months=nothing)]
    verdict = dataclasses.replace(decision.verdicts[0], cases=tuple(cases))
    row = results(dataclasses.replace(decision, verdicts=(verdict,)), scenario)["decision"][0]
    assert row["payback_months"]["q50"] is None
    assert "undefined" in row["payback_months"]["reason"]


def test_grade_e_withholds_money_with_the_reason(scenario):
    made = results(build_decision(scenario, draws=40, grade="E"), scenario)
    for row in made["decision"]:
        assert row["npv"]["mean"] is None
        assert row["npv"]["reason"] == WITHHELD
        assert row["p_net_benefit"] is None
        assert row["reason"] == WITHHELD
    money = [item for item in made["metrics"] + made["contrasts"] if item["unit"] == "EUR"]
    assert money
    assert all(item["mean"] is None and item["reason"] == WITHHELD for item in money)
    assert made["evpi"] is None
    assert {row["metric"]: row["exact"] is None for row in made["agreement"]} == {"conversion": False, "revenue": True}
    assert all(item["evppi"] is None for item in made["evidence"])
    assert any(item["mean"] is not None for item in made["metrics"])


def test_order_follows_names_not_the_order_of_computation(decision, scenario):
    comparison = decision.comparison
    shuffled = dataclasses.replace(comparison, levels=comparison.levels[::-1], contrasts=comparison.contrasts[::-1])
    again = results(dataclasses.replace(decision, comparison=shuffled), scenario)
    assert strict_json(again) == strict_json(results(decision, scenario))


def test_not_a_number_never_reaches_a_file():
    with pytest.raises(ValueError, match="Out of range float"):
        strict_json({"value": float("nan")})
