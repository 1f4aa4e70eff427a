"""Goals that are not money: the frontier, and which option is best at which price."""

from __future__ import annotations

from journeysim.decide.decision import Decision
from journeysim.report.numbers import Kind
from journeysim.report.tables.table import Row, Table, table


def frontier(decision: Decision) -> Table:
    """Return every option of every goal with its cost, effect and status, and what the step to it costs per unit."""
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("goal", "word"), ("option", "word"), ("cost" + unit, "money"), ("effect", "number"), ("status", "word"),
        ("cost_per_unit" + unit, "money"),
    ]  # fmt: skip
    rows = [
        Row((item.goal, o.name, o.cost, o.effect, o.status, o.step))
        for item in decision.frontiers
        for o in item.options
    ]
    return table("frontier", columns, rows)


def acceptability(decision: Decision) -> Table:
    """Return P(each option is best) over prices of one unit, and which has the highest expectation there."""
    unit = f"_{decision.currency.lower()}"
    columns: list[tuple[str, Kind]] = [
        ("goal", "word"), ("price_of_one" + unit, "money"), ("option", "word"), ("p_best", "chance"),
        ("best_in_expectation", "word"),
    ]  # fmt: skip
    rows = [
        Row((item.goal, float(price), name, float(chance), name == best))
        for item in decision.frontiers
        for price, best, chances in zip(item.prices, item.best, item.chances, strict=True)
        for name, chance in zip(item.names, chances, strict=True)
    ]
    return table("acceptability", columns, rows)
