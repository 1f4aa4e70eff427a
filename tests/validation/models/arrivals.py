"""Arrivals per day: Poisson or negative binomial, with a weekly season, with or without a trend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from journeysim.calibrate import calibrate
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import Observations
from journeysim.model.observed.arrivals import Arrivals
from journeysim.model.quantity import Fixed, Moments, Scale
from validation.sbc import RANKED, Worlds
from validation.tables import entered, moved, table

DAYS, SEEN_ENTRY = 90, 8.0
STATED: Final = Moments(20.0, 8.0, Scale.POSITIVE)
MONDAY: Final = np.datetime64("2024-01-01", "D")


def arrivals(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of 90 days; dispersion and trend are there in every second one each, and `calibrate` has to find out."""
    rng = np.random.default_rng(seed)
    touchpoint = Touchpoint("shop", (Link("end", Fixed(1.0)),))
    journey = JourneyMap("arrivals", (touchpoint,), (Outcome("end"),), (("shop", Fixed(1.0)),), seen_entry=SEEN_ENTRY,
                         arrivals_per_day=STATED)  # fmt: skip
    rows = [entered("all customers", "shop", 5.0), *moved("all customers", "shop", "end", np.ones(5))]
    truths, monday, draws = [], [], []
    for i, (per_day, weekday, counts) in enumerate(_worlds(count, rng)):
        seen = Arrivals(MONDAY, counts, np.ones(DAYS), 1.0, 0.0)
        data = calibrate(
            journey, Observations(table(rows), arrivals=seen), seed=1000 * seed + i, draws=RANKED
        ).draws.data
        truths.append((per_day, weekday[0]))
        draws.append(data["arrivals"].values)
        monday.append(data["arrivals_weekday"].values[:, 0])
    true = np.array(truths).T
    return {
        "arrivals per day": Worlds(true[0], np.stack(draws, axis=1)),
        "factor of Mondays": Worlds(true[1], np.stack(monday, axis=1)),
    }


def _worlds(count: int, rng: np.random.Generator) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Yield mean per day at the end of the log, factors of weekdays, and counts, from the prior of `layers.arrivals`."""
    logs = np.log(STATED.ppf((np.arange(200) + 0.5) / 200))
    time = (np.arange(DAYS) - (DAYS - 1) / 2) / (DAYS - 1)
    for i in range(count):
        level = logs.mean() + np.hypot(logs.std(), SEEN_ENTRY**-0.5) * rng.normal()
        season = rng.normal(0, 0.5, 7)
        season = np.exp(season - season.mean())
        slope = rng.normal() if i % 2 else 0.0
        mean = np.exp(level + slope * time) * season[np.arange(DAYS) % 7]
        spread = np.exp(-3 + 2 * rng.normal()) if i % 4 > 1 else 0.0
        counts = rng.poisson(mean * (rng.gamma(1 / spread, spread, DAYS) if spread > 0 else 1.0)).astype(np.float64)
        yield float(np.exp(level + slope / 2) * season.mean()), season / season.mean(), counts
