"""Customers who differ and remember: against a plain reference, and against what must always hold."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from chains import build_chain, fixed
from journeysim.calibrate.prior import prior_draws, stated_draws
from journeysim.compare import compare
from journeysim.model.arms import build_arms
from journeysim.model.changes import AddTouchpoint, AdjustShare, ChangeReward, RemoveTouchpoint, Reroute
from journeysim.model.journey import JourneyMap, Link, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.satisfaction import CSAT_CUTS, NPS_CUTS
from journeysim.model.scenario import Proposal, Scenario
from journeysim.simulate.chain import Chain, compile_world
from journeysim.simulate.layers import Frailty, Layers, Memory, Moods
from journeysim.simulate.run import simulate
from journeysim.simulate.settings import Settings
from journeysim.simulate.streams import place_key
from journeysim.simulate.walk import life_story, walk_lives, walk_tally
from maps import shop
from walk_reference import layered_chain, reference_life, rich_chain

RUN = Settings(horizon=120.0, discount_value=0.09, discount_cost=0.03)
PEOPLE = np.arange(1500)


def frailty_of(chain: Chain, kappa: float, *, today: float | None = None, rate: float = np.nan) -> Frailty:
    """Return customers who differ alike at every touchpoint."""
    shape = (chain.draws, len(chain.touchpoints))
    keys = np.array([place_key("own share", link) for link in chain.links], dtype=np.uint32)
    before = kappa if today is None else today
    silent = np.zeros(len(chain.links), dtype=bool)
    return Frailty(np.full(shape, kappa), np.full(shape, before), np.full(shape, rate), keys, silent)


def no_memory(chain: Chain) -> Memory:
    draws, personas, _, links = chain.share.shape
    n, start, effect = len(chain.touchpoints), np.zeros((draws, personas, links)), np.zeros((draws, links))
    nothing = np.zeros((draws, personas, 0))
    return Memory(start, start, effect, effect, np.full((n + 1, n), -1), nothing, nothing, np.zeros(n, dtype=bool))


def moods_without_effect(chain: Chain) -> Moods:
    """Return feelings that nothing answers to."""
    draws, personas, periods, links = chain.share.shape
    places = len(chain.touchpoints) + len(chain.outcomes)
    felt, mood, no_link = (
        np.full((draws, personas, periods, places), 0.3),
        np.zeros((draws, personas)),
        np.zeros((draws, links)),
    )
    at, half = np.arange(places) < 3, np.full(places, 0.5)
    return Moods(felt, felt, at, at, half, half, mood, mood, no_link, no_link, CSAT_CUTS, NPS_CUTS)


def same_bits(first, second) -> bool:
    names = [item.name for item in dataclasses.fields(first)]
    return all(_same(getattr(first, name), getattr(second, name)) for name in names)


def _same(a, b) -> bool:
    if dataclasses.is_dataclass(a):
        return same_bits(a, b)
    return np.array_equal(a, b, equal_nan=isinstance(a, np.ndarray) and a.dtype.kind == "f")


@pytest.mark.parametrize("seed", range(3))
def test_lives_are_those_of_the_plain_reference(seed):
    chain, places = layered_chain(seed), None
    lives = walk_lives(chain, RUN, seed=seed + 7, draws=[0, 1], customers=np.arange(120))
    places = chain.touchpoints + chain.outcomes
    for draw in range(2):
        for customer in range(120):
            life = reference_life(chain, RUN, seed + 7, draw, customer)
            story = life_story(chain, RUN, seed=seed + 7, draw=draw, customer=customer)
            assert [step.place for step in story] == [places[place] for place in life.path]
            np.testing.assert_allclose([step.day for step in story], life.days, rtol=1e-5)
            np.testing.assert_allclose(lives.value[draw, customer], life.value, rtol=1e-5, atol=1e-9)


def test_what_lives_tell_is_the_sum_over_the_references_lives():
    chain = layered_chain(3)
    chain = replace(chain, stages=("early", "late"), stage=np.array([0, 0, 0, 1, 1, 1, -1, -1]))
    tally = walk_tally(chain, RUN, seed=11, customers=150)[0]
    n, places = 8, len(chain.touchpoints) + len(chain.outcomes)
    for draw in range(2):
        lives = [reference_life(chain, RUN, 11, draw, customer) for customer in range(150)]
        for g in range(3):
            own = [life for life in lives if life.persona == g]
            wanted = {
                "reached": [np.mean([place in life.path for life in own]) for place in range(places)],
                "staged": [
                    np.mean([any(place in life.path for place in at) for life in own]) for at in ((0, 1, 2), (3, 4, 5))
                ],
                "bounced": np.mean(
                    [life.path[-1] >= n and np.isnan(life.convert_day) and len(life.path) <= 2 for life in own]
                ),
                "touches_to_convert": np.mean([life.touches_to_convert for life in own]),
                "effort_to_convert": np.mean([life.effort_to_convert for life in own]),
                "satisfied": [np.mean([life.satisfied.count(place) for life in own]) for place in range(places)],
                "promoters": np.mean([life.moods[0] > NPS_CUTS[8] for life in own]),
                "detractors": np.mean([life.moods[0] <= NPS_CUTS[6] for life in own]),
            }
            for name, expected in wanted.items():
                np.testing.assert_allclose(getattr(tally.paths, name)[draw, g], expected, rtol=1e-9, err_msg=name)


def test_layers_that_say_nothing_are_no_layers_bit_for_bit():
    chain = rich_chain(3)
    nothing = replace(chain, layers=Layers(frailty_of(chain, np.nan), no_memory(chain), moods_without_effect(chain)))
    for ran in (
        lambda item: replace(walk_tally(item, RUN, seed=5, customers=1500)[0], paths=None),
        lambda item: walk_lives(item, RUN, seed=5, draws=[0, 1], customers=PEOPLE),
    ):
        assert same_bits(ran(chain), ran(nothing))


def test_customers_who_hardly_differ_live_the_base_lives():
    chain = rich_chain(4)
    base, near = (
        walk_lives(item, RUN, seed=5, draws=[0], customers=np.arange(5000))
        for item in (chain, replace(chain, layers=Layers(frailty_of(chain, 1e9))))
    )
    assert (base.touches != near.touches).mean() < 0.01
    assert np.median(np.abs(base.value - near.value)) < 1e-9


def rows_after(chain: Chain, rows: dict[tuple[int, int], np.ndarray]) -> Memory:
    """Return rows by the place before, {(place before, place): shares (draw, persona, link)}, which are today's too."""
    nothing, sizes = no_memory(chain), [row.shape[-1] for row in rows.values()]
    first = nothing.first.copy()
    for pair, start in zip(rows, np.cumsum([0, *sizes]), strict=False):
        first[pair] = start
    order2 = np.concatenate(
        [np.broadcast_to(row, (*chain.share.shape[:2], row.shape[-1])) for row in rows.values()], -1
    )
    return replace(nothing, first=first, order2=order2, today_order2=order2)


