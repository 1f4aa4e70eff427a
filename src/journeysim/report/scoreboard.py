"""The scoreboard under the answer: one row per proposal, the difference first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from journeysim.report.numbers import DASH, Kind, bare, written
from journeysim.report.tables import Table
from journeysim.report.tables.table import as_float
from journeysim.report.words import Language


@final
@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the scoreboard: what is said large, and its range or remark below."""

    main: str
    below: str = ""


@final
@dataclass(frozen=True, slots=True)
class Score:
    """One proposal's row: differences in conversion and margin, NPV, chance of a net benefit, payback."""

    proposal: str
    number: int
    conversion: Figure
    margin: Figure | None
    npv: Figure | None
    chance: Figure | None
    percent: float
    payback: Figure | None


def scoreboard(tables: Mapping[str, Table], proposals: Sequence[str], say: Language) -> tuple[Score, ...]:
    """Return one row per proposal; money figures are None where money is not shown."""
    return tuple(_score(tables, name, number, say) for number, name in enumerate(proposals))


def _score(tables: Mapping[str, Table], name: str, number: int, say: Language) -> Score:
    changes, decision = tables["differences"], tables.get("decision")
    row = None if decision is None else decision.find(proposal=name)
    money = (None, None, 0.0, None) if decision is None or row is None else _money(decision, row, say)
    return Score(name, number, _difference(changes, "conversion", name, say) or Figure(DASH),
                 _difference(changes, "margin", name, say), *money)  # fmt: skip


def _difference(item: Table, metric: str, proposal: str, say: Language) -> Figure | None:
    row = item.find(metric=metric, proposal=proposal)
    if row is None:
        return None
    kind = item.kind(row, "difference_mean")
    mean = written(item.at(row, "difference_mean"), kind, say)
    low, high = (as_float(item.at(row, f"difference_{name}")) for name in ("q05", "q95"))
    unit = f" {say['points.short']}" if kind == "points" else ""
    return Figure(mean + unit, _between(low, high, kind, say))


def _between(low: float, high: float, kind: Kind, say: Language) -> str:
    """Return a range without the currency: the number above it names it."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return say["to"].format(low=bare(low, kind, say), high=bare(high, kind, say))


def _money(item: Table, row: int, say: Language) -> tuple[Figure, Figure, float, Figure]:
    unit = f"_{say.currency.lower()}"
    low, high = (as_float(item.at(row, f"npv_{name}{unit}")) for name in ("q05", "q95"))
    npv = Figure(written(item.at(row, f"npv_mean{unit}"), "money", say), _between(low, high, "money", say))
    chance = as_float(item.at(row, "p_net_benefit"))
    even = item.at(row, "break_even_realism")
    breaks = say["board.even"].format(share=written(even, "chance", say)) if even is not None else say["board.never"]
    months = item.at(row, "payback_q50_months")
    middle = DASH if months is None else say["months"].format(n=written(months, "months", say))
    pays = say["board.pays"].format(share=written(item.at(row, "p_pays_back"), "chance", say))
    return npv, Figure(written(chance, "chance", say), breaks), 100 * chance, Figure(middle, pays)
