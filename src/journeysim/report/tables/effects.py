"""What changes for customers: differences, levels, personas, flips, conversion over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from journeysim.compare.comparison import Contrast, Level, Spread
from journeysim.decide.decision import Decision
from journeysim.report.numbers import Kind, Value
from journeysim.report.tables.table import Row, Table, table
from journeysim.simulate.tally import Tally

#: Metrics in the order a decision maker asks for them; others follow by name.
ORDER: Final = (
    "conversion", "loss", "churn", "margin", "clv", "revenue", "cost", "time_to_convert_median", "time_to_convert_p90",
    "nps", "rating", "effort", "effort_to_convert", "touches", "touches_to_convert", "bounce", "active",
)  # fmt: skip
#: What one customer brings.
ONE_CUSTOMER: Final = frozenset({"margin", "clv", "revenue", "cost"})
QUANTILES: Final = ("q05", "q25", "q50", "q75", "q95")
_NEARLY_ALL: Final = 0.99
_UNITS: Final[dict[str, Kind]] = {"share": "points", "days": "days difference", "money": "money difference"}


def kind_of(unit: str) -> Kind:
    """Return the kind of a difference in that unit of the metric registry."""
    return _UNITS.get(unit, "difference")


def unit_of(unit: str, currency: str) -> str:
    """Return the unit's name in tables: money carries its currency."""
    return currency if unit == "money" else unit


#: Metrics in money, for places that name a metric without its unit.
MONEY_METRICS: Final = frozenset({"revenue", "cost", "margin", "clv", "discounted_revenue", "discounted_cost"})


def of_one_place(metric: str) -> bool:
    """Return whether a metric belongs to one touchpoint or link ("drop_off[cart]") rather than to the whole journey."""
    return "[" in metric


def place_in_order(metric: str) -> tuple[int, str]:
    """Return a sort key of a metric."""
    return (ORDER.index(metric) if metric in ORDER else len(ORDER), metric)


def spread_cells(spread: Spread) -> tuple[Value, ...]:
    """Return mean and the five quantiles."""
    return (spread.mean, *(getattr(spread, name) for name in QUANTILES))


def spread_columns(kind: Kind, prefix: str = "", suffix: str = "") -> list[tuple[str, Kind]]:
    """Return the columns of `spread_cells`."""
    return [(f"{prefix}{name}{suffix}", kind) for name in ("mean", *QUANTILES)]


def at_full(decision: Decision) -> list[Contrast]:
    """Return the population's cohort contrasts with today at each proposal's highest realism, in order of metric."""
    found = [
        item for item in decision.comparison.contrasts if item.view == "cohort" and item.versus == _today(decision)
    ]
    top: dict[str, float] = {}
    for item in found:
        top[item.arm] = max(item.realism, top.get(item.arm, 0.0))
    return sorted(
        (item for item in found if item.realism == top[item.arm]), key=lambda item: place_in_order(item.metric)
    )


def _today(decision: Decision) -> str:
    return decision.comparison.outcomes.today.arm.name


def _shown(kind: Kind, *, money: bool) -> bool:
    return money or kind != "money difference"


def _mean_levels(levels: Sequence[Level]) -> dict[tuple[str, str, str], float | None]:
    return {(item.metric, item.arm, item.persona): item.spread.mean for item in levels if item.view == "cohort"}


def differences(decision: Decision, *, money: bool) -> Table:
    """Return each proposal's difference from today per metric, all customers, full realism."""
    means, today = _mean_levels(decision.comparison.levels), _today(decision)
    rows = []
    for item in at_full(decision):
        kind = kind_of(item.unit)
        if item.persona == "all" and not of_one_place(item.metric) and _shown(kind, money=money):
            was = means.get((item.metric, today, "all"))
            now = means.get((item.metric, item.arm, "all"))
            cells = (item.metric, unit_of(item.unit, decision.currency), item.arm, was, now, *spread_cells(item.spread))
            rows.append(Row((*cells, item.p_better, item.mc_error, item.spread.why), kind))
    columns: list[tuple[str, Kind]] = [
        ("metric", "metric"), ("unit", "word"), ("proposal", "text"), ("today_mean", "level by row"),
        ("proposal_mean", "level by row"), *spread_columns("by row", "difference_"), ("p_better", "chance"),
        ("mc_error", "level by row"), ("why_empty", "text"),
    ]  # fmt: skip
    return table("differences", columns, rows)


