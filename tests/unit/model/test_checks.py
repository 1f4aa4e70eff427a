"""Rules about maps and proposals, on values made in code: nothing here has ever been a file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from journeysim.model.changes import (
    AddTouchpoint,
    AdjustShare,
    ChangeReward,
    RemoveTouchpoint,
    Reroute,
    ScaleDwell,
    Terms,
)
from journeysim.model.checks import check_contradictions, check_journey, check_some_change
from journeysim.model.checks.did_you_mean import did_you_mean
from journeysim.model.checks.load import expected_visits, mean_days
from journeysim.model.checks.proposals import check_changes
from journeysim.model.dwell import INSTANT, Dwell, Family
from journeysim.model.journey import (
    JourneyMap,
    Link,
    Outcome,
    Persona,
    Resource,
    Reward,
    Row,
    Staffing,
    Tenure,
    Touchpoint,
)
from journeysim.model.quantity import Counts, Fixed, Moments, Named, Range, Scale
from journeysim.model.scenario import Proposal

DAY = Dwell(Family.FIXED, Fixed(1.0))
CART = Touchpoint("cart", (Link("pay", Fixed(0.6), DAY), Link("lost", Fixed(0.4))))
PAY = Touchpoint("pay", (Link("bought", Fixed(0.9), DAY), Link("lost", None)))
SHOP = JourneyMap(
    "shop", (CART, PAY), (Outcome("bought", conversion=True), Outcome("lost", silent=True)), (("cart", Fixed(1.0)),)
)
SHARE = AdjustShare("cart", "pay", "odds x", Fixed(1.2))


def codes(journey: JourneyMap) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(problem.code, problem.path) for problem in check_journey(journey)]


def with_cart(**settings: object) -> JourneyMap:
    return replace(SHOP, touchpoints=(replace(CART, **settings), PAY))  # type: ignore[arg-type]


def with_links(*links: Link) -> JourneyMap:
    return with_cart(links=links)


def test_a_valid_map_has_no_problems():
    assert check_journey(SHOP) == ()


CART_NEXT = ("touchpoints", "cart", "next")


@pytest.mark.parametrize(
    ("links", "code", "path"),
    [
        ((Link("pay", Fixed(0.6)), Link("lost", Fixed(0.5))), "J031", CART_NEXT),
        ((Link("pay", Fixed(0.6)), Link("lost", Fixed(0.4 - 1e-8))), "J031", CART_NEXT),
        ((Link("pay", Fixed(0.7)), Link("bought", Fixed(0.4)), Link("lost", None)), "J031", CART_NEXT),
        ((Link("pay", Fixed(1.1)), Link("lost", None)), "J030", (*CART_NEXT, "pay", "share")),
        ((Link("pay", Fixed(float("nan"))), Link("lost", None)), "J030", (*CART_NEXT, "pay", "share")),
        ((Link("pay", Named("normal", (0.5, 0.2))), Link("lost", None)), "J030", (*CART_NEXT, "pay", "share")),
        ((Link("pay", Named("beta", (-1.0, 2.0))), Link("lost", None)), "J030", (*CART_NEXT, "pay", "share")),
        ((Link("pay", Counts(90, 80)), Link("lost", None)), "J030", (*CART_NEXT, "pay", "share")),
        ((Link("pay", None), Link("lost", None)), "J073", (*CART_NEXT, "lost")),
        ((Link("pay", Fixed(0.5)), Link("pay", Fixed(0.5))), "J073", (*CART_NEXT, "pay")),
        ((Link("pya", Fixed(0.5)), Link("lost", None)), "J032", (*CART_NEXT, "pya")),
        ((), "J033", CART_NEXT),
    ],
)
def test_rows(links, code, path):
    assert (code, path) in codes(with_links(*links))


@pytest.mark.parametrize(
    "links",
    [
        (Link("pay", Fixed(0.6)), Link("lost", Fixed(0.4 + 1e-10))),
        (Link("pay", Range(0.05, 0.15, Scale.SHARE)), Link("lost", Range(0.85, 0.95, Scale.SHARE))),
        (Link("pay", Counts(12, 80)), Link("lost", Counts(68, 80))),
        (Link("pay", Named("beta", (2.0, 8.0))), Link("lost", None)),
        (Link("pay", Moments(0.3, 0.1, Scale.SHARE)), Link("lost", None)),
    ],
)
def test_rows_that_add_up(links):
    assert codes(with_links(*links)) == []


def test_the_message_of_a_row_lists_its_shares_and_offers_the_rest():
    (problem,) = check_journey(with_links(Link("pay", Fixed(0.6)), Link("lost", Fixed(0.399))))
    assert problem.message == (
        'shares of "cart" add up to 99.9 % (pay 60 %, lost 39.9 %); 0.1 % is missing; raise one, or write "lost: rest"'
    )


def test_rows_by_persona_and_tenure_are_checked_too():
    bad = Row(links=(Link("pay", Fixed(0.6), DAY), Link("lost", Fixed(0.5))))
    at = ("touchpoints", "cart")
    by_persona = with_cart(by_persona=(("all customers", bad),))
    assert codes(by_persona) == [("J031", (*at, "personas", "all customers", "next"))]
    assert codes(with_cart(by_tenure=(Tenure(30.0, bad),))) == [("J031", (*at, "tenure", 0, "next"))]


@pytest.mark.parametrize(
    ("changed", "code", "path"),
    [
        ({"entry": (("cart", Fixed(0.9)),)}, "J038", ("enter",)),
        ({"entry": (("crat", Fixed(1.0)),)}, "J047", ("enter", "crat")),
        ({"entry": (("lost", Fixed(1.0)),)}, "J047", ("enter", "lost")),
        ({"entry": ()}, "J013", ("enter",)),
        ({"entry_by_persona": (("nobody", (("cart", Fixed(1.0)),)),)}, "J042", ("enter by persona", "nobody")),
        ({"personas": (Persona("a", Fixed(0.6)), Persona("b", Fixed(0.5)))}, "J037", ("personas",)),
        ({"personas": (Persona("a", Fixed(1.5)), Persona("b", Fixed(-0.5)))}, "J030", ("personas", "a", "share")),
        ({"outcomes": (*SHOP.outcomes, Outcome("cart"))}, "J040", ("outcomes", "cart")),
        ({"outcomes": (*SHOP.outcomes, Outcome("a -> b"))}, "J041", ("outcomes", "a -> b")),
        ({"outcomes": (*SHOP.outcomes, Outcome("rest"))}, "J041", ("outcomes", "rest")),
        ({"outcomes": (*SHOP.outcomes, Outcome("unreached"))}, "J034", ("outcomes", "unreached")),
        ({"arrivals_per_day": Fixed(0.0)}, "J070", ("arrivals",)),
        ({"resources": (Resource("desk", Fixed(0.0)),)}, "J070", ("resources", "desk")),
    ],
)
def test_people_and_names(changed, code, path):
    assert (code, path) in codes(replace(SHOP, **changed))


@pytest.mark.parametrize(
    ("changed", "code", "path"),
    [
        ({"by_persona": (("nobody", Row()),)}, "J042", ("personas", "nobody")),
        ({"staffed_by": Staffing("desk", DAY)}, "J045", ("staffed by", "resource")),
        ({"stage": "buuy"}, "J071", ("stage",)),
        ({"seen": 0.0}, "J070", ("seen",)),
        ({"feeling": Fixed(2.0)}, "J070", ("feeling",)),
        ({"cost": Reward(Fixed(float("inf")))}, "J070", ("cost",)),
        ({"value": Reward(Fixed(1.0), -1.0)}, "J070", ("value",)),
        ({"by_tenure": (Tenure(5.0, Row()), Tenure(5.0, Row()))}, "J039", ("tenure",)),
    ],
)
def test_touchpoints(changed, code, path):
    journey = replace(with_cart(**changed), stages=("look", "buy"))
    assert (code, ("touchpoints", "cart", *path)) in codes(journey)


@pytest.mark.parametrize(
    "dwell",
    [
        Dwell(Family.FIXED, Fixed(-1.0)),
        Dwell(Family.FIXED, Fixed(float("nan"))),
        Dwell(Family.GAMMA, Fixed(0.0), Fixed(2.0)),
        Dwell(Family.GAMMA, Fixed(1.0), Fixed(-2.0)),
        Dwell(Family.GAMMA, Named("normal", (1.0, 0.5)), Fixed(2.0)),
        Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=((0.1, 1.0), (1.0, 2.0))),
        Dwell(Family.EMPIRICAL, Fixed(1.0), quantiles=((0.0, 3.0), (1.0, 2.0))),
        Dwell(Family.EMPIRICAL, Fixed(1.0)),
    ],
)
def test_times_that_cannot_be(dwell):
    journey = with_links(Link("pay", Fixed(0.6), dwell), Link("lost", None))
    assert codes(journey) == [("J039", (*CART_NEXT, "pay", "dwell"))]


def test_an_outcome_that_is_left_by_a_persona():
    left = Outcome("lost", by_persona=(("all customers", Row(links=(Link("cart", Fixed(1.0)),))),))
    found = codes(replace(SHOP, outcomes=(SHOP.outcomes[0], left)))
    assert found == [("J036", ("outcomes", "lost", "personas", "all customers", "next"))]


def test_a_trap_for_one_persona_only_is_found():
    trap = Row(links=(Link("cart", Fixed(1.0), DAY),))
    journey = replace(
        with_cart(by_persona=(("loyal", trap),)), personas=(Persona("new", Fixed(0.6)), Persona("loyal", Fixed(0.4)))
    )
    (problem,) = check_journey(journey)
    assert (problem.code, problem.path) == ("J033", CART_NEXT)
    assert 'customers entering "cart" can never leave: it leads only to "cart"' in problem.message


def test_a_loop_in_no_time_is_told_apart_from_one_that_takes_time():
    instant, slow = (with_links(Link("cart", Fixed(1.0), dwell)) for dwell in (INSTANT, DAY))
    assert [code for code, _ in codes(instant) if code != "J034"] == ["J035"]
    assert [code for code, _ in codes(slow) if code != "J034"] == ["J033"]


def test_expected_visits_solve_the_loop():
    back = replace(PAY, links=(Link("cart", Fixed(0.25)), Link("bought", None)))
    visits = expected_visits(replace(SHOP, touchpoints=(CART, back)))
    # v(cart) = 1 + 0.25 v(pay), v(pay) = 0.6 v(cart)
    assert visits == pytest.approx({"cart": 1 / 0.85, "pay": 0.6 / 0.85}, rel=1e-14)


def test_expected_visits_weigh_personas():
    own = (("loyal", Row(links=(Link("pay", Fixed(0.1)), Link("lost", None)))),)
    journey = replace(with_cart(by_persona=own), personas=(Persona("new", Fixed(0.7)), Persona("loyal", Fixed(0.3))))
    assert expected_visits(journey)["pay"] == pytest.approx(0.7 * 0.6 + 0.3 * 0.1, rel=1e-14)


@pytest.mark.parametrize(("staff", "patience", "warned"), [(5.9, None, True), (6.1, None, False), (1.0, DAY, False)])
def test_load_is_work_asked_against_work_given(staff, patience, warned):
    # 20 customers a day, 0.6 of them are served for half a day: 6 days of work a day
    served = replace(PAY, staffed_by=Staffing("desk", Dwell(Family.FIXED, Fixed(0.5)), patience))
    journey = replace(
        SHOP,
        touchpoints=(CART, served),
        resources=(Resource("desk", Fixed(staff)),),
        arrivals_per_day=Fixed(20.0),
    )
    assert [code for code, _ in codes(journey)] == (["J072"] if warned else [])


def test_mean_of_a_table_is_the_area_under_its_quantiles():
    table = Dwell(Family.EMPIRICAL, Fixed(2.0), quantiles=((0.0, 0.0), (0.5, 1.0), (1.0, 5.0)))
    assert mean_days(table) == pytest.approx(2 * (0.25 + 1.5))


def test_an_unreached_trap_does_not_break_the_load():
    lonely = Touchpoint("lonely", (Link("lonely", Fixed(1.0), DAY),))
    journey = replace(
        SHOP,
        touchpoints=(CART, PAY, lonely),
        resources=(Resource("desk", Fixed(1.0)),),
        arrivals_per_day=Fixed(20.0),
    )
    assert codes(journey) == [("J034", ("touchpoints", "lonely"))]


def proposal(*changes):
    return Proposal("p", changes)


def test_a_proposal_without_changes_is_a_warning():
    (problem,) = check_some_change(proposal())
    assert (problem.code, problem.severity) == ("J054", "warning")
    assert check_some_change(proposal(SHARE)) == ()


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        (AdjustShare("cart", "bought", "odds x", Fixed(1.2)), "J043", ("change share",)),
        (ScaleDwell("basket", None, Fixed(0.5)), "J043", ("change dwell",)),
        (ScaleDwell("cart", None, Fixed(-1.0)), "J070", ("times",)),
        (AdjustShare("cart", "pay", "set to", Fixed(1.2)), "J030", ("set to",)),
        (Reroute("cart", "pay", "lost", Fixed(1.2)), "J030", ("part",)),
        (replace(SHARE, terms=Terms(reach=Fixed(2.0))), "J030", ("for",)),
        (replace(SHARE, terms=Terms(personas=("nobody",))), "J042", ("personas", 0)),
    ],
)
def test_changes_that_cannot_be(change, code, path):
    found = check_changes(proposal(SHARE, change), SHOP)
    assert [(problem.code, problem.path) for problem in found] == [(code, ("proposals", "p", "changes", 1, *path))]


def test_changes_apply_in_order():
    chat = AddTouchpoint(Touchpoint("chat", ()), (("cart", "pay"),))
    on_chat = ScaleDwell("chat", "pay", Fixed(0.5))
    assert check_changes(proposal(chat, on_chat), SHOP) == ()
    assert [problem.code for problem in check_changes(proposal(on_chat, chat), SHOP)] == ["J043"]
    bypass = RemoveTouchpoint("pay", "bypass")
    assert check_changes(proposal(bypass, AdjustShare("cart", "bought", "odds x", Fixed(1.1))), SHOP) == ()
    rerouted = Reroute("pay", "lost", "cart", Fixed(0.5))
    assert check_changes(proposal(rerouted, ScaleDwell("pay", "cart", Fixed(0.5))), SHOP) == ()


SET = AdjustShare("cart", "pay", "set to", Fixed(0.5))
COST = ChangeReward("cost", "cart", "set to", Fixed(1.0))
NEW, LOYAL = Terms(personas=("new",)), Terms(personas=("loyal",))


@pytest.mark.parametrize(
    ("changes", "contradict"),
    [
        ((RemoveTouchpoint("pay", "bypass"), SHARE), True),
        ((SHARE, RemoveTouchpoint("pay", "bypass")), True),
        ((RemoveTouchpoint("pay", "bypass"), ChangeReward("value", "bought", "times", Fixed(2.0))), False),
        ((RemoveTouchpoint("pay", "bypass"), RemoveTouchpoint("pay", "bypass")), True),
        ((SET, SET), True),
        ((SET, SHARE), False),
        ((replace(SET, terms=NEW), replace(SET, terms=LOYAL)), False),
        ((replace(SET, terms=NEW), SET), True),
        ((COST, replace(COST, what="value")), False),
        ((COST, COST), True),
        ((AddTouchpoint(Touchpoint("x", ()), (("cart", "pay"),)),) * 2, True),
    ],
)
def test_contradictions(changes, contradict):
    found = check_contradictions(proposal(*changes))
    assert [problem.code for problem in found] == (["J055"] if contradict else [])
    for problem in found:
        assert problem.path == ("proposals", "p", "changes", 1)
        assert "change 1 (" in problem.message
        assert "change 2 (" in problem.message


def test_suggestions():
    assert did_you_mean("convertion", ["conversion", "cost"]) == '; did you mean "conversion"?'
    assert did_you_mean("xyz", ["conversion", "cost"]) == '; there is "conversion", "cost"'
    assert did_you_mean("xyz", []) == ""
