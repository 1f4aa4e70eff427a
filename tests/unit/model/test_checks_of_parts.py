"""Rules about what changes bring with them: an added touchpoint, an audience, an elasticity."""

from __future__ import annotations

from dataclasses import replace

import pytest

from journeysim.model.changes import AddTouchpoint, ChangeAudience, ChangeReward, Terms
from journeysim.model.checks.proposals import check_changes
from journeysim.model.dwell import INSTANT, Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Resource, Staffing, Touchpoint
from journeysim.model.quantity import Fixed, Moments, Range, Scale
from journeysim.model.scenario import Proposal

DAY = Dwell(Family.FIXED, Fixed(1.0))
CART = Touchpoint("cart", (Link("pay", Fixed(0.6), DAY), Link("lost", Fixed(0.4))))
PAY = Touchpoint("pay", (Link("bought", Fixed(0.9), DAY), Link("lost", None)))
SHOP = JourneyMap(
    "shop", (CART, PAY), (Outcome("bought", conversion=True), Outcome("lost", silent=True)), (("cart", Fixed(1.0)),)
)


def proposal(*changes):
    return Proposal("p", changes)


def added(*links, dwell=INSTANT, name="chat", **settings):
    return AddTouchpoint(Touchpoint(name, links, **settings), (("cart", "pay"),), dwell=dwell)


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        (added(Link("pay", Fixed(0.3)), Link("lost", Fixed(0.3))), "J031", ("next",)),
        (added(Link("pay", Fixed(0.7)), Link("lost", Fixed(0.4))), "J031", ("next",)),
        (added(Link("pay", Fixed(0.7)), Link("cart", Fixed(0.4)), Link("lost", None)), "J031", ("next",)),
        (added(Link("pay", None), Link("lost", None)), "J073", ("next", "lost")),
        (added(Link("pay", Fixed(1.3))), "J030", ("next", "pay", "share")),
        (added(Link("basket", Fixed(1.0))), "J043", ("next", "basket")),
        (added(Link("pay", Fixed(1.0), Dwell(Family.FIXED, Fixed(-1.0)))), "J039", ("next", "pay", "dwell")),
        (added(dwell=Dwell(Family.FIXED, Fixed(-1.0))), "J039", ("dwell",)),
        (added(stage="loook"), "J071", ("stage",)),
        (added(staffed_by=Staffing("dsk", DAY)), "J045", ("staffed by", "resource")),
        (added(feeling=Fixed(-3.0)), "J070", ("feeling",)),
        (added(seen=0.0), "J070", ("seen",)),
        (added(name="rest"), "J041", ("add touchpoint",)),
        (added(name="pay"), "J046", ("add touchpoint",)),
    ],
)
def test_an_added_touchpoint_keeps_the_rules_of_the_map(change, code, path):
    shop = replace(SHOP, stages=("look", "buy"), resources=(Resource("desk", Fixed(2.0)),))
    found = check_changes(proposal(change), shop)
    assert [(problem.code, problem.path) for problem in found] == [(code, ("proposals", "p", "changes", 0, *path))]


def test_an_added_touchpoint_that_is_right():
    shop = replace(SHOP, stages=("look", "buy"), resources=(Resource("desk", Fixed(2.0)),))
    links = (Link("pay", Fixed(0.3), DAY), Link("chat", Range(0.1, 0.2, Scale.SHARE)), Link("lost", None))
    chat = added(*links, stage="look", staffed_by=Staffing("desk", DAY), feeling=Fixed(-1.0))
    assert check_changes(proposal(chat), shop) == ()


TWO = replace(SHOP, personas=(Persona("new", Fixed(0.6)), Persona("loyal", Fixed(0.4))))
SOME = Range(0.3, 0.7, Scale.SHARE)


@pytest.mark.parametrize(
    ("change", "code", "path", "words"),
    [
        (ChangeAudience(), "J043", (), "no effect"),
        (ChangeAudience((("new", Fixed(0.3)), ("loyal", Fixed(0.3)))), "J037", ("personas",), "40 % is missing"),
        (ChangeAudience((("new", Fixed(0.7)), ("loyal", Fixed(0.7)))), "J037", ("personas",), "140 %"),
        (ChangeAudience((("new", SOME), ("loyal", SOME))), "J037", ("personas",), "all but one"),
        (ChangeAudience((("new", Fixed(1.3)),)), "J030", ("personas", "new"), "130 %"),
        (ChangeAudience(entry=(("pay", Fixed(0.7)), ("cart", Fixed(0.4)))), "J038", ("enter",), "110 %"),
        (ChangeAudience(entry=(("cart", Fixed(0.8)),)), "J038", ("enter",), "20 % is missing"),
        (ChangeAudience(entry=(("cart", Fixed(0.8)),), terms=Terms(personas=("new",))), "J038", ("enter",), "missing"),
        (ChangeAudience(arrivals=Fixed(0.0)), "J070", ("arrivals",), "above 0"),
    ],
)
def test_audiences_that_cannot_be(change, code, path, words):
    (problem,) = check_changes(proposal(change), TWO)
    assert (problem.code, problem.path) == (code, ("proposals", "p", "changes", 0, "audience", *path))
    assert words in problem.message


def test_audiences_that_can_be():
    mixed = replace(TWO, entry_by_persona=(("loyal", (("cart", Fixed(0.5)), ("pay", Fixed(0.5)))),))
    for change in (
        ChangeAudience((("new", SOME),)),
        ChangeAudience((("new", Fixed(0.3)), ("loyal", Fixed(0.7)))),
        ChangeAudience(entry=(("cart", Fixed(0.8)), ("pay", Fixed(0.2)))),
        ChangeAudience(entry=(("pay", Fixed(0.2)),)),
        ChangeAudience(entry=(("cart", Fixed(0.8)),), terms=Terms(personas=("loyal",))),
    ):
        assert check_changes(proposal(change), mixed) == ()


@pytest.mark.parametrize(
    ("what", "how", "size", "path"),
    [
        ("price", "set to", Fixed(0.0), "set to"),
        ("price", "times", Fixed(0.0), "times"),
        ("value", "set to", Moments(10.0, 5.0, Scale.REAL), "set to"),
        ("cost", "times", Fixed(0.5), "elasticity"),
    ],
)
def test_an_elasticity_needs_a_price_above_zero(what, how, size, path):
    change = ChangeReward(what, "bought", how, size, Fixed(-1.0), ("pay", "bought"))
    (problem,) = check_changes(proposal(change), SHOP)
    assert (problem.code, problem.path[4:]) == ("J074", (path,))
    free = replace(change, elasticity=None, elastic_link=None)
    assert check_changes(proposal(free), SHOP) == ()
    dear = replace(change, what="price", size=Fixed(2.0))
    assert check_changes(proposal(dear), SHOP) == ()
