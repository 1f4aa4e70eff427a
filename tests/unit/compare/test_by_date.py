"""Changes that act by the date of each move: closed forms, both engines, and the ends of the calendar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from journeysim.calibrate import stated_draws
from journeysim.compare.calendar import calendars, of_those_under_way
from journeysim.model.arms import build_arms
from journeysim.model.changes import AddTouchpoint, AdjustShare, ChangeAudience, ChangeReward, ScaleDwell, Terms
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Reward, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.model.units import DAYS_PER_MONTH as MONTH
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings

HORIZON, MONTHS = 12 * MONTH, 20
PER_MONTH = 100.0


def days(mean, family=Family.EXPONENTIAL):
    return Dwell(family, Fixed(mean))


def members(stay=0.7, mean=40.0):
    """Return one touchpoint that members renew at, each renewal worth 1."""
    renewal = Touchpoint(
        "member",
        (Link("member", Fixed(stay), days(mean)), Link("left", None, days(mean))),
        value=Reward(Fixed(1.0)),
    )
    return JourneyMap(
        name="members",
        personas=(Persona("all of them", Fixed(1.0)),),
        touchpoints=(renewal,),
        outcomes=(Outcome("left", churn=True),),
        entry=(("member", Fixed(1.0)),),
        arrivals_per_day=Fixed(PER_MONTH / MONTH),
    )


def shop():
    """Return three touchpoints, two ends and two personas who differ."""
    return JourneyMap(
        name="shop",
        personas=(Persona("new", Fixed(0.3)), Persona("known", Fixed(0.7))),
        touchpoints=(
            Touchpoint("look", (Link("ask", Fixed(0.5), days(20.0)), Link("gone", None, days(9.0))), cost=Reward(Fixed(2.0))),
            Touchpoint("ask", (Link("buy", Fixed(0.4), days(30.0)), Link("look", Fixed(0.2), days(5.0)),
                               Link("gone", None, days(15.0))), cost=Reward(Fixed(7.0))),
            Touchpoint("buy", (Link("ask", Fixed(0.25), days(50.0)), Link("gone", None, days(80.0))),
                       value=Reward(Fixed(90.0)), conversion=True),
        ),
        outcomes=(Outcome("gone"),),
        entry=(("look", Fixed(0.8)), ("ask", Fixed(0.2))),
        arrivals_per_day=Fixed(PER_MONTH / MONTH),
    )  # fmt: skip


def added(journey, *changes, engine="exact", customers=None, months=MONTHS, name="value"):
    """Return what the changes add by month, (months,), and today's month."""
    outcomes = outcomes_of(journey, *changes, engine=engine, customers=customers)
    today, own = calendars(outcomes, months=months)
    return (getattr(own, name) - getattr(today, name))[0], getattr(today, name)[0, 0]


def outcomes_of(journey, *changes, engine="exact", customers=None):
    scenario = Scenario("?", journey, (Proposal("p", tuple(changes), realism=(1.0,)),), HORIZON)
    arms = build_arms(scenario, stated_draws(journey), seed=1)
    return simulate(arms, settings=Settings(HORIZON), seed=2, engine=engine, customers=customers)


def retention(size, **terms):
    return AdjustShare("member", "member", "set to", Fixed(size), terms=Terms(**terms))


def closed_form(y, stay, changed, mean):
    """Return what renewals have added y days after the change, entries at one a day.

    An exponential stay has no memory, so renewals of who entered L days before flow at r/a exp(-(1-r)L/a) exp(-(1-r')y/a)
    from then on: the first renewal after the change was chosen before it.
    """
    old, new = (1 - stay) / mean, (1 - changed) / mean

    def since(rate, flow, time):
        return flow / mean * -np.expm1(-rate * time) / rate

    def under_way(lag):
        left = min(y, HORIZON - lag)
        return np.exp(-old * lag) * (since(new, stay, left) - since(old, stay, left))

    def entered(time):
        return since(new, changed, min(time, HORIZON)) - since(old, stay, min(time, HORIZON))

    on_the_way = integrate.quad(under_way, 0, HORIZON, points=[max(0.0, HORIZON - y)], limit=200)[0]
    return on_the_way + integrate.quad(entered, 0, y, points=[min(y, HORIZON)], limit=200)[0]


@pytest.mark.parametrize("engine", ["exact", "walk"])
def test_retention_with_a_change_on_one_day_is_the_closed_form(engine):
    """Exact: within half a percent of the effect. Walk: within 3 %, six standard errors of 60,000 customers."""
    start, stay, changed, mean = 3.5 * MONTH, 0.7, 0.8, 40.0
    found, _ = added(members(stay, mean), retention(changed, start=start), engine=engine, customers=60_000)
    edges = np.maximum(MONTH * np.arange(MONTHS + 1) - start, 0.0)
    wanted = PER_MONTH / MONTH * np.diff([closed_form(y, stay, changed, mean) for y in edges])
    assert (found[:3] == 0.0).all()
    assert np.abs(found - wanted).max() < (0.015 if engine == "exact" else 0.03) * wanted.max()


def test_customers_under_way_are_a_part_of_it_that_waiting_for_entries_would_miss():
    outcomes = outcomes_of(members(), retention(0.8, start=3 * MONTH))
    late = of_those_under_way(outcomes, months=MONTHS)["p"]["value"][0]
    found, _ = added(members(), retention(0.8, start=3 * MONTH))
    assert late.sum() > 0.05 * found.sum()
    assert late[3] > 0.4 * found[3]


