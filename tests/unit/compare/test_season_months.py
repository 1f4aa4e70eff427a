"""Calendar months in seasons: what each month of the year brings, by hand, today and with a change from a date on."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate import prior_draws, stated_draws
from journeysim.compare.calendar import calendars
from journeysim.decide.drivers.groups import of_today
from journeysim.model.arms import build_arms
from journeysim.model.changes import AdjustShare
from journeysim.model.changes.base import Terms
from journeysim.model.journey import JourneyMap, Link, Outcome, Reward, Touchpoint
from journeysim.model.quantity import Fixed, Range
from journeysim.model.scenario import Proposal, Scenario
from journeysim.model.seasons import MONTHS, WEEKDAYS, Season
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.report.numbers import written
from journeysim.report.words import language
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from maps import days, exponential

ODDS = np.array([1.0, 0.8, 1.0, 1.0, 1.2, 1.5, 2.0, 1.0, 1.0, 1.0, 1.4, 3.0])
#: Their geometric mean is 1, as a map's are made to be.
AROUND = ODDS / np.exp(np.log(ODDS).mean())
BASE = 0.3


def shop(season, dwell):
    offer = (Link("bought", Fixed(BASE), dwell, season=season), Link("gone", Fixed(1 - BASE), dwell))
    ends = (Outcome("bought", conversion=True, value=Reward(Fixed(10.0))), Outcome("gone"))
    return JourneyMap(
        "shop",
        (Touchpoint("offer", offer),),
        ends,
        (("offer", Fixed(1.0)),),
        arrivals_per_day=Fixed(100 / DAYS_PER_MONTH),
    )


def by_month(names=MONTHS, odds=ODDS):
    return Season(odds=tuple((name, Fixed(float(x))) for name, x in zip(names, odds, strict=True)))


def months(journey, *changes, engine="exact", count=24, first_day="2027-04-01", draws=None, horizon=90.0, **asked):
    proposals = (Proposal("better", changes=changes),) if changes else ()
    arms = build_arms(Scenario("question", journey, proposals), draws or stated_draws(journey), seed=3)
    settings = Settings(horizon, first_day=first_day)
    return calendars(simulate(arms, settings=settings, seed=3, engine=engine, **asked), months=count)


def bought(odds_ratio=1.0):
    """Return the share of each month from April on."""
    odds = BASE / (1 - BASE) * odds_ratio * np.roll(AROUND, -3)
    return odds / (1 + odds)


def blurred(values):
    """Return months of what comes at once: sums are spread over an eighth of a month, so half of that falls into the next."""
    return values - values / 16 + np.roll(values, 1) / 16


def test_where_moves_take_no_time_a_month_is_its_own_season():
    (today,) = months(shop(by_month(), days(0.0)))
    np.testing.assert_allclose(today.converted[0], 100 * blurred(np.tile(bought(), 2)), rtol=1e-9)
    np.testing.assert_allclose(today.value[0], 1000 * blurred(np.tile(bought(), 2)), rtol=1e-9)


def test_a_change_from_a_date_on_multiplies_the_odds_of_the_month():
    change = AdjustShare("offer", "bought", "odds x", Fixed(1.5), terms=Terms(start=5 * DAYS_PER_MONTH))
    today, *_, better = months(shop(by_month(), days(0.0)), change)
    gain = np.where(np.arange(24) < 5, 0.0, np.tile(bought(1.5) - bought(), 2))
    expected = 100 * (blurred(np.tile(bought(), 2)) + np.append(0.0, blurred(gain)[1:]))
    np.testing.assert_allclose(better.converted[0], expected, rtol=1e-9)
    np.testing.assert_array_equal(better.converted[0, :5], today.converted[0, :5])


def test_what_is_on_the_way_falls_into_the_months_after():
    """Days of half a month: half of a month's customers buy in the next, by the season in which they came."""
    (today,) = months(shop(by_month(), days(DAYS_PER_MONTH / 2 + 1.0)))
    own = np.tile(bought(), 2)
    kept = 0.5 - 1 / 16
    np.testing.assert_allclose(today.converted[0], 100 * (kept * own + (1 - kept) * np.roll(own, 1)), rtol=1e-9)


