"""Orders of a marketplace: the next week foretold, review scores among it, against what came and two naive forecasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtests import compared, judged, lines_of, remembered, without_swings
from journeysim.calibrate.backtest import backtest, rolling
from journeysim.files.events import read_events
from journeysim.model.event_log import EventLog
from orders import order_map, write_order_log
from validation.page import BACKTESTS

pytestmark = pytest.mark.realdata
FIRST, LAST = np.datetime64("2018-03-05", "us"), np.datetime64("2018-07-30", "us")
SHOWN = (
    "moves",
    "visits to shipped",
    "visits to delivered",
    "visits to review_answered",
    "on the way",
    "value",
    "rating",
)

#: Read off the log and the forecasts (one week ahead); to be read again when they change.
FOUND = """\
The gates fail, and here is why, week by week:

- **Nothing was booked for days.** Between 15 and 19 July 4 deliveries are in the log, 75 in the five days before. Of the
  week from 16 July 49 deliveries were foretold and 23 came; moves, reviews, orders closed and those on the way hang on them,
  so one origin of four misses six figures together. Approvals stopped on 3 and 4 July alike (35 came on the 5th), and two
  dozen orders were shipped before they were approved. Whether the carrier stood still or the books did, the log does not
  say; no week before announced it.
- **Orders get faster, and went on doing so.** The median from shipping to delivery was 12 days early in March and 5 in July.
  Deliveries go from 0.6 to 2.6 times what the fit of all weeks expects. That this drifts is learned now: 66, 64, 49 and 81
  are foretold (medians), 72, 87, 23 and 103 came; before, with one carry for all links, 57, 58, 37 and 68. What is left is
  below what came: a drift is foretold to stay where it is, or to come back a little, and this one went on. It is not a
  matter of age: in the five weeks before 16 July, deliveries came at 1.6, 2.0, 1.8, 1.6 and 1.8 times what was expected of
  orders on the way for up to 3, 6, 10, 20 and more days, so a factor on the hazard is the right kind.
- The one purchase with a value was recorded after its order was shipped; 0 was foretold.

Four origins one week apart share most of their customers. Without the origin of 16 July the intervals would hold 13, 52 and
64 %: the second reason weighs as much as the first."""


@pytest.fixture(scope="module")
def delivered(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    """Return the orders that were delivered in the end, each counting once: weights know the end of an order."""
    data = shared / "data" / "order_delivery"
    if not data.is_dir():
        pytest.skip("needs the observed orders: the folder `order_delivery` of the observed data")
    log = read_events(write_order_log(data, tmp_path_factory.mktemp("orders") / "orders.csv"))
    there = np.zeros(len(log.customer.labels), dtype=bool)
    there[log.customer.codes[log.touchpoint.codes == log.touchpoint.labels.index("delivered")]] = True
    return only(log, there[log.customer.codes])


def only(log: EventLog, rows: np.ndarray) -> EventLog:
    """Return some rows of a log."""
    names = {name: getattr(log, name) for name in ("customer", "touchpoint", "persona", "outcome", "channel")}
    numbers = {name: getattr(log, name) for name in ("value", "rating", "late")}
    taken = {name: None if column is None else column.take(rows) for name, column in names.items()}
    kept = {name: None if column is None else column[rows] for name, column in numbers.items()}
    return replace(log, time=log.time[rows], weight=None, **taken, **kept)


def test_every_delivered_order_is_there(delivered: EventLog):
    """5,170 of the 8,135 orders have a delivery among their events."""
    assert len(np.unique(delivered.customer.codes)) == 5170


@pytest.mark.slow
@pytest.mark.validation
def test_later_weeks_are_foretold(
    delivered: EventLog, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
):
    """Four origins: what swings change, told as it is; the mean score of a week is off by less than 0.25 on average (0.197)."""
    monkeypatch.setattr(rolling, "calibrate", remembered({}))
    found = backtest(delivered, order_map(), FIRST, until=LAST, step="week", seed=1)
    monkeypatch.setattr(rolling, "foretell", without_swings)
    alike = backtest(delivered, order_map(), FIRST, until=LAST, step="week", seed=1)
    lines = (*lines_of(found, "Order delivery", SHOWN), *compared(found, alike), "", FOUND)
    record_property("validation", f"## {BACKTESTS['orders']}\n" + "\n".join(lines))
    ratings = [item.model.error for item in judged(found) if item.metric == "rating"]
    assert len(ratings) == 21
    assert np.mean(ratings) < 0.25
