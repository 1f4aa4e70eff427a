"""money.xlsx: the formulas, worked out by a second evaluator, give the mean case of the run."""

from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare import compare
from journeysim.decide import decide, horizon_months
from journeysim.decide.decision import Fit
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Investment, Money
from journeysim.report.words import language
from journeysim.report.workbook import write_workbook
from outcomes_builder import bank_draws, bank_outcomes, more_calls
from spreadsheet import Spreadsheet

MONEY = Money(discount_value=0.21, discount_cost=0.04, currency="CHF")
DEAR = Investment(
    Range(8_000.0, 12_000.0, Scale.POSITIVE), Range(1.0, 3.0, Scale.POSITIVE), ((1, Fixed(300.0)), (7, Fixed(450.0)))
)


@pytest.fixture(scope="module")
def decided():
    proposals = (
        more_calls(Range(0.9, 2.4, Scale.POSITIVE), invest=DEAR),
        more_calls(0.8, name="=1+1", realism=(0.25, 0.5)),
    )
    found = compare(bank_outcomes(*proposals, draws=bank_draws(100)), horizon_months=horizon_months(MONEY))
    return decide(found, proposals=proposals, money=MONEY, fit=Fit("posterior"), seed=11)


@pytest.fixture
def book(decided, tmp_path):
    write_workbook(decided, MONEY, tmp_path / "money.xlsx", language("en", "CHF"))
    return Spreadsheet(tmp_path / "money.xlsx")


def test_the_formulas_reproduce_the_mean_case(decided, book):
    assert book.sheets == ["Summary", "Assumptions", "P1", "P2"]
    for number, verdict in enumerate(decided.verdicts, 1):
        case = verdict.full
        assert book.value(f"P{number}!B4") == pytest.approx(case.npv.mean, rel=1e-9)
        assert book.value(f"P{number}!B5") == pytest.approx(case.invested, rel=1e-9)
        total = [book.value(f"P{number}!J{row}") for row in range(12, 12 + 25)]
        assert np.allclose(total, case.cumulative.mean(axis=0), rtol=1e-9)
        assert book.value(f"Summary!H{number + 2}") == pytest.approx(0.0, abs=1e-6)


def test_break_even_realism_and_payback_of_the_mean_case(decided, book):
    first = decided.verdicts[0]
    assert book.value("P1!B8") == pytest.approx(first.break_even_realism, rel=1e-9)
    below = np.flatnonzero(first.full.cumulative.mean(axis=0) < 0)
    assert book.value("P1!B7") == below[-1] + 1
    assert book.value("P2!B7") == "–"
    assert book.value("P1!B6") == pytest.approx(first.full.npv.mean / first.full.invested)


def test_where_queues_bend_the_effect_months_stand_as_they_were_run(decided, tmp_path):
    """The second proposal was run at 50 % at most: its months are those, and the realism that breaks even is a number."""
    bent = [replace(item, proportional=False, break_even_realism=0.125) for item in decided.verdicts]
    write_workbook(replace(decided, verdicts=tuple(bent)), MONEY, tmp_path / "money.xlsx", language("en", "CHF"))
    found, case = Spreadsheet(tmp_path / "money.xlsx"), decided.verdicts[1].full
    assert found.value("P2!B2") == 0.5
    assert found.value("P2!B13") == pytest.approx(case.months.value[0])
    assert found.value("P2!J36") == pytest.approx(case.npv.mean)
    assert found.value("P2!B8") == 0.125
    assert found.value("Summary!F4") == 0.125


def test_every_formula_is_stored_with_the_value_it_has(book):
    assert len(book.formulas) > 200
    for at, stored in book.stored.items():
        worked = book.value(at)
        assert worked == stored if isinstance(stored, str) else worked == pytest.approx(stored, rel=1e-9, abs=1e-6), at


def test_the_formulas_are_live(decided, book):
    """At half the realism the gain halves and the investment stays; a higher cost rate makes money paid later cheaper."""
    case = decided.verdicts[0].full
    book.set("P1!B2", 0.5)
    assert book.value("P1!B4") == pytest.approx((case.npv.mean + case.invested) / 2 - case.invested, rel=1e-9)
    before = book.value("P1!B5")
    book.set("Assumptions!B3", 0.5)
    assert book.value("P1!B5") < before


def test_a_name_that_looks_like_a_formula_stays_a_name(book):
    assert book.inputs["P2!A1"] == "=1+1"
    assert "P2!A1" not in book.formulas


def test_the_same_run_gives_the_same_bytes(decided, tmp_path):
    for name in ("a", "b"):
        write_workbook(decided, MONEY, tmp_path / f"{name}.xlsx", language("fr", "CHF"))
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
