"""CDNOW (1/10 sample, 2,357 customers): published BG/NBD fit, and purchases that the fit had not seen.

Published: r .243, alpha 4.414, a .793, b 2.426, log likelihood -9,582.4 in weeks (Fader, Hardie and Lee 2005, "Counting
your customers" the easy way, table 2). The 39 weeks after the window are not in the data; their 1,882 repeat purchases
are what the R package BTYD prints of its `cdnowSummary` (by past purchases 0 to 7+: means .237 .697 1.393 1.560 2.532
2.947 3.862 6.359 of 1411 439 214 100 62 38 29 64 customers). A day with several purchases counts once, as there.
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from journeysim.calibrate import Calibration, calibrate
from journeysim.calibrate.differing.repeats import Rates, expected_repeats, log_likelihood, simulate_repeats
from journeysim.calibrate.layers.repeats import rates_at
from journeysim.model.event_log import EventLog, Names
from journeysim.model.observations import Observations, observe
from logs import tell
from repeat_worlds import repeat_map

pytestmark = pytest.mark.realdata
END, HALF, ACTUAL_NEXT_39_WEEKS = "1997-09-30", "1997-07-01", 1882
PUBLISHED = np.array([0.243, 4.414, 0.793, 2.426])


@pytest.fixture(scope="module")
def days(shared: Path) -> list[tuple[str, str]]:
    file = shared / "data" / "repeat_purchase" / "purchases.csv.gz"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        return sorted({(row["customer_id"], row["date"]) for row in csv.DictReader(stream)})


def log(days: list[tuple[str, str]], until: str) -> EventLog:
    """Return the purchases up to a day, the first of each customer under a name of its own."""
    kept = [(customer, day) for customer, day in days if day <= until]
    customers, dates = zip(*kept, strict=True)
    first = [k == 0 or customers[k - 1] != customer for k, customer in enumerate(customers)]
    touchpoints = ["first purchase" if is_first else "purchase again" for is_first in first]
    time = np.array(dates, dtype="datetime64[us]")
    return EventLog(Names.of(customers), Names.of(touchpoints), time, np.datetime64(until, "us"))


@pytest.fixture(scope="module")
def whole(days) -> tuple[Observations, Calibration]:
    observed = observe(log(days, END), repeat_map())
    return observed, calibrate(repeat_map(), observed, seed=1)


def in_weeks(logs: np.ndarray) -> Rates:
    r, alpha, a, b = np.exp(logs)
    return Rates(np.array([r]), np.array([[7 * alpha]]), np.array([[a]]), np.array([[b]]))


def test_the_likelihood_is_highest_at_the_published_parameters(whole):
    repeats = whole[0].repeats

    def downhill(logs: np.ndarray) -> float:
        return -float(log_likelihood(repeats, in_weeks(logs))[0] @ repeats.customers)

    found = optimize.minimize(
        downhill, np.zeros(4), method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-8, "fatol": 1e-8}
    )
    assert np.exp(found.x) == pytest.approx(PUBLISHED, abs=0.0005)
    weeks = -found.fun + np.log(7) * float(repeats.repeats @ repeats.customers)
    assert weeks == pytest.approx(-9582.4, abs=0.05)
    tell(f"\nBG/NBD by our likelihood: r, alpha, a, b = {np.exp(found.x).round(4)}, log likelihood {weeks:.1f}")


def test_the_posterior_lies_around_the_published_parameters(whole):
    found = whole[1]
    assert [str(gate) for gate in found.failed] == []
    rates = rates_at(found.draws, "purchase again")
    for name, values, published in zip(
        ("r", "alpha", "a", "b"), (rates.r, rates.alpha / 7, rates.a, rates.b), PUBLISHED, strict=True
    ):
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        tell(f"{name}: {middle:.3f} (90 %: {low:.3f} to {high:.3f}), published {published}")
        assert low < published < high
        assert middle == pytest.approx(published, rel=0.06)
    choice = found.choices[0]
    tell(choice)
    assert choice.chosen == "differing"
    assert choice.margin > 5 * choice.margin_error


def test_half_a_year_predicts_the_next_quarter(days):
    """Fitted on the first 26 weeks: the purchases of the next 13, and of most weeks on the way, lie in 90 % intervals.

    The first three weeks (July holidays, which the model does not know) are below.
    """
    observed = observe(log(days, HALF), repeat_map())
    found = calibrate(repeat_map(), observed, seed=1)
    rates = rates_at(found.draws, "purchase again")
    ends = 7.0 * np.arange(1, 14)
    ahead = simulate_repeats(observed.repeats, rates, ends, stream=np.random.default_rng(1))
    bought = (log(days, END).time - np.datetime64(HALF, "us")) / np.timedelta64(1, "D")
    actual = np.array([np.sum((bought > 0) & (bought <= end)) for end in ends])
    low, middle, high = np.quantile(ahead, [0.05, 0.5, 0.95], axis=0)
    for week, found_so_far in enumerate(actual, start=27):
        k = week - 27
        tell(f"until week {week}: {found_so_far}, predicted {middle[k]:.0f} (90 %: {low[k]:.0f} to {high[k]:.0f})")
    assert np.sum((low <= actual) & (actual <= high)) >= 10
    assert low[-1] <= actual[-1] <= high[-1]
    assert middle[-1] == pytest.approx(actual[-1], rel=0.1)


def test_the_next_39_weeks_come_out_too_low_as_they_are_known_to(whole):
    """The model misses the holiday season that follows: 12 % below, the actual figure just above the 90 % interval."""
    observed, found = whole
    rates = rates_at(found.draws, "purchase again")
    ahead = simulate_repeats(observed.repeats, rates, np.array([273.0]), stream=np.random.default_rng(1))[:, 0]
    low, middle, high = np.quantile(ahead, [0.05, 0.5, 0.95])
    tell(f"\nnext 39 weeks: predicted {middle:.0f} (90 %: {low:.0f} to {high:.0f}), actual {ACTUAL_NEXT_39_WEEKS}")
    assert middle == pytest.approx(ACTUAL_NEXT_39_WEEKS, rel=0.15)
    closed = (expected_repeats(observed.repeats, rates, 273.0) @ observed.repeats.customers).mean()
    assert ahead.mean() == pytest.approx(closed, abs=4 * ahead.std() / np.sqrt(len(ahead)))
