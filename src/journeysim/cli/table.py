"""One table over stored runs: a row per arm, today first."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from journeysim.cli.stored import Range, StoredArm, StoredRun

if TYPE_CHECKING:
    from rich.table import Table

DASH: Final = "–"
WIDTH: Final = 110


def show_table(table: Table) -> None:
    """Write a table for people, at the terminal's width or a readable one elsewhere."""
    from rich.console import Console

    out = Console(file=sys.stderr, highlight=False)
    if not out.is_terminal:
        out = Console(file=sys.stderr, highlight=False, width=WIDTH)
    out.print(table)


def table_of(runs: Sequence[StoredRun]) -> Table:
    """Return the runs as a table for the terminal."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption_justify="left")
    metric = runs[0].metric
    money = ("net present value", "P(net > 0)", "payback", "trust")
    for name in ("run", "arm", metric, "difference", "P(better)", *money):
        made.add_column(name, overflow="fold", justify="left" if name in {"run", "arm"} else "right")
    for run in runs:
        for at, arm in enumerate(run.arms):
            head = (run.folder.name, arm.name, *_cells(arm, run.currency), run.grade)
            made.add_row(*(escape(cell) for cell in (head if at == 0 else ("", *head[1:-1], ""))))
    made.caption = (
        "Means with 90 % ranges, full effect, all customers of a cohort; differences from the same run's today."
    )
    return made


def _cells(arm: StoredArm, currency: str) -> tuple[str, ...]:
    months = DASH if arm.payback_months is None else f"{arm.payback_months:.0f} months"
    return (
        _ranged(arm.level, arm.unit),
        _ranged(arm.difference, arm.unit, sign="+"),
        _chance(arm.p_better),
        _ranged(arm.npv, currency),
        _chance(arm.p_net_benefit),
        months if arm.role == "proposal" else DASH,
    )


def _ranged(value: Range, unit: str, sign: str = "") -> str:
    if value.mean is None or value.low is None or value.high is None:
        return DASH
    mean, low, high = (_number(number, unit, sign) for number in (value.mean, value.low, value.high))
    return f"{mean} [{low}, {high}]"


def _number(value: float, unit: str, sign: str) -> str:
    if unit == "share":
        return f"{100 * value:{sign}.2f} %"
    return f"{value:{sign},.0f}" if abs(value) >= 1000 else f"{value:{sign}.3g}"


def _chance(value: float | None) -> str:
    return DASH if value is None else f"{100 * value:.0f} %"


def csv_of(runs: Sequence[StoredRun]) -> str:
    """Return the same rows as CSV with full precision; a text that a spreadsheet would run gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    spread = ("mean", "q05", "q95")
    money = ("npv_mean", "npv_q05", "npv_q95", "p_net_benefit", "payback_months", "currency", "trust")
    head = ("run", "scenario", "arm", "role", "metric", "unit")
    writer.writerow([*head, *spread, *(f"difference_{name}" for name in spread), "p_better", *money])
    for run in runs:
        for arm in run.arms:
            writer.writerow([_cell(value) for value in _row(run, arm)])
    return out.getvalue()


def _row(run: StoredRun, arm: StoredArm) -> list[str | float | None]:
    ranges = [number for item in (arm.level, arm.difference) for number in (item.mean, item.low, item.high)]
    money = [arm.npv.mean, arm.npv.low, arm.npv.high, arm.p_net_benefit, arm.payback_months, run.currency, run.grade]
    return [run.folder.name, run.scenario, arm.name, arm.role, run.metric, arm.unit, *ranges, arm.p_better, *money]


def _cell(value: str | float | None) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value
    return "" if value is None else f"{value:.10g}"
