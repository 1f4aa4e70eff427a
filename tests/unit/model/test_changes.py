"""Changes: rows stay distributions, sizes mean what they say, structure and draws move together."""

from dataclasses import replace

import numpy as np
import pytest

from journeysim.calibrate.prior import prior_draws, stated_draws
from journeysim.errors import BadInput
from journeysim.model.changes import (
    AddTouchpoint,
    AdjustShare,
    ChangeAudience,
    ChangeReward,
    RemoveTouchpoint,
    Reroute,
    ScaleDwell,
    Terms,
)
from journeysim.model.changes.editing import edit_links, edit_touchpoint, position, row_of
from journeysim.model.draws import tables_of
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import Link, Outcome, Reward, Touchpoint
from journeysim.model.quantity import Fixed, Range, Scale
from maps import days, shop


def applied(change, draws=None, journey=None):
    journey = shop() if journey is None else journey
    draws = stated_draws(journey) if draws is None else draws
    u = np.full(draws.count, 0.5)
    sizes = {name: size.ppf(u) for name, size in change.quantities.items()}
    assert change.check(journey) == ()
    return change.apply(journey, draws, sizes)


def share(draws, source, target, persona=0):
    return draws.values("share")[0, persona, 0, position(draws, source, target)]


def rows_add_up(journey, draws):
    values = draws.values("share")
    return all(np.allclose(values[..., row_of(draws, name)].sum(axis=-1), 1.0) for name in journey.touchpoint_names)


@pytest.mark.parametrize(
    ("how", "size", "expected"),
    [("odds x", 2.0, 2 * 0.3 / (0.7 + 0.6)), ("relative x", 1.5, 0.45), ("points", 0.05, 0.35), ("set to", 0.9, 0.9)],
)
def test_each_way_of_saying_an_effect_gives_its_share(how, size, expected):
    journey, draws = applied(AdjustShare("visit", "cart", how, Fixed(size)))
    assert share(draws, "visit", "cart") == pytest.approx(expected, abs=1e-14)
    assert share(draws, "visit", "help") / share(draws, "visit", "left") == pytest.approx(0.2 / 0.5, abs=1e-14)
    assert rows_add_up(journey, draws)


def test_a_named_link_pays_alone():
    _, draws = applied(AdjustShare("visit", "cart", "points", Fixed(0.1), paid_by="left"))
    assert share(draws, "visit", "help") == pytest.approx(0.2)
    assert share(draws, "visit", "left") == pytest.approx(0.4)


def test_a_change_for_one_persona_leaves_the_other_alone():
    _, draws = applied(AdjustShare("visit", "cart", "set to", Fixed(0.6), terms=Terms(personas=("young",))))
    assert share(draws, "visit", "cart", persona=0) == pytest.approx(0.3)
    assert share(draws, "visit", "cart", persona=1) == pytest.approx(0.6)


def test_an_effect_that_leaves_the_range_says_in_how_many_draws():
    draws = prior_draws(shop(), draws=200, seed=1)
    with pytest.raises(BadInput, match=r"visit -> left.*out of 0-100 % in \d+ of 200 draws.*odds x"):
        applied(AdjustShare("visit", "left", "relative x", Fixed(1.9)), draws=draws)


def test_a_link_that_is_not_there_is_a_change_without_effect():
    (problem,) = AdjustShare("help", "paid", "odds x", Fixed(2.0)).check(shop())
    assert problem.code == "J043"
    assert '"visit", "left"' in problem.message


def test_a_neutral_insertion_takes_the_slot_and_the_flow():
    new = AddTouchpoint(Touchpoint("offer", ()), on=(("visit", "cart"),))
    journey, draws = applied(new)
    assert journey.touchpoint_names == ("visit", "offer", "help", "cart")
    assert draws.places == journey.place_names
    assert "visit -> cart" not in draws.links
    assert share(draws, "visit", "offer") == pytest.approx(0.3)
    assert share(draws, "offer", "cart") == 1.0
    assert draws.data["slot"].values[position(draws, "visit", "offer")] == "cart"
    assert rows_add_up(journey, draws)


