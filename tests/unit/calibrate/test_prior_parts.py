"""How much still comes from the map, and where the log contradicts it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from journeysim.calibrate import calibrate, prior_draws, stated_draws
from journeysim.calibrate.checks.conflict import conflicts, two_sided
from journeysim.calibrate.counts import count_transitions
from journeysim.calibrate.prior_parts import headline_figures, part_of
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import ENTER, OPEN
from maps import exponential, shop
from unit.calibrate.test_open_spells import table


def half(seen: float) -> JourneyMap:
    links = (Link("bought", Fixed(0.5), exponential(2.0)), Link("left", Fixed(0.5), exponential(2.0)))
    ends = Outcome("bought", conversion=True), Outcome("left")
    return JourneyMap("half", (Touchpoint("a", links, seen=seen),), ends, (("a", Fixed(1.0)),))


def counted(bought: int, left: int, still: int = 0):
    rows = [
        (ENTER, "a", np.nan, np.nan, bought + left + still),
        ("a", "bought", 1.4, 2.0, bought),
        ("a", "left", 1.4, 2.0, left),
    ]
    return table(*rows, *([("a", OPEN, 0.01, 0.02, still)] if still else []))


@pytest.mark.parametrize(("seen", "moves"), [(40.0, 40), (100.0, 300), (30.0, 1000)])
def test_a_shares_part_is_the_maps_weight_among_all(seen: float, moves: int):
    """Beta(s/2, s/2) against Beta((s + n)/2, (s + n)/2): s / (s + n), within the noise of 4,000 draws (15 %)."""
    found = calibrate(half(seen), counted(moves // 2, moves // 2), seed=1, draws=4000)
    parts = {part.name: part.part for part in found.prior_parts}
    assert parts["share: a -> bought"] == pytest.approx(seen / (seen + moves), rel=0.15)
    assert parts["conversion"] == pytest.approx(seen / (seen + moves), rel=0.15)
    assert next(part.name for part in found.prior_parts if part.headline) == "conversion"


def test_without_data_all_of_it_is_the_maps_and_a_learned_number_is_none_of_it():
    wide = np.random.default_rng(1).normal(10.0, 1.0, 2000)
    assert part_of(wide, wide, share=False) == 1.0
    assert part_of(np.full(9, 3.0), np.linspace(1, 2, 9), share=False) == 0.0


def test_headline_figures_are_those_of_the_chain():
    """Everybody ends somewhere, and conversion in the shop is paying; figures without any spread are left out."""
    found = headline_figures(shop(), prior_draws(shop(), draws=50, seed=1))
    total = found["ending in paid"] + found["ending in left"]
    np.testing.assert_allclose(total, 1.0, atol=1e-6)
    np.testing.assert_allclose(found["conversion"], found["ending in paid"], atol=1e-9)
    both = headline_figures(half(4.0), stated_draws(half(4.0)).take(np.zeros(3, dtype=np.int64)))
    assert both == {}


def test_a_log_that_contradicts_the_map_is_named_with_both_numbers():
    (told,) = conflicts(half(100.0), count_transitions(counted(200, 800), half(100.0)))
    assert '"a -> ' in told
    assert "the map said 50%" in told
    assert "n = 1,000" in told
    assert "1 more like it" in told


def test_a_weak_belief_a_small_gap_and_those_still_there_are_no_conflict():
    assert conflicts(half(4.0), count_transitions(counted(200, 800), half(4.0))) == ()
    assert conflicts(half(4000.0), count_transitions(counted(480, 520), half(4000.0))) == ()
    assert conflicts(half(100.0), count_transitions(counted(200, 400, still=400), half(100.0))) == ()


def test_a_dwell_the_map_did_not_expect_is_named():
    slow = half(400.0)
    rows = table(
        (ENTER, "a", np.nan, np.nan, 400.0), ("a", "bought", 20.0, 21.0, 200.0), ("a", "left", 1.0, 1.2, 200.0)
    )
    (told,) = conflicts(slow, count_transitions(rows, slow))
    assert "dwell of a -> bought" in told


def test_the_tail_is_the_beta_binomials():
    exact = 2 * stats.betabinom(50, 20, 20).cdf(10)
    assert two_sided(10, 50, 20.0, 20.0) == pytest.approx(exact)
    assert two_sided(25, 50, 20.0, 20.0) == 1.0


@pytest.mark.parametrize(
    ("count", "alpha", "beta"), [(0, 0.4, 4.0), (3, 2.0, 900.0), (4_300, 40.0, 60.0), (19_999, 9.0, 0.5)]
)
def test_many_moves_cost_no_more_and_have_the_same_tail(count, alpha, beta):
    below, above = (stats.betabinom(20_000, alpha, beta).cdf(at) for at in (count, count - 1))
    assert two_sided(count, 20_000, alpha, beta) == pytest.approx(2 * min(below, 1 - above), rel=1e-6)
