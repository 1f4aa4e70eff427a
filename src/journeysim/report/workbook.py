"""money.xlsx: the mean case as live formulas, so that a planner can change a rate or a sum and see what it does.

Inputs are numbers, everything else is a formula over them: one sheet per proposal by month, and a summary that sets
each result beside the simulation's. The value a formula has is stored with it, for readers that do not calculate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.decide.decision import Decision, Verdict
from journeysim.model.scenario import Money
from journeysim.model.units import DAYS_PER_MONTH, DAYS_PER_YEAR, discount_factor
from journeysim.report.numbers import DASH
from journeysim.report.words import Language

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

FILE: Final = "money.xlsx"
ASSUMPTIONS: Final = "Assumptions"
SUMMARY: Final = "Summary"
#: Cells of the assumptions that formulas name.
VALUE_RATE, COST_RATE, MONTH, YEAR = (f"{ASSUMPTIONS}!$B${row}" for row in (2, 3, 4, 5))
FIRST: Final = 12
#: A fixed date, so that the same run gives the same bytes.
_MADE: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - the format knows no zones
_HEADS: Final = (
    "month", "value", "cost", "running", "single", "factor.value", "factor.cost", "factor.start", "present", "total",
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class _Formats:
    """How cells look: titles, inputs that may be changed, money, factors and shares."""

    title: Format
    head: Format
    money_in: Format
    share_in: Format
    money: Format
    factor: Format
    share: Format


def write_workbook(decision: Decision, money: Money, path: Path, language: Language) -> None:
    """Write the mean case of every proposal at the highest realism of its grid."""
    from xlsxwriter import Workbook

    book = Workbook(path)
    book.set_properties({"title": language["book.title"], "created": _MADE})
    formats = _formats(book)
    summary = book.add_worksheet(SUMMARY)
    _assumptions(book.add_worksheet(ASSUMPTIONS), money, formats, language)
    for number, verdict in enumerate(decision.verdicts, 1):
        _proposal(book.add_worksheet(f"P{number}"), verdict, money, formats, language)
    _summary(summary, decision.verdicts, formats, language)
    book.close()


def _formats(book: Workbook) -> _Formats:
    money, entered = "#,##0;[Red]-#,##0", {"bg_color": "#FFF6D6"}
    return _Formats(
        title=book.add_format({"bold": True, "font_size": 13}),
        head=book.add_format({"bold": True, "text_wrap": True, "bottom": 1, "valign": "top"}),
        money_in=book.add_format({"num_format": money, **entered}),
        share_in=book.add_format({"num_format": "0.0%", **entered}),
        money=book.add_format({"num_format": money}),
        factor=book.add_format({"num_format": "0.0000"}),
        share=book.add_format({"num_format": "0.0%"}),
    )


def _assumptions(sheet: Worksheet, money: Money, formats: _Formats, language: Language) -> None:
    sheet.set_column(0, 0, 44)
    sheet.write_string(0, 0, language["book.inputs"], formats.title)
    for row, (key, number, kind) in enumerate(
        (
            ("book.rate.value", money.discount_value, formats.share_in),
            ("book.rate.cost", money.discount_cost, formats.share_in),
            ("book.days.month", DAYS_PER_MONTH, formats.factor),
            ("book.days.year", DAYS_PER_YEAR, formats.factor),
        ),
        1,
    ):
        sheet.write_string(row, 0, language[key])
        sheet.write_number(row, 1, number, kind)
    sheet.write_string(6, 0, language["book.note"])


def _proposal(sheet: Worksheet, verdict: Verdict, money: Money, formats: _Formats, language: Language) -> None:
    case, last = verdict.full, FIRST + len(verdict.full.months.value)
    sheet.set_column(0, 9, 15)
    sheet.set_column(0, 0, 34)
    sheet.write_string(0, 0, verdict.proposal, formats.title)
    sheet.write_string(1, 0, language["col.realism"])
    sheet.write_number(1, 1, case.realism, formats.share_in if verdict.proportional else formats.share)
    sheet.write_string(2, 0, language["book.upfront"])
    sheet.write_number(2, 1, case.months.upfront, formats.money_in)
    for row, (key, formula, kind) in enumerate(_results(last, formats), 3):
        sheet.write_string(row, 0, language[key])
        if key == "book.even" and not verdict.proportional:
            _put(sheet, row, verdict.break_even_realism, kind)
        else:
            sheet.write_formula(row, 1, formula, kind, _stored(verdict, key))
    for column, name in enumerate(_HEADS):
        sheet.write_string(FIRST - 2, column, language[f"book.{name}"], formats.head)
    sheet.write_number(FIRST - 1, 0, 0)
    sheet.write_formula(FIRST - 1, 8, "=-B3", formats.money, -case.months.upfront)
    sheet.write_formula(FIRST - 1, 9, f"=I{FIRST}", formats.money, -case.months.upfront)
    for month in range(1, last - FIRST + 1):
        _month(sheet, verdict, month, money, formats)
    sheet.freeze_panes(FIRST - 1, 1)


def _put(sheet: Worksheet, row: int, value: float | None, kind: Format) -> None:
    """Write a result that no formula over the months gives."""
    if value is None:
        sheet.write_string(row, 1, DASH)
    else:
        sheet.write_number(row, 1, value, kind)


def _results(last: int, formats: _Formats) -> tuple[tuple[str, str, Format], ...]:
    """Return the results of a proposal's sheet as formulas over its months."""
    rows = {name: f"{name}{FIRST + 1}:{name}{last}" for name in "BCDEFGH"}
    total, months = f"J{FIRST}:J{last}", f"A{FIRST}:A{last}"
    gain = f"SUMPRODUCT({rows['B']},{rows['F']})-SUMPRODUCT({rows['C']},{rows['G']})"
    spent = f"B3+SUMPRODUCT({rows['D']},{rows['G']})+SUMPRODUCT({rows['E']},{rows['H']})"
    return (
        ("book.npv", f"=J{last}", formats.money),
        ("book.invested", f"={spent}", formats.money),
        ("book.roi", '=IF(B5>0,B4/B5,"–")', formats.factor),
        ("book.payback", f'=IF(J{last}<0,"–",SUMPRODUCT(MAX(({total}<0)*({months}+1))))', formats.money),
        ("book.even", f'=IF({gain}>0,B5/({gain}),"–")', formats.share),
    )