def test_an_added_empirical_dwell_gets_a_table_of_its_own():
    stated, added = (Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=((0.0, 0.0), (1.0, end))) for end in (4.0, 9.0))
    journey = edit_touchpoint(
        shop(), "visit", lambda tp: edit_links(tp, lambda row: tuple(replace(link, dwell=stated) for link in row))
    )
    call = Touchpoint("call", (Link("cart", Fixed(1.0), added),))
    draws = applied(AddTouchpoint(call, on=(("visit", "cart"),)), prior_draws(journey, draws=3, seed=1), journey)[1]
    tables = tables_of(draws.data)
    for source, target, end in (("visit", "call", 4.0), ("visit", "left", 4.0), ("call", "cart", 9.0)):
        at = position(draws, source, target)
        assert np.all(draws.data["family"].values[:, at] == Family.EMPIRICAL)
        assert np.all(tables[draws.values("dwell_b")[..., at].astype(int), -1] == end)


def test_diverting_part_keeps_the_old_link_beside_the_new():
    point = Touchpoint("chat", (Link("cart", Fixed(0.7), days(0.1)), Link("left", None)), cost=Reward(Fixed(1.5)))
    journey, draws = applied(AddTouchpoint(point, on=(("visit", "cart"), ("visit", "left")), divert=Fixed(0.25)))
    assert share(draws, "visit", "cart") == pytest.approx(0.3 * 0.75)
    assert share(draws, "visit", "chat") == pytest.approx((0.3 + 0.5) * 0.25)
    assert share(draws, "chat", "left") == pytest.approx(0.3)
    assert draws.values("visit_cost")[0, 0, 0, draws.places.index("chat")] == 1.5
    assert rows_add_up(journey, draws)


def test_bypass_follows_the_removed_touchpoints_own_links():
    journey, draws = applied(RemoveTouchpoint("help", "bypass"))
    assert "help" not in draws.places
    assert share(draws, "visit", "left") == pytest.approx(0.5 + 0.2 * 0.5)
    assert share(draws, "visit", "visit") == pytest.approx(0.2 * 0.5)
    assert share(draws, "cart", "visit") == pytest.approx(0.1 * 0.5)
    assert rows_add_up(journey, draws)


def test_redistribution_keeps_the_proportions_of_the_others():
    journey, draws = applied(RemoveTouchpoint("help", "redistribute"))
    assert share(draws, "visit", "cart") == pytest.approx(0.3 / 0.8)
    assert rows_add_up(journey, draws)


def test_lost_inflow_ends_in_the_named_outcome_entries_included():
    journey, draws = applied(RemoveTouchpoint("cart", "lost", lost_to="left"))
    assert share(draws, "visit", "left") == pytest.approx(0.8)
    assert draws.values("entry")[0, 0, draws.places.index("left")] == pytest.approx(0.1)
    assert rows_add_up(journey, draws)


def test_lost_inflow_needs_an_outcome():
    (problem,) = RemoveTouchpoint("cart", "lost").check(shop())
    assert "paid, left" in problem.message


def test_reroute_moves_a_part_and_makes_the_link():
    journey, draws = applied(Reroute("help", "left", "cart", Fixed(0.4)))
    assert share(draws, "help", "cart") == pytest.approx(0.2)
    assert share(draws, "help", "left") == pytest.approx(0.3)
    a = draws.values("dwell_a")[0, 0, 0]
    assert a[position(draws, "help", "cart")] == a[position(draws, "help", "left")] == 5.0
    assert "cart" in {link.target for link in journey.touchpoint("help").links}
    assert rows_add_up(journey, draws)


def test_scaling_a_dwell_touches_only_its_links():
    before = stated_draws(shop())
    _, draws = applied(ScaleDwell("visit", None, Fixed(0.5)))
    ratio = draws.values("dwell_a")[0, 0, 0] / before.values("dwell_a")[0, 0, 0]
    assert {label for label, r in zip(draws.links, ratio, strict=True) if r == 0.5} == {
        "visit -> cart",
        "visit -> help",
        "visit -> left",
    }


def test_a_price_moves_value_spread_and_its_elastic_link():
    change = ChangeReward("price", "paid", "times", Fixed(1.1), Fixed(-2.0), ("cart", "paid"))
    _, draws = applied(change)
    at = draws.places.index("paid")
    assert draws.values("visit_value")[0, 0, 0, at] == pytest.approx(88.0)
    assert draws.values("visit_value_sd")[0, 0, 0, at] == pytest.approx(44.0)
    odds = share(draws, "cart", "paid") / (1 - share(draws, "cart", "paid"))
    assert odds == pytest.approx(1.5 * 1.1**-2)


