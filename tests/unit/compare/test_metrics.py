from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare.metrics import (
    METRICS,
    abandonment,
    click_through,
    conversion_quantile,
    csat,
    drop_off,
    metrics_at,
    reach,
)
from journeysim.model.metric_units import GOOD_METRICS, METRIC_UNITS
from journeysim.simulate.tally import Paths, mix_personas, mix_worlds, one_persona
from outcomes_builder import bank, bank_arms, tally_of


@pytest.fixture
def tally():
    return tally_of(bank_arms()[0].worlds[0])


def value(name, tally):
    return next(metric for metric in METRICS if metric.name == name).of(tally)


def test_margin_takes_cost_from_revenue_and_clv_takes_the_discounted_ones(tally):
    assert np.allclose(value("margin", tally), tally.value - tally.cost)
    assert np.allclose(value("clv", tally), 0.95 * tally.value - 0.98 * tally.cost)


def test_directions():
    good = {metric.name: metric.good for metric in METRICS}
    assert {name for name, way in good.items() if way > 0} == {"conversion", "revenue", "margin", "clv", "nps"}
    assert {"churn", "loss", "cost", "effort", "time_to_convert_median"} <= {n for n, way in good.items() if way < 0}
    assert good["active"] == good["touches"] == 0


def test_names_and_units_are_those_the_readers_know():
    assert [(metric.name, metric.unit) for metric in METRICS] == list(METRIC_UNITS.items())


def test_good_directions_are_those_the_readers_know():
    assert {metric.name: metric.good for metric in METRICS if metric.good} == GOOD_METRICS


def test_touches_leave_out_the_arrival_at_an_outcome(tally):
    assert np.allclose(value("touches", tally), tally.visits[..., 0] + tally.visits[..., 1])


def test_drop_off_counts_ends_without_conversion_only(tally):
    shares = bank_arms()[0].worlds[0].draws.values("share")[:, :, 0]
    conversions = frozenset({"signed"})
    assert np.allclose(drop_off("form", conversions).of(tally), shares[..., 1])
    assert np.allclose(drop_off("call", conversions).of(tally), shares[..., 4])
    assert np.allclose(drop_off("call", frozenset()).of(tally), shares[..., 2] + shares[..., 4])


def test_click_through_is_moves_per_visit_of_the_source(tally):
    shares = bank_arms()[0].worlds[0].draws.values("share")[:, :, 0]
    assert np.allclose(click_through("call -> form").of(tally), shares[..., 3])


def test_a_touchpoint_that_nobody_visits_has_no_rates(tally):
    empty = replace(tally, visits=np.zeros_like(tally.visits))
    assert np.isnan(drop_off("form", frozenset()).of(empty)).all()
    assert np.isnan(drop_off("elsewhere", frozenset()).of(tally)).all()


def test_time_to_convert_is_read_off_between_the_marks(tally):
    curve = np.array([[[0.0, 0.1, 0.3, 0.4]]])
    found = replace(tally, marks=np.array([0.0, 10.0, 30.0, 60.0]), converted_by=curve)
    assert conversion_quantile(found, 0.5)[0, 0] == pytest.approx(20.0)
    assert conversion_quantile(found, 0.9)[0, 0] == pytest.approx(48.0)


def test_time_to_convert_of_those_who_convert_on_entry_and_of_nobody(tally):
    marks = np.array([0.0, 10.0])
    at_once = replace(tally, marks=marks, converted_by=np.array([[[0.5, 0.5]], [[0.0, 0.0]]]))
    found = conversion_quantile(at_once, 0.5)
    assert found[0, 0] == 0.0
    assert np.isnan(found[1, 0])


def test_parametrised_metrics_are_named_by_place_and_link(tally):
    names = [metric.name for metric in metrics_at(tally, bank())]
    on_lives = {"touches_to_convert", "effort_to_convert", "bounce", "nps"}
    assert len(names) == len(set(names)) == len(METRICS) - len(on_lives) + 2 + 5
    assert not on_lives & set(names)
    assert "drop_off[call]" in names
    assert "click_through[form -> call]" in names


@pytest.fixture
def told(tally):
    """The bank's tally with what whole lives tell: 0.2 bounce, 3 visits and an effort of 5 to each conversion."""
    ones = np.ones_like(tally.converted)
    paths = Paths(
        reached=0.5 * np.ones_like(tally.visits),
        staged=0.8 * ones[..., None],
        bounced=0.2 * ones,
        touches_to_convert=3.0 * tally.converted,
        effort_to_convert=5.0 * tally.converted,
        satisfied=0.25 * tally.visits,
        promoters=0.4 * ones,
        detractors=0.1 * ones,
        stages=("apply",),
        felt=frozenset({"call"}),
    )
    return replace(tally, paths=paths)


def test_what_whole_lives_tell(told):
    expected = {"touches_to_convert": 3.0, "effort_to_convert": 5.0, "bounce": 0.2, "nps": 30.0}
    assert {name: value(name, told)[0, 0] for name in expected} == pytest.approx(expected)
    assert np.allclose(reach("form").of(told), 0.5)
    assert np.allclose(csat("call").of(told), 0.25)
    assert np.isnan(csat("form").of(told)).all()
    leaving = abandonment("apply", frozenset({"form", "call"}), frozenset({"signed"}))
    assert np.allclose(leaving.of(told), told.lost / 0.8)
    assert np.isnan(value("touches_to_convert", replace(told, converted=0.0 * told.converted))).all()


def test_whole_lives_add_their_metrics(told):
    names = [metric.name for metric in metrics_at(told, bank())]
    assert {"nps", "bounce", "reach[form]", "csat[call]", "abandonment[apply]"} <= set(names)
    assert "csat[form]" not in names
    no_feelings = replace(told, paths=replace(told.paths, promoters=np.nan * told.converted, felt=frozenset()))
    assert "nps" not in [metric.name for metric in metrics_at(no_feelings, bank())]


def test_lives_of_personas_and_worlds_mix_like_all_else(told):
    shares = np.full(told.converted.shape, 1.0 / told.converted.shape[1])
    everybody = mix_personas(told, shares)
    assert everybody.paths.reached.shape == (len(shares), 1, told.visits.shape[-1])
    assert np.allclose(everybody.paths.bounced, 0.2)
    assert np.array_equal(one_persona(told, 1).paths.satisfied[:, 0], told.paths.satisfied[:, 1])
    half = np.full(len(shares), 0.5)
    doubled = replace(told, paths=replace(told.paths, reached=1.0 + told.paths.reached))
    assert np.allclose(mix_worlds([told, doubled], [half, half]).paths.reached, 1.0)
    assert mix_worlds([told, replace(told, paths=None)], [half, half]).paths is None
