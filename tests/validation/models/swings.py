"""Weeks that swing: the layer alone, and a whole calibration whose weeks and days differ while it takes them for alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from journeysim.calibrate import calibrate, stated_draws
from journeysim.calibrate.backtest.cut import DAY, cut_log
from journeysim.calibrate.backtest.predict import entering, foretell, on_the_way
from journeysim.calibrate.layers.swings.days import MOST as DAYS_MOST
from journeysim.calibrate.layers.swings.pooled import CARRIES, swings_of
from journeysim.calibrate.layers.swings.series import FREEDOM, Series
from journeysim.calibrate.predict import Start, predictor_of, steps
from journeysim.calibrate.predict.swings import ahead
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.quantity import Fixed
from journeysim.model.visits import MICROSECONDS_PER_DAY, visits_of
from validation.sbc import RANKED, Worlds
from worlds import CUT_OFF, event_log

SCALE_SD: Final = 0.3
#: Log factors beyond these are held there, as forecasts hold them.
MOST: Final = np.log(8.0)
SERIES, WEEKS = 10, 10
CUSTOMERS: Final = 1800
#: What all links have in common on the days of a week, and how alike they are in it.
OF_DAYS: Final = np.array([1.5, 1.2, 1.1, 1.1, 1.2, 0.7, 0.2])
ALIKE: Final = 10.0
NONE: Final = frozenset[str]()
JOURNEY: Final = JourneyMap(
    "weeks",
    (
        Touchpoint(
            "visit",
            (
                Link("ask", Fixed(0.5), Dwell(Family.GAMMA, Fixed(2.0), Fixed(2.0))),
                Link("left", Fixed(0.5), Dwell(Family.EXPONENTIAL, Fixed(6.0))),
            ),
        ),
        Touchpoint("ask", (Link("bought", Fixed(1.0), Dwell(Family.WEIBULL, Fixed(5.0), Fixed(0.8))),)),
    ),
    (Outcome("left"), Outcome("bought")),
    (("visit", Fixed(1.0)),),
)


def swung(series: int, weeks: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sds of levels (series, 1), and without a level what lasts and whole log factors (series, week); from the prior."""
    scales = np.abs(SCALE_SD * rng.normal(size=(2, 1)))
    lasting, weekly = np.abs(scales * rng.normal(size=(2, series)))[..., None]
    carry = rng.choice(CARRIES, (series, 1))[:, 0]
    x = rng.normal(size=(series, weeks))
    for week in range(1, weeks):
        x[:, week] = carry * x[:, week - 1] + np.sqrt(1 - carry**2) * x[:, week]
    return np.hypot(lasting, weekly), lasting * x, lasting * x + weekly * rng.standard_t(FREEDOM, x.shape)


def layer_alone(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of ten series that expect 10 to 300 moves a week, up to a level."""
    rng = np.random.default_rng(seed)
    names = ("log factor of the next week", "what lasts of the last week", "moves in the next week")
    truth, draws = np.empty((3, count)), np.empty((3, RANKED, count))
    for i in range(count):
        expected = np.exp(rng.uniform(np.log(10), np.log(300), SERIES))
        sd, lasting, logs = swung(SERIES, WEEKS + 1, rng)
        level = sd * rng.normal(size=sd.shape)
        lasting, logs = lasting + level, logs + level
        seen = rng.poisson(expected[:, None] * np.exp(logs)).astype(np.float64)
        fits = [Series(str(k), seen[k, :-1], np.full((RANKED, WEEKS), expected[k])) for k in range(SERIES)]
        state = swings_of("moves by week", fits, seed=1000 * seed + i).states[0]
        following = ahead(state, 1, rng)[:, 0]
        truth[:, i] = logs[0, -1], lasting[0, -2], seen[0, -1]
        draws[:, :, i] = following, state[:, 0] + state[:, 1], rng.poisson(expected[0] * np.exp(following))
    return {name: Worlds(truth[k], draws[k]) for k, name in enumerate(names)}


def whole(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds lived by customers, calibrated on ten weeks; what is foretold of the eleventh is ranked.

    All weeks have the same days, slow ones last: what waits at the turn of a week is more than on average.
    """
    rng = np.random.default_rng(seed)
    names = ("visits to ask", "reached left", "reached bought")
    truth, draws = np.empty((3, count)), np.empty((3, RANKED, count))
    for i in range(count):
        weeks = np.repeat(np.exp(swung(3, WEEKS + 1, rng)[2]), 7, axis=1)
        days = np.minimum(OF_DAYS * rng.gamma(ALIKE, 1 / ALIKE, (3, 7)), DAYS_MOST)
        log = lived(np.minimum(weeks * np.tile(days, WEEKS + 1), np.exp(MOST)), rng)
        origin = log.cut_off - 7 * DAY
        cut = cut_log(log, origin)
        fit = calibrate(JOURNEY, observe(cut, JOURNEY), seed=1000 * seed + i, draws=RANKED)
        after = visits_of(log, JOURNEY)
        after = replace(after, micro=after.micro + 7 * MICROSECONDS_PER_DAY)
        waiting, new = on_the_way(visits_of(cut, JOURNEY), JOURNEY), entering(after, JOURNEY, until=7.0)
        found = foretell(JOURNEY, fit.draws.data, waiting, new, np.array([0.0, 7.0]), silent=NONE, rng=rng).metrics
        for k, name in enumerate(names):
            place = JOURNEY.place_names.index(name.rsplit(" ", 1)[-1])
            truth[k, i] = np.sum((after.place == place) & (after.day >= 0))
            draws[k, :, i] = found[name][:, 0, 0]
    return {name: Worlds(truth[k], draws[k]) for k, name in enumerate(names)}


def lived(factors: np.ndarray, rng: np.random.Generator) -> EventLog:
    """Return the log of customers who enter evenly over eleven weeks whose hazards have these factors (link, day)."""
    model = predictor_of(JOURNEY, stated_draws(JOURNEY).data, NONE)
    none, end = np.zeros(CUSTOMERS, dtype=np.int64), float(factors.shape[1])
    start = Start.entering(none, none, rng.uniform(0, end, CUSTOMERS), model.touchpoints)
    who, place, day = [np.arange(CUSTOMERS)], [none], [start.entered]
    for step in steps(model, start, none, end=end, rng=rng, factors=factors[None]):
        who, place, day = [*who, step.customer], [*place, step.target], [*day, step.day]
    columns = (np.concatenate(who), np.concatenate(place), np.concatenate(day) - end)
    return event_log(JOURNEY, none, *columns, CUT_OFF)
