"""Published yearly survivors of 1,000 subscribers as a log: shares by tenure give them back through the exact engine.

Source: Fader and Hardie 2007, High End and Regular; see the SOURCE.md beside the table.
"""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from journeysim.calibrate import calibrate
from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Row, Tenure, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.quantity import Fixed
from journeysim.simulate.chain import compile_world
from journeysim.simulate.exact import exact_tally
from journeysim.simulate.settings import Settings

pytestmark = pytest.mark.realdata
YEAR, YEARS = 365.0, 7
DAY = np.timedelta64(86_400_000_000, "us")


def subscription() -> JourneyMap:
    year = Dwell(Family.FIXED, Fixed(YEAR))
    links = (Link("subscribed", Fixed(0.8), year), Link("left", Fixed(0.2), year))
    periods = tuple(Tenure(YEAR * k, Row(links=links)) for k in range(1, YEARS))
    subscribed = Touchpoint("subscribed", links, by_tenure=periods)
    return JourneyMap("club", (subscribed,), (Outcome("left", churn=True),), (("subscribed", Fixed(1.0)),))


def log_of(survivors: list[int]) -> EventLog:
    """Everybody subscribes on day 0; the log is cut off a moment after the last renewal."""
    rows = [(f"c{c}", "subscribed", 0) for c in range(survivors[0])]
    for year, (before, after) in enumerate(pairwise(survivors), start=1):
        rows += [(f"c{c}", "subscribed" if c < after else "left", int(year * YEAR)) for c in range(before)]
    customer, place, days = zip(*rows, strict=True)
    start = np.datetime64("2000-01-01", "us")
    return EventLog(
        Names.of(customer), Names.of(place), start + np.array(days) * DAY, start + (int(YEAR * YEARS) + 1) * DAY
    )


@pytest.mark.parametrize("group", ["regular_survivors", "highend_survivors"])
def test_retention_by_year_is_given_back(shared: Path, group: str):
    with (shared / "data" / "subscription_retention" / "retention.csv").open(encoding="utf-8") as file:
        survivors = [int(row[group]) for row in csv.DictReader(file)]
    journey = subscription()
    found = calibrate(journey, observe(log_of(survivors), journey), seed=1, draws=400)
    assert [str(gate) for gate in found.failed] == []
    chain = compile_world(journey, found.draws)
    for year in range(1, YEARS + 1):
        tally, _ = exact_tally(chain, Settings(horizon=YEAR * year + 0.5))
        kept = 1.0 - tally.churned[:, 0]
        low, high = np.quantile(kept, [0.05, 0.95])
        assert low <= survivors[year] / survivors[0] <= high, (year, low, survivors[year], high)
