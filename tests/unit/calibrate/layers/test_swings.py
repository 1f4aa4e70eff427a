"""Swings of weeks: what is expected of a week, the evidence, and what carries over, against exact answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from journeysim.calibrate import stated_draws
from journeysim.calibrate.layers.arrivals import learn_arrivals
from journeysim.calibrate.layers.swings import learn_swings
from journeysim.calibrate.layers.swings.days import day_factors
from journeysim.calibrate.layers.swings.expected import expected_moves
from journeysim.calibrate.layers.swings.pooled import CARRIES, sd_of, swings_of
from journeysim.calibrate.layers.swings.series import FREEDOM, Series, Swing, peaks_of, states
from journeysim.calibrate.predict.swings import ahead
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.observed.by_week import by_week_of
from journeysim.model.quantity import Fixed
from journeysim.model.visits import visits_of
from worlds import world_log

MANY = JourneyMap(
    "many",
    (
        Touchpoint(
            "visit",
            (
                Link("ask", Fixed(0.5), Dwell(Family.GAMMA, Fixed(3.0), Fixed(2.0))),
                Link("bought", Fixed(0.3), Dwell(Family.LOGNORMAL, Fixed(0.1), Fixed(1.0))),
                Link("gone", Fixed(0.2)),
            ),
        ),
        Touchpoint("ask", (Link("bought", Fixed(1.0), Dwell(Family.WEIBULL, Fixed(5.0), Fixed(0.7))),)),
    ),
    (Outcome("bought"), Outcome("gone", silent=True)),
    (("visit", Fixed(1.0)),),
)


def test_as_many_moves_are_expected_as_come_where_all_is_as_stated():
    """Moves minus expectation are a martingale: 3,000 customers, every week within 4.5 sd; a silent exit counts nothing."""
    log = world_log(MANY, 3000, 56.0, seed=4)
    seen = by_week_of(visits_of(log, MANY), log, MANY)
    assert seen is not None
    data = stated_draws(MANY).take(np.zeros(1, dtype=np.int64)).data
    labels = [str(name) for name in data["link"].values]
    visit = np.array([labels.index(f"visit -> {name}") for name in ("ask", "bought", "gone")])
    by_day = expected_moves(data, seen, 0, visit, np.array([False, False, True]))[0]
    moved, found = (each.reshape(*each.shape[:-1], seen.weeks, 7).sum(axis=-1) for each in (seen.moved[0], by_day))
    assert found[2].tolist() == [0.0] * seen.weeks
    for k, place in enumerate((1, 2)):
        off = (moved[place] - found[k]) / np.sqrt(found[k])
        assert np.abs(off).max() < 4.5
        assert abs(moved[place].sum() / found[k].sum() - 1) < 0.06


@pytest.mark.parametrize("swing", [Swing(0.3, 0.6, 0.005), Swing(0.3, 0.6, 0.2), Swing(0.1, 0.9, 0.3)], ids=str)
@pytest.mark.parametrize("count", [42.0, 5.0])
def test_the_evidence_of_a_week_is_the_integral(swing: Swing, count: float):
    """33 due. Without weeks of their own 0.01 in the log; with a t 0.1 (0.5 of its lower bound alone, in a strike)."""
    z = np.linspace(-8.0, 8.0, 4001)
    lasting = stats.norm(0.0, np.sqrt(swing.covariance(1)[0, 0])).pdf(z)
    prior = np.convolve(stats.t(FREEDOM, scale=swing.weekly).pdf(z), lasting, mode="same") * (z[1] - z[0])
    whole = np.log(np.sum(np.exp(count * (np.log(33.0) + z) - 33.0 * np.exp(z)) * prior) * (z[1] - z[0]))
    short = whole - peaks_of(Series("s", np.array([count]), np.full((1, 1), 33.0)), [swing]).evidence[0]
    assert abs(short) < (0.01 if swing.weekly < 0.01 else 0.1)


def test_the_evidence_of_many_weeks_is_not_that_of_a_bound():
    """Ten weeks of 100, half of what each is worth noise: within 0.1 of the integral at every scale of a week's own.

    The t's lower bound alone falls short by 0.2 to 1.5 where weeks swing little, which fifty links of a map add up.
    """
    rng = np.random.default_rng(2)
    own = (0.03, 0.06, 0.1, 0.17)
    counts = rng.poisson(100 * np.exp(0.06 * rng.standard_t(FREEDOM, 10))).astype(np.float64)
    nothing, *found = peaks_of(
        Series("moves", counts, np.full((2, 10), 100.0)), [Swing(0.005, 0.7, sd) for sd in (0.005, *own)]
    ).evidence
    exact = np.array([_integral(counts, 100.0, sd) for sd in (0.005, *own)])
    assert found - nothing == pytest.approx(exact[1:] - exact[0], abs=0.1)


def _integral(counts: np.ndarray, expected: float, weekly: float) -> float:
    """Return the log evidence of weeks of which nothing lasts, level and weeks integrated on a grid each."""
    sd = np.hypot(0.005, weekly)
    levels = np.linspace(-6 * sd, 6 * sd, 241)
    y = weekly * special.stdtrit(FREEDOM, (np.arange(4000) + 0.5) / 4000)
    log_mean = np.log(expected) + levels[:, None] + y
    each = [special.logsumexp(n * log_mean - np.exp(log_mean), axis=1) - np.log(len(y)) for n in counts]
    return float(
        special.logsumexp(
            np.sum(each, axis=0)
            - 0.5 * (levels / sd) ** 2
            - 0.5 * np.log(2 * np.pi)
            - np.log(sd / (levels[1] - levels[0]))
        )
    )


def test_the_evidence_of_two_weeks_is_the_integral():
    """Laplace against a grid of 400 x 400 points: 0.01 in the log, at counts of 30."""
    swing = Swing(0.3, 0.6, 0.005)
    series = Series("s", np.array([30.0, 42.0]), np.full((1, 2), 33.0))
    at = np.linspace(-2.5, 2.5, 400)
    z = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)
    logs = series.counts * (np.log(33.0) + z) - 33.0 * np.exp(z)
    prior = stats.multivariate_normal(np.zeros(2), swing.covariance(2) + 0.005**2 * np.eye(2)).logpdf(z)
    whole = special.logsumexp(logs.sum(axis=1) + prior) + 2 * np.log(at[1] - at[0])
    assert peaks_of(series, [swing]).evidence[0] == pytest.approx(whole, abs=0.01)


def test_a_week_without_counts_among_many_finds_its_mode():
    """The slope is 0 there although the first step from 0 leads far beyond it: 24 times what was expected, then nothing."""
    series = Series("s", np.array([240.0, 0.0, 9.0]), np.full((1, 3), 10.0))
    found = peaks_of(series, [Swing(0.7, 0.95, 1.0), Swing(0.005, 0.7, 0.005)])
    for prior, mode in zip(found.prior, found.mode, strict=True):
        assert series.counts - 10.0 * np.exp(mode) - np.linalg.solve(prior, mode) == pytest.approx(
            np.zeros(3), abs=1e-3
        )


def test_a_draw_that_expects_a_tenth_more_is_pulled_down_by_a_tenth():
    """Where counts say all (10,000 a week), z falls by as much as log E is higher."""
    series = Series("s", np.full(6, 1e4), np.stack([np.full(6, 1e4), np.full(6, 1.1e4)]))
    peaks = peaks_of(series, [Swing(0.5, 0.0, 0.005)])
    found = states(series, peaks, np.zeros(2, dtype=np.int64), 1)
    apart = found[0].sum() - found[1].sum()
    noise = states(replace(series, expected=np.full((2, 6), 1e4)), peaks, np.zeros(2, dtype=np.int64), 1)
    assert apart - (noise[0].sum() - noise[1].sum()) == pytest.approx(np.log(1.1), rel=0.02)


def world(series: int, weeks: int, swing: Swing, seed: int) -> tuple[list[Series], np.ndarray]:
    """Return series of 20 to 300 expected a week, and the true log factor of the week after."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(np.log(20), np.log(300), series))
    x = swing.lasting * rng.standard_normal((series, weeks + 1))
    for w in range(1, weeks + 1):
        x[:, w] = swing.carry * x[:, w - 1] + np.sqrt(1 - swing.carry**2) * x[:, w]
    z = x + swing.weekly * rng.standard_t(FREEDOM, x.shape)
    seen = rng.poisson(expected[:, None] * np.exp(z))[:, :-1].astype(float)
    return [Series(str(k), seen[k], np.full((200, weeks), expected[k])) for k in range(series)], z[:, -1]


