"""What a run says of its customers: how many, why so many, and how small that makes Monte Carlo noise."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

import pytest

from decision_builder import build_decision
from journeysim.report import html
from journeysim.report.kept import keep, read_kept
from journeysim.report.results import WITHHELD, results
from journeysim.report.tables import tables_of, to_csv
from journeysim.report.words import language
from journeysim.simulate.outcomes import Engine
from journeysim.simulate.precision import Precision, Reached

REACHED = (
    Reached("video ID", "clv", 12.5, 5.0, 0.9, 0.09),
    Reached("fewer forms", "conversion", 0.02, 0.01, 0.001, 0.0001),
)
FOUND = Precision(6_144, True, 0.2, 20_480, REACHED)


def walked(decision, precision=FOUND):
    outcomes = dataclasses.replace(
        decision.comparison.outcomes, engine=Engine("walk", "memory"), precision=precision, agreement=()
    )
    return dataclasses.replace(decision, comparison=dataclasses.replace(decision.comparison, outcomes=outcomes))


def test_the_table_holds_each_proposal_in_its_own_unit(decision, scenario):
    item = tables_of(walked(decision), scenario)["monte_carlo"]
    assert item.at(0, "noise_share") == pytest.approx(0.18)
    assert [item.kind(row, "noise_of_a_draw") for row in (0, 1)] == ["money", "share"]
    assert [item.kind(row, "mean_difference") for row in (0, 1)] == ["money difference", "points"]
    head, first, *_ = csv.reader(io.StringIO(to_csv(item)))
    assert head == [
        "proposal", "metric", "unit", "mean_difference", "spread_over_draws", "noise_of_a_draw", "noise_of_all_draws",
        "noise_share",
    ]  # fmt: skip
    assert first == ["video ID", "clv", "EUR", "12.5", "5", "0.9", "0.09", "0.18"]
    assert tables_of(decision, scenario)["monte_carlo"].rows == ()


def test_sums_of_money_are_withheld_where_all_are_and_parts_are_not(decision, scenario):
    distrusted = walked(dataclasses.replace(decision, trust=dataclasses.replace(decision.trust, grade="E")))
    item = tables_of(distrusted, scenario)["monte_carlo"]
    assert item.rows[0].cells[3:] == (None, None, None, None, pytest.approx(0.18))
    assert item.at(1, "noise_of_a_draw") == 0.001
    first, second = results(distrusted, scenario)["precision"]["arms"]
    assert (first["noise"], first["reason"], first["noise_share"]) == (None, WITHHELD, pytest.approx(0.18))
    assert second["noise"] == 0.001


def test_the_document_says_how_many_why_and_how_precise(decision, scenario):
    made = results(walked(decision), scenario)["precision"]
    assert (made["customers"], made["found"], made["enough"], made["asked"]) == (6_144, True, True, 0.2)
    assert made["control"] is None
    held = dataclasses.replace(FOUND, slope=0.9, gain=math.inf)
    assert results(walked(decision, held), scenario)["precision"]["control"] == {"slope": 0.9, "gain": None}
    assert made["arms"][1] == {
        "arm": "fewer forms", "metric": "conversion", "mean": 0.02, "spread": 0.01, "noise": 0.001, "error": 0.0001,
        "noise_share": 0.1,
    }  # fmt: skip
    endless = dataclasses.replace(FOUND, arms=(Reached("video ID", "clv", 0.0, 0.0, 1.0, 0.1),))
    made = results(walked(decision, endless), scenario)
    assert made["precision"]["arms"][0]["noise_share"] is None
    assert json.dumps(made, allow_nan=False)
    assert results(decision, scenario)["precision"] is None


@pytest.mark.parametrize(
    ("lang", "change", "said"),
    [
        ("en", {}, "6,144 customers in every draw, as many as it took. Monte Carlo noise is 18.0% of the spread"),
        ("en", {"asked": 0.1}, "6,144 customers in every draw, the most a run takes by itself. Monte Carlo noise"),
        ("en", {"found": False}, "6,144 customers in every draw, as the scenario says. Monte Carlo noise is 18.0%"),
        ("en", {"arms": ()}, "6,144 customers in every draw, as many as it took."),
        ("en", {"slope": 0.9, "gain": 6.5}, "that divides the variance of Monte Carlo noise by 6.5"),
        ("fr", {}, "clients dans chaque tirage, autant qu’il en fallait. Le bruit de Monte-Carlo vaut 18,0"),
    ],
)
def test_the_method_says_it_in_a_sentence(lang, change, said):
    assert said in html._customers(dataclasses.replace(FOUND, **change), language(lang, "EUR"))


def test_the_page_shows_the_table_and_the_sentence(decision, scenario):
    page = html.page_of(walked(decision), scenario, manifest={"command": "journeysim run"}, lang="en").html
    assert "6,144 customers in every draw, as many as it took." in page
    assert "<h3>Monte Carlo noise</h3>" in page
    assert "Noise of a draw" in page


def test_a_kept_page_keeps_it(scenario, tmp_path):
    decision = walked(build_decision(scenario, draws=40))
    keep(decision, scenario, tmp_path / "page.npz", lang="en")
    assert read_kept(tmp_path / "page.npz").decision.comparison.outcomes.precision == FOUND


def test_noise_is_part_of_the_spread_and_unknown_from_one_block():
    assert Reached("a", "clv", 1.0, 0.0, 0.0, 0.0).part == 0.0
    assert Reached("a", "clv", 1.0, 0.0, 0.1, 0.0).part == math.inf
    unknown = Precision(512, False, 0.2, 2048, (Reached("a", "clv", 1.0, math.nan, math.nan, math.nan),))
    assert math.isnan(unknown.arms[0].part)
    assert unknown.worst is None
