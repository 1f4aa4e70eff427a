"""Tallies of many worlds: the engine's own, each world once, what is known looked up, whatever threads there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from journeysim.cli.pipeline import further_like
from journeysim.decide.portfolio.worth import Crowding, Further
from journeysim.model.scenario import Scenario
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.executors import Here
from journeysim.simulate.outcomes import Engine
from journeysim.simulate.settings import Settings
from journeysim.simulate.tallies import tallies_of
from outcomes_builder import bank, bank_arms, bank_draws, bank_outcomes, more_calls

SETTINGS = Settings(90.0, 0.1, 0.03)


def tallied(worlds, **others):
    return tallies_of(worlds, settings=SETTINGS, seed=3, engine="exact", customers=10, **others)


def test_each_world_has_its_own_tally_and_one_thread_gives_the_same_bits():
    today, changed = bank_arms(more_calls(2.0), draws=bank_draws(6))
    worlds = [*today.worlds, *changed.worlds]
    found = tallied(worlds)
    alone, _ = exact_tally(compile_world(worlds[2].journey, worlds[2].draws, worlds[0].draws), SETTINGS)
    assert np.array_equal(found[2].value_month, alone.value_month)
    assert found[1] is found[0], "the world in which nobody meets the change is today"
    assert (found[2].converted > found[0].converted).all()
    assert np.array_equal(tallied(worlds, executor=Here(1))[2].value_month, found[2].value_month)


def test_what_the_run_has_simulated_is_looked_up():
    outcomes = bank_outcomes(more_calls(2.0), draws=bank_draws(6))
    worlds = [world for arm in outcomes.arms for world in arm.arm.worlds]
    known = [tally for arm in outcomes.arms for tally in arm.tallies]
    found = tallied(worlds, known=outcomes.arms)
    assert np.array_equal(found[-1].value, known[-1].value)


def test_worlds_are_not_mixed_where_customers_wait_for_each_other():
    outcomes = bank_outcomes(more_calls(2.0), draws=bank_draws(6))
    scenario = Scenario("bank", bank(), ())
    assert isinstance(further_like(outcomes, scenario), Further)
    assert isinstance(further_like(replace(outcomes, engine=Engine("service", "")), scenario), Crowding)
