"""The comparison on a terminal."""

import io

from rich.console import Console

from decision_builder import build_decision, renamed, small_scenario
from journeysim.report import comparison_table


def shown(decision, lang="en"):
    console = Console(width=100, color_system=None, record=True, file=io.StringIO())
    console.print(comparison_table(decision, lang))
    return console.export_text()


def test_reads_at_a_hundred_columns(decision):
    text = shown(decision)
    assert max(len(line) for line in text.splitlines()) <= 100
    for part in ("video ID", "fewer forms", "Conversion", "NPV", "better:", "pts", "pays back:"):
        assert part in text
    assert "…" not in text


def test_grade_e_shows_no_money(scenario):
    text = shown(build_decision(scenario, draws=40, grade="E"))
    assert "EUR" not in text
    assert "NPV" not in text


def test_names_are_not_markup():
    scenario = renamed(small_scenario(), {"video ID": "[red]x[/red]"})
    assert "[red]x[/red]" in shown(build_decision(scenario, draws=40)).replace("\n", "")


def test_french(decision):
    assert "mieux" in shown(decision, "fr")
