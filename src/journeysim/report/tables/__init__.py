"""Every figure's headless twin: what it shows, as a table with units in the column names."""

from __future__ import annotations

from collections.abc import Mapping

from journeysim.decide.decision import Decision
from journeysim.model.scenario import Scenario
from journeysim.report.tables.drivers import (
    effect_curves,
    one_way,
    tests_by_size,
    tests_planned,
    thresholds,
    two_numbers,
    two_way,
)
from journeysim.report.tables.effects import conversion_over_time, differences, flips, levels, one_customer, personas
from journeysim.report.tables.evidence import agreement, by_basis, evidence, gates, model_choices, monte_carlo
from journeysim.report.tables.goals import acceptability, frontier
from journeysim.report.tables.journey import contacts, drop_off, elasticities, gaps, long_run, moves, staff, stories
from journeysim.report.tables.money import (
    cash_flow,
    cumulative,
    decisions,
    efforts,
    loss_risk,
    payback,
    realism,
    targets,
    worth_knowing,
)
from journeysim.report.tables.portfolio import bundle_realism, bundles, clashes, contributions, roll_out, tasks
from journeysim.report.tables.table import Column, Row, Table, to_csv

__all__ = ["Column", "Row", "Table", "money_shown", "tables_of", "to_csv"]


def money_shown(decision: Decision) -> bool:
    """Return whether money may be shown at all: not at trust grade E (MODEL section 8)."""
    return decision.trust.grade != "E"


def tables_of(decision: Decision, scenario: Scenario) -> Mapping[str, Table]:
    """Return every table of the report by name; at trust grade E those about money are missing."""
    money = money_shown(decision)
    made = [
        differences(decision, money=money), levels(decision, money=money), personas(decision, money=money),
        flips(decision), conversion_over_time(decision), moves(decision), contacts(decision), drop_off(decision, money=money),
        gaps(decision), elasticities(decision), staff(decision), long_run(decision, money=money),
        stories(decision), evidence(decision, money=money), by_basis(decision), gates(decision),
        model_choices(decision), agreement(decision, money=money), monte_carlo(decision, money=money),
        targets(decision, money=money),
    ]  # fmt: skip
    if money:
        made += [
            one_customer(decision),
            decisions(decision), realism(decision), cumulative(decision), cash_flow(decision), payback(decision),
            loss_risk(decision), efforts(decision, scenario), worth_knowing(decision),
            one_way(decision), thresholds(decision), effect_curves(decision), two_way(decision), two_numbers(decision),
            tests_planned(decision),
            tests_by_size(decision), bundles(decision), bundle_realism(decision), roll_out(decision), clashes(decision),
            tasks(decision), contributions(decision), frontier(decision), acceptability(decision),
        ]  # fmt: skip
    return {item.name: item for item in made}