def test_the_second_year_is_the_first_again_and_the_year_adds_up():
    journey = shop(by_month(), exponential(25.0))
    (today,) = months(journey, horizon=400.0)
    np.testing.assert_allclose(today.converted[0, 12:], today.converted[0, :12], rtol=1e-12)
    whole = 100 * 12 * bought().mean()
    assert today.converted[0, :12].sum() == pytest.approx(whole, rel=1e-3)
    # spread over the months by how long customers take: first half of a month's entries, an exponential of 25 days
    lag = 25.0 / DAYS_PER_MONTH
    kept = lag * (1 - np.exp(-1 / lag))
    follow = [1 - kept, *(kept * np.exp(-k / lag) * (np.exp(1 / lag) - 1) * np.ones(()) for k in range(1, 12))]
    expected = sum(part * np.roll(bought(), k) for k, part in enumerate(follow))
    np.testing.assert_allclose(today.converted[0, :12], 100 * expected, rtol=3e-3)


def test_walked_months_are_those_of_the_exact_engine():
    journey = shop(by_month(), exponential(25.0))
    change = AdjustShare("offer", "bought", "odds x", Fixed(1.5), terms=Terms(start=4.4 * DAYS_PER_MONTH, ramp=60.0))
    exact = months(journey, change, count=14)
    walked = months(journey, change, engine="walk", count=14, customers=8_000)
    for one, other in zip(exact, walked, strict=True):
        # 2,000 customers stand for each day of entry: sd of a month about 1 %; the bound is 4.5 of them
        np.testing.assert_allclose(other.converted, one.converted, rtol=0.045)
    gained = [(cal[-1].converted - cal[0].converted).sum() for cal in (exact, walked)]
    assert gained[1] == pytest.approx(gained[0], rel=0.05)


def test_weekdays_leave_months_alike():
    odds = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5])
    (today,) = months(shop(by_month(WEEKDAYS, odds), days(0.0)))
    around = odds / np.exp(np.log(odds).mean())
    share = np.mean(BASE * around / (BASE * around + 1 - BASE))
    np.testing.assert_allclose(today.converted[0], 100 * share, rtol=1e-9)


def test_a_season_of_ones_is_no_season_to_the_bit():
    plain, ones = (months(shop(item, exponential(9.0)))[0] for item in (Season(), by_month(MONTHS, np.ones(12))))
    np.testing.assert_array_equal(plain.value, ones.value)
    np.testing.assert_array_equal(plain.converted, ones.converted)


def test_what_is_said_of_seasons():
    journey = shop(by_month(), days(0.0))
    arms = build_arms(Scenario("question", journey, ()), stated_draws(journey), seed=3)
    told = simulate(arms, settings=Settings(30.0), seed=1).warnings
    assert any("months go by the calendar" in item for item in told)
    assert any("first day" in item for item in told)
    dated = simulate(arms, settings=Settings(30.0, first_day="2027-04-01"), seed=1).warnings
    assert len(dated) == len(told) - 1


def test_uncertain_odds_are_in_the_ledger_by_month():
    season = Season(odds=(("Dec", Range(1.2, 1.8)),))
    draws = prior_draws(shop(season, days(1.0)), draws=40, seed=2)
    (found,) = (item for item in draws.assumptions if item.name.startswith("season"))
    assert found.name == "season: offer -> bought, Dec"
    assert 1.2 < np.median(found.values) < 1.8
    groups = {group.name: group for group in of_today(draws, {})}
    assert groups["today: seasons at offer"].basis == "map beliefs"
    assert "today: seasons at offer" not in {
        group.name for group in of_today(stated_draws(shop(season, days(1.0))), {})
    }
    assert (
        written("today: seasons at offer", "assumption", language("fr", "EUR")) == "aujourd’hui\u00a0: saisons à offer"
    )