@pytest.mark.parametrize("entry", ["a", "b"])
def test_customers_who_differ_are_a_beta_geometric_after_each_place_before(entry):
    """Who enters at a comes back to a or leaves, so with b: k rounds are survived with B(again + k, rest) / B(again, rest).

    z < 4.5 at 10 shares, false alarms 7e-5; of 20,000 customers, it would tell .02.
    """
    rows = {"a": {"hub": 1.0}, "b": {"hub": 1.0}, "hub": {"a": 0.3, "b": 0.3, "left": 0.4}}
    chain = build_chain(rows, outcomes=["left"], entry={entry: 1.0})
    again, kappa = {"a": 0.8, "b": 0.45}[entry], np.array([[np.nan, np.nan, 1.7]])
    memory = rows_after(chain, {(0, 2): np.array([0.8, 0.0, 0.2]), (1, 2): np.array([0.0, 0.45, 0.55])})
    layers = Layers(replace(frailty_of(chain, np.nan), kappa=kappa, today_kappa=kappa), memory)
    found = walk_lives(replace(chain, layers=layers), Settings(30.0), seed=3, draws=[0], customers=np.arange(20_000))
    for rounds in range(1, 6):
        expected = np.prod([(1.7 * again + k) / (1.7 + k) for k in range(rounds)])
        walked = np.mean(found.touches > 2 * rounds)
        assert abs(walked - expected) < 4.5 * np.sqrt(expected * (1 - expected) / 20_000)


def test_rows_by_the_place_before_that_are_the_row_change_nobody_who_differs():
    """One luck for life, wherever customers come from: bit for bit the lives without memory."""
    made = rich_chain(5)
    chain = replace(made, share=made.share[:, :, :1].repeat(3, 2), today_share=made.share[:, :, :1].repeat(3, 2))
    row = slice(chain.row_start[2], chain.row_start[3])
    memory = rows_after(chain, {(before, 2): chain.share[:, :, 0, row] for before in (0, 1, 2, 5, 8)})
    differ = frailty_of(chain, 0.8)
    pair = [
        walk_lives(replace(chain, layers=Layers(differ, item)), RUN, seed=5, draws=[0, 1], customers=PEOPLE)
        for item in (None, memory)
    ]
    assert same_bits(*pair)


