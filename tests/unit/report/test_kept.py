"""What a run keeps for its page: enough for the very same page, nothing that can be executed, no money at grade E."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

import numpy as np
import pytest
from hypothesis import given, settings

from decision_builder import build_decision
from journeysim.files import read_scenario
from journeysim.model.changes.base import Change
from journeysim.model.quantity import Counts, Moments, Named, Quantiles, Quantity, Range, Scale, Trialled
from journeysim.report.html import page_of
from journeysim.report.kept import keep, read_kept
from journeysim.report.packing import classes, packed, unpacked
from journeysim.report.results import results
from strategies import scenarios

MANIFEST = {"command": "journeysim run x.yaml", "versions": {"numpy": "2"}}


@pytest.mark.parametrize("grade", ["B", "E"])
def test_gives_the_very_same_page_and_results(scenario, tmp_path, grade):
    decision = build_decision(scenario, draws=40, grade=grade)
    keep(decision, scenario, tmp_path / "page.npz", lang="en")
    kept = read_kept(tmp_path / "page.npz")
    assert kept.lang == "en"
    assert kept.scenario == scenario
    assert results(kept.decision, kept.scenario) == results(decision, scenario)
    for lang in ("en", "fr"):
        before, after = (
            page_of(one, other, manifest=MANIFEST, lang=lang)
            for one, other in ((decision, scenario), (kept.decision, kept.scenario))
        )
        assert after == before


def test_money_is_left_out_where_the_page_has_none(scenario, tmp_path):
    keep(build_decision(scenario, draws=40, grade="E"), scenario, tmp_path / "page.npz", lang="en")
    found = read_kept(tmp_path / "page.npz").decision
    assert found.best is None
    assert np.isnan(found.evpi)
    cases = [case for verdict in found.verdicts for case in verdict.cases]
    assert len(cases) == 6
    assert all(case.npv.mean is None and case.net.size == case.cumulative.size == 0 for case in cases)
    levels = [item for item in found.comparison.levels if item.unit == "money"]
    assert len(levels) > 0
    assert all(item.spread.mean is None and item.sd_not_knowing is None for item in levels)
    assert all(np.all(flow.tally.value_at == 0) for flow in found.comparison.flows)


def test_same_bytes_for_the_same_values_and_never_over_a_file(decision, scenario, tmp_path):
    for name in ("one.npz", "two.npz"):
        keep(decision, scenario, tmp_path / name, lang="en")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with pytest.raises(FileExistsError):
        keep(decision, scenario, tmp_path / "one.npz", lang="en")


def test_where_the_data_lay_is_not_kept(decision, scenario, tmp_path):
    named = replace(scenario, calibration="/secret/data", events="/secret/log.csv")
    keep(decision, named, tmp_path / "page.npz", lang="en")
    assert read_kept(tmp_path / "page.npz").scenario == scenario
    with np.load(tmp_path / "page.npz") as stored:
        assert b"secret" not in stored["content"].tobytes()


def there_and_back(value):
    arrays = []
    return unpacked(packed(value, arrays), arrays)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 0.1 + 0.2, float("inf"), -0.0, "x", (), ((1, "a"), (2, "b")), Scale.SHARE,
        Range(0.1, 0.2, Scale.SHARE), Counts(3, 9), Moments(1.0, 0.5), Quantiles(1, 2, 3, Scale.POSITIVE),
        Named("beta", (2.0, 3.0)), Trialled(Counts(3, 9), Counts(5, 9), Range(1.0, 1.5, Scale.POSITIVE)),
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(value):
    found = there_and_back(value)
    assert found == value
    assert type(found) is type(value)
    assert str(found) == str(value)


def test_an_array_that_values_share_is_kept_once():
    one, other, arrays = np.zeros(3), np.zeros(3), []
    assert packed((one, other, one), arrays) == [{"array": 0}, {"array": 1}, {"array": 0}]
    assert [item is mine for item, mine in zip(arrays, (one, other), strict=True)] == [True, True]


def test_every_kind_of_change_and_quantity_can_be_kept():
    names = {kind.__name__ for base in (Quantity, Change) for kind in base.__subclasses__()}
    assert {"AddTouchpoint", "AdjustShare", "Reroute", "Counts"} <= names
    assert names - classes().keys() == set()


@settings(max_examples=20)
@given(scenarios())
def test_any_scenario_comes_back_equal(scenario):
    assert there_and_back(scenario) == scenario


@pytest.mark.parametrize("name", ["subscription", "online_shop", "aida"])
def test_whole_scenarios_come_back_equal(name):
    from journeysim.cli.init import examples

    scenario = read_scenario(examples() / name / "scenario.yaml")
    assert there_and_back(scenario) == scenario


class Mood(Enum):
    """No enum of the model."""

    GOOD = 1


@pytest.mark.parametrize("value", [object(), {"a": 1}, {1, 2}, Mood.GOOD, b"x", 1j])
def test_what_is_no_value_of_the_model_is_refused(value):
    with pytest.raises(TypeError):
        packed(value, [])


@pytest.mark.parametrize(
    "item", [{}, {"a": 1}, {"class": "Popen"}, {"enum": "Range", "name": "low"}, {"class": "Range", "x": 1}]
)
def test_what_is_no_packed_value_is_refused(item):
    with pytest.raises((KeyError, TypeError, ValueError)):
        unpacked(item, [])
