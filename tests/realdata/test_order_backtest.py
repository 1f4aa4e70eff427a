"""Orders of a marketplace: the next week foretold, review scores among it, against what came and two naive forecasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtests import by_origin, compared, judged, lines_of, remembered, without_swings
from journeysim.calibrate.backtest import backtest, rolling
from journeysim.files.events import read_events
from journeysim.model.event_log import EventLog
from orders import order_map, write_order_log
from validation.page import BACKTESTS, stamp

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
The gates fail, at 21 origins as they did at four (medians below are of 50 draws):

- **Orders get faster, and go on doing so.** The median from shipping to delivery was 12 days early in March and 5 in July.
  From 2 April on 1.18 to 1.40 times as many deliveries came as were foretold, in 13 weeks of 17. What drifts is foretold to
  stay where it is, or to come back a little. A slope was tried: the evidence of all links is 4 to 10 behind with one (sds of
  2 and 5 % a week), that of deliveries 1 behind. Moves, reviews, orders closed and those on the way hang on deliveries: six
  figures, one reason.
- **Weeks in which everything stood still.** In the week of 28 May 37 deliveries came of 64 foretold (lorry drivers were on
  strike in late May), in that of 16 July 23 of 43: between 15 and 19 July there are 4 in the log, 75 in the five days before.
  In the week of 16 April 64 approvals came of about 86. No week before announced it. Without 28 May and 16 July the intervals
  hold 22, 48 and 69 %.
- **Orders shipped** come at 0.91 to 1.17 times the median, mostly above it (below it with days alike), and hold 77 % of 90.
- **Scores of reviews** are 0.2 to 0.6 points below the median in March and early April, and up to 0.4 above it from late
  June on: more of a drift than lateness and waits explain. Both naive forecasts are as good.
- The two purchases with a value were recorded after their orders were shipped; 0 was foretold.

Naive intervals do not hold either (42, 62 and 68 % as in the last week), and the model's CRPS is a third below the better
one."""


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
    """21 origins: what days and swings change, told as it is; a week's mean score is off by less than 0.3 on average (0.237)."""
    monkeypatch.setattr(rolling, "calibrate", remembered({}))
    found = backtest(delivered, order_map(), FIRST, until=LAST, step="week", seed=1)
    monkeypatch.setattr(rolling, "foretell", without_swings)
    alike = backtest(delivered, order_map(), FIRST, until=LAST, step="week", seed=1)
    lines = (
        *lines_of(found, "Order delivery", SHOWN), *compared(found, alike), *by_origin(found, SHOWN), "", FOUND,
    )  # fmt: skip
    record_property("validation", f"## {BACKTESTS['orders']}\n{stamp()}\n\n" + "\n".join(lines))
    ratings = [item.model.error for item in judged(found) if item.metric == "rating"]
    assert len(ratings) == 21
    assert np.mean(ratings) < 0.3
