from dataclasses import fields

import numpy as np
import pytest

from chains import build_chain, fixed, random_chain, stack, with_arrays
from journeysim.model.dwell import Family, mean
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.exact.recursion import _on_even_grid
from journeysim.simulate.exact.refinement import extrapolate
from journeysim.simulate.settings import Settings

LOOPY = {
    "a": {"b": (0.6, Family.LOGNORMAL, 5, 0.8), "lost": (0.4, Family.WEIBULL, 20, 1.3)},
    "b": {
        "a": (0.5, Family.GAMMA, 3, 2.5),
        "bought": (0.3, Family.LOGLOGISTIC, 4, 2.5),
        "lost": (0.2, Family.LOGNORMAL, 2, 0.5),
    },
}
REWARDS = {
    "visit_value": {"bought": 100.0},
    "visit_cost": {"a": 1.0, "b": 3.0},
    "value_per_day": {"a": 1.0, "b": 2.0},
    "cost_per_day": {"b": 1.0},
    "link_value": {"b -> a": 4.0},
    "link_cost": {"a -> lost": 0.5},
    "effort": {"a": 1.0, "bought": 2.0},
}
SMALLEST = exact_tally(build_chain({"a": {"o": 1.0}}, outcomes=["o"]), Settings(2.0))[0]
#: Everything by draw and persona; no resource is staffed here.
NUMBERS = [
    item.name
    for item in fields(SMALLEST)
    if np.ndim(getattr(SMALLEST, item.name)) > 1 and np.size(getattr(SMALLEST, item.name))
]


def loopy(**marks):
    marks = {"converts": ["bought"], **marks}
    return build_chain(LOOPY, outcomes=["bought", "lost"], **marks, **REWARDS)


def run(chain, settings):
    return exact_tally(chain, settings)[0]


def test_geometric_lifetime_comes_out_exactly():
    for p in (0.01, 0.1, 0.5):
        chain = build_chain({"stay": {"stay": 1 - p, "gone": p}}, outcomes=["gone"])
        tally, report = exact_tally(chain, Settings(10.0))
        assert report.cohort
        assert report.error == 0.0
        np.testing.assert_allclose(tally.active, (1 - p) ** 10, rtol=1e-12)
        np.testing.assert_allclose(tally.visits[0, 0, 0], (1 - (1 - p) ** 11) / p, rtol=1e-12)


def test_daily_money_of_an_exponential_stay_has_its_closed_form():
    stay, horizon, rate = 12.0, 100.0, 0.3
    chain = build_chain(
        {"subscribed": {"gone": (1.0, Family.EXPONENTIAL, stay)}},
        outcomes=["gone"],
        value_per_day={"subscribed": 2.0},
        link_cost={"subscribed -> gone": 7.0},
    )
    tally = run(chain, Settings(horizon, discount_value=rate, discount_cost=0.1, tolerance=1e-5))
    force = np.log1p(rate) / 365.25 + 1 / stay
    np.testing.assert_allclose(tally.value_pv, 2.0 * -np.expm1(-force * horizon) / force, rtol=1e-5)
    np.testing.assert_allclose(tally.value, 2.0 * stay * -np.expm1(-horizon / stay), rtol=1e-5)
    force = np.log1p(0.1) / 365.25 + 1 / stay
    np.testing.assert_allclose(tally.cost_pv, 7.0 / stay * -np.expm1(-force * horizon) / force, rtol=1e-5)
    np.testing.assert_allclose(tally.active_at[0, 0], np.exp(-tally.marks / stay), atol=1e-3)
    ends = np.minimum(365.25 / 12 * np.arange(1, 5), horizon)
    up_to = 2.0 * stay * -np.expm1(-ends / stay)
    np.testing.assert_allclose(tally.value_month[0, 0], np.diff(up_to, prepend=0.0), rtol=2e-3)


@pytest.mark.parametrize(
    "name", ["converted", "active", "value_pv", "cost_pv", "visits", "moves", "effort", "value_at"]
)
def test_error_falls_fourfold_when_the_step_halves(name):
    chain, settings = loopy(), Settings(100.0, discount_value=0.08, discount_cost=0.03)
    at = {n: getattr(_on_even_grid(chain, settings, n), name) for n in (50, 100, 200, 1_600)}
    errors = [np.abs(at[n] - at[1_600]).max() for n in (50, 100, 200)]
    assert 3.4 < errors[0] / errors[1] < 4.8
    assert 3.4 < errors[1] / errors[2] < 4.8