def test_customers_who_hardly_differ_live_by_the_place_before_alone():
    chain = layered_chain(3)
    memory = Layers(memory=chain.layers.memory)
    alone, near = (
        walk_lives(replace(chain, layers=item), RUN, seed=5, draws=[0], customers=np.arange(5000))
        for item in (memory, replace(memory, frailty=frailty_of(chain, 1e9)))
    )
    assert (alone.touches != near.touches).mean() < 0.01
    unlike = walk_lives(
        replace(chain, layers=replace(memory, frailty=frailty_of(chain, 1.0))), RUN, seed=5, draws=[0], customers=PEOPLE
    )
    assert (alone.touches[:, : len(PEOPLE)] != unlike.touches).mean() > 0.1


@pytest.mark.parametrize("seed", range(2))
def test_equal_arms_differ_by_exactly_nothing(seed):
    """Rows are marked as changed everywhere, though every number is today's: each choice by today's row must stand."""
    made = layered_chain(seed)
    today = replace(made, today_share=made.share, layers=as_today(made.layers))
    alone = replace(today, coupled=np.zeros(8, dtype=bool))
    assert same_bits(*(walk_lives(item, RUN, seed=1, draws=[0, 1], customers=PEOPLE) for item in (today, alone)))


def test_whom_a_change_does_not_touch_lives_the_same_life():
    chain = layered_chain(1)
    row = slice(chain.row_start[2], chain.row_start[3])
    share = chain.share.copy()
    share[..., row] = share[..., row][..., ::-1]
    today = replace(chain, coupled=np.zeros(8, dtype=bool), today_share=chain.share, layers=as_today(chain.layers))
    changed = replace(today, share=share, coupled=np.arange(8) == 2)
    before, after = (walk_lives(item, RUN, seed=1, draws=[0], customers=PEOPLE) for item in (today, changed))
    met = np.array([
        chain.touchpoints[2] in {step.place for step in life_story(today, RUN, seed=1, draw=0, customer=int(customer))}
        for customer in PEOPLE[:300]
    ])  # fmt: skip
    differs = (before.value != after.value)[0, :300]
    assert not differs[~met].any()
    assert differs[met].any()


def as_today(layers: Layers) -> Layers:
    frailty, memory = layers.frailty, layers.memory
    felt = layers.moods
    return Layers(
        replace(frailty, today_kappa=frailty.kappa),
        replace(memory, today_start=memory.start, today_effect=memory.effect, today_order2=memory.order2),
        replace(
            felt, today_feeling=felt.feeling, today_at=felt.at, today_mood=felt.mood, today_sensitivity=felt.sensitivity
        ),
    )


def test_any_number_of_threads_and_any_grouping_gives_the_same_bits():
    chain = layered_chain(2)
    one, many = (walk_tally(chain, RUN, seed=5, customers=2000, threads=count)[0] for count in (1, 3))
    assert same_bits(one, many)
    whole = walk_lives(chain, RUN, seed=5, draws=[1], customers=PEOPLE)
    some = walk_lives(chain, RUN, seed=5, draws=[1], customers=PEOPLE[700:712])
    assert np.array_equal(whole.value[:, 700:712], some.value)


def test_an_own_row_without_weight_leaves_the_choice_to_the_persona():
    chain = layered_chain(1)
    memory = chain.layers.memory
    nothing = replace(memory, order2=np.zeros_like(memory.order2), today_order2=np.zeros_like(memory.order2))
    never = replace(memory, order2=np.zeros((*memory.order2.shape[:2], 0)), today_order2=np.zeros((2, 3, 0)))
    lives = walk_lives(
        replace(chain, layers=Layers(memory=nothing)), RUN, seed=4, draws=[0, 1], customers=np.arange(400)
    )
    # Rows by the place before hold at two touchpoints; a base walk goes on from them by the persona's row, and so does this.
    start = np.zeros_like(memory.start)
    plain = replace(never, start=start, today_start=start, effect=start[:, 0], today_effect=start[:, 0])
    plain = replace(plain, first=np.full_like(memory.first, -1))
    calm = replace(nothing, start=start, today_start=start, effect=start[:, 0], today_effect=start[:, 0])
    pair = [
        walk_lives(replace(chain, layers=Layers(memory=item)), RUN, seed=4, draws=[0, 1], customers=np.arange(400))
        for item in (calm, plain)
    ]
    assert same_bits(*pair)
    assert not same_bits(pair[0], lives)


