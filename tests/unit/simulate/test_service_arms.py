"""Arms with staff, end to end: engine choice, a gain at the front that drowns the back, a change of staff, stories."""

import dataclasses

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.cli.init import examples
from journeysim.compare import compare, stories_for
from journeysim.compare.luck import converted
from journeysim.compare.metrics import abandoned, utilisation, waiting_time
from journeysim.files import read_scenario
from journeysim.model.arms import build_arms
from journeysim.model.changes import AdjustShare, ChangeStaff
from journeysim.model.journey import ALWAYS, gives_up_to, limited_resources
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from service_maps import some_journey

MORE = AdjustShare("application form", "advice call", "odds x", Fixed(6.0))
PROPOSALS = (
    Proposal("front", (MORE,), (1.0,)),
    Proposal("front and back", (MORE, ChangeStaff("advisers", staff=Fixed(5.0), factor=Fixed(0.9))), (1.0,)),
    Proposal("nothing", (ChangeStaff("advisers", staff=Fixed(2.0)),), (1.0,)),
)


@pytest.fixture(scope="module")
def outcomes():
    scenario = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    scenario = dataclasses.replace(scenario, proposals=PROPOSALS)
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=6, seed=1), seed=1)
    return simulate(arms, settings=Settings(30.0), seed=1, customers=2_000)


def one_more_adviser(realism):
    scenario = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    more = Proposal("third adviser", (ChangeStaff("advisers", staff=Fixed(3.0)),), realism)
    scenario = dataclasses.replace(scenario, proposals=(more,))
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=2, seed=1), seed=1)
    return simulate(arms, settings=Settings(30.0), seed=1, customers=2_000)


def mean(arm, metric):
    return float(np.mean(metric.of(arm.cohort())))


def test_a_limited_resource_takes_the_service_engine_and_says_why(outcomes):
    assert outcomes.engine.name == "service"
    assert "customers wait for advisers" in outcomes.engine.why
    assert "35 days of warm-up" in outcomes.engine.why


def test_a_gain_at_the_front_drowns_the_back(outcomes):
    today, front, both, _ = outcomes.arms
    assert mean(front, waiting_time("advisers")) > 1.3 * mean(today, waiting_time("advisers"))
    assert mean(front, abandoned("advisers")) > 1.3 * mean(today, abandoned("advisers"))
    assert mean(front, utilisation("advisers")) > mean(today, utilisation("advisers"))
    assert mean(both, waiting_time("advisers")) < mean(front, waiting_time("advisers"))
    converted = [arm.cohort().converted.mean() for arm in (today, front, both)]
    assert converted[0] < converted[1] < converted[2]


def test_staff_who_stay_the_same_change_nothing(outcomes):
    today, *_, same = outcomes.arms
    for name in ("converted", "value", "visits", "waited", "at_work"):
        np.testing.assert_array_equal(getattr(same.cohort(), name), getattr(today.cohort(), name))


def test_a_change_of_staff_acts_in_full_however_few_customers_answer():
    outcomes = one_more_adviser((0.25, 1.0))
    assert outcomes.warnings == ()
    (arm,) = outcomes.proposals
    assert [crowd.realism for crowd in arm.crowds] == [0.0, 0.25, 1.0]
    comparison = compare(outcomes)
    values = {
        item.realism: item.values
        for item in comparison.contrasts
        if (item.metric, item.persona, item.view) == ("conversion", "all", "cohort")
    }
    assert np.any(values[1.0] != 0.0)
    np.testing.assert_array_equal(values[0.25], values[1.0])
    (nobody,) = comparison.unanswered
    np.testing.assert_array_equal(nobody.value, comparison.calendars[-1].value)


def test_customers_who_answer_in_part_load_the_queue_in_part():
    """Waiting grows with the share who answer, and conversion is above the mix of two runs: a shorter queue serves more.

    A mix would have conversion exactly on the line between 0 and 100 %. At 1,600 customers times 6 draws the gap of the
    middle from the line, 0.0099, is 5 of its standard errors (0.002, from 8 seeds); a mix would be caught always.
    """
    scenario = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    scenario = dataclasses.replace(scenario, proposals=(Proposal("front", (MORE,), (0.5, 1.0)),))
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=6, seed=1), seed=1)
    outcomes = simulate(arms, settings=Settings(30.0), seed=1, customers=2_000)
    today, half, full = (
        outcomes.today.cohort(), *(outcomes.proposals[0].cohort(realism) for realism in (0.5, 1.0))
    )  # fmt: skip
    waits = [float(np.mean(waiting_time("advisers").of(item))) for item in (today, half, full)]
    assert waits[0] < waits[1] < waits[2]
    rates = [item.converted.mean() for item in (today, half, full)]
    assert rates[1] > (rates[0] + rates[2]) / 2 + 0.004


