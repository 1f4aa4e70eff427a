"""The comparison on a terminal: one row per proposal, readable at 100 columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from journeysim.decide.decision import Decision, Verdict
from journeysim.report.numbers import DASH, Kind, Value, bare, written
from journeysim.report.tables import Table, money_shown
from journeysim.report.tables.effects import differences
from journeysim.report.words import Language, language

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_METRICS: Final = (("conversion",), ("churn", "loss"), ("margin", "clv"))


def comparison_table(decision: Decision, lang: str = "en") -> RichTable:
    """Return proposals as rows: differences with range and chance of being better, NPV, P(net benefit > 0), payback."""
    from rich.markup import escape
    from rich.table import Table as Made

    say = language(lang, decision.currency)
    money = money_shown(decision)
    item = differences(decision, money=money)
    made = Made(box=None, pad_edge=False, padding=(0, 2, 1, 0), caption_justify="left")
    made.add_column(say["col.proposal"], overflow="fold", style="bold", ratio=3)
    shown = [name for names in _METRICS if (name := _first(item, names)) is not None]
    for name in shown:
        made.add_column(say.word("metric", name), ratio=4)
    for key in ("col.npv", "col.p_net_benefit", "col.payback") if money else ():
        made.add_column(say[key], ratio=3)
    for verdict in decision.verdicts:
        cells = [_difference(item, verdict.proposal, name, say) for name in shown]
        made.add_row(escape(verdict.proposal), *cells, *(_money(verdict, say) if money else ()))
    made.caption = say["terminal.caption"] if money else say["no_money"]
    return made


def _first(item: Table, names: tuple[str, ...]) -> str | None:
    """Return the first of the metrics that differs in some proposal."""
    for name in names:
        part = item.where(metric=name)
        ends = [*part.numbers("difference_q05"), *part.numbers("difference_q95")]
        if any(math.isfinite(end) and end != 0 for end in ends):
            return name
    return None


def _difference(item: Table, proposal: str, metric: str, say: Language) -> str:
    row = item.find(metric=metric, proposal=proposal)
    if row is None:
        return DASH
    kind = item.kind(row, "difference_mean")
    mean, low, high = (_bare(item.at(row, f"difference_{name}"), kind, say) for name in ("mean", "q05", "q95"))
    unit = f" {say['points.short']}" if kind == "points" else f" {say.currency}" if kind == "money difference" else ""
    chance = written(item.at(row, "p_better"), "chance", say)
    return f"{mean}{unit}\n[{low}, {high}]\n{say['better']} {chance}".replace("[", "\\[")


def _bare(value: Value, kind: Kind, say: Language) -> str:
    return bare(value, kind, say) if isinstance(value, (int, float)) else DASH


def _money(verdict: Verdict, say: Language) -> tuple[str, str, str]:
    full = verdict.full
    low, high = (_bare(value, "money", say) for value in (full.npv.q05, full.npv.q95))
    months = written(full.payback_months.q50, "months", say)
    payback = (
        months
        if full.payback_months.q50 is None
        else f"{months}\n{say['within']} {written(full.p_pays_back, 'chance', say)}"
    )
    return (
        f"{written(full.npv.mean, 'money', say)}\n\\[{low}, {high}]",
        written(full.p_net_benefit, "chance", say),
        payback,
    )
