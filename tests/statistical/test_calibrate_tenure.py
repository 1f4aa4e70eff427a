"""Renewal by year, learned from a log: shares by tenure lie in their intervals, and the engine retains as many as stayed.

A club is a touchpoint with a link to itself, a year long, and one to an outcome. How many renew depends on the year. A
club is a world of its own: one fit of many clubs is many worlds.
"""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate import Calibration, calibrate
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Row, Tenure, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.quantity import Fixed
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.settings import Settings

pytestmark = pytest.mark.statistical
YEAR = 365.0
KEEP = np.array([0.6, 0.75, 0.85, 0.92, 0.95])
DAY = np.timedelta64(86_400_000_000, "us")


def links(name: str) -> tuple[Link, ...]:
    """Return what the map believes of every year: 80 % renew."""
    year = Dwell(Family.FIXED, Fixed(YEAR))
    return Link(name, Fixed(0.8), year), Link("left", Fixed(0.2), year)


def clubs(count: int) -> JourneyMap:
    def club(name: str) -> Touchpoint:
        periods = tuple(Tenure(YEAR * year, Row(links=links(name))) for year in range(1, len(KEEP)))
        return Touchpoint(name, links(name), by_tenure=periods)

    touchpoints = tuple(club(f"club {k}") for k in range(count))
    entry = tuple((tp.name, Fixed(1 / count)) for tp in touchpoints)
    return JourneyMap("clubs", touchpoints, (Outcome("left", churn=True),), entry)


def log_of(count: int, members: int, years: int, seed: int) -> EventLog:
    """Members join on any day of the years before the cut-off and renew or leave on the day, year after year."""
    stream = np.random.default_rng(seed)
    rows = []
    for member in range(count * members):
        name, day, year = f"club {member % count}", int(stream.integers(0, YEAR * (years - 1))), 0
        rows.append((f"m{member}", name, day))
        while (day := day + int(YEAR)) < YEAR * years:
            keeps = stream.random() < KEEP[min(year, len(KEEP) - 1)]
            rows.append((f"m{member}", name if keeps else "left", day))
            year += 1
            if not keeps:
                break
    customer, place, days = zip(*rows, strict=True)
    start = np.datetime64("2015-01-01", "us")
    return EventLog(Names.of(customer), Names.of(place), start + np.array(days) * DAY, start + int(YEAR * years) * DAY)


def retained(found: Calibration, journey: JourneyMap, years: int) -> np.ndarray:
    """Return who is still a member after the renewal of a year, per draw, by the exact engine."""
    tally, _ = exact_tally(compile_world(journey, found.draws), Settings(horizon=YEAR * years + 1))
    return 1.0 - tally.churned[:, 0]


@pytest.fixture(scope="module")
def club() -> tuple[JourneyMap, Calibration]:
    journey = clubs(1)
    return journey, calibrate(journey, observe(log_of(1, 3000, 7, 5), journey), seed=1, draws=400)


def test_every_gate_passes(club):
    assert [str(gate) for gate in club[1].failed] == []


def test_renewal_by_year_is_found(club):
    """Each of five truths lies within 4 posterior sd: false-alarm rate 3e-4; the map's 0.8 for all is 8 sd off or more."""
    shares = club[1].draws.values("share")[:, 0, :, 0]
    z = (shares.mean(axis=0) - KEEP) / shares.std(axis=0)
    assert np.all(np.abs(z) < 4.0)
    assert abs(shares[:, 0].mean() - 0.8) > 8 * shares[:, 0].std()


@pytest.mark.parametrize("years", [1, 2, 3, 5])
def test_the_engine_retains_as_many_as_stayed(club, years):
    """Each within 4 sd: false-alarm rate 6e-5."""
    found = retained(club[1], club[0], years)
    assert abs(found.mean() - np.prod(KEEP[:years])) < 4 * found.std()


@pytest.mark.slow
def test_ninety_percent_intervals_hold_the_truth_in_forty_clubs():
    """200 intervals; a right fit leaves 83.5 to 96 % in 2 of 1,000 runs; intervals a third too narrow do 78 %."""
    count = 40
    journey = clubs(count)
    found = calibrate(journey, observe(log_of(count, 150, 7, 11), journey), seed=1)
    shares = found.draws.values("share")[:, 0, :, ::2]
    low, high = np.quantile(shares, [0.05, 0.95], axis=0)
    inside = (low <= KEEP[:, None]) & (KEEP[:, None] <= high)
    assert 0.835 <= inside.mean() <= 0.96, inside.mean()
