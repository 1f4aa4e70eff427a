"""What proposals are worth: the decision, realism, cumulative net benefit, targets, effort, value of knowing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from journeysim.decide.decision import Decision, Verdict
from journeysim.decide.targets import about_money
from journeysim.model.scenario import Scenario
from journeysim.report.numbers import Kind, Value
from journeysim.report.tables.effects import QUANTILES, kind_of, spread_cells, spread_columns
from journeysim.report.tables.table import Row, Table, table

_PROBABILITIES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


def _unit(decision: Decision) -> str:
    return f"_{decision.currency.lower()}"


def decisions(decision: Decision) -> Table:
    """Return each proposal at full realism: NPV, ROI, payback, P(net benefit > 0), break-even realism."""
    rows = [Row(_decision_cells(verdict)) for verdict in decision.verdicts]
    money = _unit(decision)
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), *spread_columns("money", "npv_", money), ("p_net_benefit", "chance"),
        ("expected_loss" + money, "money"), *spread_columns("ratio", "roi_"),
        *spread_columns("share", "internal_rate_"), ("p_pays_back", "chance"),
        *spread_columns("months", "payback_", "_months"), ("break_even_realism", "chance"), ("effort", "number"),
    ]  # fmt: skip
    return table("decision", columns, rows)


def _decision_cells(verdict: Verdict) -> tuple[Value, ...]:
    full = verdict.full
    return (
        verdict.proposal, *spread_cells(full.npv), full.p_net_benefit, full.expected_loss, *spread_cells(full.roi),
        *spread_cells(full.internal_rate), full.p_pays_back, *spread_cells(full.payback_months),
        verdict.break_even_realism, verdict.effort,
    )  # fmt: skip


def realism(decision: Decision) -> Table:
    """Return each proposal over its realism grid."""
    rows = [
        Row((verdict.proposal, case.realism, *spread_cells(case.npv), case.p_net_benefit, case.payback_months.q50))
        for verdict in decision.verdicts
        for case in verdict.cases
    ]
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("realism", "chance"), *spread_columns("money", "npv_", _unit(decision)),
        ("p_net_benefit", "chance"), ("payback_q50_months", "months"),
    ]  # fmt: skip
    return table("realism", columns, rows)


def cumulative(decision: Decision) -> Table:
    """Return the cumulative discounted net benefit by month at full realism, with 50 and 90 % bands."""
    rows = []
    for verdict in decision.verdicts:
        values = verdict.full.cumulative
        for month, cells in enumerate(np.quantile(values, _PROBABILITIES, axis=0).T):
            rows.append(Row((verdict.proposal, float(month), *(float(cell) for cell in cells))))
    columns: list[tuple[str, Kind]] = [("proposal", "text"), ("month", "count")]
    money: Kind = "money"
    return table("cumulative_net_benefit", columns + [(name + _unit(decision), money) for name in QUANTILES], rows)


def cash_flow(decision: Decision) -> Table:
    """Return what each proposal adds and costs by calendar month at full realism: expected, undiscounted."""
    rows = [row for verdict in decision.verdicts for row in _months(verdict)]
    unit = _unit(decision)
    names = ("value_added", "cost_added", "invested", "net")
    money: list[tuple[str, Kind]] = [(name + unit, "money") for name in names]
    return table("cash_flow", [("proposal", "text"), ("month", "count"), *money], rows)


def _months(verdict: Verdict) -> Iterator[Row]:
    """Yield month 0, the upfront investment, then every month."""
    found = verdict.full.months
    yield Row((verdict.proposal, 0.0, 0.0, 0.0, found.upfront, -found.upfront))
    spent = found.running + found.single
    for month, sums in enumerate(zip(found.value, found.cost, spent, found.value - found.cost - spent, strict=True), 1):
        yield Row((verdict.proposal, float(month), *(float(item) for item in sums)))


def payback(decision: Decision) -> Table:
    """Return P(paid back by the end of each month) at full realism."""
    rows = [
        Row((verdict.proposal, float(month), chance))
        for verdict in decision.verdicts
        for month, chance in enumerate(verdict.full.paid_back_by)
    ]
    return table("payback", [("proposal", "text"), ("month", "count"), ("p_paid_back", "chance")], rows)


def loss_risk(decision: Decision) -> Table:
    """Return P(loss > x) at full realism, for no loss at all and parts of the expected investment."""
    rows = [Row((verdict.proposal, x, chance)) for verdict in decision.verdicts for x, chance in verdict.full.loss_risk]
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("loss_above" + _unit(decision), "money"), ("p_loss", "chance"),
    ]  # fmt: skip
    return table("loss_risk", columns, rows)


def targets(decision: Decision, *, money: bool) -> Table:
    """Return every target beside its result; one that is about money has no result at trust grade E."""
    rows: list[Row] = []
    for item in decision.targets:
        shown = money or not about_money(item.rule)
        kind: Kind = "chance"
        if item.rule.measure == "difference":
            kind = next(kind_of(x.unit) for x in decision.comparison.contrasts if x.metric == item.rule.metric)
        cells = (
            item.rule.text,
            item.proposal,
            item.rule.threshold,
            item.result if shown else None,
            item.met if shown else None,
        )
        rows.append(Row(cells, kind))
    columns: list[tuple[str, Kind]] = [
        ("target", "text"), ("proposal", "text"), ("threshold", "by row"), ("result", "by row"), ("met", "word"),
    ]  # fmt: skip
    return table("targets", columns, rows)


def efforts(decision: Decision, scenario: Scenario) -> Table:
    """Return effort against expected net benefit, for the proposals whose effort is given."""
    given = {proposal.name: proposal.effort for proposal in scenario.proposals}
    rows = []
    for verdict in decision.verdicts:
        effort = verdict.effort if verdict.effort is not None else given.get(verdict.proposal)
        if effort is not None:
            npv = verdict.full.npv
            rows.append(Row((verdict.proposal, effort, npv.mean, npv.q05, npv.q95, verdict.full.p_net_benefit)))
    money: Kind = "money"
    columns: list[tuple[str, Kind]] = [("proposal", "text"), ("effort", "number")]
    columns += [(f"npv_{name}{_unit(decision)}", money) for name in ("mean", "q05", "q95")]
    return table("impact_effort", [*columns, ("p_net_benefit", "chance")], rows)


def worth_knowing(decision: Decision) -> Table:
    """Return what perfect knowledge of everything would be worth, and how far money is counted."""
    columns: list[tuple[str, Kind]] = [("evpi" + _unit(decision), "money"), ("horizon_months", "count")]
    return table("value_of_information", columns, [Row((decision.evpi, float(decision.horizon_months)))])