@pytest.mark.parametrize("swing", [Swing(0.0, 0.95, 0.25), Swing(0.3, 0.95, 0.0), Swing(0.3, 0.95, 0.2)], ids=str)
def test_the_next_weeks_factor_lies_in_its_interval_as_often_as_it_should(swing: Swing):
    """60 series of 12 weeks: 90 % intervals hold 47 to 60 (binomial, 1 in 1,000 either way for 54 +- 2.3)."""
    series, true = world(60, 12, swing, 1)
    found = swings_of("moves by week", series, seed=1)
    low, high = np.quantile(ahead(found.states, 1, np.random.default_rng(2))[..., 0], [0.05, 0.95], axis=1)
    assert 47 <= np.sum((low < true) & (true < high)) <= 60
    assert np.mean(found.states[..., 4]) == pytest.approx(swing.weekly, abs=0.07)
    assert found.choice.chosen == ("part of a week's swing lasts" if swing.lasting else "every week swings on its own")


def test_a_drift_is_carried_on_and_a_strike_is_not():
    """Twice as fast after 20 weeks, by 3.5 % a week; that two weeks were at a third of it hardly changes what comes."""
    drift = np.exp(np.linspace(0.0, np.log(2.0), 21))
    quiet = 150 * drift[:-1]
    strike = quiet * np.where(np.isin(np.arange(20), [9, 17]), 1 / 3, 1.0)
    for counts in (quiet, strike):
        series = [Series("s", np.rint(counts), np.full((200, 20), 150.0))]
        following = ahead(swings_of("moves by week", series, seed=1).states, 1, np.random.default_rng(1))[0, :, 0]
        assert np.exp(np.median(following)) == pytest.approx(drift[-1], rel=0.25)


