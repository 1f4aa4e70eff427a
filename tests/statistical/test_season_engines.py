"""Exact against walk in seasons of the week and of the year: six maps by fifteen metrics, customers of all days of entry.

One pooled test (false alarm 1e-4) and the largest of 90 z-scores against 5 (false alarm 5e-5). With 60,000 customers a map
the pooled test would catch a season forgotten altogether on any one map, and half a season's shift of the calendar.
"""

import numpy as np
import pytest
from scipy import stats

from agreement_maps import apart, chance, dozen, expected, of_lives
from journeysim.model.seasons import WEEK, YEAR
from journeysim.simulate.seasons import entered_on
from season_chains import in_seasons

pytestmark = pytest.mark.statistical
CUSTOMERS = 60_000
SOME = ("exponential stays in a loop", "four families", "quantile tables", "silent exits booked late",
        "conversion on the way, churn after it", "two personas")  # fmt: skip
MAPS = {
    name: (in_seasons(chain, (YEAR, WEEK)[k % 2], k, dwell=0.3), settings)
    for k, (name, chain, settings) in enumerate(item for item in dozen() if item[0] in SOME)
}


def test_exact_and_walk_agree_in_seasons():
    found = [
        apart(of_lives(*item, seed=1, customers=CUSTOMERS), expected(*item, tolerance=1e-3)) for item in MAPS.values()
    ]
    together, largest = chance(found)
    assert len(found) == len(SOME)
    assert 1e-4 < together < 1 - 1e-4
    assert largest < 5


def test_a_calendar_shifted_by_half_a_year_is_caught():
    chain, settings = MAPS["four families"]
    lives = of_lives(entered_on(chain, 20.0), settings, seed=1, customers=CUSTOMERS)
    _, statistic, degrees = apart(lives, expected(entered_on(chain, 20.0 + chain.season.cycle.days / 2), settings))
    assert stats.chi2.sf(statistic, degrees) < 1e-12
    _, statistic, degrees = apart(lives, expected(entered_on(chain, 20.0), settings))
    assert stats.chi2.sf(statistic, degrees) > 1e-4
    assert np.isfinite(statistic)
