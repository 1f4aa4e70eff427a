"""Noise where customers wait for each other: from stretches of lives, and what a run does about it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from journeysim.calibrate import prior_draws
from journeysim.cli.init import examples
from journeysim.files import read_scenario
from journeysim.model.arms import build_arms
from journeysim.simulate.run import simulate
from journeysim.simulate.service import enough as module
from journeysim.simulate.service.enough import STRETCHES, _square
from journeysim.simulate.settings import Settings
from walk_reference import same_bits


def served(customers=None, seed=1):
    scenario = read_scenario(str(examples() / "telephone_advice" / "scenario.yaml"))
    scenario = dataclasses.replace(scenario, proposals=scenario.proposals[:1])
    arms = build_arms(scenario, prior_draws(scenario.journey, draws=6, seed=1), seed=1)
    return simulate(arms, settings=Settings(30.0), seed=seed, customers=customers)


# A chain x(t) = 0.8 x(t-1) + e: the mean of n has variance close to 25 / n, that of as many independent values with the
# same spread 2.78 / n. Stretches of 250 leave 3.2 % of it out. 600 draws with 9 degrees of freedom each: a standard
# error of 1.9 %, so a limit of 11 % is four of these above what is left out; false alarm below 1e-4.
def test_customers_who_share_their_luck_count_for_fewer():
    rng, draws, customers = np.random.default_rng(5), 600, 2_500
    noise = rng.standard_normal((customers + 200, draws))
    lives = np.zeros_like(noise)
    for at in range(1, len(noise)):
        lives[at] = 0.8 * lives[at - 1] + noise[at]
    assert _square(lives[200:].T) == pytest.approx(25.0 / customers, rel=0.11)
    assert np.isnan(_square(np.zeros((3, STRETCHES - 1))))


def test_a_run_goes_on_for_more_weeks_and_a_number_that_is_asked_for_is_taken(monkeypatch):
    monkeypatch.setattr(module, "MOST_PER_DRAW", 4_000)
    found = served()
    assert found.precision.found
    assert found.customers == found.precision.customers
    assert 2_000 < found.customers <= 4_000
    assert any("the most a run takes by itself" in said for said in found.warnings) != found.precision.enough
    given = served(found.customers)
    assert not given.precision.found
    assert not any("the most a run takes" in said for said in given.warnings)
    for first, second in zip(found.arms, given.arms, strict=True):
        assert all(same_bits(a, b) for a, b in zip(first.tallies, second.tallies, strict=True))


def test_a_longer_run_begins_with_the_same_customers_and_is_known_better():
    short, long = served(2_000), served(8_000)
    pairs = zip(short.arms[1].lives, long.arms[1].lives, strict=True)
    for first, second in pairs:
        shared = min(len(first.customers), len(second.customers))
        np.testing.assert_array_equal(first.end[:, :shared], second.end[:, :shared])
    noise = [item.precision.arms[0].noise for item in (short, long)]
    assert 1.4 < noise[0] / noise[1] < 2.8, "half with four times the customers"


def test_the_noise_that_is_claimed_is_that_between_seeds():
    # Eight seeds of six draws: 42 degrees of freedom for the errors made, 2,160 for the noise claimed. False alarm 1e-3
    # for normal errors, between 0.45 and 1.88 as a ratio of variances; noise claimed half as large would be caught.
    runs = [served(2_000, seed) for seed in range(8)]
    values = []
    for outcomes in runs:
        today, changed = (
            ((arm.cohort().value_pv - arm.cohort().cost_pv) * arm.persona_shares()).sum(axis=1) for arm in outcomes.arms
        )
        values.append(changed - today)
    made = np.var(values, axis=0, ddof=1).mean()
    claimed = np.mean([outcomes.precision.arms[0].noise ** 2 for outcomes in runs])
    assert 0.45 < made / claimed < 1.88, f"{made / claimed:.2f}"
