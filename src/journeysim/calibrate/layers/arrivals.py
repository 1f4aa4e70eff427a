"""Arrivals per day: Poisson or negative binomial, with a weekly season and a log-linear trend.

For day d of the log, t in units of the log's length, centred, w the day of the week:

    log mu_d = a + season_w + slope t     season ~ Normal(0, 0.5) with sum 0,  slope ~ Normal(0, 1),  a from the map
    count_d ~ Poisson(mu_d)               or negative binomial with variance mu + r mu^2,  log r ~ Normal(-3, 2)

Which of the two is chosen by leave one out. Days in a row are alike beyond season and
trend (holidays, campaigns), so the likelihood counts as many days as the residuals' autocorrelation leaves them worth:
n / (1 + 2 sum of autocorrelations), Bayley and Hammersley 1946.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.layers.layer import NOTHING_LEARNED, Choice, Layer
from journeysim.calibrate.layers.swings import LEAST_WEEKS
from journeysim.calibrate.layers.swings.pooled import sd_of, swings_of
from journeysim.calibrate.layers.swings.series import Series
from journeysim.calibrate.numerics.laplace import Cloud, cloud_of
from journeysim.model.journey import JourneyMap
from journeysim.model.observations import Observations
from journeysim.model.observed.arrivals import Arrivals
from journeysim.model.observed.by_week import DAYS as DAYS_A_WEEK
from journeysim.model.observed.by_week import ByWeek
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

#: Days without partial ones from which on partial days are left out, a season and a trend are fitted.
_FULL_DAYS, _SEASON_DAYS, _TREND_DAYS = 7, 28, 56
#: A log in which nobody enters for this long, though so many were expected, follows a chosen group of customers.
_QUIET_DAYS, _QUIET_EXPECTED = 7.0, 20.0
_CLEARLY_MORE: Final = 1.5
_YEAR: Final = 365.25
_LAGS: Final = 28
_TRIAL_POINTS, _POINTS = 1000, 4000
#: An orthonormal basis of what adds up to 0 over a week, shape (7, 6).
_WEEK: Final = np.linalg.svd(np.ones((1, 7)))[2][1:].T


@final
@dataclass(frozen=True, slots=True)
class _Shape:
    """One candidate: which parts the model has."""

    spread: bool
    season: bool
    trend: bool

    def __str__(self) -> str:
        parts = ("negative binomial" if self.spread else "Poisson", "weekly season" * self.season, "trend" * self.trend)
        return ", ".join(filter(None, parts))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """The days that are fitted: counts in unweighted customers, exposure, season columns and time, and the prior of a."""

    count: Floats
    covered: Floats
    weekday: Floats
    time: Floats
    level: float
    level_sd: float

    def columns(self, shape: _Shape) -> Floats:
        """Return what multiplies (a, season, slope), shape (parameters, days)."""
        season = _WEEK[self.weekday.astype(np.int64)].T if shape.season else np.empty((0, len(self.count)))
        trend = self.time[None] if shape.trend else np.empty((0, len(self.count)))
        return np.concatenate([np.ones((1, len(self.count))), season, trend])


def learn_arrivals(journey: JourneyMap, observed: Observations, data: xr.Dataset, *, seed: int) -> Layer:
    """Return how many customers enter per day; off for a transition table, and for a log of a chosen group.

    Writes `arrivals` (the mean over a week, at the end of the log where there is a trend), `arrivals_dispersion`, and
    `arrivals_weekday` and `arrivals_trend` where the log is long enough for them; `swing_arrivals` says how weeks swing about
    the rate (`swings`). A map that states clearly more
    arrivals than the log shows keeps its number: the log is a sample. A first and a last day that the log
    covers in part are left out when seven full days remain.
    """
    found = observed.arrivals
    if found is None or not found.covered.any():  # no log, or one that covers no time
        return NOTHING_LEARNED
    expected = found.quiet * found.count.sum() / found.worth / max(found.covered.sum() - found.quiet, 1.0)
    if found.quiet > _QUIET_DAYS and expected > _QUIET_EXPECTED:
        note = (
            f"nobody entered in the last {found.quiet:.0f} days of the log, so it follows a chosen group of customers; "
            "arrivals stay as the map has them"
        )
        return Layer(notes=(note,))
    days = _days(journey, found)
    shape, choice = _chosen(days, seed)
    worth = _days_worth(days, shape, seed)
    cloud = _fitted(days, shape, seed, _POINTS, worth)
    at = cloud.drawn(data.sizes["draw"], seed, "arrivals")
    variables = _variables(days, shape, at, found.worth)
    notes = tuple(_notes(journey, days, variables, worth))
    if _is_sample(journey, variables):
        del variables["arrivals"]
    enough = "arrivals" in variables and days.count.sum() > journey.seen_entry
    measured = {"arrivals": frozenset({""})} if enough else {}
    weeks = _by_week(observed.by_week, variables, found.worth, seed)
    variables |= weeks.variables
    return Layer(variables, cloud.gates("arrivals"), (*notes, *weeks.notes), (choice,), measured)


def _by_week(seen: ByWeek | None, variables: dict[str, tuple[object, ...]], worth: float, seed: int) -> Layer:
    """Return how whole weeks swing about the rate at the log's end.

    A forecast then has no slope: what a rise of some weeks is worth for the next is in the swing that carries over. Weeks
    of three real logs were foretold better so (CRPS of the next week's arrivals 67.4, 9.2 and 11.3; with a slope as well
    68.7, 9.6 and 11.3).
    """
    if seen is None or seen.weeks < LEAST_WEEKS or "arrivals" not in variables:
        return NOTHING_LEARNED
    rate = DAYS_A_WEEK * np.asarray(variables["arrivals"][1], dtype=np.float64) / worth
    series = Series("arrivals", seen.entered / worth, np.repeat(rate[:, None], seen.weeks, axis=1))
    found = swings_of("arrivals by week", [series], seed=seed)
    sd, ahead = sd_of(found.states[0]), found.choice
    note = (
        f"arrivals of whole weeks swing by {sd:.0%} ({seen.weeks} weeks): {ahead.chosen}, by {ahead.margin:.1f} of log density "
        f"ahead of: {ahead.runner_up}"
    )
    return Layer({"swing_arrivals": (("draw", "swing"), found.states[0])}, notes=(note,))


def _is_sample(journey: JourneyMap, variables: dict[str, tuple[object, ...]]) -> bool:
    """Return whether the map states clearly more arrivals than the log shows, as it does when the log is a sample."""
    stated = journey.arrivals_per_day
    seen = float(np.quantile(np.asarray(variables["arrivals"][1]), 0.95))
    return stated is not None and float(stated.ppf(np.array(0.05))) > _CLEARLY_MORE * seen


def _days(journey: JourneyMap, found: Arrivals) -> _Days:
    full = found.covered > 1.0 - 1e-9
    used = full if full.sum() >= _FULL_DAYS else found.covered > 0
    count, time = found.count[used] / found.worth, np.arange(len(used))[used].astype(np.float64)
    own = np.log((count.sum() + 0.5) / found.covered[used].sum())
    level, sd = float(own), 3.0
    if journey.arrivals_per_day is not None and journey.arrivals_per_day.mean > 0:
        stated = np.log(np.maximum(journey.arrivals_per_day.ppf((np.arange(200) + 0.5) / 200), 1e-9))
        level = float(stated.mean() - np.log(found.worth))
        sd = float(np.hypot(stated.std(), 1.0 / np.sqrt(max(journey.seen_entry, 1.0))))
    length = max(float(np.ptp(time)), 1.0)
    return _Days(count, found.covered[used], found.weekday[used], (time - time.mean()) / length, level, sd)


def _chosen(days: _Days, seed: int) -> tuple[_Shape, Choice]:
    """Return the better of the two distributions, and by how much it leads.

    Season and trend are there as soon as the log is long enough: a trend kept only where it looks good would look better
    than it is, and the rate at the log's end with it.
    """
    size = len(days.count)
    scores = {}
    for spread in (False, True):
        shape = _Shape(spread, size >= _SEASON_DAYS, size >= _TREND_DAYS)
        cloud = _fitted(days, shape, seed, _TRIAL_POINTS)
        scores[shape] = cloud.left_out(np.exp(_log_likelihood(days, shape, cloud.points)))
    best, second = sorted(scores, key=lambda shape: -float(scores[shape].sum()))
    gap = scores[best] - scores[second]
    return best, Choice("arrivals", str(best), str(second), float(gap.sum()), float(np.sqrt(size) * gap.std()))


def _fitted(days: _Days, shape: _Shape, seed: int, points: int, worth: float = 1.0) -> Cloud:
    columns = days.columns(shape)
    sd = np.array([days.level_sd, *[0.5] * (6 * shape.season), *[1.0] * shape.trend, *[2.0] * shape.spread])
    centre = np.array([days.level, *[0.0] * (len(columns) - 1), *[-3.0] * shape.spread])

    def log_density(at: Floats) -> Floats:
        fit = _log_likelihood(days, shape, at).sum(axis=1)
        return np.asarray(worth * fit - 0.5 * np.sum(((at - centre) / sd) ** 2, axis=1))

    start = centre.copy()
    start[0] = np.log((days.count.sum() + 0.5) / days.covered.sum())
    return cloud_of(log_density, start, seed=seed, names=("arrivals", str(shape)), points=points)


def _log_likelihood(days: _Days, shape: _Shape, at: Floats) -> Floats:
    """Return the log density of each day at the points, shape (p, days)."""
    columns = days.columns(shape)
    y = days.count
    mean = np.clip(at[:, : len(columns)] @ columns + np.log(days.covered), -50.0, 50.0)
    whole = y * mean - special.gammaln(y + 1)
    if not shape.spread:
        return np.asarray(whole - np.exp(mean))
    size = np.exp(np.clip(-at[:, -1:], -25.0, 25.0))
    gain = special.gammaln(y + size) - special.gammaln(size)
    return np.asarray(whole + gain + size * np.log(size) - (y + size) * np.log(size + np.exp(mean)))


def _days_worth(days: _Days, shape: _Shape, seed: int) -> float:
    """Return which part of the days counts, given how alike the residuals of following days are."""
    cloud = _fitted(days, shape, seed, _TRIAL_POINTS)
    columns = days.columns(shape)
    mean = np.exp(cloud.mode[: len(columns)] @ columns) * days.covered
    spread = mean + (np.exp(cloud.mode[-1]) * mean**2 if shape.spread else 0.0)
    residual = (days.count - mean) / np.sqrt(spread)
    total, size = 0.0, len(residual)
    for lag in range(1, min(_LAGS, size // 4) + 1):
        alike = float(residual[lag:] @ residual[:-lag] / (residual @ residual))
        if alike < 2.0 / np.sqrt(size):
            break
        total += alike
    return 1.0 / (1.0 + 2.0 * total)


def _variables(days: _Days, shape: _Shape, at: Floats, worth: float) -> dict[str, tuple[object, ...]]:
    season = np.exp(at[:, 1:7] @ _WEEK.T) if shape.season else np.ones((len(at), 7))
    week = season.mean(axis=1)
    slope = at[:, 7 if shape.season else 1] if shape.trend else np.zeros(len(at))
    end, length = days.time.max(), len(days.time) - 1
    found: dict[str, tuple[object, ...]] = {
        "arrivals": (("draw",), worth * np.exp(at[:, 0] + slope * end) * week),
        "arrivals_dispersion": (("draw",), np.exp(at[:, -1]) if shape.spread else np.zeros(len(at))),
    }
    if shape.season:
        found["arrivals_weekday"] = (("draw", "weekday"), season / week[:, None])
    if shape.trend:
        found["arrivals_trend"] = (("draw",), slope / length * _YEAR)
    return found


def _notes(journey: JourneyMap, days: _Days, variables: dict[str, tuple[object, ...]], worth: float) -> Iterator[str]:
    low, middle, high = np.quantile(np.asarray(variables["arrivals"][1]), [0.05, 0.5, 0.95])
    text = (
        f"{middle:.4g} customers enter per day (90 %: {low:.4g} to {high:.4g}), from {len(days.count)} days of the log"
    )
    if "arrivals_trend" in variables:
        growth = np.expm1(np.quantile(np.asarray(variables["arrivals_trend"][1]), [0.05, 0.95]))
        text += f", as at its end: they change by {growth[0]:+.0%} to {growth[1]:+.0%} a year"
    yield text
    if worth < 0.9:
        yield f"days in a row have alike arrivals: {len(days.count)} days are worth {worth * len(days.count):.0f}"
    stated = journey.arrivals_per_day
    if stated is not None and _is_sample(journey, variables):
        yield (f"the map says that {stated.mean:.4g} enter per day, so the log is taken for a sample of the customers and the "
               "map's number stays; to believe the log, take `arrivals` out of the map")  # fmt: skip
    elif stated is not None and stated.mean * _CLEARLY_MORE < low:
        yield f"the map says that only {stated.mean:.4g} enter per day; the log is believed"
    if "arrivals_weekday" in variables or "arrivals_trend" in variables:
        yield "engines let customers enter at the mean rate; they do not use season, trend, dispersion and swings of arrivals yet"
