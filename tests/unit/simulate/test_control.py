"""The exact engine as a control variate: used where it pays, adds up, and gives a run's bundles the same figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from journeysim.model.quantity import Range, Scale
from journeysim.simulate.chain import compile_world
from journeysim.simulate.control import controlled, without_layers
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.executors import HERE
from journeysim.simulate.layers import NO_LAYERS, Frailty, Layers
from journeysim.simulate.precision import FIRST
from journeysim.simulate.rounds import walk_worlds
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import place_key
from journeysim.simulate.walk import walk_tally
from outcomes_builder import bank_arms, bank_draws, more_calls
from walk_reference import layered_chain, rich_chain, same_bits

RUN = Settings(horizon=60.0, discount_value=0.09, discount_cost=0.03)
FATES = ("converted", "churned", "lost", "active")


def differing(chain, kappa):
    shape = (chain.draws, len(chain.touchpoints))
    keys = np.array([place_key("own share", link) for link in chain.links], dtype=np.uint32)
    own, nobody = np.full(shape, kappa), np.full(shape, np.nan)
    return dataclasses.replace(
        chain, layers=Layers(frailty=Frailty(own, own, nobody, keys, np.zeros(len(chain.links), dtype=bool)))
    )


def walked(kappa, customers=None, draws=20):
    arms = bank_arms(more_calls(Range(1.2, 2.5, Scale.POSITIVE)), draws=bank_draws(draws))
    today, chains = arms[0].worlds[0].draws, {}
    for world in (world for arm in arms for world in arm.worlds):
        chain = compile_world(world.journey, world.draws, None if world.draws is today else today)
        chains[id(world.draws)] = chain if kappa is None else differing(chain, kappa)
    return walk_worlds(arms, chains, settings=RUN, seed=3, customers=customers)


def test_it_is_used_where_layers_bend_little_and_not_where_they_bend_much_or_are_off():
    _, little = walked(500.0)
    _, much = walked(0.3)
    _, none = walked(None)
    assert little.gain > 3.0
    assert 0.8 < little.slope < 1.2
    assert (much.slope, much.gain) == (none.slope, none.gain) == (0.0, 1.0)
    assert little.customers < none.customers, "less noise, so fewer customers"
    assert walked(500.0, customers=512)[1].slope == 0.0, "one block says nothing about noise"


@pytest.mark.parametrize("customers", [FIRST, FIRST + 700])
def test_what_adds_up_still_does(customers):
    tallies, precision = walked(500.0, customers=customers)
    assert precision.slope > 0.0
    for tally in tallies.values():
        np.testing.assert_allclose(tally.converted + tally.churned + tally.lost + tally.active, 1.0, atol=1e-9)
        np.testing.assert_allclose(tally.value_at.sum(axis=-1), tally.value, rtol=1e-9)
        np.testing.assert_allclose(tally.value_month.sum(axis=-1), tally.value, rtol=1e-9)
        np.testing.assert_allclose(tally.ends.sum(axis=-1) + tally.active, 1.0, atol=1e-9)
        assert min(getattr(tally, name).min() for name in (*FATES, "ends", "visits", "moves")) >= -1e-9


def test_a_number_that_is_found_gives_what_the_same_number_asked_for_gives():
    found, precision = walked(500.0)
    given, again = walked(500.0, customers=precision.customers)
    assert (again.slope, again.gain, again.arms) == (precision.slope, precision.gain, precision.arms)
    assert all(same_bits(a, b) for a, b in zip(found.values(), given.values(), strict=True))


def tallies_by_hand(chain, customers):
    bare = without_layers(chain)
    layered, plain = (walk_tally(item, RUN, seed=3, customers=customers)[0] for item in (chain, bare))
    return layered, plain, exact_tally(bare, dataclasses.replace(RUN, tolerance=1e-4))[0]


def test_all_of_the_control_leaves_the_expectation_where_no_layer_acts():
    chain = rich_chain(6)
    layered, plain, known = tallies_by_hand(dataclasses.replace(chain, layers=NO_LAYERS), 5_000)
    found = controlled(layered, plain, known, 1.0)
    for name in ("converted", "value_pv", "cost_pv", "effort", "value_at", "cost_month"):
        np.testing.assert_allclose(getattr(found, name), getattr(known, name), rtol=1e-9, atol=1e-12)
    assert found.paths is layered.paths


def test_no_share_of_the_customers_falls_below_zero_whatever_is_taken_off():
    layered, plain, known = tallies_by_hand(layered_chain(3), 64)
    for slope in (0.9, 3.0, -2.0):
        found = controlled(layered, plain, known, slope)
        assert min(getattr(found, name).min() for name in (*FATES, "ends", "visits", "moves")) >= -1e-9
        fates = (found.ends.sum(axis=-1) + found.active)[known.ends.sum(axis=-1) > 0]
        np.testing.assert_allclose(fates, 1.0, atol=1e-9)
    assert not same_bits(controlled(layered, plain, known, 0.9), layered)
    assert same_bits(controlled(layered, plain, known, 0.0), layered)


def test_values_stay_as_they_are_drawn():
    chain = layered_chain(3)
    assert without_layers(chain).layers.values is chain.layers.values
    assert without_layers(chain).layers.names == ()


def test_more_worlds_of_a_run_have_the_same_control():
    from journeysim.simulate import tallies as module

    arms = bank_arms(more_calls(2.0), draws=bank_draws(6))
    chains = [differing(compile_world(arms[0].worlds[0].journey, bank_draws(6), None), 500.0)]
    (found,) = module._tallies(chains, RUN, 3, "walk", 2048, 0.9, HERE)
    assert same_bits(found, controlled(*tallies_by_hand(chains[0], 2048), 0.9))
    (bare,) = module._tallies(chains, RUN, 3, "walk", 2048, 0.0, HERE)
    assert same_bits(bare, walk_tally(chains[0], RUN, seed=3, customers=2048)[0])