def test_without_swings_their_sd_is_near_nothing_and_intervals_hardly_widen():
    """60 series of 12 weeks: the sd of next week's count grows by less than 7 % over Poisson."""
    series, _ = world(60, 12, Swing(0.0, 0.7, 0.0), 3)
    found = swings_of("moves by week", series, seed=1)
    assert np.median(found.states[..., 2]) <= 0.06
    assert np.median(found.states[..., 4]) <= 0.03
    assert (found.choice.chosen, found.ahead) == ("all weeks are alike", 0.0)
    factor = np.exp(ahead(found.states, 1, np.random.default_rng(2))[..., 0])
    expected = np.array([each.expected[0, 0] for each in series])
    wider = np.sqrt(expected * factor.mean(axis=1) + expected**2 * factor.var(axis=1)) / np.sqrt(expected)
    assert np.mean(wider) < 1.07


def test_a_single_series_says_what_it_prefers_but_not_how_surely():
    """Half as many again for six weeks, then as many fewer: a swing that lasts is ahead."""
    counts = np.array([150.0] * 6 + [70.0] * 6)
    choice = swings_of("arrivals by week", [Series("s", counts, np.full((50, 12), 100.0))], seed=1).choice
    assert choice.chosen == "part of a week's swing lasts"
    assert choice.margin > 1.0
    assert choice.margin_error is None