def levels(decision: Decision, *, money: bool) -> Table:
    """Return every metric's level by arm, persona and view, with what its spread is made of."""
    rows = []
    for item in sorted(decision.comparison.levels, key=lambda item: place_in_order(item.metric)):
        kind = kind_of(item.unit)
        if _shown(kind, money=money):
            cells = (
                item.metric,
                unit_of(item.unit, decision.currency),
                item.arm,
                item.persona,
                item.view,
                *spread_cells(item.spread),
            )
            rows.append(Row((*cells, item.sd_not_knowing, item.sd_luck, item.mc_error, item.spread.why), kind))
    by: Kind = "level by row"
    columns: list[tuple[str, Kind]] = [
        ("metric", "metric"), ("unit", "word"), ("arm", "word"), ("persona", "word"), ("view", "word"),
        *spread_columns(by),
        ("sd_not_knowing", by), ("sd_luck", by), ("mc_error", by), ("why_empty", "text"),
    ]  # fmt: skip
    return table("levels", columns, rows)


def one_customer(decision: Decision) -> Table:
    """Return what one customer brings by the horizon, by arm and persona, and the standard deviation between customers.

    Where there is one persona it is all customers, who are shown once; who brings and costs nothing is left out.
    """
    several = len(personas_of(decision)) > 1
    rows = []
    for item in sorted(decision.comparison.levels, key=lambda item: place_in_order(item.metric)):
        if item.view == "cohort" and item.metric in ONE_CUSTOMER and (several or item.persona == "all"):
            cells = (item.spread.mean, item.spread.q05, item.spread.q95, item.sd_luck)
            if any(cells):
                named = (item.metric, unit_of(item.unit, decision.currency), item.arm, item.persona)
                rows.append(Row((*named, *cells), kind_of(item.unit)))
    by: Kind = "level by row"
    columns: list[tuple[str, Kind]] = [
        ("metric", "metric"), ("unit", "word"), ("arm", "word"), ("persona", "word"), ("mean", by), ("q05", by), ("q95", by),
        ("between_customers", by),
    ]  # fmt: skip
    return table("one_customer", columns, rows)


def personas(decision: Decision, *, money: bool) -> Table:
    """Return each persona's difference in conversion and margin, full realism; all customers first.

    Where there is one persona it is all customers, who are shown once.
    """
    several = len(personas_of(decision)) > 1
    chosen = [
        item
        for item in at_full(decision)
        if item.metric in {"conversion", "margin"} and (several or item.persona == "all")
    ]
    rows = []
    for item in sorted(chosen, key=lambda item: (place_in_order(item.metric), item.persona != "all")):
        kind = kind_of(item.unit)
        if _shown(kind, money=money):
            cells = (
                item.metric,
                unit_of(item.unit, decision.currency),
                item.arm,
                item.persona,
                *spread_cells(item.spread),
                item.p_better,
                item.p_worse,
            )
            rows.append(Row(cells, kind))
    columns: list[tuple[str, Kind]] = [
        ("metric", "metric"), ("unit", "word"), ("proposal", "text"), ("persona", "word"),
        *spread_columns("by row", "difference_"), ("p_better", "chance"), ("p_worse", "chance"),
    ]  # fmt: skip
    return table("personas", columns, rows)


def flips(decision: Decision) -> Table:
    """Return which share of customers ends differently than today."""
    names = ("saved", "lost", "changed", "unchanged")
    several = len(personas_of(decision)) > 1
    rows = [
        Row((item.arm, item.persona, *(getattr(item, name) for name in names)))
        for item in decision.comparison.flips
        if several or item.persona == "all"
    ]
    columns: list[tuple[str, Kind]] = [("proposal", "text"), ("persona", "word")]
    return table("flips", columns + [(f"{name}_share", "share") for name in names], rows)


def personas_of(decision: Decision) -> frozenset[str]:
    """Return the personas that anything is said about."""
    return frozenset(item.persona for item in decision.comparison.levels) - {"all"}


def conversion_over_time(decision: Decision) -> Table:
    """Return the share converted by days since entry: today and each proposal, full realism, with a 90 % band."""
    tallies = {flow.arm: flow.tally for flow in decision.comparison.flows}
    chosen = _telling(tallies.values())
    rows = [row for name, tally in tallies.items() for row in _curve(name, tally, chosen)]
    columns: list[tuple[str, Kind]] = [("arm", "word"), ("days_since_entry", "days")]
    return table("conversion_over_time", columns + [(name, "share") for name in ("mean", "q05", "q95")], rows)


def _telling(tallies: Iterable[Tally]) -> list[int]:
    """Return up to 31 time marks: from entry until nearly all conversions have happened, and the horizon."""
    late = 1
    for tally in tallies:
        mean = tally.converted_by[:, 0].mean(axis=0)
        late = max(late, int(np.searchsorted(mean, _NEARLY_ALL * mean[-1])))
    last = len(mean) - 1
    end = min(last, late + 2)
    return sorted({*np.linspace(0, end, min(end + 1, 30)).astype(int).tolist(), last})


def _curve(name: str, tally: Tally, chosen: list[int]) -> Iterable[Row]:
    for k in chosen:
        values = tally.converted_by[:, 0, k]
        low, high = (float(q) for q in np.quantile(values, [0.05, 0.95]))
        yield Row((name, float(tally.marks[k]), float(values.mean()), low, high))