def test_reported_error_is_within_tolerance_and_no_smaller_than_the_true_one():
    chain, settings = loopy(), Settings(100.0, 0.08, 0.03, tolerance=1e-4)
    tally, report = exact_tally(chain, settings)
    fine = _on_even_grid(chain, settings, 8 * report.steps)
    for name in ("converted", "value_pv", "cost_pv"):
        assert np.abs(getattr(tally, name) / getattr(fine, name) - 1).max() < report.error <= 1e-4


def test_a_tight_tolerance_is_met_by_extrapolation():
    chain, settings = loopy(), Settings(100.0, 0.08, 0.03, tolerance=1e-9)
    tally, report = exact_tally(chain, settings)
    assert report.extrapolated
    assert report.steps < 1_000
    fine = extrapolate(_on_even_grid(chain, settings, 1_920), _on_even_grid(chain, settings, 3_840))
    for name in ("converted", "value_pv", "cost_pv", "visits"):
        np.testing.assert_allclose(getattr(tally, name), getattr(fine, name), rtol=1e-9)
    check_conservation(tally)


def check_conservation(tally):
    ends = tally.ends.sum(axis=2)
    np.testing.assert_allclose(ends + tally.active, 1.0, atol=1e-12)
    np.testing.assert_allclose(tally.value_at.sum(axis=2), tally.value, rtol=1e-12)
    np.testing.assert_allclose(tally.value_month.sum(axis=2), tally.value, rtol=1e-11)
    np.testing.assert_allclose(tally.cost_month.sum(axis=2), tally.cost, rtol=1e-11)
    np.testing.assert_allclose(tally.converted_month.sum(axis=2), tally.converted, rtol=1e-11)
    np.testing.assert_allclose(tally.converted_by[..., -1], tally.converted, rtol=1e-11)
    np.testing.assert_allclose(tally.active_at[..., -1], tally.active, atol=1e-12)
    assert (np.diff(tally.converted_by, axis=2) >= -1e-12).all()
    assert (np.diff(tally.active_at, axis=2) <= 1e-12).all()


def test_counts_and_money_add_up():
    tally = run(random_chain(3, draws=3, personas=2, touchpoints=6, out_degree=3), Settings(90.0, 0.05, 0.02))
    check_conservation(tally)
    np.testing.assert_allclose(tally.converted + tally.lost + tally.active, 1.0, atol=1e-12)
    arrivals = tally.moves @ (np.arange(8)[None, :] == target_of(tally)[:, None])
    arrivals[..., 0] += 1.0
    np.testing.assert_allclose(arrivals, tally.visits, rtol=1e-12)


def target_of(tally):
    places = tally.touchpoints + tally.outcomes
    return np.array([places.index(link.split(" -> ")[1]) for link in tally.links])


def test_draws_and_personas_do_not_depend_on_their_company():
    chain, settings = random_chain(4, draws=5, personas=2, touchpoints=5, out_degree=3), Settings(60.0)
    together = _on_even_grid(chain, settings, 120)
    for d in range(5):
        alone = _on_even_grid(chain.take(np.array([d])), settings, 120)
        for name in NUMBERS:
            assert (getattr(alone, name)[0] == getattr(together, name)[d]).all(), name


def test_order_of_links_and_touchpoints_does_not_matter():
    turned = {name: dict(reversed(row.items())) for name, row in reversed(LOOPY.items())}
    settings = Settings(100.0, 0.08, 0.03)
    entry = {"a": 1.0}
    one = run(loopy(), settings)
    other = run(build_chain(turned, outcomes=["lost", "bought"], converts=["bought"], entry=entry, **REWARDS), settings)
    for name in ("converted", "lost", "value", "cost_pv", "value_month", "converted_by"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-14)


def test_an_unreachable_touchpoint_changes_nothing():
    island = {**LOOPY, "island": {"a": (1.0, Family.LOGNORMAL, 3.0, 1.0)}}
    chain = build_chain(island, outcomes=["bought", "lost"], converts=["bought"], **REWARDS)
    one, other = run(loopy(), Settings(50.0)), run(chain, Settings(50.0))
    assert other.visits[0, 0, 2] == 0.0
    for name in ("converted", "lost", "value", "cost", "value_month"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-13)


