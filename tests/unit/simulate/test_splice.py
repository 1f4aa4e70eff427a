"""Spliced chains: the lives of the parts on either side of a turn, with every layer on, and worlds with other places."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from chains import build_chain
from journeysim.calibrate import stated_draws
from journeysim.model.arms import build_arms
from journeysim.model.changes import AddTouchpoint, RemoveTouchpoint, ScaleDwell
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal, Scenario
from journeysim.simulate.chain import compile_world
from journeysim.simulate.settings import Settings
from journeysim.simulate.splice import spliced
from journeysim.simulate.walk import life_story, walk_lives, walk_tally
from maps import shop
from walk_reference import layered_chain

RUN = Settings(horizon=120.0)
PEOPLE = np.arange(700)


def lives(chain):
    return walk_lives(chain, RUN, seed=5, draws=np.arange(chain.draws), customers=PEOPLE)


def same(one, other):
    return all(
        np.array_equal(
            getattr(one, item.name), getattr(other, item.name), equal_nan=getattr(one, item.name).dtype.kind == "f"
        )
        for item in dataclasses.fields(one)
        if isinstance(getattr(one, item.name), np.ndarray)
    )


def two_worlds(seed=3):
    """Return a chain with every layer on, and one that differs from it in all rows but the first."""
    chain, rng = layered_chain(seed), np.random.default_rng(7)
    entry = np.zeros_like(chain.entry)
    entry[..., 0] = 1.0
    chain = replace(chain, entry=entry)
    frailty, memory, moods = chain.layers.frailty, chain.layers.memory, chain.layers.moods
    other, last = chain.source > 0, memory.order2.shape[-1]
    share = chain.share * np.where(other, rng.uniform(0.5, 2.0, len(other)), 1.0)
    sums = np.add.reduceat(share, chain.row_start[:-1], axis=-1)
    layers = replace(
        chain.layers,
        frailty=replace(
            frailty, kappa=np.where(np.arange(frailty.kappa.shape[1]) > 0, 2 * frailty.kappa, frailty.kappa)
        ),
        memory=replace(
            memory,
            start=memory.start + 0.3 * other,
            effect=memory.effect - 0.2 * other,
            order2=memory.order2 * rng.uniform(0.5, 2.0, last),
        ),
        moods=replace(moods, sensitivity=moods.sensitivity + 0.4 * other),
    )
    return chain, replace(chain, share=np.where(other, share / sums[..., chain.source], chain.share), layers=layers)


def test_a_world_that_follows_itself_is_that_world_to_the_bit():
    chain, _ = two_worlds()
    assert same(lives(spliced((chain, chain), (30.0,))), lives(chain))


def test_a_turn_after_the_horizon_leaves_the_first_world_to_the_bit():
    one, other = two_worlds()
    assert same(lives(spliced((one, other), (121.0,))), lives(one))


def test_a_turn_right_after_entry_leaves_the_second_world_to_the_bit():
    """The visit that begins at entry goes by the first world, and its row is the same in both."""
    one, other = two_worlds()
    found, wanted = lives(spliced((one, other), (1e-9,))), lives(other)
    assert same(found, wanted)
    assert not same(wanted, lives(one))


def test_every_life_is_the_first_worlds_until_a_visit_begins_after_the_turn():
    one, other = two_worlds()
    chain, turn, differ = spliced((one, other), (3.0,)), 3.0, 0
    for customer in range(150):
        before = life_story(one, RUN, seed=5, draw=0, customer=customer)
        after = life_story(chain, RUN, seed=5, draw=0, customer=customer)
        known = next((k for k, step in enumerate(before) if step.day >= turn), len(before))
        assert after[: known + 1] == before[: known + 1]
        differ += after != before
    assert differ > 10


def worlds_of(*changes):
    scenario = Scenario("?", shop(), (Proposal("p", changes),), 120.0)
    arm = build_arms(scenario, stated_draws(shop()), seed=1)[1]
    today = arm.worlds[0]
    return [compile_world(w.journey, w.draws, None if w is today else today.draws) for w in arm.worlds]


@pytest.mark.parametrize(
    "change",
    [
        AddTouchpoint(Touchpoint("chat", ()), (("visit", "cart"),), Fixed(0.5), Dwell(Family.FIXED, Fixed(2.0))),
        RemoveTouchpoint("help", "bypass"),
        ScaleDwell("visit", "cart", Fixed(0.2)),
    ],
    ids=["add", "remove", "dwell"],
)
def test_worlds_with_other_places_and_dwells_follow_each_other(change):
    """Either way round, nobody is lost: all moves lead on, and what a turn comes too late for is the first world's."""
    today, changed = worlds_of(change)
    for first, second in ((today, changed), (changed, today)):
        late = walk_tally(spliced((first, second), (200.0,)), RUN, seed=1, customers=4_000)[0]
        alone = walk_tally(first, RUN, seed=1, customers=4_000)[0]
        assert np.array_equal(late.value, alone.value)
        assert np.array_equal(late.converted_by, alone.converted_by)
        midway = spliced((first, second), (1.0,))
        assert np.allclose(np.add.reduceat(midway.share, midway.row_start[:-1], axis=-1), 1.0)
        found = walk_tally(midway, RUN, seed=1, customers=4_000)[0]
        assert np.allclose(found.ends.sum(axis=2) + found.active, 1.0)
        assert not np.array_equal(found.converted_by, alone.converted_by)


def test_worlds_with_tables_of_their_own_keep_them():
    """Both worlds have an empirical dwell in row 0 of their table: quick before the turn, slow after."""
    quick, slow = (
        build_chain(
            {"a": {"b": (1.0, Family.EMPIRICAL, 1.0, 0.0)}, "b": {"end": (1.0, Family.EMPIRICAL, 1.0, 0.0)}},
            outcomes=("end",), table=np.linspace(low, high, 257)[None],
        )
        for low, high in ((0.5, 0.6), (10.0, 11.0))
    )  # fmt: skip
    for customer in range(20):
        first, second, end = life_story(spliced([quick, slow], [0.4]), RUN, seed=5, draw=0, customer=customer)
        assert 0.5 <= second.day - first.day <= 0.6
        assert 10.0 <= end.day - second.day <= 11.0