def test_an_elasticity_answers_to_the_price_of_those_who_are_reached():
    young = Terms(personas=("young",))
    _, draws = applied(ChangeReward("price", "paid", "times", Fixed(1.1), Fixed(-2.0), ("cart", "paid"), young))
    odds = [share(draws, "cart", "paid", k) / (1 - share(draws, "cart", "paid", k)) for k in (0, 1)]
    assert odds == pytest.approx([1.5, 1.5 * 1.1**-2])


@pytest.mark.parametrize(
    ("target", "how", "size", "sums"),
    [("paid", "plus", -80.0, "from 80 to 0"), ("paid", "plus", -90.0, "to -10"), ("left", "plus", 5.0, "from 0 to 5")],
)
def test_an_elasticity_has_no_answer_from_or_to_a_price_of_zero(target, how, size, sums):
    change = ChangeReward("price", target, how, Fixed(size), Fixed(-2.0), ("cart", "paid"))
    with pytest.raises(BadInput, match=rf"{sums}.* in 1 of 1 draws; an elasticity needs a price above 0"):
        applied(change)


def test_audience_sets_some_and_scales_the_rest():
    _, draws = applied(ChangeAudience(personas=(("young", Fixed(0.5)),), arrivals=Fixed(30.0)))
    assert draws.values("persona_share")[0] == pytest.approx([0.5, 0.5])
    assert draws.values("arrivals")[0] == 30.0


def test_rows_stay_distributions_in_every_uncertain_draw():
    draws, journey = prior_draws(shop(), draws=300, seed=3), shop()
    for change in (
        AdjustShare("visit", "cart", "odds x", Range(0.8, 3.0, Scale.POSITIVE)),
        Reroute("visit", "left", "help", Range(0.2, 0.6, Scale.SHARE)),
        AddTouchpoint(Touchpoint("call", ()), on=(("cart", "left"),), divert=Fixed(0.3)),
        RemoveTouchpoint("help", "bypass"),
    ):
        journey, draws = applied(change, draws, journey)
        assert rows_add_up(journey, draws)
        assert (draws.values("share") >= 0).all()


def test_outcomes_cannot_be_added_twice():
    (problem, *_) = AddTouchpoint(Touchpoint("paid", ()), on=(("visit", "cart"),)).check(shop())
    assert problem.code == "J046"
    assert isinstance(shop().outcome("paid"), Outcome)


def test_variables_of_a_calibration_survive_touchpoints_that_come_and_go():
    """NaN, "no such layer", at what is new; a variable on an axis of its own stays as it is."""
    draws = stated_draws(shop())
    data = draws.data.assign(
        frailty=(("draw", "place"), np.arange(5.0)[None]),
        visit_effect=(("draw", "link"), np.arange(float(len(draws.links)))[None]),
        value_family=(("place",), np.array([0, 1, 2, -1, -1], dtype=np.int8)),
        order2_share=(("draw", "persona", "order2"), np.ones((1, 2, 3))),
    ).assign_coords(order2=["x", "y", "z"])
    draws = draws.with_data(data)
    added = AddTouchpoint(Touchpoint("id check", (Link("cart", Fixed(1.0)),)), on=(("visit", "cart"),))
    _, more = applied(added, draws)
    values = dict(zip(more.places, more.values("frailty")[0], strict=True))
    assert np.isnan(values.pop("id check"))
    assert values == dict(zip(draws.places, np.arange(5.0), strict=True))
    families = dict(zip(more.places, more.data["value_family"].values, strict=True))
    assert (families["id check"], families["help"]) == (-1, 1)
    kept = dict(zip(more.links, more.values("visit_effect")[0], strict=True))
    assert kept["help -> visit"] == draws.links.index("help -> visit")
    assert more.data["order2"].values.tolist() == ["x", "y", "z"]
    _, less = applied(RemoveTouchpoint("help", "bypass"), draws)
    assert less.data["frailty"].sizes["place"] == len(less.places) == 4
    assert less.take(np.array([0, 0])).values("frailty").shape == (2, 4)
