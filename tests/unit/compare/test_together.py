"""Bundles by date: two proposals together bring what one proposal with the changes of both brings, customers under way too."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.compare.bundles import bundle_calendars
from journeysim.compare.calendar import calendars, of_those_under_way
from journeysim.compare.together import carried, together
from journeysim.model.arms import build_arms
from journeysim.model.bundles import build_bundles
from journeysim.model.changes import AdjustShare, ChangeReward, ScaleDwell, Terms
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Reward, Touchpoint
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.model.scenario import Proposal, Scenario
from journeysim.model.units import DAYS_PER_MONTH as MONTH
from journeysim.simulate.executors import HERE
from journeysim.simulate.follow import again
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from journeysim.simulate.tallies import tallies_of

HORIZON, MONTHS = 12 * MONTH, 16
NAMES = ("value", "cost", "converted")


def days(mean):
    return Dwell(Family.EXPONENTIAL, Fixed(mean))


def club():
    """Return a trial and a membership that is renewed and slowly left."""
    return JourneyMap(
        name="club",
        personas=(Persona("young", Fixed(0.4)), Persona("old", Fixed(0.6))),
        touchpoints=(
            Touchpoint("trial", (Link("member", Range(0.3, 0.5, Scale.SHARE), days(25.0)), Link("gone", None, days(20.0)))),
            Touchpoint("member", (Link("member", Fixed(0.8), days(40.0)), Link("gone", None, days(40.0))),
                       value=Reward(Fixed(30.0)), cost=Reward(Fixed(4.0)), conversion=True),
        ),
        outcomes=(Outcome("gone"),),
        entry=(("trial", Fixed(1.0)),),
        arrivals_per_day=Fixed(100.0 / MONTH),
    )  # fmt: skip


FEWER_LEAVE = AdjustShare("member", "member", "odds x", Fixed(2.0), terms=Terms(start=2 * MONTH))
DEARER = ChangeReward("value", "member", "times", Fixed(1.4), terms=Terms(start=4 * MONTH))
QUICKER = ScaleDwell("member", "member", Fixed(0.6), terms=Terms(start=4 * MONTH, ramp=2 * MONTH))
ONE, OTHER = (
    Proposal("stay", (FEWER_LEAVE,), realism=(0.5, 1.0)),
    Proposal("pay", (DEARER, QUICKER), realism=(0.5, 1.0)),
)
BOTH = Proposal("both", (FEWER_LEAVE, DEARER, QUICKER), realism=(1.0,))


def run(*proposals, draws=6):
    journey = club()
    arms = build_arms(Scenario("?", journey, proposals, HORIZON), prior_draws(journey, draws=draws, seed=1), seed=1)
    return simulate(arms, settings=Settings(HORIZON), seed=2, engine="exact")


def bundled(outcomes, proposals, realism=1.0, *, follow=True):
    """Return today's calendar and that of the bundle of all proposals, with customers under way or as if each were alone."""
    arms = [item.arm for item in outcomes.proposals]
    bundles = build_bundles(proposals, arms, seed=1)
    worlds = list(bundles.worlds.values())
    found = tallies_of(worlds, known=outcomes.arms, settings=outcomes.settings, seed=2, engine="exact", customers=0)
    tallies = dict(zip(bundles.worlds, found, strict=True))
    met = together(bundles, tallies, again(outcomes, HERE), months=MONTHS, length=HORIZON) if follow else {}
    made = bundle_calendars(
        bundles, tallies, months=MONTHS, realism=[realism] * len(arms),
        under_way=of_those_under_way(outcomes, months=MONTHS), together=met,
    )  # fmt: skip
    return list(made)[-1]


@pytest.fixture(scope="module")
def apart():
    return run(ONE, OTHER)


@pytest.fixture(scope="module")
def whole():
    """Return what one proposal with the changes of both adds to today, by month."""
    today, full = calendars(run(BOTH), months=MONTHS)
    return {name: getattr(full, name) - getattr(today, name) for name in NAMES}


def added(found):
    today, own = found
    return {name: getattr(own, name) - getattr(today, name) for name in NAMES}


def test_two_proposals_together_are_one_proposal_with_the_changes_of_both(apart, whole):
    """The ramp is taken at its middle, so single months may be off: by 2 % of the largest, the sum by half a percent."""
    found = added(bundled(apart, (ONE, OTHER)))
    for name in ("value", "cost"):
        gap, scale = (found[name] - whole[name]).mean(axis=0), np.abs(whole[name].mean(axis=0))
        assert np.abs(gap).max() < 0.02 * scale.max(), name
        assert np.allclose(found[name].sum(axis=1), whole[name].sum(axis=1), rtol=0.005), name


def test_adding_up_what_each_does_to_customers_under_way_is_not_enough(apart, whole):
    alone = added(bundled(apart, (ONE, OTHER), follow=False))
    assert alone["value"].sum() < 0.95 * whole["value"].sum()


def test_half_real_is_the_mixture_of_who_responds_to_what(apart):
    """Each responds to each with chance one half: a quarter both, a quarter each alone, a quarter none."""
    half, full = (added(bundled(apart, (ONE, OTHER), realism))["value"] for realism in (0.5, 1.0))
    months = {(item.arm, item.realism): item for item in calendars(apart, months=MONTHS)}
    today = months["today", 1.0].value
    alone = sum(months[name, 1.0].value - today for name in ("stay", "pay"))
    assert np.allclose(half, full / 4 + alone / 4, rtol=1e-9, atol=1e-9)


def test_proposals_that_do_not_meet_add_up():
    """A price at the trial and a retention among members: no customer's renewal is worth more for the trial's price."""
    price = Proposal("price", (ChangeReward("value", "trial", "plus", Fixed(5.0), terms=Terms(start=3 * MONTH)),))
    outcomes = run(ONE, price, draws=6)
    with_it, without = (added(bundled(outcomes, (ONE, price), follow=follow))["value"] for follow in (True, False))
    assert np.abs(with_it - without).max() < 1e-6 * np.abs(with_it).max()


def test_values_of_few_draws_are_carried_to_all_without_bias():
    """Where the few follow a line in what is known, all do; the mean over draws is that of a regression estimator."""
    rng = np.random.default_rng(3)
    known = rng.normal(5.0, 1.0, 200)
    truth = np.outer(known, [2.0, -1.0]) + np.array([0.0, 7.0])
    rows = np.arange(0, 200, 10)
    assert np.allclose(carried(truth[rows], known, rows), truth)
    assert np.allclose(carried(truth[rows], 0 * known, rows).mean(axis=0), truth[rows].mean(axis=0))


def test_a_bundle_carried_from_a_third_of_the_draws_is_near_one_followed_in_all(monkeypatch):
    """Means agree to half a percent of the gain, and single draws to 5 % of what draws differ by."""
    outcomes = run(ONE, OTHER, draws=30)
    found = {}
    for count in (10, 30):
        monkeypatch.setattr("journeysim.compare.together.FOLLOWED", count)
        found[count] = added(bundled(outcomes, (ONE, OTHER)))["value"].sum(axis=1)
    assert found[10].mean() == pytest.approx(found[30].mean(), rel=5e-3)
    assert np.std(found[10] - found[30]) < 0.05 * np.std(found[30])
