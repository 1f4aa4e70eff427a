"""What the numbers rest on: assumptions, gates, engine agreement, Monte Carlo noise."""

from __future__ import annotations

from journeysim.decide.decision import Decision, Evidence
from journeysim.decide.drivers.ledger import INTERPLAY
from journeysim.model.metric_units import METRIC_UNITS
from journeysim.report.numbers import Kind
from journeysim.report.tables.effects import MONEY_METRICS, kind_of, unit_of
from journeysim.report.tables.table import Row, Table, table


def rank_of(decision: Decision, proposal: str) -> int:
    """Return a proposal's place in the scenario's order."""
    names = [verdict.proposal for verdict in decision.verdicts]
    return names.index(proposal) if proposal in names else len(names)


def evidence(decision: Decision, *, money: bool) -> Table:
    """Return every assumption with its basis, the map's part of it, its share of the decision's variance and its worth."""
    rows = []
    for item in sorted(decision.evidence, key=lambda x: _order(decision, x)):
        cells = (item.proposal, item.assumption, item.basis, item.prior_share, item.variance_share)
        rows.append(Row((*cells, item.evppi, item.evppi_error) if money else cells))
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("assumption", "assumption"), ("basis", "basis"), ("prior_share", "chance"),
        ("variance_share", "share"),
    ]  # fmt: skip
    if money:
        unit = decision.currency.lower()
        columns += [(f"evppi_{unit}", "money"), (f"evppi_error_{unit}", "money")]
    return table("evidence", columns, rows)


def _order(decision: Decision, item: Evidence) -> tuple[int, bool, float, str]:
    """Return what the rows go by: the scenario's order, most decisive first, what acts together last."""
    return rank_of(decision, item.proposal), item.basis == INTERPLAY, -item.variance_share, item.assumption


def by_basis(decision: Decision) -> Table:
    """Return, per proposal, how much of the decision's variance rests on what kind of evidence."""
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    for item in decision.evidence:
        share, count = sums.get((item.proposal, item.basis), (0.0, 0))
        sums[item.proposal, item.basis] = (share + item.variance_share, count + 1)
    order = sorted(sums.items(), key=lambda item: (rank_of(decision, item[0][0]), -item[1][0], item[0][1]))
    rows = [Row((proposal, basis, share, float(count))) for (proposal, basis), (share, count) in order]
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("basis", "basis"), ("variance_share", "share"), ("assumptions", "count"),
    ]  # fmt: skip
    return table("evidence_by_basis", columns, rows)


def gates(decision: Decision) -> Table:
    """Return the fit's quality gates."""
    rows = [Row((name, float(value), limit, passed)) for name, value, limit, passed in decision.fit.gates]
    return table("gates", [("gate", "sentence"), ("value", "precise"), ("limit", "sentence"), ("passed", "word")], rows)


def model_choices(decision: Decision) -> Table:
    """Return every model chosen by how well it predicts, ahead of which and by how much."""
    rows = [Row((c.subject, c.chosen, c.chance, c.runner_up, c.margin, c.margin_error)) for c in decision.fit.choices]
    columns: list[tuple[str, Kind]] = [
        ("subject", "sentence"), ("chosen", "sentence"), ("probability", "share"), ("runner_up", "sentence"),
        ("log_density_ahead", "difference"),
        ("standard_error", "number"),
    ]  # fmt: skip
    return table("model_choices", columns, rows)


def agreement(decision: Decision, *, money: bool) -> Table:
    """Return both engines' answers where both can run the map."""
    found = [item for item in decision.comparison.outcomes.agreement if money or item.metric not in MONEY_METRICS]
    rows = [Row((item.arm, item.metric, item.exact, item.walk, item.z)) for item in found]
    columns: list[tuple[str, Kind]] = [
        ("arm", "word"), ("metric", "metric"), ("exact", "precise"), ("walk", "precise"),
        ("standard_errors_apart", "difference"),
    ]  # fmt: skip
    return table("engine_agreement", columns, rows)


def monte_carlo(decision: Decision, *, money: bool) -> Table:
    """Return how small Monte Carlo noise is against what the draws do not know, for what each proposal is decided by."""
    found = decision.comparison.outcomes.precision
    rows = []
    for item in () if found is None else found.arms:
        sizes = (
            (item.mean, item.spread, item.noise, item.error)
            if money or item.metric not in MONEY_METRICS
            else (None,) * 4
        )
        unit = METRIC_UNITS[item.metric]
        rows.append(
            Row((item.arm, item.metric, unit_of(unit, decision.currency), *sizes, item.part), kind_of(unit)),
        )
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("metric", "metric"), ("unit", "word"), ("mean_difference", "by row"),
        ("spread_over_draws", "level by row"), ("noise_of_a_draw", "level by row"), ("noise_of_all_draws", "level by row"),
        ("noise_share", "share"),
    ]  # fmt: skip
    return table("monte_carlo", columns, rows)
