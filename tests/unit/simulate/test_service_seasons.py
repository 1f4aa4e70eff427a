"""Seasons where customers share staff: the kernel is the specification, unlimited staff the walk, months the calendar's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from journeysim.calibrate import stated_draws
from journeysim.compare.calendar import calendars
from journeysim.model.arms import build_arms
from journeysim.model.changes import AdjustShare
from journeysim.model.changes.base import Terms
from journeysim.model.journey import JourneyMap, Link, Outcome, Resource, Staffing, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.model.seasons import MONTHS, WEEK, WEEKDAYS, YEAR, Season
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.chain import compile_world
from journeysim.simulate.run import simulate
from journeysim.simulate.seasons import entered_on
from journeysim.simulate.service.blueprint import Span, blueprint_of
from journeysim.simulate.service.by_simpy import serve_by_simpy
from journeysim.simulate.service.stage import arriving_of, first_room, run_draw, stage_of, world_of
from journeysim.simulate.service.steps import DAY, WHERE
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import life_story
from maps import days
from season_chains import in_seasons
from service_maps import assert_one_life_for_both, by_customer, some_journey

HORIZON, DAY0 = 7.0, 4.3


def staged(journey, seed, span):
    """Return a blueprint in weekly seasons whose calendar day 0 lies on day 4.3 of the week."""
    draws = stated_draws(journey)
    chain = entered_on(in_seasons(compile_world(journey, draws), WEEK, seed, dwell=0.4), DAY0)
    blueprint = blueprint_of([journey], draws, chain, span, seed=seed)
    return stage_of(chain, blueprint, arriving_of(journey, draws, span), Settings(HORIZON), span, seed=seed)


@pytest.mark.parametrize("seed", range(4))
def test_with_unlimited_staff_every_customer_lives_the_walks_life(seed):
    journey = some_journey(seed)
    desks = tuple(Resource(item.name, Fixed(np.inf)) for item in journey.resources)
    stage = staged(dataclasses.replace(journey, resources=desks), seed, Span(3.0, 6.0, 6.0 + HORIZON))
    count, room = run_draw(stage, 0, 0, first_room(stage))
    served = serve_by_simpy(count, world_of(stage, 0, 0, room), room.people)
    names = stage.chain.touchpoints + stage.chain.outcomes
    for trace in (room.trace, served.trace):
        place, time = by_customer(trace)
        for who in np.flatnonzero(room.people.time[:count] < 6.0):
            own = (place[:, 0] == who) & (time[:, DAY] <= HORIZON)
            entered = entered_on(stage.chain, DAY0 + room.people.time[who])
            number = int(room.people.number[who])
            told = life_story(entered, stage.settings, seed=seed, draw=0, customer=number)
            assert [names[at] for at in place[own, WHERE]] == [step.place for step in told]
            np.testing.assert_array_equal(time[own, DAY], [step.day for step in told])


@pytest.mark.parametrize("seed", range(6))
def test_where_staff_are_few_the_kernel_lives_the_specifications_lives(seed):
    assert_one_life_for_both(staged(some_journey(seed), seed, Span(7.0, 14.0, 14.0 + HORIZON)))


def advice(season, staff=40.0, per_month=600.0):
    """Return a desk with hardly a wait, whose customers buy or not."""
    links = (Link("bought", Fixed(0.3), days(0.5), season=season), Link("gone", Fixed(0.7), days(0.5)))
    desk = Staffing("desk", days(0.01))
    return JourneyMap(
        "advice", (Touchpoint("call", links, staffed_by=desk),), (Outcome("bought", conversion=True), Outcome("gone")),
        (("call", Fixed(1.0)),), arrivals_per_day=Fixed(per_month / DAYS_PER_MONTH), resources=(Resource("desk", Fixed(staff)),),
    )  # fmt: skip


def odds(names, values):
    return Season(odds=tuple((name, Fixed(float(x))) for name, x in zip(names, values, strict=True)))


def share(values, ratio=1.0):
    around = values / np.exp(np.log(values).mean()) * ratio * 3 / 7
    return around / (1 + around)


def test_months_with_staff_follow_the_calendar_and_come_again():
    """Counts of a month are binomial with sd of about 13 of 180; false alarm below 1e-4 for 4.5 of them in 48 months."""
    values = np.array([1.0, 0.3, 1.0, 1.0, 1.0, 3.0, 1.0, 1.0, 0.5, 1.0, 1.0, 4.0])
    change = AdjustShare("call", "bought", "odds x", Fixed(2.0), terms=Terms(start=3 * DAYS_PER_MONTH))
    journey = advice(odds(MONTHS, values))
    arms = build_arms(
        Scenario("question", journey, (Proposal("better", changes=(change,), realism=(1.0,)),)),
        stated_draws(journey),
        seed=2,
    )
    found = simulate(arms, settings=Settings(20.0, first_day="2027-04-01"), seed=2, customers=500)
    assert found.engine.name == "service"
    assert any("customers share staff" in item for item in found.warnings)
    today, better = calendars(found, months=30)
    base, more = (np.roll(share(values, ratio), -3) for ratio in (1.0, 2.0))
    sd = np.sqrt(600 * 0.25)
    assert np.abs(today.converted[0, :12] - 600 * base).max() < 4.5 * sd
    np.testing.assert_array_equal(today.converted[0, 12:24], today.converted[0, :12])
    np.testing.assert_array_equal(better.converted[0, :3], today.converted[0, :3])
    gain = better.converted[0] - today.converted[0]
    expected = 600 * np.where(np.arange(30) < 3, 0.0, np.tile(more - base, 3)[:30])
    assert np.abs(gain - expected).max() < 4.5 * sd
    np.testing.assert_allclose(gain[-12:], gain[-24:-12])
    cohort = found.today.tallies[0].converted[0, 0]
    assert cohort == pytest.approx(base.mean(), abs=4.5 * 0.5 / np.sqrt(52 * 7 * 600 / DAYS_PER_MONTH))


def test_weeks_with_staff_hold_every_weekday_once():
    """8,000 customers of whole weeks: sd of the share is .005; 4.5 of them."""
    values = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.2, 0.2])
    journey = advice(odds(WEEKDAYS, values), per_month=30_000.0)
    arms = build_arms(Scenario("question", journey, ()), stated_draws(journey), seed=2)
    found = simulate(arms, settings=Settings(3.0), seed=2, customers=8_000)
    assert found.today.tallies[0].converted[0, 0] == pytest.approx(share(values).mean(), abs=0.0235)
    assert found.warnings == ()
    assert YEAR.names == MONTHS
