"""Ratings: the ordered logit finds its way back, its intervals cover, and the shape of the effect of lateness is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate.layers import learn_layers
from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Layer
from journeysim.calibrate.layers.ratings import learn_ratings
from journeysim.calibrate.prior import prior_draws
from journeysim.calibrate.rewards.ordinal import (
    Answers,
    OrdinalFit,
    fit_answers,
    left_out,
    log_chances,
    log_density,
    peak,
)
from journeysim.model.draws import Draws
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.observations import Observations, observe
from journeysim.model.quantity import Fixed
from journeysim.model.rating import fewer_late, mean_rating, waits_of
from journeysim.model.transitions import Transitions

pytestmark = pytest.mark.statistical
CUTS, EFFECTS = np.array([-2.0, -1.2, -0.5, 0.6]), np.array([-0.5, 0.8])
DAY = Dwell(Family.EXPONENTIAL, Fixed(5.0))
JOURNEY = JourneyMap(
    "orders",
    (
        Touchpoint("order", (Link("delivery", Fixed(0.9), DAY), Link("end", None, DAY))),
        Touchpoint("delivery", (Link("end", None, DAY),)),
    ),
    (Outcome("end"),),
    (("order", Fixed(1.0)),),
    personas=(Persona("small", Fixed(0.6)), Persona("large", Fixed(0.4))),
)
PERSONA = np.array([0.5, -0.3])


def chances(eta: np.ndarray) -> np.ndarray:
    below = 1 / (1 + np.exp(-(CUTS - eta[:, None])))
    return np.diff(np.hstack([np.zeros((len(eta), 1)), below, np.ones((len(eta), 1))]), axis=1)


def world(rng: np.random.Generator, cells: int = 80, size: int = 5) -> Answers:
    columns = np.stack([rng.normal(size=cells), rng.integers(0, 2, cells)], axis=1)
    counts = np.stack([rng.multinomial(size, p) for p in chances(columns @ EFFECTS)]).astype(float)
    return Answers(counts, columns, np.array([1.0, 1.0]))


def late_effect(days: np.ndarray) -> np.ndarray:
    """Nothing until two days late, then a fall of 3 until eight days, then nothing more."""
    return -3.0 * np.clip((days - 2.0) / 6.0, 0.0, 1.0)


def order_log(rng: np.random.Generator, n: int, *, effect: bool = True) -> tuple[EventLog, np.ndarray]:
    """Return orders with delivery after some days, late by some, rated at once; and the mean rating behind each."""
    g, wait = (rng.uniform(size=n) < 0.4).astype(int), rng.gamma(4.0, 2.5, n)
    late = wait - rng.choice([8.0, 10.0, 14.0], n)
    eta = PERSONA[g] + (late_effect(late) if effect else 0.0)
    rating = 1.0 + np.sum(rng.uniform(size=n)[:, None] > np.cumsum(chances(eta), axis=1)[:, :-1], axis=1)
    start, nan = np.datetime64("2026-01-01", "us"), np.full(n, np.nan)
    moment = (wait * 86_400e6).astype("timedelta64[us]")
    log = EventLog(
        Names(np.tile(np.arange(n), 2), tuple(map(str, range(n)))),
        Names(np.repeat([0, 1], n), ("order", "delivery")),
        np.concatenate([np.full(n, start), start + moment]),
        start + np.timedelta64(200, "D"),
        persona=Names(np.tile(g, 2), ("small", "large")),
        rating=np.concatenate([nan, rating]),
        late=np.concatenate([nan, late]),
    )
    return log, chances(eta) @ np.arange(1, 6)


def learned(log: EventLog, draws: int = 600) -> tuple[Layer, Draws]:
    data = prior_draws(JOURNEY, draws=draws, seed=1).data
    layer = learn_ratings(JOURNEY, observe(log, JOURNEY), data, seed=1)
    return layer, Draws(data.assign(layer.variables), "posterior")


@pytest.fixture(scope="module")
def found() -> tuple[Layer, Draws, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(12)
    log, mean = order_log(rng, 6000)
    return *learned(log), log.late[6000:], mean


def test_chances_are_those_of_the_ordered_logit():
    theta = np.concatenate([[CUTS[0]], np.log(np.diff(CUTS)), EFFECTS])[None]
    answers = world(np.random.default_rng(1))
    assert np.exp(log_chances(answers, theta)[0]) == pytest.approx(chances(answers.columns @ EFFECTS))


def test_intervals_cover():
    """80 worlds x 6 parameters by mode and curvature: at least 64 of 80 each (a 90 % interval misses that in 0.3 %)."""
    rng, hits = np.random.default_rng(2), np.zeros(6)
    truth = np.concatenate([[CUTS[0]], np.log(np.diff(CUTS)), EFFECTS])
    for _ in range(80):
        mode, covariance = peak(world(rng))
        hits += np.abs(mode - truth) < 1.645 * np.sqrt(np.diag(covariance))
    assert np.all(hits >= 64), hits


def sampled(answers: Answers, seed: int) -> OrdinalFit:
    return fit_answers(answers, seed=seed, draws=4000, chains=4, tune=500)


@pytest.mark.slow
def test_the_sampler_draws_from_the_density():
    """4,000 draws against 10^5 of the same density by importance: means within 0.1 sd (4 Monte Carlo sd), sd within 8 %."""
    answers = world(np.random.default_rng(3))
    fit = sampled(answers, 5)
    assert [str(gate) for gate in fit.gates if not gate.passed] == []
    mode, covariance = peak(answers)
    rng, k = np.random.default_rng(4), len(mode)
    unit = rng.standard_t(6, size=(100_000, k))
    points = mode + unit @ np.linalg.cholesky(covariance).T
    logs = log_density(answers, points) + 3.5 * np.log1p(unit**2 / 6).sum(axis=1)
    weights = np.exp(logs - logs.max())
    mean = np.average(points, axis=0, weights=weights)[answers.cuts :]
    sd = np.sqrt(np.average((points[:, answers.cuts :] - mean) ** 2, axis=0, weights=weights))
    assert np.all(np.abs(fit.effects.mean(axis=0) - mean) < 0.1 * sd)
    assert fit.effects.std(axis=0) == pytest.approx(sd, rel=0.08)


@pytest.mark.slow
def test_sampled_intervals_cover():
    """25 worlds x 6 parameters: at least 119 of 150 inside 90 % (0.1 % false alarm, as parameters of a world are alike)."""
    rng, hits = np.random.default_rng(21), 0
    for seed in range(25):
        fit = sampled(world(rng), seed)
        for values, truth in ((fit.cuts, CUTS), (fit.effects, EFFECTS)):
            low, high = np.quantile(values, [0.05, 0.95], axis=0)
            hits += int(np.sum((low <= truth) & (truth <= high)))
    assert hits >= 119, hits


def test_leaving_one_out_is_close_to_refitting():
    """One answer taken out of eight cells in turn and fitted again: the same log density within 0.02."""
    answers = world(np.random.default_rng(7), cells=30, size=3)
    claimed = left_out(answers, seed=1, name="x")
    for cell in range(8):
        level = int(answers.count[cell].argmax())
        count = answers.count.copy()
        count[cell, level] -= 1
        rest = Answers(count, answers.columns, answers.sd)
        mode, covariance = peak(rest)
        points = mode + np.random.default_rng(cell).normal(size=(2000, len(mode))) @ np.linalg.cholesky(covariance).T
        refitted = np.log(np.exp(log_chances(rest, points)).mean(axis=0))[cell, level]
        assert claimed[cell, level] == pytest.approx(refitted, abs=0.02)


def test_bends_are_chosen_where_a_delay_hurts_most_in_between(found):
    layer, _, _, _ = found
    choice = layer.choices[0]
    assert choice.chosen == "log days with bends"
    assert choice.margin > 2 * choice.margin_error
    assert [str(gate) for gate in layer.gates if not gate.passed] == []


def test_mean_ratings_by_lateness_come_back(found):
    """6,000 ratings: by band of lateness within 0.12 of the truth (3 sd of the thinnest band, and the bends' rounding)."""
    _, draws, late, mean = found
    waits = waits_of(draws)
    for low, high in ((-20, 0), (0, 2), (3, 5), (5, 8), (9, 30)):
        inside = (waits.late[0] > low) & (waits.late[0] <= high)
        share = np.where(inside, waits.share, 0.0)
        band = type(waits)(
            waits.persona, waits.place, waits.link, waits.wait, waits.late, share / share.sum(axis=1)[:, None]
        )
        truth = mean[(late > low) & (late <= high)].mean()
        assert mean_rating(draws, band).mean() == pytest.approx(truth, abs=0.12), (low, high)


def test_halving_late_deliveries_moves_the_mean_as_it_would(found):
    """The truth from the customers behind the log: half of the late ones rated like those of their persona on time."""
    _, draws, late, mean = found
    waits = waits_of(draws)
    gain = mean_rating(draws, fewer_late(waits, 0.5)) - mean_rating(draws, waits)
    truth = 0.5 * np.mean(late > 0) * (mean[late <= 0].mean() - mean[late > 0].mean())
    low, high = np.quantile(gain, [0.001, 0.999])
    assert low < truth < high
    assert gain.std() < 0.15 * gain.mean()
    assert waits.late_share.mean() == pytest.approx(np.mean(late > 0), abs=0.01)


def test_personas_and_the_wait_come_back(found):
    """The difference between personas within 0.15 (3 sd) of 0.8; the wait, which does nothing, within 3 sd of 0."""
    _, draws, _, _ = found
    persona = draws.values("rating_persona")
    assert (persona[:, 0] - persona[:, 1]).mean() == pytest.approx(0.8, abs=0.15)
    dwell = draws.values("rating_dwell")
    assert abs(dwell.mean()) < 3 * dwell.std()


def test_few_ratings_are_not_learned_from_and_none_are_off():
    log, _ = order_log(np.random.default_rng(1), 12)
    data = prior_draws(JOURNEY, draws=5, seed=1).data
    layer = learn_ratings(JOURNEY, observe(log, JOURNEY), data, seed=1)
    assert not layer.variables
    assert "not learned" in layer.notes[-1]
    empty = Transitions(Names.of([]), Names.of([]), Names.of([]), *(np.empty(0) for _ in range(3)))
    assert learn_ratings(JOURNEY, Observations(empty), data, seed=1) is NOTHING_LEARNED
    assert learn_layers(JOURNEY, Observations(empty), data, seed=1)[1]