def test_splitting_a_touchpoint_by_an_instant_link_changes_no_fate():
    split = {"a": {"a2": fixed(1.0, 0.0)}, "a2": LOOPY["a"], "b": LOOPY["b"]}
    chain = build_chain(split, outcomes=["bought", "lost"], converts=["bought"])
    one, other = run(loopy(), Settings(50.0)), run(chain, Settings(50.0))
    for name in ("converted", "lost", "active", "converted_by"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-13)


def test_instant_loops_are_solved_not_stepped():
    rows = {
        "menu": {"help": fixed(0.5, 0.0), "order": fixed(0.5, 0.0)},
        "help": {"menu": fixed(0.8, 0.0), "gave up": fixed(0.2, 0.0)},
        "order": {"done": fixed(1.0, 3.0)},
    }
    tally = run(build_chain(rows, outcomes=["done", "gave up"]), Settings(3.0))
    np.testing.assert_allclose(tally.visits[0, 0], [5 / 3, 5 / 6, 5 / 6, 5 / 6, 1 / 6], rtol=1e-14)
    np.testing.assert_allclose(tally.active_at[0, 0, [0, -1]], [5 / 6, 0.0], atol=1e-14)


def test_circling_for_ever_in_no_time_is_refused():
    rows = {"a": {"b": fixed(1.0, 0.0)}, "b": {"a": fixed(1.0, 0.0)}}
    with pytest.raises(ValueError, match="circle for ever"):
        exact_tally(build_chain(rows, outcomes=["never"]), Settings(3.0))


@pytest.mark.parametrize(("horizon", "renewed"), [(364.9, 0.0), (365.0, 0.0), (367.0, 1.0), (730.0, 1.0), (733.0, 2.0)])
def test_a_renewal_just_after_the_horizon_does_not_count(horizon, renewed):
    rows = {
        "sign up": {"contract": (1.0, Family.EXPONENTIAL, 5 / 1_440)},
        "contract": {"renewal": fixed(1.0, 365.0)},
        "renewal": {"contract": (1.0, Family.LOGNORMAL, 5 / 1_440, 0.5)},
    }
    tally = run(build_chain(rows, outcomes=["never"]), Settings(horizon))
    assert tally.visits[0, 0, 2] == pytest.approx(renewed, abs=0.02)


def test_events_at_the_horizon_count():
    chain = build_chain({"a": {"end": fixed(1.0, 30.0)}}, outcomes=["end"], converts=["end"], visit_value={"end": 5.0})
    for days, counts in ((30.0, 1.0), (29.999, 0.0)):
        tally = run(chain, Settings(days))
        assert tally.converted == counts
        assert tally.value == 5.0 * counts


def test_entering_at_an_outcome_ends_at_once():
    chain = build_chain(
        {"a": {"won": fixed(1.0, 40.0)}},
        outcomes=["won", "gone"],
        converts=["won"],
        churns=["gone"],
        entry={"a": 0.5, "won": 0.2, "gone": 0.3},
        visit_value={"won": 10.0},
    )
    tally = run(chain, Settings(60.0))
    np.testing.assert_allclose(tally.ends[0, 0], [0.7, 0.3])
    np.testing.assert_allclose(
        [tally.converted, tally.churned, tally.lost, tally.active], [[[0.7]], [[0.3]], [[0.0]], [[0]]], atol=1e-15
    )
    np.testing.assert_allclose(tally.converted_month[0, 0], [0.2, 0.5], rtol=1e-12)
    np.testing.assert_allclose(tally.active_at[0, 0, [0, -1]], [0.5, 0.0], atol=1e-15)
    np.testing.assert_allclose(tally.value, 7.0)


