"""A touchpoint is taken away: whoever would have come there goes on as they leave it today, and shares stay right."""

from __future__ import annotations

import dataclasses

import numpy as np

from journeysim.model.changes import RemoveTouchpoint
from journeysim.model.scenario import Proposal
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import walk_lives, walk_tally
from outcomes_builder import bank_arms, bank_draws

RUN = Settings(horizon=400.0)
CUSTOMERS = np.arange(20_000)


def chains(inflow="bypass", lost_to=""):
    today, changed = bank_arms(Proposal("no call", (RemoveTouchpoint("call", inflow, lost_to),)), draws=bank_draws(3))
    world, before = changed.worlds[-1], today.worlds[0]
    return compile_world(before.journey, before.draws), compile_world(world.journey, world.draws, before.draws)


def test_every_fate_is_todays_though_the_way_is_shorter():
    lives = [walk_lives(chain, RUN, seed=4, draws=[0, 2], customers=CUSTOMERS) for chain in chains()]
    ends = [np.array(item.places)[item.end] for item in lives]
    assert (ends[0] == ends[1]).all()
    assert lives[1].touches.sum() < 0.8 * lives[0].touches.sum()


def test_shares_are_right_whoever_takes_up_the_inflow():
    # Ends of 3 draws and 2 personas against the exact engine: 12 scores below 4.5, false alarm below 1e-4. A share 3 %
    # off would be caught.
    for inflow, lost_to in (("bypass", ""), ("redistribute", ""), ("lost", "left")):
        _, chain = chains(inflow, lost_to)
        tally, error = walk_tally(chain, RUN, seed=9, customers=30_000)
        exact = exact_tally(chain, RUN)[0]
        assert (np.abs(tally.converted - exact.converted) < 4.5 * np.maximum(error.converted, 1e-9)).all(), inflow


def test_one_address_is_used_once_so_two_ways_in_have_none():
    today, chain = chains()
    assert today.gone is not None
    assert not today.gone.any()
    at = chain.links.index("form -> call")
    assert chain.gone[at] > 0
    assert (np.delete(chain.gone, at) == 0).all()
    world = bank_arms(draws=bank_draws(3))[0].worlds[0]
    entered = world.draws.data.copy(deep=True)
    entered["entry"].values[..., world.draws.places.index("call")] = 0.2
    before = dataclasses.replace(world.draws, data=entered)
    removed = bank_arms(Proposal("no call", (RemoveTouchpoint("call", "bypass"),)), draws=bank_draws(3))[1].worlds[-1]
    assert not compile_world(removed.journey, removed.draws, before).gone.any()
