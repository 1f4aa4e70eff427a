"""Friction against the bank journey's closed forms, and against finite differences of its tally."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare.friction import friction_of
from journeysim.model.arms import World
from journeysim.simulate.tally import mix_personas
from outcomes_builder import bank, bank_draws, tally_of


def population(draws, journey=None):
    """Return everybody's tally where both personas live by the first one's numbers, so that the mix is a chain too."""
    journey = journey or bank()
    data = draws.data.copy(deep=True)
    for name in ("share", "visit_value", "visit_cost"):
        data[name].values[:, 1] = data[name].values[:, 0]
    tally = tally_of(World((), journey, draws.with_data(data)))
    return journey, mix_personas(tally, draws.values("persona_share")), data


@pytest.fixture(scope="module")
def bank_friction():
    journey, tally, data = population(bank_draws(60))
    return friction_of(journey, tally), tally, data["share"].values[:, 0, 0]


def loss(found, name):
    return next(item for item in found.losses if item.touchpoint == name)


def test_losses_are_moves_to_ends_that_are_no_conversion(bank_friction):
    found, tally, share = bank_friction
    lost = tally.moves[:, 0]
    assert loss(found, "form").lost == pytest.approx(lost[:, 1].mean())
    assert loss(found, "call").lost == pytest.approx(lost[:, 4].mean())
    assert sum(item.lost for item in found.losses) == pytest.approx(tally.lost.mean())
    assert loss(found, "call").rate == pytest.approx(lost[:, 4].mean() / tally.visits[:, 0, 1].mean())
    assert share.shape == (60, 5)


def test_what_a_point_less_brings_is_the_derivative(bank_friction):
    """Move one point of the drop-off at the call to the others, in proportion; the tally says what that brings.

    The journey is linear in a row's shares but for the way back, so a hundredth of a point is exact to a part in 1,000.
    """
    found, _, _ = bank_friction
    step = 1e-4
    draws = bank_draws(60)
    data = draws.data.copy(deep=True)
    row = data["share"].values[..., 2:]
    row[..., :2] *= ((1 - row[..., 2] + step) / (1 - row[..., 2]))[..., None]
    row[..., 2] -= step
    _, base, _ = population(draws)
    _, moved, _ = population(draws.with_data(data))
    gain = ((moved.value - moved.cost) - (base.value - base.cost))[:, 0] / step * 0.01
    more = (moved.converted - base.converted)[:, 0] / step * 0.01
    call = loss(found, "call")
    assert call.per_point.mean == pytest.approx(gain.mean(), rel=2e-3)
    assert call.leverage.mean == pytest.approx(more.mean(), rel=2e-3)


def test_elasticity_is_the_derivative_of_log_conversion_by_log_odds(bank_friction):
    found, base, _ = bank_friction
    step = 1e-4
    draws = bank_draws(60)
    for link, own, others in (("form -> call", 0, [1]), ("call -> signed", 2, [3, 4]), ("call -> form", 3, [2, 4])):
        data = draws.data.copy(deep=True)
        share = data["share"].values
        old = share[..., own].copy()
        new = old * np.exp(step) / (1 - old + old * np.exp(step))
        share[..., own] = new
        share[..., others] *= ((1 - new) / (1 - old))[..., None]
        _, moved, _ = population(draws.with_data(data))
        slope = (np.log(moved.converted) - np.log(base.converted))[:, 0] / step
        elasticity = next(item.conversion for item in found.leverages if item.link == link)
        assert elasticity.mean == pytest.approx(slope.mean(), rel=2e-3), link


def test_recoverable_is_what_the_best_comparable_touchpoints_drop_off_would_bring():
    """One stage: the touchpoint that loses less is the example of the other, and has none itself."""
    journey = bank()
    same = replace(journey, touchpoints=tuple(replace(point, stage="apply") for point in journey.touchpoints))
    _, tally, data = population(bank_draws(60), same)
    found = friction_of(same, tally)
    share = data["share"].values[:, 0, 0]
    worse, better = ("form", "call") if share[:, 1].mean() > share[:, 4].mean() else ("call", "form")
    assert (loss(found, worse).example, loss(found, better).example) == (better, "")
    assert loss(found, better).recoverable.mean == 0.0
    bad, good = (share[:, 1], share[:, 4]) if worse == "form" else (share[:, 4], share[:, 1])
    points = np.maximum(bad - good, 0) * 100
    at = same.touchpoint_names.index(worse)
    assert tally.visits[:, 0, at].min() > 0
    item = loss(found, worse)
    assert 0 < item.recoverable.mean <= item.stake.mean
    # A product of means: how points and their worth vary together is left out, which is worth some 12 % here.
    assert item.recoverable.mean == pytest.approx(item.per_point.mean * points.mean(), rel=0.2)


def test_without_anything_comparable_nothing_is_recoverable(bank_friction):
    found, _, _ = bank_friction
    assert {item.example for item in found.losses} == {""}
    assert {item.recoverable.mean for item in found.losses} == {0.0}


def test_a_step_that_nobody_leaves_is_nobodys_example():
    journey = bank()
    same = replace(journey, touchpoints=tuple(replace(point, stage="apply") for point in journey.touchpoints))
    draws = bank_draws(30)
    share = draws.data["share"].values
    share[..., 0], share[..., 1] = 1.0, 0.0
    _, tally, _ = population(draws, same)
    assert loss(friction_of(same, tally), "call").example == ""


def test_hand_overs_are_moves_to_another_channel_or_owner():
    journey = bank()
    form, call = journey.touchpoints
    named = replace(
        journey, touchpoints=(replace(form, channel="web", owner="sales"), replace(call, channel="phone", owner="desk"))
    )
    _, tally, data = population(bank_draws(60), named)
    gaps = {(gap.source, gap.target): gap for gap in friction_of(named, tally).gaps}
    assert set(gaps) == {("form", "call"), ("call", "form")}
    over = gaps["form", "call"]
    assert over.changes == "channel and owner"
    assert over.moves == pytest.approx(tally.moves[:, 0, 0].mean())
    leave = data["share"].values[:, 0, 0, 4]
    assert over.lost.mean == pytest.approx((tally.moves[:, 0, 0] * leave).mean())
    assert friction_of(journey, tally).gaps == ()
