"""Reference case k1: NPS and CSAT arithmetic (Reichheld 2003)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest

from journeysim.compare.ratings import counted, csat, merged, nps, sample_size, weighted

pytestmark = pytest.mark.reference
CLOSE = {"rel": 1e-9, "abs": 1e-9}


@pytest.fixture(scope="module")
def case(shared):
    return json.loads((shared / "reference_cases" / "k1_nps_csat.json").read_text())


def same(summary, expected):
    found = asdict(summary)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, **CLOSE), name


def test_every_published_count(case):
    groups = case["inputs"]["counts_by_score_0_10"]
    assert len(groups) == 7
    for name, counts in groups.items():
        same(nps(counts), case["expected"]["nps"][name])


def test_merged_groups(case):
    groups = case["inputs"]["counts_by_score_0_10"]
    same(nps(merged([groups["seventy_ten_twenty"], groups["negative"]])), case["expected"]["merged"])


def test_equal_mean_scores_hide_different_nps(case):
    same(nps([0] * 8 + [100, 0, 0]), case["expected"]["same_mean_score_different_nps"]["A"])
    same(nps([0] * 6 + [50, 0, 0, 0, 50]), case["expected"]["same_mean_score_different_nps"]["B"])


def test_csat(case):
    expected = case["expected"]["csat_top2_of_5"]
    found = csat(expected["counts"])
    assert found.csat == pytest.approx(expected["csat"], **CLOSE)
    assert found.mean == pytest.approx(expected["mean"], **CLOSE)


def test_sample_size_and_weighted_segments(case):
    expected = case["expected"]
    assert sample_size(5) == expected["sample_size_for_margin_5_points_worst_case"]
    population = expected["weighted_segments_population"]
    pairs = [(segment["nps"], segment["share"]) for segment in population["segments"].values()]
    assert weighted(pairs) == pytest.approx(population["population_nps"], **CLOSE)


@pytest.mark.parametrize("score", [11, -1, 9.5, math.nan])
def test_rejected_scores(score):
    with pytest.raises(ValueError, match="whole numbers from 0 to 10"):
        counted([9, score], lowest=0, highest=10)


def test_an_empty_group_has_no_nps():
    assert nps([0] * 11) is None
    assert csat([0] * 5) is None