def test_who_gave_up_to_a_place_that_is_taken_away_goes_where_the_map_sends_those_without_one():
    journey = some_journey(3)
    target = journey.touchpoints[-1].name
    first = journey.touchpoints[0]
    assert first.staffed_by is not None
    staffing = dataclasses.replace(first.staffed_by, gives_up_to=target)
    points = (dataclasses.replace(first, staffed_by=staffing), *journey.touchpoints[1:])
    assert gives_up_to(dataclasses.replace(journey, touchpoints=points), points[0]) == target
    assert gives_up_to(dataclasses.replace(journey, touchpoints=points[:-1]), points[0]) == "left"


def test_a_comparison_has_resources_and_stories_as_they_were_lived(outcomes):
    comparison = compare(outcomes)
    names = {item.metric for item in comparison.contrasts}
    assert {"waiting_time[advisers]", "utilisation[advisers]", "abandoned[advisers]"} <= names
    lives = outcomes.today.lives[0]
    story = comparison.stories[0]
    at = list(lives.draws).index(story.draw), list(lives.customers).index(story.customer)
    assert len([place for place, _ in story.today if place in lives.places[:3]]) == lives.touches[at]
    assert story.today[-1][1] == pytest.approx(lives.end_time[at], nan_ok=True) or np.isnan(lives.end_time[at])


def test_what_is_always_there_limits_nobody(outcomes):
    journey = outcomes.today.arm.worlds[0].journey
    free = tuple(dataclasses.replace(item, staff=Fixed(np.inf), hours=ALWAYS) for item in journey.resources)
    assert limited_resources([journey]) == ("advisers",)
    assert limited_resources([dataclasses.replace(journey, resources=free)]) == ()


def test_chosen_customers_are_told_as_they_were_counted(outcomes):
    """Every story's end, conversion and day of the end are those of the lives that the comparison counts, in each arm."""
    lives = outcomes.today.lives[0]
    row, people = int(lives.draws[2]), [17, 3, 40]
    told = stories_for(outcomes, customers=people, draw=row)
    assert [(story.arm, story.customer) for story in told] == [
        (arm.arm.name, k) for arm in outcomes.proposals for k in people
    ]
    for story in told:
        arm = next(item for item in outcomes.proposals if item.arm.name == story.arm)
        for steps, counted in ((story.today, lives), (story.proposal, arm.crowd(1.0).lives)):
            at = 2, story.customer
            ended = counted.end[at] >= 0
            assert not ended or steps[-1] == (counted.places[counted.end[at]], counted.end_time[at])
            assert converted(counted)[at] == ("signed" in dict(steps))
    assert any(story.today != story.proposal for story in told)
    same = [story for story in told if story.arm == "nothing"]
    assert all(story.today == story.proposal and story.kind == "unchanged" for story in same)


def test_a_customer_who_comes_after_the_measured_days_has_no_story(outcomes):
    with pytest.raises(ValueError, match="there is no customer 1000000"):
        stories_for(outcomes, customers=[1_000_000], draw=0)


def test_dwells_learned_from_a_log_contain_waits_and_the_run_says_how_long_it_adds(outcomes):
    assert not any("waits count twice" in warning for warning in outcomes.warnings)
    world = outcomes.today.arm.worlds[0]
    learned = dataclasses.replace(world, draws=dataclasses.replace(world.draws, source="posterior"))
    again = simulate([dataclasses.replace(outcomes.today.arm, worlds=(learned,))], settings=Settings(30.0), seed=1)
    (warning,) = [warning for warning in again.warnings if "waits count twice" in warning]
    tally = again.today.tallies[0]
    wait = 24.0 * tally.waited.sum() / tally.asked.sum()
    assert f"{wait:.2g} hours a visit" in warning
    assert "advice call" in warning
    assert "advisers" in warning