def _month(sheet: Worksheet, verdict: Verdict, month: int, money: Money, formats: _Formats) -> None:
    """Write one month; `row` counts from 0, formulas from 1.

    What is not in proportion to realism stands as it was run, at the realism it was run at.
    """
    case = verdict.full
    row, at, found = FIRST + month - 1, FIRST + month, case.months
    full = case.realism if case.realism > 0 and verdict.proportional else 1.0
    sheet.write_number(row, 0, month)
    paid = (found.value / full, found.cost / full, found.running, found.single)
    for column, sums in enumerate(paid, 1):
        sheet.write_number(row, column, float(sums[month - 1]), formats.money_in)
    when = ((VALUE_RATE, money.discount_value, 0.5), (COST_RATE, money.discount_cost, 0.5))
    for column, (rate, number, within) in enumerate((*when, (COST_RATE, money.discount_cost, 1.0)), 5):
        stored = discount_factor(number, (month - within) * DAYS_PER_MONTH)
        sheet.write_formula(row, column, f"=(1+{rate})^(-(A{at}-{within})*{MONTH}/{YEAR})", formats.factor, stored)
    part = "$B$2*" if verdict.proportional else ""
    worth = f"={part}(B{at}*F{at}-C{at}*G{at})-D{at}*G{at}-E{at}*H{at}"
    total = case.cumulative.mean(axis=0)
    sheet.write_formula(row, 8, worth, formats.money, float(total[month] - total[month - 1]))
    sheet.write_formula(row, 9, f"=J{at - 1}+I{at}", formats.money, float(total[month]))


def _stored(verdict: Verdict, key: str) -> float | str:
    """Return what a result's formula gives, for readers that do not calculate."""
    case = verdict.full
    total = case.cumulative.mean(axis=0)
    net, spent = float(total[-1]), case.invested
    gain = (net + spent) / case.realism if case.realism > 0 else 0.0
    below = np.flatnonzero(total < 0)
    found: dict[str, float | str] = {
        "book.npv": net,
        "book.invested": spent,
        "book.roi": net / spent if spent > 0 else DASH,
        "book.payback": DASH if net < 0 else float(below[-1] + 1 if len(below) else 0),
        "book.even": spent / gain if gain > 0 else DASH,
    }
    if not verdict.proportional:
        found["book.even"] = DASH if verdict.break_even_realism is None else verdict.break_even_realism
    return found[key]


def _summary(sheet: Worksheet, verdicts: Sequence[Verdict], formats: _Formats, language: Language) -> None:
    keys = ("book.npv", "book.invested", "book.roi", "book.payback", "book.even")
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 7, 18)
    sheet.write_string(0, 0, language["book.title"], formats.title)
    for column, key in enumerate(("col.proposal", *keys, "book.simulated", "book.gap")):
        sheet.write_string(1, column, language[key], formats.head)
    kinds = (formats.money, formats.money, formats.factor, formats.money, formats.share)
    for number, verdict in enumerate(verdicts, 1):
        row, total = number + 1, verdict.full.cumulative.mean(axis=0)
        sheet.write_string(row, 0, verdict.proposal)
        for column, (key, kind) in enumerate(zip(keys, kinds, strict=True), 1):
            sheet.write_formula(row, column, f"=P{number}!B{column + 3}", kind, _stored(verdict, key))
        sheet.write_number(row, 6, float(total[-1]), formats.money)
        sheet.write_formula(row, 7, f"=B{row + 1}-G{row + 1}", formats.money, 0.0)
