"""The walk against a plain reference, against itself, and against what must always hold."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from chains import build_chain, fixed, random_chain, with_arrays
from journeysim.errors import JourneysimError
from journeysim.model.dwell import Family
from journeysim.simulate.settings import Settings
from journeysim.simulate.walk import WalkError, life_story, merge_walks, walk_lives, walk_tally
from walk_reference import reference_life, rich_chain, same_bits

RUN = Settings(horizon=120.0, discount_value=0.09, discount_cost=0.03)
MONEY = ("value", "cost", "value_pv", "cost_pv", "effort")


@pytest.mark.parametrize("seed", range(4))
def test_lives_are_those_of_the_plain_reference(seed):
    chain = rich_chain(seed)
    customers = np.arange(150)
    lives = walk_lives(chain, RUN, seed=seed + 99, draws=[0, 1], customers=customers)
    places = chain.touchpoints + chain.outcomes
    for draw in range(2):
        for customer in customers:
            life = reference_life(chain, RUN, seed + 99, draw, int(customer))
            story = life_story(chain, RUN, seed=seed + 99, draw=draw, customer=int(customer))
            assert [step.place for step in story] == [places[place] for place in life.path]
            np.testing.assert_allclose([step.day for step in story], life.days, rtol=1e-6)
            _compare(lives, draw, customer, life, len(chain.touchpoints))


def _compare(lives, draw, customer, life, touchpoints):
    at = (draw, customer)
    ended = life.path[-1] >= touchpoints
    assert lives.persona[at] == life.persona
    assert lives.end[at] == (life.path[-1] if ended else -1)
    assert lives.touches[at] == sum(place < touchpoints for place in life.path)
    assert lives.touches_to_convert[at] == life.touches_to_convert
    np.testing.assert_allclose(lives.end_time[at], life.days[-1] if ended else np.nan, rtol=1e-6)
    np.testing.assert_allclose(lives.convert_time[at], life.convert_day, rtol=1e-6)
    for name in MONEY:
        np.testing.assert_allclose(getattr(lives, name)[at], getattr(life, name), rtol=1e-6, atol=1e-9)


def test_times_without_gamma_dwells_are_the_references_to_the_last_digits():
    chain = rich_chain(11)
    family = np.where(chain.family == Family.GAMMA, Family.WEIBULL, chain.family)
    chain = with_arrays(chain, family=family.astype(np.int8))
    for customer in range(100):
        days = [step.day for step in life_story(chain, RUN, seed=1, draw=0, customer=customer)]
        np.testing.assert_allclose(days, reference_life(chain, RUN, 1, 0, customer).days, rtol=1e-13)


def test_a_life_does_not_depend_on_who_is_walked_with_it():
    chain = rich_chain(5)
    whole = walk_lives(chain, RUN, seed=3, draws=[0, 1], customers=np.arange(1000))
    odd = walk_lives(chain, RUN, seed=3, draws=[1], customers=np.arange(999, 0, -2))
    for name in (*MONEY, "end", "end_time", "convert_time", "touches", "persona"):
        np.testing.assert_array_equal(getattr(odd, name)[0], getattr(whole, name)[1, 999:0:-2])


def test_tallies_add_up_the_same_lives():
    chain = rich_chain(6)
    tally, error = walk_tally(chain, RUN, seed=3, customers=1500, first_customer=40)
    lives = walk_lives(chain, RUN, seed=3, draws=[0, 1], customers=40 + np.arange(1500))
    for draw in range(2):
        for persona in range(3):
            mine = lives.persona[draw] == persona
            assert error.customers[draw, persona] == mine.sum()
            for name in MONEY:
                own = getattr(lives, name)[draw, mine]
                np.testing.assert_allclose(getattr(tally, name)[draw, persona], own.mean(), rtol=1e-12)
                if name != "effort":
                    standard = own.std(ddof=1) / np.sqrt(len(own))
                    np.testing.assert_allclose(getattr(error, name)[draw, persona], standard, rtol=1e-9)
            converted = lives.convert_time[draw, mine]
            assert tally.converted[draw, persona] == np.isfinite(converted).mean()
            by_mark = (converted[:, None] <= tally.marks).mean(axis=0)
            np.testing.assert_allclose(tally.converted_by[draw, persona], by_mark, rtol=1e-12)
            on_the_way = 1 - (lives.end_time[draw, mine][:, None] <= tally.marks).mean(axis=0)
            np.testing.assert_allclose(tally.active_at[draw, persona], on_the_way, rtol=1e-12)


def test_the_result_has_the_same_bits_for_any_number_of_threads():
    chain = rich_chain(7, draws=9)
    alone = walk_tally(chain, RUN, seed=3, customers=700, threads=1)
    for threads in (2, 5):
        together = walk_tally(chain, RUN, seed=3, customers=700, threads=threads)
        assert same_bits(alone[0], together[0])
        assert same_bits(alone[1], together[1])


def test_a_draw_keeps_its_lives_when_it_is_walked_alone():
    chain = rich_chain(8, draws=3)
    whole = walk_tally(chain, RUN, seed=3, customers=300)[0]
    part = walk_tally(chain.take(np.array([2])), RUN, seed=3, customers=300, draw_numbers=np.array([2]))[0]
    np.testing.assert_array_equal(part.value_pv[0], whole.value_pv[2])


def test_two_walks_merge_into_the_walk_of_all_their_customers():
    chain = rich_chain(9)
    whole = walk_tally(chain, RUN, seed=3, customers=1200)
    merged = merge_walks(
        walk_tally(chain, RUN, seed=3, customers=500),
        walk_tally(chain, RUN, seed=3, customers=700, first_customer=500),
    )
    for item in dataclasses.fields(WalkError):
        np.testing.assert_allclose(getattr(merged[1], item.name), getattr(whole[1], item.name), rtol=1e-9)
    for name in (*MONEY, "converted", "visits", "moves", "converted_by", "value_month"):
        np.testing.assert_allclose(getattr(merged[0], name), getattr(whole[0], name), rtol=1e-9, atol=1e-12)


def test_identical_chains_give_identical_lives_and_another_seed_others():
    lives = [
        walk_lives(rich_chain(4), RUN, seed=seed, draws=[0], customers=np.arange(200)) for seed in (1, 1, 2, 1 + 2**32)
    ]
    assert same_bits(lives[0], lives[1])
    assert not np.array_equal(lives[0].cost, lives[2].cost)
    assert not np.array_equal(lives[0].cost, lives[3].cost)


def test_customers_whom_a_changed_row_does_not_touch_live_the_same_life():
    today = random_chain(2, draws=1, personas=1, touchpoints=6, out_degree=3)
    changed = today.share.copy()
    row = slice(today.row_start[3], today.row_start[4])
    changed[..., row] = changed[..., row][..., ::-1]
    proposal = with_arrays(today, share=changed, coupled=np.arange(6) == 3)
    moved = 0
    for customer in range(300):
        before = life_story(today, RUN, seed=5, draw=0, customer=customer)
        after = life_story(proposal, RUN, seed=5, draw=0, customer=customer)
        if all(step.place != today.touchpoints[3] for step in before):
            assert after == before
        moved += after != before
    assert moved > 0


def test_a_coupled_row_that_equals_todays_changes_nothing():
    chain = rich_chain(12)
    plain = with_arrays(chain, today_share=chain.share, coupled=np.zeros(8, dtype=bool))
    coupled = with_arrays(chain, today_share=chain.share, coupled=np.ones(8, dtype=bool))
    assert same_bits(
        walk_tally(plain, RUN, seed=1, customers=500)[0], walk_tally(coupled, RUN, seed=1, customers=500)[0]
    )


def test_a_row_that_today_does_not_have_is_drawn_from_its_own_shares():
    chain = random_chain(3, draws=1, personas=1, touchpoints=4, out_degree=3)
    new = with_arrays(chain, today_share=np.zeros_like(chain.share), coupled=np.ones(4, dtype=bool))
    assert same_bits(walk_tally(chain, RUN, seed=1, customers=300)[0], walk_tally(new, RUN, seed=1, customers=300)[0])


@pytest.mark.parametrize("seed", range(3))
def test_money_is_the_same_by_place_by_month_and_by_customer(seed):
    tally, _ = walk_tally(rich_chain(seed), RUN, seed=seed, customers=800)
    for kind in ("value", "cost"):
        total = getattr(tally, kind)
        np.testing.assert_allclose(getattr(tally, f"{kind}_at").sum(-1), total, rtol=1e-11)
        np.testing.assert_allclose(getattr(tally, f"{kind}_month").sum(-1), total, rtol=1e-11)
        assert np.all(getattr(tally, f"{kind}_pv") < total)


@pytest.mark.parametrize("seed", range(3))
def test_everyone_is_somewhere(seed):
    chain = rich_chain(seed)
    tally, _ = walk_tally(chain, RUN, seed=seed, customers=800)
    np.testing.assert_allclose(tally.ends.sum(-1) + tally.active, 1.0, rtol=1e-12)
    np.testing.assert_allclose(tally.active_at[..., -1], tally.active, atol=1e-12)
    np.testing.assert_allclose(tally.converted_month.sum(-1), tally.converted, rtol=1e-12)
    np.testing.assert_array_equal(tally.converted_by[..., -1], tally.converted)
    np.testing.assert_allclose(tally.visits[..., len(chain.touchpoints) :], tally.ends, rtol=1e-12)


def test_a_fixed_journey_is_counted_exactly():
    chain = build_chain(
        {"a": {"b": fixed(1.0, 10.0)}, "b": {"won": fixed(1.0, 30.0)}},
        outcomes=["won"],
        converts=["won"],
        visit_value={"won": 100.0, "b": 5.0},
        visit_cost={"a": 1.0},
        value_per_day={"b": 2.0},
        cost_per_day={"a": 0.5},
        link_cost={"b -> won": 7.0},
        effort={"a": 1.0, "b": 2.0},
    )
    run = Settings(horizon=40.0, discount_value=0.1, discount_cost=0.2)
    tally, error = walk_tally(chain, run, seed=1, customers=10)
    force = np.log(1.1) / 365.25
    stay = 2.0 * (np.exp(-10 * force) - np.exp(-40 * force)) / force
    np.testing.assert_allclose(tally.value_pv, 5 * np.exp(-10 * force) + stay + 100 * np.exp(-40 * force), rtol=1e-12)
    np.testing.assert_allclose(tally.value, 165.0)
    np.testing.assert_allclose(tally.cost, 1.0 + 5.0 + 7.0)
    np.testing.assert_allclose(tally.effort, 3.0)
    np.testing.assert_allclose(tally.value_at[0, 0], [0.0, 65.0, 100.0])
    np.testing.assert_allclose(tally.cost_at[0, 0], [6.0, 0.0, 7.0])
    month = 30.4375
    np.testing.assert_allclose(tally.value_month[0, 0], [5 + 2 * (month - 10), 100 + 2 * (40 - month)])
    assert tally.converted == tally.ends == 1.0
    assert error.value_pv < 1e-12


def test_an_arrival_at_the_horizon_counts_and_one_after_it_does_not():
    chain = build_chain({"a": {"won": fixed(1.0, 40.0)}}, outcomes=["won"], converts=["won"])
    at_it = walk_tally(chain, Settings(horizon=40.0), seed=1, customers=5)[0]
    before = walk_tally(chain, Settings(horizon=np.nextafter(40.0, 0.0)), seed=1, customers=5)[0]
    assert (at_it.converted, at_it.active) == (1.0, 0.0)
    assert (before.converted, before.active) == (0.0, 1.0)


def test_churn_after_conversion_counts_the_converted_only():
    rows = {"a": {"member": fixed(0.5, 1.0), "gone": fixed(0.5, 1.0)}, "member": {"gone": fixed(1.0, 1.0)}}
    all_of_them = build_chain(rows, outcomes=["gone"], converts=["member"], churns=["gone"])
    members = with_arrays(all_of_them, after_conversion=np.array([False, False, True]))
    run = Settings(horizon=10.0)
    first, second = (walk_tally(chain, run, seed=1, customers=400)[0] for chain in (all_of_them, members))
    assert first.churned == 1.0
    np.testing.assert_array_equal(second.churned, second.converted)
    np.testing.assert_allclose(second.lost, 1 - second.converted)


def test_customers_may_enter_at_an_outcome():
    chain = build_chain({"a": {"won": 1.0}}, outcomes=["won"], converts=["won"], entry={"won": 1.0})
    lives = walk_lives(chain, Settings(horizon=5.0), seed=1, draws=[0], customers=[3])
    assert (lives.end[0, 0], lives.end_time[0, 0], lives.touches[0, 0]) == (1, 0.0, 0)


def test_nobody_moves_on_from_a_row_without_shares():
    chain = build_chain({"a": {"b": 1.0}, "b": {"won": 0.0}}, outcomes=["won"])
    tally, _ = walk_tally(chain, Settings(horizon=50.0), seed=1, customers=20)
    assert tally.active == 1.0
    assert tally.moves[0, 0].tolist() == [1.0, 0.0]


def test_places_in_the_file_do_not_matter():
    rows = {"a": {"won": 0.3, "b": (0.7, Family.EXPONENTIAL, 3.0)}, "b": {"won": 0.4, "a": 0.6}}
    entry = {"a": 0.4, "b": 0.6}
    first = build_chain(rows, outcomes=["won", "lost"], entry=entry)
    second = build_chain(dict(reversed(rows.items())), outcomes=["lost", "won"], entry=entry)
    second = with_arrays(second, key=first.key[::-1].copy())
    for customer in range(50):
        stories = [life_story(chain, RUN, seed=1, draw=0, customer=customer) for chain in (first, second)]
        assert stories[0] == stories[1]


def test_a_persona_that_nobody_happens_to_be_is_walked_by_stand_ins():
    chain = rich_chain(3)
    rare = with_arrays(chain, persona_share=np.array([[1 - 1e-9, 1e-9, 0.0]] * 2))
    tally, error = walk_tally(rare, RUN, seed=1, customers=600)
    assert error.customers.tolist() == [[600, 64, 0]] * 2
    certain = with_arrays(chain, persona_share=np.array([[0.0, 1.0, 0.0]] * 2))
    np.testing.assert_array_equal(tally.cost[:, 1], walk_tally(certain, RUN, seed=1, customers=64)[0].cost[:, 1])
    assert np.all(tally.cost[:, 2] == 0.0)


def test_a_loop_without_time_is_an_error_that_names_it():
    chain = build_chain({"a": {"b": fixed(1.0, 0.0)}, "b": {"a": fixed(1.0, 0.0), "won": 0.0}}, outcomes=["won"])
    with pytest.raises(JourneysimError, match=r'customer 7 of draw 0 made 100000 moves.* to "[ab]"'):
        walk_tally(chain, RUN, seed=1, customers=1, first_customer=7)
    with pytest.raises(JourneysimError, match="takes no time"):
        life_story(chain, RUN, seed=1, draw=0, customer=2)


def test_a_story_may_be_long():
    chain = build_chain({"a": {"a": fixed(1.0, 0.01), "won": 0.0}}, outcomes=["won"])
    story = life_story(chain, Settings(horizon=50.0), seed=1, draw=0, customer=0)
    assert len(story) in {5000, 5001}
    assert story[2500].day == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": np.array([[[[0.5, 0.4]]]])}, 'share of "a" for persona "everyone" in draw 0 must .* got 0.9'),
        ({"share": np.array([[[[1.5, -0.5]]]])}, "at least 0"),
        ({"share": np.array([[[[np.nan, 1.0]]]])}, 'share of "a"'),
        ({"dwell_a": np.array([[[[-1.0, 1.0]]]])}, 'dwell of "a -> won" in draw 0'),
        ({"dwell_a": np.array([[[[np.nan, 1.0]]]])}, 'dwell of "a -> won" in draw 0'),
        ({"dwell_b": np.zeros((1, 1, 1, 2)), "family": np.array([[3, 0]], dtype=np.int8)}, 'dwell of "a -> won"'),
        ({"family": np.array([[0, 6]], dtype=np.int8)}, 'dwell of "a -> lost"'),
        ({"visit_cost": np.full((1, 1, 1, 3), np.inf)}, "visit_cost has a value that is not a finite number"),
        ({"persona_share": np.array([[0.9]])}, "persona shares must add up to 1"),
        ({"entry": np.array([[[0.9, 0.0, 0.0]]])}, "entry shares must add up to 1"),
    ],
)
def test_numbers_that_cannot_be_walked_are_refused(changes, message):
    chain = build_chain({"a": {"won": 0.6, "lost": 0.4}}, outcomes=["won", "lost"])
    with pytest.raises(ValueError, match=message):
        walk_tally(with_arrays(chain, **changes), RUN, seed=1, customers=5)


def test_counts_and_numbers_out_of_range_are_refused():
    chain = build_chain({"a": {"won": 1.0}}, outcomes=["won"])
    with pytest.raises(ValueError, match="at least 1"):
        walk_tally(chain, RUN, seed=1, customers=0)
    with pytest.raises(ValueError, match="at least 1 and numbered below"):
        walk_tally(chain, RUN, seed=1, customers=5, first_customer=2**32 - 3)
    with pytest.raises(ValueError, match="0 … 4294967295"):
        walk_lives(chain, RUN, seed=1, draws=[0], customers=[-1])
    with pytest.raises(ValueError, match="one number per draw"):
        walk_tally(chain, RUN, seed=1, customers=5, draw_numbers=np.array([1, 2]))
    with pytest.raises(ValueError, match="within_cycle"):
        walk_tally(chain, Settings(horizon=5.0, within_cycle="half"), seed=1, customers=5)
