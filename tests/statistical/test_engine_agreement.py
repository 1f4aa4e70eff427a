"""Engines agree: exact against walk on a dozen maps by fifteen metrics, and the service without waits against walk, life by life.

One pooled test over all maps and metrics (false alarm 1e-4), and the largest of 180 z-scores against 5 (false alarm
1e-4). With 100,000 customers a map the pooled test's noncentrality is about 40 a map where one share is 2 % off, against a
standard deviation of 15 in all: a share that is 0.9 % off on every map would be caught nine times in ten.
"""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from agreement_maps import METRICS, apart, chance, dozen, expected, of_lives, skewed
from journeysim.model.journey import Resource
from journeysim.model.quantity import Fixed
from journeysim.simulate.service.blueprint import Span
from journeysim.simulate.service.by_simpy import serve_by_simpy
from journeysim.simulate.service.stage import Arriving, first_room, run_draw, stage_of, world_of
from journeysim.simulate.service.steps import DAY, WHERE
from journeysim.simulate.walk import life_story
from service_maps import by_customer, some_journey, staged

pytestmark = pytest.mark.statistical
MAPS = {name: (chain, settings) for name, chain, settings in dozen()}
CUSTOMERS = 100_000
#: On which customers of the service arrive, some ten a day.
DAYS = 10.0
#: For these the busiest link carries few of all moves, so that 2 % of it alone is not seen.
BROAD = ("tenure, three personas, every family", "the same as a proposal, coupled to today")


@pytest.fixture(scope="module")
def exact():
    return {name: expected(*item) for name, item in MAPS.items()}


def test_there_are_a_dozen_maps_and_fifteen_metrics(exact):
    assert len(MAPS) == 12
    assert {len(figures) for figures in exact.values()} == {len(METRICS)} == {15}


def test_exact_and_walk_agree_on_all_maps_together(exact):
    found = [apart(of_lives(*item, seed=1, customers=CUSTOMERS), exact[name]) for name, item in MAPS.items()]
    together, largest = chance(found)
    assert together > 1e-4
    assert largest < 5
    # agreement that is too good would be no agreement of independent things either
    assert together < 1 - 1e-4


def test_a_kernel_with_one_share_two_percent_off_is_caught(exact):
    found = {
        name: apart(of_lives(skewed(*item), item[1], seed=1, customers=2 * CUSTOMERS), exact[name])
        for name, item in MAPS.items()
        if name not in BROAD
    }
    assert chance(list(found.values()))[0] < 1e-50
    alone = {name: stats.chi2.sf(statistic, degrees) for name, (_, statistic, degrees) in found.items()}
    assert sum(p < 1e-4 for p in alone.values()) >= 8, alone


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13, 14, 15])
def test_they_agree_to_a_tenth_of_a_per_cent(seed):
    """A million customers a map: 0.3 % off one share on every map would be caught nine times in ten."""
    # with that many the exact engine's stated error of 1e-4 is seen, so it is asked for less
    found = [
        apart(of_lives(*item, seed=seed, customers=1_000_000), expected(*item, tolerance=1e-6))
        for item in MAPS.values()
    ]
    together, largest = chance(found)
    assert together > 1e-4
    assert largest < 5


@pytest.mark.parametrize("name", MAPS)
def test_with_unlimited_staff_simpy_lives_the_walks_lives(name):
    """Every customer, every place, every time to the last bit: no z-score is needed."""
    chain, settings = MAPS[name]
    stage = unlimited(chain, settings)
    count, room = run_draw(stage, 0, 0, first_room(stage))
    served = serve_by_simpy(count, world_of(stage, 0, 0, room), room.people)
    names, arrived = chain.touchpoints + chain.outcomes, int((room.people.time[:count] < DAYS).sum())
    place, time = by_customer(served.trace)
    assert arrived > 40
    for who in range(arrived):
        own = (place[:, 0] == who) & (time[:, DAY] <= settings.horizon)
        told = life_story(chain, settings, seed=9, draw=0, customer=int(room.people.number[who]))
        assert [names[k] for k in place[own, WHERE]] == [step.place for step in told]
        np.testing.assert_array_equal(time[own, DAY], [step.day for step in told])


def unlimited(chain, settings):
    """Return the chain as a blueprint whose every touchpoint is staffed by somebody who is always there for everybody."""
    journey = some_journey(1)
    desks = tuple(Resource(item.name, Fixed(np.inf)) for item in journey.resources)
    base = staged(dataclasses.replace(journey, resources=desks), span=Span(0.0, DAYS, DAYS + settings.horizon))
    points, personas = len(chain.touchpoints), len(chain.personas)
    sized = ("resource", "holds", "patient", "balk_share", "balk_from", "called_back", "waiting_feels")
    rules = {name: np.resize(getattr(base.blueprint, name), points) for name in sized}
    clocks = {name: np.resize(getattr(base.blueprint, name), 2 * points) for name in ("family", "gamma_place")}
    rules["gives_up_to"] = np.full((1, points), points, dtype=np.int32)
    blueprint = dataclasses.replace(
        base.blueprint, **rules, **clocks, level=np.zeros((personas, points), dtype=np.int32),
        scale=np.ones((1, 1, 2 * points)), shape=np.ones((1, 2 * points)), table=np.zeros((2 * points, 9)),
    )  # fmt: skip
    return stage_of(chain, blueprint, Arriving(base.arriving.per_day, base.arriving.week), settings, base.span, seed=9)
