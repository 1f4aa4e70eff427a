"""What weeks do that all customers share: factors on hazards, and customers walked under them.

On day d a customer at touchpoint i moves over link l with m_ld times the hazard of the fit: the factor of the week, times
that of the day's place in it. That is exact by thinning
(Lewis and Shedler 1979): k candidates race, k the largest factor rounded up, each drawn as without swings; the earliest
is kept with probability m / k, else all start again from its time on. A fixed dwell has no hazard: who takes such a link
is drawn first, whatever the day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.calibrate.layers.swings.series import FREEDOM
from journeysim.calibrate.predict.predictor import Predictor
from journeysim.model.dwell import Family
from journeysim.model.event_log import Bools, Ints
from journeysim.model.observed.by_week import DAYS
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

#: Factors beyond this are held there: so far out nothing was learned.
_MOST: Final = np.log(8.0)
_HAIR: Final = 1e-12


def daily_factors(data: xr.Dataset, days: int, rng: np.random.Generator) -> Floats | None:
    """Return the factor on the hazard of every link on the days after the log's end, (draw, link, day), if learned."""
    if "swing_move" not in data:
        return None
    day = np.arange(days)
    logs = ahead(data["swing_move"].values, -(-days // DAYS), rng)[..., day // DAYS]
    factors = np.exp(logs) * data["swing_day"].values[..., day % DAYS]
    return np.asarray(np.minimum(factors, np.exp(_MOST)))


def ahead(states: Floats, weeks: int, rng: np.random.Generator) -> Floats:
    """Return log factors of the weeks to come, shape (…, week), from states (…, 5): level, last, lasting, carry, weekly.

    They are 0 where nothing was learned.
    """
    level, now, lasting, carry, weekly = np.moveaxis(np.nan_to_num(states), -1, 0)
    found = []
    for _ in range(weeks):
        now = carry * now + lasting * np.sqrt(1.0 - carry**2) * rng.standard_normal(now.shape)
        found.append(level + now + weekly * rng.standard_t(FREEDOM, now.shape))
    return np.stack(found, axis=-1)


def arrival_factors(data: xr.Dataset, draws: Ints, days: int, rng: np.random.Generator) -> Floats | None:
    """Return the factor on the rate of arrivals at the log's end, by day after it, (draw, day), if learned."""
    if "swing_arrivals" not in data:
        return None
    week = np.arange(days) // DAYS
    logs = ahead(data["swing_arrivals"].values[draws], int(week.max(initial=0)) + 1, rng)
    return np.asarray(np.exp(np.clip(logs, -_MOST, _MOST))[:, week])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Daily:
    """Factors of every link on the days to come (draw, link, day), and what walking under them needs.

    `racing` (draw, touchpoint) says how many candidates race, `fixed` (draw, link) which links have a fixed dwell.
    """

    factors: Floats
    racing: Ints
    fixed: Bools

    @classmethod
    def of(cls, factors: Floats, predictor: Predictor) -> Daily:
        """Return the factors with what follows from them."""
        fixed = (predictor.family == Family.FIXED) & ~predictor.silent
        return cls(factors, bounds(factors, predictor.source, predictor.touchpoints), fixed)


def bounds(factors: Floats, source: Ints, touchpoints: int) -> Ints:
    """Return how many candidates race at each touchpoint, shape (draw, touchpoint)."""
    most = np.ceil(factors.max(axis=2, initial=0.0) - _HAIR).astype(np.int64)
    own = [most[:, source == i].max(axis=1, initial=1) for i in range(touchpoints)]
    return np.stack(own, axis=1)


def thinned(
    draw_next: Callable[[Ints, Floats], tuple[Ints, Floats]], factors: Floats, draw: Ints, racing: Ints,
    arrived: Floats, silent: Floats, *, end: float, rng: np.random.Generator,
) -> tuple[Ints, Floats]:  # fmt: skip
    """Return each customer's link and day of arrival at its end, under the factors of its draw.

    `draw_next(rows, silent)` draws them without factors, for customers `rows` who were silent for so long; a move that
    never comes has day infinity. What comes after `end` is as without factors.
    """
    size = len(draw)
    link, day = np.zeros(size, dtype=np.int64), np.full(size, np.inf)
    rows, since = np.arange(size), silent.copy()
    while len(rows):
        which = np.repeat(np.arange(len(rows)), racing[rows])
        links, days = draw_next(rows[which], since[rows][which])
        first = np.lexsort((days, which))[np.cumsum(racing[rows]) - racing[rows]]
        link[rows], day[rows] = links[first], days[first]
        inside = day[rows] < end
        which_day = np.clip(np.floor(np.where(inside, day[rows], 0.0)).astype(np.int64), 0, factors.shape[2] - 1)
        kept = rng.random(len(rows)) * racing[rows] < factors[draw[rows], link[rows], which_day]
        rows = rows[inside & ~kept]
        since[rows] = day[rows] - arrived[rows]
    return link, day
