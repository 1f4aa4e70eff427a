"""Changes by calendar date where customers share staff: months before, months while they turn, months after."""

import dataclasses

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.cli.init import examples
from journeysim.compare import compare
from journeysim.files import read_scenario
from journeysim.model.arms import Arm, World, build_arms
from journeysim.model.changes import AdjustShare, ChangeReward, ChangeStaff
from journeysim.model.changes.base import Terms
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal
from journeysim.model.units import DAYS_PER_MONTH
from journeysim.simulate.run import simulate
from journeysim.simulate.service.crowd import crowd_of, days_of, staffed, timetable_of
from journeysim.simulate.settings import Settings

LATER = 3 * DAYS_PER_MONTH


def run(*proposals, draws=4):
    scenario = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    scenario = dataclasses.replace(scenario, proposals=proposals)
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=draws, seed=1), seed=1)
    return simulate(arms, settings=Settings(30.0), seed=1, customers=2_000)


def arm_of(*changes):
    scenario = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    scenario = dataclasses.replace(scenario, proposals=(Proposal("some", changes, (0.5,)),))
    return build_arms(scenario, prior_draws(scenario.journey, draws=2, seed=1), seed=1)[1]


@pytest.fixture(scope="module")
def later():
    more = AdjustShare("application form", "advice call", "odds x", Fixed(3.0), terms=Terms(start=LATER))
    fades = dataclasses.replace(more, terms=Terms(start=0.0, decay=0.0))
    dearer = ChangeReward("cost", "advice call", "times", Fixed(2.0), terms=Terms(start=LATER))
    return compare(
        run(
            Proposal("form later", (more,), (1.0,)),
            Proposal("adviser later", (ChangeStaff("advisers", Fixed(3.0), terms=Terms(start=LATER)),), (1.0,)),
            Proposal("gone at once", (fades,), (1.0,)),
            Proposal("dearer later", (dearer,), (1.0,)),
        ),
        horizon_months=8,
    )


def added(comparison, arm, name):
    today = comparison.calendars[0]
    own = next(item for item in comparison.calendars if item.arm == arm)
    return getattr(own, name) - getattr(today, name)


@pytest.mark.parametrize("arm", ["form later", "adviser later"])
def test_nothing_comes_before_its_day_and_later_months_are_all_alike(later, arm):
    gain = added(later, arm, "converted")
    assert (gain[:, :3] == 0.0).all()
    assert gain[:, 3].any()
    np.testing.assert_allclose(gain[:, 5:], np.repeat(gain[:, [5]], 3, axis=1), rtol=1e-9)


def test_a_change_that_fades_at_once_leaves_today(later):
    assert (added(later, "gone at once", "converted")[:, 1:] == 0.0).all()


def test_what_is_paid_per_visit_changes_on_its_day_for_customers_on_the_way_too(later):
    """Calls cost twice as much from day 91.3 on, whoever makes them: the month then adds what a month of calls costs.

    The month is lived by other customers than the steady one: 1,200 times 4 draws, some 750 calls each; the ratio's
    standard error is 0.02, so a limit of 0.08 has a false alarm below 1e-4. If only those who enter from that day on paid
    more, the month would lack the calls of those on the way, a tenth of them.
    """
    extra = added(later, "dearer later", "cost")
    assert (extra[:, :3] == 0.0).all()
    assert extra[:, 3].mean() == pytest.approx(extra[:, 5].mean(), rel=0.08)


def test_staff_grow_with_their_ramp_and_hours_switch_at_its_middle():
    """Two to six advisers over eight days: one more by each quarter; eight groups of customers turn on eight days."""
    grow = Terms(start=10.0, ramp=8.0)
    more = ChangeStaff("advisers", Fixed(6.0), "late", ((0.5, 0.9),), None, grow)
    crowd = crowd_of(arm_of(more), 0.5, None)
    assert days_of(crowd) == tuple(10.5 + k for k in range(8))
    eras = list(staffed(crowd))
    assert [start for start, _ in eras] == [-np.inf, *days_of(crowd)]
    assert [weights[-1][0] for _, weights in eras[1:]] == pytest.approx([(k + 1) / 8 for k in range(8)])
    assert [len(weights) for _, weights in eras] == [1, *(2 for _ in range(7)), 1]
    groups = timetable_of(crowd).groups
    assert sum(group.weight for group in groups) == pytest.approx(1.0)
    assert sorted(group.turns for group in groups if group.turns) == [(10.5 + k,) for k in range(8)]


def test_realism_and_reach_say_how_many_are_in_which_group():
    some = Terms(reach=Fixed(0.4))
    crowd = crowd_of(
        arm_of(AdjustShare("application form", "advice call", "odds x", Fixed(2.0), terms=some)), 0.5, None
    )
    weight = {group.worlds[-1]: group.weight for group in timetable_of(crowd).groups}
    assert weight[1] == pytest.approx(0.2)
    assert weight[0] == pytest.approx(0.8)


def test_todays_arm_with_another_name_has_no_turns():
    today = arm_of().worlds[0]
    crowd = crowd_of(Arm("same", "proposal", (World((), today.journey, today.draws),)), 1.0, None)
    assert days_of(crowd) == ()