def test_a_row_wider_than_a_block_is_refused_where_customers_remember():
    wide = {"start": {f"end {k}": fixed(1 / 600, 1.0) for k in range(600)}}
    chain = build_chain(wide, outcomes=tuple(f"end {k}" for k in range(600)))
    assert walk_lives(chain, RUN, seed=1, draws=[0], customers=[1]).end[0, 0] >= 0
    with pytest.raises(ValueError, match='"start", which has more than 512 links'):
        walk_lives(replace(chain, layers=Layers(frailty_of(chain, 4.0))), RUN, seed=1, draws=[0], customers=[1])


def test_tiny_and_huge_kappas_keep_the_average_row():
    """Own shares of kappa 0.002 are nearly 0 or 1; ends still add up to the row: z < 5 with 40,000 customers."""
    ends = {"a": 0.001, "b": 0.2, "c": 0.799}
    chain = build_chain({"start": {end: fixed(share, 1.0) for end, share in ends.items()}}, outcomes=list(ends))
    for kappa in (0.002, 0.5, 40.0, 1e7):
        found = walk_tally(replace(chain, layers=Layers(frailty_of(chain, kappa))), RUN, seed=2, customers=40_000)[0]
        for share, walked in zip(ends.values(), found.ends[0, 0], strict=True):
            assert abs(walked - share) < 5 * np.sqrt(share * (1 - share) / 40_000)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (lambda chain: Layers(frailty_of(chain, 0.0)), "kappa at"),
        (lambda chain: Layers(frailty_of(chain, 1.0, rate=0.0)), "rate at"),
        (lambda chain: Layers(None, replace(no_memory(chain), effect=np.full((2, len(chain.links)), np.nan))), "effect"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_walked_are_named(layers, words):
    chain = rich_chain(0)
    with pytest.raises(ValueError, match=words):
        walk_tally(replace(chain, layers=layers(chain)), RUN, seed=1, customers=10)


# From draws to lives: a shop whose customers differ at "visit" and remember where they came from at "cart".


def remembering():
    draws = prior_draws(shop(), draws=4, seed=1)
    data, links = draws.data, draws.links
    kappa = np.full((4, len(draws.places)), np.nan)
    kappa[:, draws.places.index("visit")] = 3.0
    effect = np.full((4, len(links)), np.nan)
    effect[:, links.index("help -> left")] = 0.4
    labels = [f"{before} | cart -> {end}" for before in ("(enter)", "visit") for end in ("paid", "help", "left")]
    rows = np.broadcast_to([0.2, 0.3, 0.5, 0.7, 0.1, 0.2], (4, 2, 6)).copy()
    return draws.with_data(
        data.assign(
            frailty=(("draw", "place"), kappa),
            visit_effect=(("draw", "link"), effect),
            visit_start=(("draw", "persona", "link"), np.zeros((4, 2, len(links)))),
            order2_share=(("draw", "persona", "order2"), rows),
        ).assign_coords(order2=labels)
    )


def world_after(*changes):
    arms = build_arms(Scenario("s", shop(), (Proposal("p", changes),), horizon=60.0), remembering(), seed=1)
    return arms, arms[1].worlds[-1]


def row_after(chain, before, place="cart"):
    """Return {target: share of the first draw and persona} of a row by the place before."""
    memory, at = chain.layers.memory, chain.touchpoints.index(place)
    row = slice(chain.row_start[at], chain.row_start[at + 1])
    came = len(chain.touchpoints) if before == "(enter)" else chain.touchpoints.index(before)
    first = memory.first[came, at]
    names = [link.partition(" -> ")[2] for link in chain.links[row]]
    return dict(zip(names, memory.order2[0, 0, first : first + len(names)].round(12).tolist(), strict=True))


def test_draws_become_layers_and_the_walk_is_chosen_with_its_reason():
    arms, _ = world_after(AdjustShare("visit", "cart", "odds x", Fixed(1.0)))
    chain = compile_world(arms[0].worlds[0].journey, arms[0].worlds[0].draws)
    assert chain.layers.names == ("customers who differ", "memory")
    assert row_after(chain, "visit") == {"left": 0.2, "paid": 0.7, "help": 0.1}
    assert np.isfinite(chain.layers.frailty.kappa).sum() == 4
    assert chain.layers.memory.effect[0, chain.links.index("help -> left")] == 0.4
    found = simulate(arms, settings=Settings(60.0), seed=3, customers=500)
    assert found.engine.name == "walk"
    assert "customers who differ and memory" in found.engine.why
    assert all(np.array_equal(a.converted, b.converted) for a, b in
               zip(found.arms[0].tallies, found.arms[1].tallies, strict=False))  # fmt: skip
    with pytest.raises(ValueError, match="exact engine cannot"):
        simulate(arms, settings=Settings(60.0), seed=3, engine="exact")


def test_a_change_of_shares_changes_every_row_by_the_place_before():
    _, world = world_after(AdjustShare("cart", "paid", "odds x", Fixed(2.0)))
    chain = compile_world(world.journey, world.draws, remembering())
    assert row_after(chain, "visit")["paid"] == pytest.approx(1.4 / 1.7)
    assert row_after(chain, "(enter)") == pytest.approx({"left": 0.5 / 1.2, "paid": 0.4 / 1.2, "help": 0.3 / 1.2})
    assert chain.layers.memory.today_order2[0, 0, :6].sum() == pytest.approx(2.0)
    _, world = world_after(Reroute("cart", "left", "visit", Fixed(0.5)))
    chain = compile_world(world.journey, world.draws, remembering())
    assert row_after(chain, "visit") == pytest.approx({"left": 0.1, "paid": 0.7, "help": 0.1, "visit": 0.1})
    _, world = world_after(RemoveTouchpoint("help", "redistribute"))
    chain = compile_world(world.journey, world.draws, remembering())
    assert row_after(chain, "visit") == pytest.approx({"left": 0.2 / 0.9, "paid": 0.7 / 0.9, "help": 0.0})


def test_removing_by_bypass_sends_each_row_on_as_the_removed_one_did():
    _, world = world_after(RemoveTouchpoint("cart", "bypass"))
    assert "order2_share" not in world.draws.data or world.draws.data.sizes["order2"] == 0
    _, world = world_after(RemoveTouchpoint("help", "bypass"))
    chain = compile_world(world.journey, world.draws, remembering())
    row = row_after(chain, "visit")
    assert sum(row.values()) == pytest.approx(1.0)
    assert row["visit"] > 0


@pytest.mark.parametrize("on", [(("visit", "cart"),), (("cart", "paid"),), (("cart", "left"), ("help", "visit"))])
def test_a_neutral_touchpoint_changes_nobodys_end(on):
    """The new touchpoint is passed through: its customers still remember, and own, what they would have without it."""
    arms, world = world_after(AddTouchpoint(Touchpoint("zebra", ()), on=on[:1]))
    today = arms[0].worlds[0]
    before = compile_world(today.journey, today.draws)
    after = compile_world(world.journey, world.draws, today.draws)
    lives = [walk_lives(chain, Settings(60.0), seed=4, draws=[0, 3], customers=PEOPLE) for chain in (before, after)]
    ends = [np.array([*item.places, "on the way"])[item.end] for item in lives]
    assert np.array_equal(*ends)
    assert np.array_equal(lives[0].end_time, lives[1].end_time, equal_nan=True)


def test_half_of_a_link_diverted_leaves_rows_that_add_up():
    _, world = world_after(AddTouchpoint(Touchpoint("zebra", ()), on=(("cart", "left"),), divert=Fixed(0.5)))
    chain = compile_world(world.journey, world.draws, remembering())
    assert row_after(chain, "visit") == pytest.approx({"left": 0.1, "paid": 0.7, "help": 0.1, "zebra": 0.1})


def test_stated_draws_have_no_layers():
    assert compile_world(shop(), stated_draws(shop())).layers.names == ()


# Feelings: a shop where the satisfied pay and the dissatisfied leave.


def feeling_shop(*, sensitivity: float = 1.5) -> JourneyMap:
    journey = shop()
    cart, others = journey.touchpoint("cart"), [point for point in journey.touchpoints if point.name != "cart"]
    links = tuple(
        replace(link, sensitivity=Fixed(sensitivity)) if link.target == "paid" else link for link in cart.links
    )
    felt = [
        replace(point, feeling=Fixed(0.4), feeling_spread=0.3, moment_of_truth=point.name == "help") for point in others
    ]
    moody = tuple(replace(item, mood=Fixed(0.3)) if item.name == "young" else item for item in journey.personas)
    return replace(journey, touchpoints=(*felt, replace(cart, links=links)), personas=moody)


def feeling_arms(journey, *changes):
    scenario = Scenario("s", journey, (Proposal("p", changes),), horizon=60.0)
    return build_arms(scenario, prior_draws(journey, draws=4, seed=1), seed=1)


def test_feelings_of_a_map_become_a_layer_and_a_change_of_feeling_acts():
    arms = feeling_arms(feeling_shop(), ChangeReward("feeling", "help", "plus", Fixed(0.5)))
    today, world = arms[0].worlds[0], arms[1].worlds[-1]
    chain = compile_world(today.journey, today.draws)
    assert chain.layers.names == ("feelings that act",)
    assert chain.layers.moods.weight.tolist() == [0.3, 0.6, 0.3, 0.0, 0.0]
    assert chain.layers.moods.at.tolist() == [True, True, False, False, False]
    assert chain.layers.moods.mood[0].tolist() == [0.0, 0.3]
    found = simulate(arms, settings=Settings(60.0), seed=3, customers=4000)
    assert (found.engine.name, "feelings that act" in found.engine.why) == ("walk", True)
    before, after = found.arms[0].tallies[0], found.arms[1].tallies[-1]
    assert (after.converted >= before.converted).all()
    assert after.converted.sum() > before.converted.sum()
    assert (after.paths.promoters >= before.paths.promoters).all()
    at = after.touchpoints.index("help")
    assert (after.paths.satisfied[..., at] > before.paths.satisfied[..., at]).all()
    changed = compile_world(world.journey, world.draws, today.draws)
    lives = [
        walk_lives(item, Settings(60.0), seed=4, draws=[0], customers=np.arange(20_000)) for item in (chain, changed)
    ]
    helped = np.array([
        "help" in {step.place for step in life_story(chain, Settings(60.0), seed=4, draw=0, customer=int(customer))}
        for customer in PEOPLE[:400]
    ])  # fmt: skip
    same = (lives[0].end == lives[1].end)[0, :400]
    assert same[~helped].all()
    assert 0 < (lives[0].end != lives[1].end).mean() < 0.01


def test_feelings_that_nothing_answers_to_leave_the_exact_engine_and_are_asked_for():
    arms = feeling_arms(feeling_shop(sensitivity=0.0), ChangeReward("feeling", "help", "plus", Fixed(0.5)))
    found = simulate(arms, settings=Settings(60.0), seed=3)
    assert found.engine.name == "exact"
    before, after = found.arms[0].tallies[0], found.arms[1].tallies[-1]
    assert np.array_equal(before.converted, after.converted)
    assert (after.paths.promoters > before.paths.promoters).all()
    told = compare(found)
    metrics = {item.metric: item for item in told.contrasts if item.persona == "all" and item.realism == 1.0}
    assert metrics["nps"].spread.mean > 0
    assert metrics["csat[help]"].p_better == 1.0
    assert metrics["conversion"].spread.mean == 0.0
    errors = {name: metrics[name].mc_error for name in ("nps", "csat[help]", "reach[help]", "bounce")}
    assert 0 < errors.pop("nps") < 100 * np.sqrt(2 * 2 / 1_000)
    assert set(errors.values()) == {0.0}
    assert "csat[cart]" not in metrics
    assert "nps" not in {
        item.metric for item in compare(simulate(feeling_arms(shop()), settings=Settings(60.0), seed=3)).levels
    }


def test_a_touchpoint_added_without_a_feeling_leaves_satisfaction_and_fates():
    arms = feeling_arms(feeling_shop(), AddTouchpoint(Touchpoint("zebra", ()), on=(("visit", "cart"),)))
    today, world = arms[0].worlds[0], arms[1].worlds[-1]
    chains = compile_world(today.journey, today.draws), compile_world(world.journey, world.draws, today.draws)
    lives = [walk_lives(chain, Settings(60.0), seed=4, draws=[0, 3], customers=PEOPLE) for chain in chains]
    ends = [np.array([*item.places, "on the way"])[item.end] for item in lives]
    assert np.array_equal(*ends)


def test_an_added_touchpoint_may_answer_to_satisfaction():
    point = Touchpoint("zebra", (Link("paid", Fixed(0.5), sensitivity=Fixed(2.0)), Link("left", Fixed(0.5))))
    arms = feeling_arms(shop(), AddTouchpoint(point, on=(("visit", "cart"),)))
    draws = arms[1].worlds[-1].draws
    assert draws.values("sensitivity")[:, draws.links.index("zebra -> paid")].tolist() == [2.0] * 4
