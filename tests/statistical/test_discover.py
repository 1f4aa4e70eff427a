"""`discover` on logs lived by customers of a known map: its structure comes back, and silent exits are not invented.

The test for silent exits is asymptotic: twice the gain in log likelihood against half a chi-square, at 1 % over all
touchpoints of a log (Benjamini and Hochberg 1995).
"""

from __future__ import annotations

import numpy as np
import pytest

from journeysim.calibrate.discover import discover
from journeysim.calibrate.discover.dwells import bins_of
from journeysim.calibrate.discover.silence import Silence, silence_of
from journeysim.model.dwell import Dwell, Family, ppf
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import dwell_edges
from lived_logs import lived

pytestmark = pytest.mark.statistical


def dwell(family: Family, a: float, b: float = 1.0) -> Dwell:
    return Dwell(family, Fixed(a), Fixed(b))


KNOWN = JourneyMap(
    "known",
    (
        Touchpoint(
            "advert",
            (
                Link("shop", Fixed(0.5), dwell(Family.LOGNORMAL, 0.5, 1.0)),
                Link("call", Fixed(0.2), dwell(Family.EXPONENTIAL, 2.0)),
                Link("vanished", Fixed(0.3)),
            ),
        ),
        Touchpoint(
            "shop",
            (
                Link("shop", Fixed(0.3), dwell(Family.GAMMA, 1.0, 3.0)),
                Link("bought", Fixed(0.6), dwell(Family.WEIBULL, 1.5, 0.8)),
                Link("refused", Fixed(0.1), dwell(Family.EXPONENTIAL, 1.0)),
            ),
        ),
        Touchpoint(
            "call",
            (
                Link("shop", Fixed(0.7), dwell(Family.LOGLOGISTIC, 1.0, 3.0)),
                Link("refused", Fixed(0.1), dwell(Family.EXPONENTIAL, 1.0)),
                Link("vanished", Fixed(0.2)),
            ),
        ),
    ),
    (Outcome("bought"), Outcome("refused"), Outcome("vanished", silent=True)),
    (("advert", Fixed(0.8)), ("shop", Fixed(0.2))),
)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_known_map_comes_back_from_what_its_customers_lived(seed):
    """Structure exactly; shares within 4 standard errors (a false alarm in 1,000 runs for the 11 shares and entries)."""
    log = lived(KNOWN, customers=3000, days=120, seed=seed)
    found = discover(log, name="again")
    journey = found.journey
    assert set(journey.touchpoint_names) == {"advert", "shop", "call"}
    assert journey.touchpoint_names[0] == "advert"
    assert journey.outcome_names[-1] == "left silently"
    assert {*journey.outcome_names[:-1]} == {"bought", "refused"}
    assert [name for name, point in _exits(journey).items() if point] == ["advert", "call"]
    for touchpoint in KNOWN.touchpoints:
        shares = {link.target: link.share.mean for link in journey.touchpoint(touchpoint.name).links}
        arrived = np.sum(found.passages.source == journey.touchpoint_names.index(touchpoint.name))
        for link in touchpoint.links:
            share = shares.pop("left silently" if link.target == "vanished" else link.target)
            true = link.share.mean
            assert share == pytest.approx(true, abs=4 * np.sqrt(true * (1 - true) / arrived) + 0.006)
        assert shares == {}
    assert dict(journey.entry)["shop"].mean == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 3000) + 5e-4)


def _exits(journey: JourneyMap) -> dict[str, bool]:
    leaving = {p.name: any(link.target == "left silently" for link in p.links) for p in journey.touchpoints}
    return {name: leaving[name] for name in ("advert", "shop", "call")}


def stays(family: Family, a: float, b: float, gone: float, days: float, rng: np.random.Generator) -> Silence:
    """Return how the silence of 500 customers is read who arrive evenly, `gone` of whom never move."""
    came, u = rng.uniform(0, days, 500), rng.uniform(size=500)
    time = np.where(rng.uniform(size=500) < gone, np.inf, ppf(family, a, b, u))
    edges, moved = dwell_edges(days), time <= days - came
    return silence_of(bins_of(time[moved], edges), bins_of((days - came)[~moved], edges))


FAMILIES = [
    (Family.EXPONENTIAL, 5.0, 1.0),
    (Family.GAMMA, 2.0, 2.5),
    (Family.WEIBULL, 5.0, 0.8),
    (Family.LOGNORMAL, 4.0, 1.0),
    (Family.LOGLOGISTIC, 4.0, 2.5),
]


@pytest.mark.parametrize(("days", "most"), [(100.0, 2), (15.0, 2)])
def test_slow_customers_are_not_taken_for_gone(days, most):
    """50 touchpoints nobody leaves silently: p < 0.01 at most twice (P of more: 1.4 % if the test were not conservative).

    With 15 days of log a third of the customers are silent at its end, some longer than 9 in 10 moves take.
    """
    rng = np.random.default_rng(11)
    found = [stays(*FAMILIES[n % 5], gone=0.0, days=days, rng=rng) for n in range(50)]
    assert sum(item.p_value < 0.01 for item in found) <= most
    assert np.mean([item.silent for item in found]) > (10 if days > 50 else 100)


def test_those_who_left_are_found_and_counted():
    """20 touchpoints that 30 % leave silently: all found; the share within 4 standard errors of 2.1 points, mean within 3."""
    rng = np.random.default_rng(12)
    found = [stays(*FAMILIES[n % 5], gone=0.3, days=100.0, rng=rng) for n in range(20)]
    assert max(item.p_value for item in found) < 0.01
    assert np.max(np.abs([item.share - 0.3 for item in found])) < 4 * 0.0205 + 0.02
    assert np.mean([item.share for item in found]) == pytest.approx(0.3, abs=3 * 0.0205 / np.sqrt(20) + 0.005)