def test_conversion_at_a_touchpoint_equals_a_map_that_remembers_it():
    marked = loopy(converts=["b"], churns=["lost"], after_conversion=["lost"])
    later = {
        name: {to if to in ("bought", "lost") else to + "!": move for to, move in row.items()}
        for name, row in LOOPY.items()
    }
    rows = {
        "a": {"b!": LOOPY["a"]["b"], "never": LOOPY["a"]["lost"]},
        "b": LOOPY["b"],
        **{name + "!": row for name, row in later.items()},
    }
    spelled = run(build_chain(rows, outcomes=["bought", "lost", "never"]), Settings(60.0))
    tally = run(marked, Settings(60.0))
    np.testing.assert_allclose(tally.lost, spelled.ends[..., 2], rtol=1e-12)
    np.testing.assert_allclose(tally.churned, spelled.ends[..., 1], rtol=1e-12)
    np.testing.assert_allclose(tally.converted, spelled.moves[..., spelled.links.index("a -> b!")], rtol=1e-12)
    np.testing.assert_allclose(tally.ends[..., 1], spelled.ends[..., 1] + spelled.ends[..., 2], rtol=1e-12)
    check_conservation(tally)


def test_rows_follow_the_time_of_arrival():
    stay, turn, horizon = 8.0, 10.3, 40.0
    rows = {"a": {"b": (1.0, Family.EXPONENTIAL, stay)}, "b": {"won": fixed(0.5, 0.0), "lost": fixed(0.5, 0.0)}}
    chain = build_chain(rows, outcomes=["won", "lost"], converts=["won"], period_end=[turn, np.inf])
    share, value = chain.share.copy(), chain.visit_value.copy()
    share[0, 0, :, 1:] = [[0.9, 0.1], [0.2, 0.8]]
    value[0, 0, :, 2] = [3.0, 50.0]
    tally = run(with_arrays(chain, share=share, visit_value=value), Settings(horizon, tolerance=1e-4))
    early, late = -np.expm1(-turn / stay), np.exp(-turn / stay) - np.exp(-horizon / stay)
    np.testing.assert_allclose(tally.converted, 0.9 * early + 0.2 * late, rtol=1e-4)
    np.testing.assert_allclose(tally.value, 0.9 * early * 3.0 + 0.2 * late * 50.0, rtol=1e-4)


def test_tenure_table_of_a_cohort_by_hand():
    chain = build_chain({"in": {"in": 0.5, "out": 0.5}}, outcomes=["out"], period_end=[1.0, 2.0, np.inf])
    share, cost = chain.share.copy(), chain.visit_cost.copy()
    share[0, 0] = [[0.6, 0.4], [0.7, 0.3], [0.8, 0.2]]
    cost[0, 0, :, 0] = [100.0, 10.0, 1.0]
    tally = run(with_arrays(chain, share=share, visit_cost=cost), Settings(4.0))
    still = np.array([1.0, 0.6, 0.42, 0.336, 0.2688])
    np.testing.assert_allclose(tally.visits[0, 0, 0], still.sum(), rtol=1e-14)
    np.testing.assert_allclose(tally.cost, 100 + 10 * 0.6 + still[2:].sum(), rtol=1e-14)
    np.testing.assert_allclose(tally.active, still[-1], rtol=1e-14)


def test_a_horizon_between_two_cycles_cuts_daily_money():
    chain = build_chain(
        {"in": {"out": fixed(1.0, 10.0), "in": fixed(0.0, 10.0)}}, outcomes=["out"], value_per_day={"in": 2.0}
    )
    assert run(chain, Settings(7.5)).value[0, 0] == pytest.approx(15.0)
    loop = build_chain({"in": {"in": fixed(1.0, 10.0)}}, outcomes=["out"], value_per_day={"in": 2.0})
    tally = run(loop, Settings(35.0))
    assert tally.value[0, 0] == pytest.approx(70.0)
    np.testing.assert_allclose(tally.value_month[0, 0], [2 * 365.25 / 12, 70 - 2 * 365.25 / 12])


def test_within_cycle_rules_weigh_money_only():
    chain = build_chain(
        {"in": {"in": 0.8, "out": 0.2}}, outcomes=["out"], visit_value={"in": 1.0}, value_per_day={"in": 10.0}
    )
    plain = run(chain, Settings(3.0))
    still = 0.8 ** np.arange(4)
    # the days after the last cycle lie beyond the horizon
    by_cycle = still * np.array([11, 11, 11, 1])
    for rule, weights in {
        "half": [0.5, 1, 1, 0.5],
        "start": [1, 1, 1, 0],
        "end": [0, 1, 1, 1],
        (2.0, 0.0, 1.0, 0.0): [2, 0, 1, 0],
    }.items():
        tally = run(chain, Settings(3.0, within_cycle=rule))
        np.testing.assert_allclose(tally.value, by_cycle @ weights, rtol=1e-13)
        np.testing.assert_allclose(tally.value_month.sum(), by_cycle @ weights, rtol=1e-13)
        np.testing.assert_array_equal(tally.visits, plain.visits)


