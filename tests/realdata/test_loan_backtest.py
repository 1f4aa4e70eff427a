"""The loan log's later weeks foretold from its earlier ones, against what happened and two naive forecasts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backtests import beaten, compared, judged, lines_of, remembered, without_swings
from journeysim.calibrate import Calibration
from journeysim.calibrate.backtest import backtest, rolling
from journeysim.files.journey_file import read_journey
from journeysim.model.event_log import EventLog
from loan_log import REPOSITORY, loan_log
from validation.page import BACKTESTS

pytestmark = pytest.mark.realdata
FIRST = np.datetime64("2011-11-21T00:00:00", "us")
SHOWN = (
    "entrants",
    "moves",
    "reached approved",
    "reached declined",
    "reached cancelled",
    "on the way",
    "days to convert",
)
ASKED = {
    "known": "Who enters is known: what will customers do?",
    "forecast": "Who enters is forecast too: what will happen?",
}
#: Read off the forecasts (one week ahead, forecast median against what came); to be read again when they change.
FOUND = {
    "known": """\
The centre has a better CRPS than both naive forecasts on 17 of 21 figures, though these do not know who enters; **the
intervals are too narrow, and the gates say so** (exit code 3). What was looked at:

- Signed papers come at 0.62 to 0.85 times the forecast one week ahead, at every origin. Papers do come back less often: within
  21 days of an offer 58 to 66 % of the customers of October's full weeks, 56 to 62 % of November's, 57 % of the
  week of 5 December.
  That explains a part of the gap and not all of it; the rest is not explained. Dwells after an offer that no family fits,
  and customers who differ in whether they will ever sign, would both look like this.
- Calls about offers swing between 0.82 and 1.37 times the forecast from week to week, approvals between 0.73 and 1.19. The model
  lets every customer wait alone, so it has no room for what all customers of a week share. That the desk works in batches
  is a supposition; the log does not say.
- Fits at three of the six origins (2011-11-21, 11-28, 12-05) failed gates on their effective draws, so their intervals are
  doubtful for that reason too. No run tells how much of the lack of coverage is theirs.
- Of the six weeks two are those of Christmas and New Year. Six weeks are few, and their forecasts overlap.

"Conversions of entrants" and, for all personas together, "days to convert" are no better than the naive forecasts.""",
    "forecast": """\
With arrivals forecast too the model is **worse than the naive forecasts** on moves and on declines, and better on approvals
and cancellations, whose customers had entered before. Arrivals go from 572 in the first week to 375 in the fifth and
fall short of the median forecast at every origin (0.63 to 0.90 of it). Seven to twelve weeks of log cannot tell a season of
the year, and no calendar of holidays is known; which of these it was, one autumn cannot say. So the default is the question
with known arrivals, and a plan should bring its own forecast of them.""",
}


@pytest.fixture(scope="module")
def log(shared: Path) -> EventLog:
    return loan_log(shared / "data" / "loan_application")


def test_the_log_has_the_stays_of_the_shipped_table(log: EventLog):
    """32,939 arrivals at touchpoints and outcomes, and those of the 15 applications that the table leaves out."""
    assert log.customers == 7852
    assert 32_939 <= len(log.time) <= 34_000 + 7_100


@pytest.fixture(scope="module")
def fits() -> dict[tuple[str, int], Calibration]:
    """Fits by origin, which both questions share: who enters changes nothing about what was known."""
    return {}


@pytest.mark.slow
@pytest.mark.validation
@pytest.mark.parametrize("given", ["known", "forecast"])
def test_later_weeks_are_foretold(
    log: EventLog, given: str, fits: dict[tuple[str, int], Calibration], monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
):  # fmt: skip
    """Better than both naive forecasts on most figures, entrants known; swings of weeks cost no CRPS; told as it is.

    With docs/validation.md: `make validate MODEL=weeks`.
    """
    monkeypatch.setattr(rolling, "calibrate", remembered(fits))
    journey = read_journey(REPOSITORY / "scenarios" / "loan_application" / "journey.yaml")
    asked = "known" if given == "known" else "forecast"
    found = backtest(log, journey, FIRST, step="week", given=asked, seed=1)
    monkeypatch.setattr(rolling, "foretell", without_swings)
    alike = backtest(log, journey, FIRST, step="week", given=asked, seed=1)
    lines = (*lines_of(found, "Loan application", SHOWN), *compared(found, alike), "", FOUND[given])
    record_property("validation", f"## {BACKTESTS[given]}\n{ASKED[given]}\n" + "\n".join(lines))
    assert len(found.origins) == 6
    assert np.mean([item.model.crps for item in judged(found)]) < np.mean([item.model.crps for item in judged(alike)])
    if given == "known":
        better, of = beaten(found)
        assert better > of / 2