def test_carries_are_those_of_the_grid_and_the_layer_writes_what_it_found():
    log = world_log(MANY, 1500, 56.0, seed=4)
    data = stated_draws(MANY).take(np.zeros(200, dtype=np.int64)).data
    layer = learn_swings(MANY, observe(log, MANY), data, seed=1)
    dims, found = layer.variables["swing_move"]
    assert dims == ("draw", "link", "swing")
    labels = [str(name) for name in data["link"].values]
    assert np.all(np.isnan(found[:, labels.index("visit -> gone")]))
    ask = labels.index("visit -> ask")
    assert set(np.unique(found[:, ask, 3])) <= set(CARRIES)
    assert sd_of(found[:, ask]) < 0.12
    dims, days = layer.variables["swing_day"]
    assert dims == ("draw", "link", "day_ahead")
    assert np.all(days[:, labels.index("visit -> gone")] == 1.0)
    assert np.abs(np.median(days[:, ask], axis=0) - 1.0).max() < 0.2


def test_the_factors_of_days_are_those_of_counts_and_links_of_few_moves_follow_the_others():
    """Sundays a tenth, 40 weeks: each link's own within 3 sd of the truth; a link of 7 moves follows the rest within a third."""
    rng = np.random.default_rng(5)
    true = np.array([1.3, 1.2, 1.1, 1.2, 1.3, 0.8, 0.1])
    due = np.tile([[100.0], [60.0], [30.0], [0.025]], (1, 280))
    counts = rng.poisson(due * np.tile(true, 40))
    found = day_factors(("a", "b", "c", "d"), counts, due, 400, seed=1)
    assert found.shape == (400, 4, 7)
    off = (found.mean(axis=0) - true)[:3] / np.sqrt(true / (40 * due[:3, :7]))
    assert np.abs(off).max() < 3.5
    assert np.median(found[:, 3], axis=0) == pytest.approx(true, rel=0.34)


def test_links_that_keep_days_of_their_own_do_not_follow_the_others():
    """One link works on Sundays as on all days, the others do not: its Sunday is within a tenth of one."""
    true = np.array([[1.2] * 6 + [0.0]] * 4 + [[1.0] * 7])
    due = np.full((5, 280), 50.0)
    found = day_factors(tuple("abcde"), due * np.tile(true, 40), due, 400, seed=1)
    assert np.median(found[:, 4, 6]) == pytest.approx(1.0, abs=0.1)
    assert np.median(found[:, :4, 6]) < 0.01


def test_arrivals_swing_about_the_rate_at_the_end_of_the_log_unless_it_is_a_sample():
    """Even arrivals of 1,500 in eight weeks: the next week's rate is within 15 % of theirs; a map that says more keeps it."""
    log = world_log(MANY, 1500, 56.0, seed=4)
    data = stated_draws(MANY).take(np.zeros(200, dtype=np.int64)).data
    found = learn_arrivals(MANY, observe(log, MANY), data, seed=1)
    (dims, state) = found.variables["swing_arrivals"]
    assert dims == ("draw", "swing")
    rate = np.asarray(found.variables["arrivals"][1]) * np.exp(state[:, 0] + state[:, 3] * state[:, 1])
    assert np.median(rate) == pytest.approx(1500 / 56, rel=0.15)
    assert any("arrivals of whole weeks swing by" in note for note in found.notes)
    more = replace(MANY, arrivals_per_day=Fixed(300.0))
    assert "swing_arrivals" not in learn_arrivals(more, observe(log, more), data, seed=1).variables


def test_a_log_of_three_weeks_says_nothing_about_weeks():
    log = world_log(MANY, 300, 27.0, seed=4)
    assert learn_swings(MANY, observe(log, MANY), stated_draws(MANY).data, seed=1).variables == {}
