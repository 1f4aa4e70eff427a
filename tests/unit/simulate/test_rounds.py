"""Customers in rounds: the same bits in whatever parts, a number that is found, given or at its bound, and what is said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from journeysim.model.changes import Terms
from journeysim.model.quantity import Fixed, Range, Scale
from journeysim.simulate import precision as module
from journeysim.simulate.precision import FIRST, MOST_MOVES, Precision, Reached, more_customers, parts_of, too_few
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import BLOCK
from journeysim.simulate.walk import crowd_tally, empty_crowd, walk_on, walk_tally
from outcomes_builder import bank_arms, bank_draws, more_calls
from walk_reference import rich_chain, same_bits

RUN = Settings(horizon=120.0, discount_value=0.09, discount_cost=0.03)
SIZE = Range(1.2, 1.9, Scale.POSITIVE)


def walked(*proposals, draws=None, customers=None, seed=3):
    arms = bank_arms(*proposals, draws=bank_draws(30) if draws is None else draws)
    return simulate(arms, settings=RUN, seed=seed, customers=customers, engine="walk")


def sure(part: float, *, customers: int = 2048, most: int = 100_000, found: bool = True) -> Precision:
    return Precision(customers, found, 0.2, most, (Reached("calls", "clv", 1.0, 1.0, part, part / 10),))


@pytest.mark.parametrize("parts", [(512, 512, 876), (1536, 364), (1024, 876)])
def test_customers_added_in_parts_give_the_bits_of_one_walk(parts):
    chain = rich_chain(6)
    crowd = empty_crowd(chain, RUN, seed=3, first_customer=40)
    for part in parts:
        crowd = walk_on(crowd, part, threads=2)
    assert all(same_bits(*pair) for pair in zip(crowd_tally(crowd), one_walk(chain, sum(parts)), strict=True))


def one_walk(chain, customers):
    return walk_tally(chain, RUN, seed=3, customers=customers, first_customer=40)


def test_stand_ins_come_last_so_that_they_leave_when_somebody_comes():
    # 0.2 % of the customers: nobody among the first 512 of some draws, several among 4,096.
    chain = dataclasses.replace(rich_chain(6, draws=8), persona_share=np.tile([0.002, 0.498, 0.5], (8, 1)))
    first = walk_on(empty_crowd(chain, RUN, seed=3), 512)
    assert (first.sums.customers[:, 0] == 0).any()
    whole = walk_on(first, 4096 - 512)
    assert (whole.sums.customers[:, 0] > 0).all()
    assert same_bits(crowd_tally(whole)[0], walk_tally(chain, RUN, seed=3, customers=4096)[0])
    assert (crowd_tally(first)[1].customers[:, 0] > 0).all()


def test_a_crowd_stays_as_it_is_and_ends_within_a_block_only_once():
    crowd = walk_on(empty_crowd(rich_chain(6), RUN, seed=3), 700)
    before = crowd_tally(crowd)
    with pytest.raises(ValueError, match="a crowd of 700 ends within a block of 512"):
        walk_on(crowd, 100)
    assert same_bits(before[0], crowd_tally(crowd)[0])


def test_the_number_that_is_found_gives_what_the_same_number_asked_for_gives():
    found = walked(more_calls(SIZE, realism=(0.5, 1.0)))
    assert found.precision.found
    assert found.precision.enough
    assert found.customers == found.precision.customers > FIRST
    given = walked(more_calls(SIZE, realism=(0.5, 1.0)), customers=found.customers)
    for first, second in zip(found.arms, given.arms, strict=True):
        assert all(same_bits(a, b) for a, b in zip(first.tallies, second.tallies, strict=True))


def test_a_number_that_is_asked_for_is_taken_and_what_it_gives_is_told():
    outcomes = walked(more_calls(SIZE), customers=600)
    precision = outcomes.precision
    assert (outcomes.customers, precision.customers, precision.found) == (600, 600, False)
    assert [item.arm for item in precision.arms] == ["more calls"]
    assert precision.worst.part > precision.asked
    assert outcomes.warnings == ()
    assert np.isnan(walked(more_calls(SIZE), customers=BLOCK).precision.arms[0].noise), (
        "one block has nothing beside it"
    )


def test_the_upper_bound_holds_and_says_what_was_reached(monkeypatch):
    monkeypatch.setattr(module, "MOST_MOVES", 300_000)
    outcomes = walked(more_calls(SIZE))
    made = outcomes.customers * 30 * 2 * 1.5
    assert outcomes.customers % BLOCK == 0
    assert 2e5 < made < 3.3e5
    assert not outcomes.precision.enough
    worst = outcomes.precision.worst
    (said,) = outcomes.warnings
    assert f"{outcomes.customers:,} customers per draw" in said
    assert f"Monte Carlo noise is {worst.part:.0%} of what the draws do not know" in said
    assert "20% is asked for" in said
    assert '"more calls"' in said


def test_a_proposal_that_changes_nothing_needs_no_customers():
    outcomes = walked(more_calls(1.0))
    assert outcomes.customers == FIRST
    assert outcomes.precision.worst.noise == 0.0
    assert outcomes.warnings == ()
    assert walked().precision.arms == ()


def test_the_metric_is_money_where_money_moves_and_conversion_where_none_does():
    assert walked(more_calls(SIZE), customers=600).precision.worst.metric == "clv"
    poor = bank_draws(30)
    data = poor.data.assign({name: poor.data[name] * 0.0 for name in ("visit_value", "visit_cost")})
    outcomes = walked(more_calls(SIZE), draws=dataclasses.replace(poor, data=data), customers=600)
    assert outcomes.precision.worst.metric == "conversion"


def test_a_difference_is_that_of_the_tallies_whoever_is_reached():
    terms = Terms(reach=Fixed(0.6), start=10.0)
    outcomes = walked(more_calls(SIZE, terms=terms), customers=1100)
    shares = [(arm.cohort(), arm.persona_shares()) for arm in outcomes.arms]
    today, changed = (((t.value_pv - t.cost_pv) * share).sum(axis=1) for t, share in shares)
    assert outcomes.precision.arms[0].mean == pytest.approx((changed - today).mean(), rel=1e-12)


def test_one_draw_is_held_against_the_difference_itself():
    outcomes = walked(more_calls(2.0), draws=bank_draws(1))
    worst = outcomes.precision.worst
    assert worst.spread == pytest.approx(abs(worst.mean))
    assert worst.noise == worst.error
    assert outcomes.precision.enough


@pytest.mark.parametrize(
    ("part", "more"),
    [(0.19, 0), (0.2, 0), (0.22, 1024), (0.3, 3072), (9.0, 3 * 2048), (np.inf, 3 * 2048), (np.nan, 0)],
)
def test_noise_falls_with_the_root_of_the_number_so_what_is_missing_is_known(part, more):
    assert more_customers(sure(part)) == more
    assert more_customers(sure(part, found=False)) == 0
    assert more_customers(sure(part, most=2560)) == min(more, 512)


def test_a_round_consists_of_whole_blocks_as_far_as_there_are():
    assert parts_of(2048) == [512] * 4
    assert parts_of(3072) == [512, 1024, 512, 1024]
    assert parts_of(600) == [512, 88]
    assert parts_of(100) == [100]
    assert parts_of(1_000_003)[-1] % BLOCK == 1_000_003 % BLOCK
    assert sum(parts_of(1_000_003)) == 1_000_003


def test_nothing_is_said_where_there_are_enough_and_no_range_is_named_where_there_is_none():
    assert too_few(None) == too_few(sure(0.1)) == too_few(sure(0.9, found=False)) == ()
    nothing = Precision(2048, True, 0.2, 2048, (Reached("calls", "clv", 0.0, 0.0, 1.0, 0.1),))
    assert "nothing but Monte Carlo noise" in too_few(nothing)[0]
    assert MOST_MOVES > 1e8