def doubled(**terms):
    return ChangeReward("value", "buy", "times", Fixed(2.0), terms=Terms(**terms))


@pytest.mark.parametrize("engine", ["exact", "walk"])
def test_a_price_that_doubles_on_a_day_doubles_every_month_from_then_on(engine):
    """Every sale after the day counts, whoever makes it; sales are steady, so the months are a step."""
    found, today = added(shop(), doubled(start=2 * MONTH), engine=engine, customers=20_000)
    assert (found[:2] == 0.0).all()
    assert np.allclose(found[2:], today, rtol=0.02)


def test_a_ramp_grows_evenly_and_a_decay_fades_evenly():
    found, today = added(shop(), doubled(start=2 * MONTH, ramp=4 * MONTH, decay=8 * MONTH))
    grown = np.interp(MONTH * (np.arange(MONTHS) + 0.5), MONTH * np.array([2, 6, 14]), [0.0, 1.0, 0.0])
    grown[[5, 6]] = [7 / 8, 15 / 16]
    assert np.allclose(found / today, grown, atol=0.03)
    assert np.isclose(found.sum() / today, 6.0, rtol=0.01)


def test_two_changes_with_days_of_their_own_act_on_the_same_customers():
    first = doubled(start=2 * MONTH, reach=Fixed(0.6))
    second = ChangeReward("value", "buy", "times", Fixed(3.0), terms=Terms(start=7 * MONTH, reach=Fixed(0.5)))
    found, today = added(shop(), first, second)
    wanted = np.where(np.arange(MONTHS) < 2, 0.0, np.where(np.arange(MONTHS) < 7, 0.6, 0.6 + 0.5 * 4.0))
    assert np.allclose(found / today, wanted, atol=0.02)


def test_in_force_long_ago_is_the_full_effect_to_the_bit():
    outcomes = outcomes_of(shop(), AdjustShare("ask", "buy", "odds x", Fixed(1.5), terms=Terms(start=-40 * MONTH)))
    today, own = calendars(outcomes, months=MONTHS)
    whole = replace(outcomes, arms=(replace(outcomes.arms[1], arm=outcomes.today.arm, underway=None),))
    for name in ("value", "cost", "converted"):
        (full,) = calendars(whole_of(whole, outcomes), months=MONTHS)
        base, then = getattr(today, name), getattr(full, name)
        assert (getattr(own, name) == base + (then - base)).all()


def whole_of(holder, outcomes):
    """Return outcomes whose today is the proposal's last world."""
    arm = holder.arms[0]
    last = replace(
        arm,
        arm=replace(arm.arm, worlds=outcomes.arms[1].arm.worlds[-1:]),
        tallies=arm.tallies[-1:],
        lives=arm.lives[-1:],
    )
    return replace(holder, arms=(last,))


def test_what_begins_after_the_last_month_is_today_to_the_bit():
    for name in ("value", "cost", "converted"):
        found, _ = added(shop(), doubled(start=(MONTHS + 1) * MONTH), name=name)
        assert (found == 0.0).all()


def test_a_change_that_changes_nothing_is_followed_nowhere():
    outcomes = outcomes_of(shop(), doubled(start=20.0, ramp=90.0), replace(doubled(), size=Fixed(1.0)))
    assert outcomes.proposals[0].underway is not None
    same = outcomes_of(shop(), replace(doubled(start=20.0, ramp=90.0), size=Fixed(1.0)))
    assert same.proposals[0].underway.groups == ()


def test_an_audience_acts_on_who_enters_from_its_day_on():
    """Twice as many come from the day on; those under way are as many as before."""
    change = ChangeAudience(arrivals=Fixed(2 * PER_MONTH / MONTH), terms=Terms(start=2 * MONTH))
    found, today = added(shop(), change, months=30)
    plain = replace(
        outcomes_of(shop(), change), arms=tuple(replace(arm, underway=None) for arm in outcomes_of(shop(), change).arms)
    )
    before, own = calendars(plain, months=30)
    by_entry = (own.value - before.value)[0]
    assert np.allclose(found.sum(), by_entry.sum(), rtol=0.01)
    assert np.allclose(found[-1], today, rtol=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        AddTouchpoint(
            Touchpoint("chat", (), cost=Reward(Fixed(1.0))),
            (("look", "ask"),),
            Fixed(0.6),
            days(3.0),
            terms=Terms(start=2.3 * MONTH),
        ),
        ScaleDwell("ask", "buy", Fixed(0.3), terms=Terms(start=MONTH, ramp=2 * MONTH)),
        AdjustShare("ask", "buy", "odds x", Fixed(1.6), terms=Terms(start=MONTH, reach=Fixed(0.7))),
    ],
    ids=["add touchpoint", "dwell", "share"],
)
def test_both_engines_agree_month_by_month(change):
    """Within six standard errors of the walk's months; a cohort missed would show as a tenth of the largest month."""
    exact, _ = added(shop(), change, months=16)
    walked, _ = added(shop(), change, engine="walk", customers=60_000, months=16)
    assert np.abs(exact - walked).max() < 0.06 * np.abs(exact).max() + 8.0
