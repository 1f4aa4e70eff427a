"""Tables: the headless twins, and their CSV."""

import csv
import dataclasses
import io

import numpy as np
import pytest

from decision_builder import build_decision, renamed, small_scenario
from journeysim.report import results
from journeysim.report.tables import tables_of, to_csv
from journeysim.report.tables.table import Row, table


def test_csv_guards_text_and_leaves_numbers():
    item = table(
        "t",
        [("name", "text"), ("value_eur", "money")],
        [Row(("=1+1", -2.5)), Row(("@x", float("nan"))), Row(("-3", 4.0)), Row(('é, "q"', 1e-7))],
    )
    text = to_csv(item)
    assert "\r" not in text
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [["name", "value_eur"], ["'=1+1", "-2.5"], ["'@x", ""], ["'-3", "4"], ['é, "q"', "1e-07"]]


def test_names_that_spreadsheets_would_run_are_guarded_in_every_table():
    scenario = renamed(small_scenario(), {"video ID": "=cmd|'/c calc'!A0", "fewer forms": "+1"})
    for item in tables_of(build_decision(scenario, draws=40), scenario).values():
        for row in csv.reader(io.StringIO(to_csv(item))):
            assert not any(cell.startswith(("=", "+", "@")) for cell in row)


def test_differences_hold_the_contrasts(decision, scenario):
    item = tables_of(decision, scenario)["differences"]
    row = item.find(metric="conversion", proposal="video ID")
    values = next(
        x.values
        for x in decision.comparison.contrasts
        if (x.metric, x.arm, x.persona, x.realism) == ("conversion", "video ID", "all", 1.0)
    )
    assert item.at(row, "difference_q95") == pytest.approx(float(np.quantile(values, 0.95)))
    assert item.kind(row, "difference_mean") == "points"
    assert item.kind(row, "today_mean") == "share"


def test_one_customers_money_stands_with_what_customers_differ_by(decision, scenario):
    item = tables_of(decision, scenario)["one_customer"]
    levels = {(x.metric, x.arm, x.persona): x for x in decision.comparison.levels if x.view == "cohort"}
    for row in item.rows:
        metric, _, arm, persona, mean, *_, between = row.cells
        assert mean == levels[metric, arm, persona].spread.mean
        assert between == levels[metric, arm, persona].sd_luck
    row = item.find(metric="margin", arm="video ID", persona="all")
    assert item.at(row, "between_customers") > 0
    endless = dataclasses.replace(levels["margin", "video ID", "all"], view="long run", sd_luck=9.0)
    known = dataclasses.replace(decision.comparison, levels=(*decision.comparison.levels, endless))
    beyond = tables_of(dataclasses.replace(decision, comparison=known), scenario)["long_run"]
    assert beyond.at(0, "horizon_spread") == item.at(row, "between_customers")
    assert beyond.at(0, "between_customers") == 9.0


def test_money_columns_carry_the_currency_and_times_their_unit(decision, scenario):
    tables = tables_of(decision, scenario)
    for item in tables.values():
        for column in item.columns:
            if column.kind in {"money", "money difference"}:
                assert column.name.endswith("_eur"), column
            if column.kind == "months":
                assert column.name.endswith("_months"), column


def test_drop_off_accounts_for_everybody_who_does_not_convert(decision, scenario):
    tables = tables_of(decision, scenario)
    lost = sum(tables["drop_off"].numbers("lost_per_100_customers"))
    today = decision.comparison.flows[0].tally
    assert lost == pytest.approx(100 * float(today.lost.mean()))


def test_value_at_stake_is_what_a_stayer_would_bring(decision, scenario):
    """At the last touchpoint a customer who goes on signs, so the stake is lost x the value of signing."""
    item = tables_of(decision, scenario)["drop_off"]
    row = item.find(touchpoint="contract")
    tally = decision.comparison.flows[0].tally
    place = len(tally.touchpoints) + tally.outcomes.index("signed")
    value = tally.value_at[:, 0, place] / tally.visits[:, 0, place]
    leaving = [
        k for k, link in enumerate(tally.links) if link.startswith("contract -> ") and not link.endswith("signed")
    ]
    lost = tally.moves[:, 0, leaving].sum(axis=-1)
    stake = item.at(row, "at_stake_per_100_customers_mean_eur")
    assert stake == pytest.approx(100 * float((lost * value).mean()))


def test_fan_ends_at_the_net_present_value(decision, scenario):
    tables = tables_of(decision, scenario)
    fan = tables["cumulative_net_benefit"].where(proposal="video ID")
    row = tables["decision"].find(proposal="video ID")
    assert fan.numbers("q50_eur")[-1] == pytest.approx(tables["decision"].at(row, "npv_q50_eur"))
    assert len(fan.rows) == decision.horizon_months + 1


def test_conversion_over_time_runs_from_entry_to_the_horizon(decision, scenario):
    item = tables_of(decision, scenario)["conversion_over_time"].where(arm="today")
    days = item.numbers("days_since_entry")
    assert days[0] == 0
    assert days[-1] == pytest.approx(365.25)
    assert days == sorted(set(days))
    assert len(days) <= 31


def test_evidence_by_basis_adds_up(decision, scenario):
    tables = tables_of(decision, scenario)
    for proposal in ("video ID", "fewer forms"):
        whole = sum(tables["evidence"].where(proposal=proposal).numbers("variance_share"))
        assert sum(tables["evidence_by_basis"].where(proposal=proposal).numbers("variance_share")) == pytest.approx(
            whole
        )


def test_chosen_models_stand_with_their_margin(decision, scenario):
    item = tables_of(decision, scenario)["model_choices"]
    row = item.find(subject="dwell of offer call -> signed")
    assert [item.at(row, name) for name in ("chosen", "probability", "runner_up", "log_density_ahead", "standard_error")] == [
        "lognormal", 0.62, "gamma", 12.4, 3.1,
    ]  # fmt: skip
    assert results(decision, scenario)["fit"]["choices"][0]["log_density_ahead"] == 12.4
    assert results(decision, scenario)["fit"]["choices"][0]["probability"] == 0.62
