"""At trust grade E no money figure is shown anywhere: page, tables, results, workbook, kept page, terminal."""

import io
import json

import pytest

from decision_builder import build_decision, small_scenario
from journeysim.report import render
from journeysim.report.kept import read_kept
from journeysim.report.results import results
from journeysim.report.terminal import comparison_table

#: Keys of results.json that hold money at every other grade; a unit says it of metrics and contrasts.
MONEY_KEYS = {
    "npv", "roi", "internal_rate", "payback_months", "p_net_benefit", "p_pays_back", "expected_loss", "loss_risk",
    "paid_back_by", "evpi", "evppi", "evppi_error", "net_at_q05", "net_at_q95", "at_stake", "per_point", "recoverable",
    "break_even_realism", "p_break_even", "thresholds", "tests", "contributions", "portfolio", "frontiers", "best",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("grade") / "run"
    render(build_decision(grade="E"), small_scenario(), made, manifest={})
    return made


def numbers_in(value):
    """Yield every number below a value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def money_below(value):
    """Yield every number that stands under a key about money, or in a row whose unit is the currency."""
    if isinstance(value, dict):
        if value.get("unit") == "EUR":
            yield from numbers_in({key: item for key, item in value.items() if key != "realism"})
        for key, item in value.items():
            yield from numbers_in(item) if key in MONEY_KEYS else money_below(item)
    elif isinstance(value, list):
        for item in value:
            yield from money_below(item)


def test_results_hold_no_money(folder):
    document = json.loads((folder / "results.json").read_text())
    assert list(money_below(document)) == []
    shown = json.loads(json.dumps(results(build_decision(grade="B"), small_scenario())))
    assert len(list(money_below(shown))) > 500, "the same search finds them where they are shown"


def test_there_is_no_workbook_and_no_table_about_money(folder):
    assert not (folder / "money.xlsx").exists()
    heads = {path.stem: path.read_text().splitlines()[0] for path in (folder / "tables").iterdir()}
    assert not [name for name, head in heads.items() if "_eur" in head]
    assert not heads.keys() & {
        "decision",
        "realism",
        "cash_flow",
        "portfolio",
        "test_plan",
        "contributions",
        "frontier",
        "payback",
    }


def test_the_page_says_no_sum(folder):
    """Sums are written "EUR 12k"; the scenario's own words, such as the price of a change, are no result."""
    page = (folder / "report.html").read_text()
    own = [word for proposal in small_scenario().proposals for word in (proposal.name, proposal.about)]
    said = page.split('<section id="map"')[0] + page.split('<section id="losses"')[1]
    for word in own:
        said = said.replace(word, "")
    assert "EUR\\u00a0" not in said.replace("&nbsp;", "\\u00a0")
    assert "at stake" not in said.lower()


def test_what_is_kept_for_the_page_gives_the_same(folder):
    kept = read_kept(folder / "page.npz")
    assert list(money_below(json.loads(json.dumps(results(kept.decision, kept.scenario))))) == []


def test_the_terminal_shows_no_money_column():
    from rich.console import Console

    console = Console(width=160, record=True, file=io.StringIO())
    console.print(comparison_table(build_decision(grade="E"), "en"))
    text = console.export_text()
    assert "NPV" not in text
    assert "EUR" not in text
