"""Proposals together: bundles, the order of roll-out, kinds of tasks, and what each change adds."""

from __future__ import annotations

from journeysim.decide.decision import Decision
from journeysim.report.numbers import Kind
from journeysim.report.tables.table import Row, Table, table


def _sums(decision: Decision, *names: str) -> list[tuple[str, Kind]]:
    return [(f"{name}_{decision.currency.lower()}", "money") for name in names]


def bundles(decision: Decision) -> Table:
    """Return every bundle, those that may be chosen first, highest expected net benefit first."""
    ruled = any(target.rule.measure == "no_harm" for target in decision.targets)
    harm: list[tuple[str, Kind]] = [("harmless", "word")] if ruled else []
    columns: list[tuple[str, Kind]] = [
        ("bundle", "text"), *_sums(decision, "npv_mean", "npv_q05", "npv_q95"), ("p_net_benefit", "chance"),
        *_sums(decision, "invested"), ("effort", "number"), ("within_limits", "word"),
        *harm, ("p_best", "chance"), *_sums(decision, "regret"),
    ]  # fmt: skip
    rows = [
        Row((
            " + ".join(item.members), item.npv.mean, item.npv.q05, item.npv.q95, item.p_net_benefit, item.invested,
            item.effort, item.affordable, *([item.harmless] if ruled else []), item.p_best, item.regret,
        ))
        for item in decision.portfolio.bundles
    ]  # fmt: skip
    return table("portfolio", columns, rows)


def bundle_realism(decision: Decision) -> Table:
    """Return what each bundle is worth at every realism of its proposals' grids, in the order of the bundles."""
    columns: list[tuple[str, Kind]] = [
        ("bundle", "text"), ("realism", "text"), *_sums(decision, "npv_mean", "npv_q05", "npv_q95"),
        ("p_net_benefit", "chance"),
    ]  # fmt: skip
    rows = [
        Row((
            " + ".join(item.members), _levels(case.realism), case.npv.mean, case.npv.q05, case.npv.q95,
            case.p_net_benefit,
        ))
        for item in decision.portfolio.bundles
        for case in item.cases
    ]  # fmt: skip
    return table("bundle_realism", columns, rows)


def _levels(realism: tuple[float, ...]) -> str:
    """Return one realism where all proposals share it, else each one's, in the order of the bundle."""
    return " + ".join(f"{100 * level:g} %" for level in (realism[:1] if len(set(realism)) == 1 else realism))


def roll_out(decision: Decision) -> Table:
    """Return the best bundle's proposals in the order of roll-out, with what each adds to those before it."""
    columns: list[tuple[str, Kind]] = [
        ("step", "count"), ("proposal", "text"), *_sums(decision, "adds_mean", "adds_q05", "adds_q95", "sum_so_far"),
        ("p_first", "chance"),
    ]  # fmt: skip
    rows = [
        Row((float(k), item.proposal, item.adds.mean, item.adds.q05, item.adds.q95, item.total, item.p_first))
        for k, item in enumerate(decision.portfolio.order, 1)
    ]
    return table("roll_out", columns, rows)


def clashes(decision: Decision) -> Table:
    """Return which proposals cannot be carried out together, and why."""
    rows = [Row((" + ".join(names), why)) for names, why in decision.portfolio.clashes]
    return table("clashes", [("bundle", "text"), ("why", "sentence")], rows)


def tasks(decision: Decision) -> Table:
    """Return what kind of task each proposal is, and the chance that it is of that kind."""
    rows = [Row((item.proposal, item.effort, item.kind, item.p_kind)) for item in decision.tasks]
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("effort", "number"), ("task", "word"), ("p_task", "chance"),
    ]  # fmt: skip
    return table("tasks", columns, rows)


def contributions(decision: Decision) -> Table:
    """Return what each change adds to its proposal's gain before investment: its share of the whole, alone, and last."""
    columns: list[tuple[str, Kind]] = [
        ("proposal", "text"), ("change", "assumption"),
        *_sums(decision, "shared_mean", "shared_q05", "shared_q95", "alone", "last"), ("break_even_part", "chance"),
    ]  # fmt: skip
    rows = [
        Row((
            item.proposal, item.change, item.shared.mean, item.shared.q05, item.shared.q95, item.alone.mean,
            item.last.mean, item.break_even_part,
        ))
        for item in decision.contributions
    ]  # fmt: skip
    return table("contributions", columns, rows)
