from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from journeysim.compare.luck import SINGLE, lives_of, pooled_sd, worlds_of
from journeysim.model.changes import ScaleDwell, Terms
from journeysim.model.quantity import Fixed
from journeysim.model.scenario import Proposal
from outcomes_builder import bank, bank_arms, bank_outcomes, lives_of_world, more_calls

DRAWS, CUSTOMERS = np.array([0, 7]), np.arange(20_000)


def two_exposures():
    early = more_calls(1.5).changes[0]
    late = ScaleDwell("form", "call", Fixed(0.5), Terms(reach=Fixed(0.3)))
    return Proposal("both", (replace(early, terms=Terms(reach=Fixed(0.6))), late))


def test_each_world_has_its_share_of_customers():
    arm = bank_arms(two_exposures())[1]
    found = worlds_of(arm, seed=3, draws=DRAWS, customers=CUSTOMERS, realism=0.5)
    shares = np.bincount(found.ravel(), minlength=4) / found.size
    full = {world.exposed: shares[k] for k, world in enumerate(arm.worlds)}
    # 40,000 customers: 5 standard errors are below 0.0125.
    assert full[(True, True)] == pytest.approx(0.5 * 0.3, abs=0.0125)
    assert full[(True, False)] == pytest.approx(0.5 * 0.3, abs=0.0125)
    assert full[(False, False)] == pytest.approx(0.5 * 0.4 + 0.5, abs=0.0125)


def test_less_realism_only_sends_customers_home():
    arm = bank_arms(two_exposures())[1]
    full, half = (worlds_of(arm, seed=3, draws=DRAWS, customers=CUSTOMERS, realism=r) for r in (1.0, 0.5))
    assert ((half == full) | (half == 0)).all()
    assert (half != full).any()
    assert (worlds_of(arm, seed=3, draws=DRAWS, customers=CUSTOMERS, realism=0.0) == 0).all()


def test_a_customer_meets_the_same_whoever_else_is_asked():
    arm = bank_arms(two_exposures())[1]
    everybody = worlds_of(arm, seed=3, draws=DRAWS, customers=CUSTOMERS)
    some = worlds_of(arm, seed=3, draws=DRAWS[1:], customers=CUSTOMERS[100:200])
    assert (some[0] == everybody[1, 100:200]).all()


def test_lives_come_from_the_world_a_customer_lives_in():
    arm = bank_outcomes(more_calls(3.0, terms=Terms(reach=Fixed(0.5)))).proposals[0]
    today, full = (replace(lives, value=np.full_like(lives.value, k)) for k, lives in enumerate(arm.lives))
    found = lives_of(replace(arm, lives=(today, full)), seed=5)
    where = worlds_of(arm.arm, seed=5, draws=today.draws, customers=today.customers)
    assert (found.value == where).all()
    assert 0.4 < found.value.mean() < 0.6


def test_ends_keep_their_names_when_worlds_have_other_places():
    arm = bank_outcomes(more_calls(3.0, terms=Terms(reach=Fixed(0.5)))).proposals[0]
    today, full = arm.lives
    shifted = replace(full, places=("form", "video", "call", "signed", "left"), end=np.full_like(full.end, 3))
    waiting = replace(today, end=np.full_like(today.end, -1))
    found = lives_of(replace(arm, lives=(waiting, shifted)), seed=5)
    names = np.array([*found.places, "on the way"])[found.end]
    assert set(names.ravel()) == {"signed", "on the way"}
    assert found.places == ("form", "call", "video", "signed", "left")


def test_single_customers_add_up_like_the_tally():
    lives = lives_of_world(bank_arms()[0].worlds[0])
    parts = {name: SINGLE[name](lives, bank()) for name in ("conversion", "loss", "active", "churn")}
    assert (parts["conversion"] + parts["loss"] + parts["active"] == 1).all()
    assert (parts["churn"] == parts["loss"]).all()
    assert (SINGLE["clv"](lives, bank()) == lives.value_pv - lives.cost_pv).all()


def test_churn_after_conversion_counts_converters_only():
    lives = lives_of_world(bank_arms()[0].worlds[0])
    journey = bank()
    left = replace(journey.outcomes[1], after_conversion=True)
    late = replace(journey, outcomes=(journey.outcomes[0], left))
    ended = replace(lives, end=np.full_like(lives.end, lives.places.index("left")))
    assert (SINGLE["churn"](ended, late) == np.isfinite(lives.convert_time)).all()
    assert (SINGLE["churn"](ended, journey) == 1).all()


def test_spread_between_customers_is_pooled_within_draws():
    values = np.array([[0.0, 2.0, 9.0], [100.0, 104.0, 0.0]])
    chosen = np.array([[True, True, False], [True, True, False]])
    assert pooled_sd(values, chosen) == pytest.approx(np.sqrt((2 + 8) / 2))
    assert pooled_sd(values, np.eye(2, 3, dtype=bool)) is None
