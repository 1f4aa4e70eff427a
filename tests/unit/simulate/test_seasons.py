"""Chains in seasons: products of matrices, seasons as tenure, seasons that do nothing, and seasons beside dated changes."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from chains import build_chain, fixed
from journeysim.model.seasons import MONTHS, WEEK, YEAR, around_one
from journeysim.simulate.exact import exact_paths, exact_tally
from journeysim.simulate.seasons import ENTRIES, Seasons, entered_on, reweighted, unrolled, with_seasons
from journeysim.simulate.settings import Settings
from journeysim.simulate.splice import spliced
from journeysim.simulate.walk import walk_lives
from season_chains import evenly, in_seasons
from walk_reference import layered_chain, rich_chain

MONTH: Final = YEAR.season_days
PEOPLE: Final = np.arange(600)


def lives(chain, settings, **asked):
    return walk_lives(chain, settings, seed=5, draws=np.arange(chain.draws), customers=asked.get("customers", PEOPLE))


def same(one, other):
    names = [item.name for item in dataclasses.fields(one) if isinstance(getattr(one, item.name), np.ndarray)]
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=getattr(one, name).dtype.kind == "f")
        for name in names
    )


def club(days, stays=0.8, **rewards):
    """Return a chain of two places whose every move takes so many days."""
    rows = {
        "trial": {"member": fixed(0.5, days), "trial": fixed(0.2, days), "gone": fixed(0.3, days)},
        "member": {"member": fixed(stays, days), "left": fixed(1.0 - stays, days)},
    }
    return build_chain(rows, outcomes=["gone", "left"], converts=["member"], churns=["left"], **rewards)


def odds_of(chain, cycle, link, odds):
    """Return the chain with odds by season on one link, as they stand."""
    values = np.ones((chain.draws, len(chain.links), len(cycle.names)))
    values[:, chain.links.index(link)] = odds
    return with_seasons(chain, cycle, values, values, np.ones_like(values))


def by_hand(seasons, steps, *, start, joins, leaves, stays=0.8):
    """Return where customers are after so many moves, given the odds of joining and of leaving in each season."""
    at = np.array([1.0, 0.0, 0.0, 0.0])
    for step in range(steps):
        season = (start + step) % seasons
        trial = np.array([0.2, 0.5 * joins[season], 0.3, 0.0])
        member = np.array([0.0, stays, 0.0, (1.0 - stays) * leaves[season]])
        matrix = np.stack([trial / trial.sum(), member / member.sum(), [0, 0, 1, 0], [0, 0, 0, 1]])
        at = at @ matrix
    return at


@pytest.mark.parametrize(("cycle", "start", "day"), [(YEAR, 2, 2.5 * MONTH), (YEAR, 11, 11 * MONTH), (WEEK, 6, 6.25)])
def test_fixed_stays_of_one_season_are_a_product_of_matrices(cycle, start, day):
    count, rng = len(cycle.names), np.random.default_rng(1)
    joins = rng.uniform(0.5, 2.0, count)
    chain = odds_of(club(cycle.season_days), cycle, "trial -> member", joins)
    steps = 9
    tally, report = exact_tally(entered_on(chain, day), Settings(steps * cycle.season_days))
    found = np.array([tally.ends[0, 0, 0], tally.ends[0, 0, 1], tally.active[0, 0]])
    at = by_hand(count, steps, start=start, joins=joins, leaves=np.ones(count))
    np.testing.assert_allclose(found, [at[2], at[3], at[0] + at[1]], rtol=0, atol=1e-12)
    assert report.cohort


def test_everybody_is_the_average_over_days_of_entry():
    chain = odds_of(club(1.0), WEEK, "trial -> member", np.linspace(0.5, 2.0, 7))
    chain = replace(chain, family=chain.family * 0)
    settings = Settings(9.0)
    whole = exact_tally(chain, settings)[0].ends
    parts = [exact_tally(entered_on(chain, day + 0.5), settings)[0].ends for day in range(7)]
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), atol=1e-14)
    assert len(Seasons(WEEK).entries()) == 7 * ENTRIES


def test_a_year_later_is_the_same():
    chain = in_seasons(layered_chain(3), YEAR, 4)
    for days in (0.0, 77.7):
        one, other = (lives(entered_on(chain, day), Settings(90.0)) for day in (days, days + YEAR.days))
        assert same(one, other)
    assert not same(one, lives(entered_on(chain, days + 3 * MONTH), Settings(90.0)))


@pytest.mark.parametrize("cycle", [YEAR, WEEK])
def test_seasons_that_do_nothing_are_the_chain_without_to_the_bit(cycle):
    for seed in (1, 2):
        chain, settings = layered_chain(seed), Settings(60.0, 0.1, 0.2)
        assert same(lives(chain, settings), lives(evenly(chain, cycle), settings))
    plain = rich_chain(5, draws=2)
    one, other = (exact_tally(chain, Settings(30.0))[0] for chain in (plain, entered_on(evenly(plain, cycle), 3.3)))
    np.testing.assert_allclose(one.value_pv, other.value_pv, rtol=1e-12)
    np.testing.assert_allclose(one.ends, other.ends, rtol=1e-12)


@pytest.mark.parametrize("cycle", [YEAR, WEEK])
def test_a_season_is_a_matter_of_tenure_for_those_of_one_day_with_every_layer_on(cycle):
    settings = Settings(75.0)
    for seed in (3, 4):
        chain = entered_on(in_seasons(layered_chain(seed), cycle, seed, dwell=0.3), 0.4 * cycle.days)
        (as_tenure,) = unrolled(chain, settings.horizon)
        assert as_tenure.season is None
        assert same(lives(chain, settings), lives(as_tenure, settings))


def test_dwells_go_by_the_season_in_which_a_visit_begins():
    rows = {"a": {"b": fixed(1.0, 10.0)}, "b": {"end": fixed(1.0, 10.0)}}
    chain = build_chain(rows, outcomes=["end"])
    times = np.ones((1, 2, 12))
    times[:, :, 1] = 3.0
    seasonal = entered_on(with_seasons(chain, YEAR, np.ones_like(times), np.ones_like(times), times), MONTH - 5.0)
    assert lives(seasonal, Settings(200.0)).end_time[0, 0] == 10.0 + 30.0
    tally, _ = exact_tally(seasonal, Settings(200.0))
    np.testing.assert_allclose(np.diff(tally.active_at[0, 0])[np.searchsorted(tally.marks, 40.0) - 1], -1.0, atol=1e-9)


def test_a_dated_change_acts_on_top_of_the_season_in_force():
    """From day 3.5 months on fewer leave; each step by hand: season's odds on the row of the world in force."""
    odds = np.random.default_rng(2).uniform(0.5, 2.0, 12)
    worlds = [odds_of(club(MONTH, stays), YEAR, "member -> left", odds) for stays in (0.8, 0.9)]
    joined = entered_on(spliced(worlds, [3.5 * MONTH]), 10.2 * MONTH)
    found = exact_tally(joined, Settings(9 * MONTH))[0]
    at = np.array([1.0, 0.0, 0.0, 0.0])
    for step in range(9):
        stays, leaves = (0.8 if step < 3.5 else 0.9), odds[(10 + step) % 12]
        row = np.array([0.0, stays, 0.0, (1.0 - stays) * leaves])
        at = at @ np.stack([[0.2, 0.5, 0.3, 0.0], row / row.sum(), [0, 0, 1, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(found.ends[0, 0], at[2:], atol=1e-12)


def test_spliced_worlds_in_seasons_live_the_lives_of_their_parts_with_every_layer_on():
    one = in_seasons(layered_chain(3), YEAR, 4, dwell=0.2)
    settings, turn = Settings(120.0), 25.0
    both = entered_on(spliced([one, one], [turn]), 200.0)
    assert both.share.shape[2] == 12 * len(both.period_end) == one.share.shape[2] + 12
    assert same(lives(both, settings), lives(entered_on(one, 200.0), settings))


def test_weights_move_only_rows_they_differ_in():
    share = np.array([0.5, 0.3, 0.2, 1.0 / 3, 2.0 / 3])
    weight = np.array([2.0, 1.0, 1.0, 1.0, 1.0])
    found = reweighted(share, weight, np.array([0, 3, 5]))
    np.testing.assert_allclose(found[:3], np.array([1.0, 0.3, 0.2]) / 1.5)
    assert np.array_equal(found[3:], share[3:])
    odds = found[0] / (1 - found[0])
    assert odds == pytest.approx(2.0)


def test_factors_stand_around_one():
    values = np.random.default_rng(3).uniform(0.3, 3.0, (4, 2, 12))
    assert np.log(around_one(values, geometric=True)).mean(axis=-1) == pytest.approx(np.zeros((4, 2)), abs=1e-14)
    assert around_one(values, geometric=False).mean(axis=-1) == pytest.approx(np.ones((4, 2)))
    assert np.array_equal(around_one(np.ones((3, 7)), geometric=True), np.ones((3, 7)))


@pytest.mark.parametrize(
    ("first_day", "cycle", "day"),
    [(None, YEAR, 0.0), ("2027-04-01", YEAR, 3 * MONTH), ("2028-02-15", YEAR, MONTH * (1 + 14 / 29)),
     ("2027-04-01", WEEK, 3.0), (None, WEEK, 0.0)],
)  # fmt: skip
def test_calendar_day_0_lies_in_its_month_or_on_its_weekday(first_day, cycle, day):
    assert cycle.day_of(first_day) == pytest.approx(day)
    assert len(MONTHS) == 12


def test_bounce_and_reach_are_averages_over_days_of_entry():
    chain = odds_of(club(1.0), WEEK, "trial -> gone", np.linspace(0.5, 2.0, 7))
    settings = Settings(20.0)
    paths = exact_paths(chain, settings, exact_tally(chain, settings)[0])
    found = []
    for day in range(7):
        part = entered_on(chain, day + 0.5)
        found.append(exact_paths(part, settings, exact_tally(part, settings)[0]))
    np.testing.assert_allclose(paths.bounced, np.mean([item.bounced for item in found], axis=0), atol=1e-13)
    np.testing.assert_allclose(paths.reached, np.mean([item.reached for item in found], axis=0), atol=1e-13)