@pytest.mark.parametrize(
    ("link", "rule", "message"),
    [
        ((1.0, Family.EXPONENTIAL, 1.0), "half", "needs a cohort model"),
        (fixed(1.0, 1.0), (1.0, 1.0), "one weight per cycle 0 to 3, so 4; got 2"),
        (fixed(1.0, 0.0), "half", "fixed at one and the same time"),
    ],
)
def test_within_cycle_rules_are_for_cohort_models(link, rule, message):
    chain = build_chain({"a": {"b": link}}, outcomes=["b"])
    with pytest.raises(ValueError, match=message):
        exact_tally(chain, Settings(3.0, within_cycle=rule))


def test_time_unit_is_free():
    chain = loopy()
    day = _on_even_grid(chain, Settings(50.0), 120)
    by_hour = with_arrays(
        chain,
        dwell_a=chain.dwell_a * 24,
        value_per_day=chain.value_per_day / 24,
        cost_per_day=chain.cost_per_day / 24,
    )
    hours = _on_even_grid(by_hour, Settings(50.0 * 24), 120)
    for name in ("converted", "value", "cost", "visits"):
        np.testing.assert_allclose(getattr(day, name), getattr(hours, name), rtol=1e-10)


def test_mean_time_on_the_way_is_free_of_the_shape_of_dwells():
    shapes = [
        (Family.FIXED, 1.0),
        (Family.GAMMA, 4.0),
        (Family.WEIBULL, 0.7),
        (Family.LOGNORMAL, 1.0),
        (Family.EXPONENTIAL, 1.0),
    ]
    worlds = []
    for family, shape in shapes:
        scale = 1.0 / float(mean(family, 1.0, shape))
        rows = {
            "a": {"b": (0.7, family, 3 * scale, shape), "out": (0.3, family, 3 * scale, shape)},
            "b": {"a": (0.5, family, 2 * scale, shape), "out": (0.5, family, 2 * scale, shape)},
        }
        worlds.append(build_chain(rows, outcomes=["out"], value_per_day={"a": 1.0, "b": 1.0}))
    expected = (3 + 0.7 * 2) / (1 - 0.35)
    for chain in worlds:
        tally = run(chain, Settings(2_000.0))
        np.testing.assert_allclose(tally.value, expected, rtol=1e-6)


def test_personas_are_kept_apart():
    two = stack([loopy(), with_arrays(loopy(), dwell_a=loopy().dwell_a * 3)], axis=1)
    tally = run(two, Settings(40.0))
    np.testing.assert_allclose(tally.converted[0, 0], run(loopy(), Settings(40.0)).converted[0, 0], rtol=1e-12)
    assert tally.converted[0, 1] < 0.9 * tally.converted[0, 0]


def test_each_draw_has_dwells_of_its_own_family():
    """A draw's answer is what it is alone, whatever families stand before it (kernels are kept from draw to draw)."""
    codes = (Family.GAMMA, Family.WEIBULL, Family.LOGNORMAL, Family.EMPIRICAL, Family.GAMMA)
    rows = [
        {"a": {"b": (0.6, code, 3.0, 1.0), "out": (0.4, Family.GAMMA, 2.0, 2.0)}, "b": {"out": 1.0}} for code in codes
    ]
    table = np.array([[5.0, 6.0, 7.0], [0.0, 1.0, 5.0]])
    chains = [build_chain(row, outcomes=["out"], converts=["b"], table=table) for row in rows]
    together = _on_even_grid(stack(chains), Settings(20.0), 120)
    for d, chain in enumerate(chains):
        alone = _on_even_grid(stack([chain] * len(chains)), Settings(20.0), 120)
        np.testing.assert_array_equal(together.converted_by[d], alone.converted_by[d])
    assert np.array_equal(together.converted_by[0], together.converted_by[4])
    assert len(np.unique(together.converted)) == len(codes) - 1
