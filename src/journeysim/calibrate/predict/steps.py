"""Customers walked in lock-step: all of them take their first move, then all that are left their second, and so on.

A customer silent for t after arriving takes link l with probability proportional to P_l S_l(t), and a dwell from what
is left of that link's distribution beyond t (MODEL section 4). A silent link has S = 1: it is the customer who has
left already. Customers who differ (`frailty`) are an urn: kappa P_l plus the times they took l before, over kappa plus
the times they left the touchpoint, which is a Dirichlet-multinomial drawn one move at a time. Those who repeat at rates
of their own (`rate_frailty`) wait as what they did so far says: after x repeats in e days the rate is gamma with shape
r + x and mean (r + x) / (r a + e), so P(dwell > t) = ((r a + e) / (r a + e + t))^(r + x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.dwells.families import survival
from journeysim.calibrate.predict.predictor import Predictor
from journeysim.calibrate.predict.start import Start
from journeysim.calibrate.predict.swings import Daily, thinned
from journeysim.model.dwell import Family, by_family, from_tables
from journeysim.model.event_log import Bools, Ints
from journeysim.model.observed.by_visit import MOST_EARLIER
from journeysim.model.quantity import Floats

_DIGITS: Final = 10
_LEAST: Final = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Moves made in one lock-step: who (row of the start), from where, over which link, to which place, on which day."""

    customer: Ints
    previous: Ints
    source: Ints
    link: Ints
    target: Ints
    day: Floats


def steps(
    predictor: Predictor, start: Start, draw: Ints, *, end: float, rng: np.random.Generator,
    factors: Floats | None = None,
) -> Iterator[Step]:  # fmt: skip
    """Yield every visible move until day `end`, one batch per lock-step; row i lives in draw `draw[i]`.

    Moves over silent links are taken and not shown: they leave no event. `factors` (draw, link, day) multiply hazards on
    the days from day 0 on (`swings`); nobody may then still be at a touchpoint before day 0.
    """
    lanes = _Lanes.of(predictor, start, draw)
    daily = None if factors is None else Daily.of(factors, predictor)
    while lanes.size:
        link, day = _next(predictor, lanes, rng) if daily is None else _swung(predictor, lanes, daily, end, rng)
        target = predictor.target[link]
        seen = ~predictor.silent[link] & (day <= end)
        moved = lanes.take(np.flatnonzero(seen))
        link, target, day = link[seen], target[seen], day[seen]
        if moved.size:
            yield Step(moved.customer, moved.previous, moved.place, link, target, day)
        onward = np.flatnonzero(target < predictor.touchpoints)
        lanes = moved.take(onward).moved(link[onward], target[onward], day[onward])


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Lanes:
    """Customers who are still moving; counts of visits and links are arrays of all customers, edited in place."""

    customer: Ints
    draw: Ints
    persona: Ints
    place: Ints
    entered: Floats
    arrived: Floats
    silent: Floats
    previous: Ints
    earlier: Ints | None
    taken: Ints | None
    repeats: Floats | None
    rated: Bools

    @property
    def size(self) -> int:
        return len(self.customer)

    @classmethod
    def of(cls, predictor: Predictor, start: Start, draw: Ints) -> _Lanes:
        earlier = taken = repeats = None
        if predictor.counts_visits:
            earlier, taken = _past(predictor, start)
            repeats = _repeats(predictor, start, taken)
        rows = np.arange(start.size)
        return cls(rows, draw, start.persona, start.place, start.entered, start.arrived, start.silent, start.previous,
                   earlier, taken, repeats, predictor.rated)  # fmt: skip

    def take(self, rows: Ints) -> _Lanes:
        return replace(
            self, customer=self.customer[rows], draw=self.draw[rows], persona=self.persona[rows],
            place=self.place[rows], entered=self.entered[rows], arrived=self.arrived[rows], silent=self.silent[rows],
            previous=self.previous[rows],
        )  # fmt: skip

    def moved(self, link: Ints, target: Ints, day: Floats) -> _Lanes:
        """Return the same customers one touchpoint further."""
        if self.earlier is not None and self.taken is not None:
            self.taken[self.customer, link] += 1
            self.earlier[self.customer, target] += 1
        if self.repeats is not None:
            own = self.rated[self.place]
            self.repeats[self.customer] += np.stack([own, np.where(own, day - self.arrived, 0.0)], axis=1)
        return replace(self, place=target, previous=self.place, arrived=day, silent=np.zeros(len(day)))


def _past(predictor: Predictor, start: Start) -> tuple[Ints, Ints]:
    """Return visits by touchpoint, the present one included, and moves by link, of every customer so far."""
    earlier = np.zeros((start.size, predictor.touchpoints), dtype=np.int64)
    if start.earlier is None:
        earlier[np.arange(start.size), start.place] = 1
    else:
        earlier[:] = start.earlier
    taken = np.zeros((start.size, len(predictor.source)), dtype=np.int64)
    if start.taken is not None:
        taken[:] = start.taken
    return earlier, taken


def _repeats(predictor: Predictor, start: Start, taken: Ints) -> Floats:
    """Return how often customers moved at rates of their own, and for how many days in all, shape (customer, 2).

    A past that began elsewhere counts from the entry: the start does not say when they came to repeat.
    """
    times = taken[:, predictor.rated[predictor.source]].sum(axis=1)
    return np.stack([times, np.where(times > 0, start.arrived - start.entered, 0.0)], axis=1)


def _next(
    predictor: Predictor, lanes: _Lanes, rng: np.random.Generator, *, without: Bools | None = None
) -> tuple[Ints, Floats]:
    """Return each customer's link and the day of arrival at its end; not over the links `without` (draw, link)."""
    since = np.round(lanes.arrived - lanes.entered, _DIGITS)
    period = np.searchsorted(predictor.period_end, since, side="right")
    period = np.minimum(period, len(predictor.period_end) - 1)
    links = predictor.links[lanes.place]
    weights = np.where(links >= 0, _shares(predictor, lanes, period, links), 0.0)
    if without is not None:
        weights[without[lanes.draw[:, None], links]] = 0.0
    waited = np.flatnonzero(lanes.silent > 0)
    if len(waited):
        weights[waited] *= _still(predictor, lanes.take(waited), period[waited], links[waited])
    total = weights.sum(axis=1)
    level = rng.random(lanes.size) * total
    slot = np.minimum((np.cumsum(weights, axis=1) <= level[:, None]).sum(axis=1), links.shape[1] - 1)
    link = links[np.arange(lanes.size), slot]
    stuck = (total <= 0) | (link < 0)  # silent for longer than any move of the model takes: nothing more is seen
    link = np.where(stuck, links[:, 0], link)
    dwell = _dwell(predictor, lanes, period, link, rng.random(lanes.size))
    return link, np.where(stuck, np.inf, lanes.arrived + dwell)


def _swung(
    predictor: Predictor, lanes: _Lanes, daily: Daily, end: float, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Return each customer's link and the day of arrival at its end, on days that differ."""
    link, day = np.zeros(lanes.size, dtype=np.int64), np.full(lanes.size, np.inf)
    own = predictor.links[lanes.place]
    some = np.flatnonzero(np.any(daily.fixed[lanes.draw[:, None], own] & (own >= 0), axis=1))
    link[some], day[some] = _next(predictor, lanes.take(some), rng)
    done = np.zeros(lanes.size, dtype=bool)
    done[some] = daily.fixed[lanes.draw[some], link[some]]
    rest = lanes.take(np.flatnonzero(~done))

    def draw_next(rows: Ints, silent: Floats) -> tuple[Ints, Floats]:
        to, when = _next(predictor, replace(rest.take(rows), silent=silent), rng, without=daily.fixed)
        return to, np.where(predictor.silent[to], np.inf, when)

    link[~done], day[~done] = thinned(
        draw_next, daily.factors, rest.draw, daily.racing[rest.draw, rest.place], rest.arrived, rest.silent, end=end,
        rng=rng,
    )  # fmt: skip
    return link, day


def _shares(predictor: Predictor, lanes: _Lanes, period: Ints, links: Ints) -> Floats:
    """Return the shares of the rows, shape (customer, slot), with every layer that is on."""
    draw, persona = lanes.draw[:, None], lanes.persona[:, None]
    shares = predictor.share[draw, persona, period[:, None], links]
    if predictor.order2_share is not None and predictor.order2_row is not None:
        row = predictor.order2_row[lanes.previous[:, None], links]
        shares = np.where((row >= 0) & (links >= 0), predictor.order2_share[draw, persona, row], shares)
    if predictor.visit_effect is not None and lanes.earlier is not None:
        before = np.minimum(lanes.earlier[lanes.customer, lanes.place] - 1, MOST_EARLIER)
        shift = np.nan_to_num(predictor.visit_effect[draw, links]) * before[:, None]
        if predictor.visit_start is not None:
            shift += predictor.visit_start[draw, persona, links]
        shares = shares * np.exp(shift)
        shares = np.where(links >= 0, shares, 0.0)
        shares = shares / shares.sum(axis=1, keepdims=True)
    if predictor.frailty is not None and lanes.taken is not None:
        kappa = predictor.frailty[lanes.draw, lanes.place][:, None]
        taken = np.where(links >= 0, lanes.taken[lanes.customer[:, None], links], 0)
        shares = np.where(np.isfinite(kappa), kappa * shares + taken, shares)
    return np.asarray(shares)


def _still(predictor: Predictor, lanes: _Lanes, period: Ints, links: Ints) -> Floats:
    """Return P(no event for as long as the customer has been silent) of every link, shape (customer, slot)."""
    found = np.empty(links.shape)
    for slot in range(links.shape[1]):
        found[:, slot] = _survival(predictor, lanes, period, links[:, slot])
    return np.where(predictor.silent[links], 1.0, found)


def _survival(predictor: Predictor, lanes: _Lanes, period: Ints, link: Ints) -> Floats:
    """Return P(dwell > silent time) of one link per customer."""
    made = np.ones(lanes.size)
    at = (lanes.draw, lanes.persona, period, link)
    a, b = predictor.dwell_a[at], predictor.dwell_b[at]
    for family, rows in by_family(predictor.family[lanes.draw, link]):
        made[rows] = survival(family, a[rows], b[rows], lanes.silent[rows], predictor.tables)
    rows, shape, scale = _own_rates(predictor, lanes, link, a)
    made[rows] = (scale / (scale + lanes.silent[rows])) ** shape
    return made


def _dwell(predictor: Predictor, lanes: _Lanes, period: Ints, link: Ints, u: Floats) -> Floats:
    """Return the whole dwell of the link, given that it is longer than the silent time."""
    waited = np.flatnonzero(lanes.silent > 0)
    tail = u
    if len(waited):
        tail = u.copy()
        tail[waited] *= _survival(predictor, lanes.take(waited), period[waited], link[waited])
    at = (lanes.draw, lanes.persona, period, link)
    a, b = predictor.dwell_a[at], predictor.dwell_b[at]
    made = np.zeros(lanes.size)
    for family, rows in by_family(predictor.family[lanes.draw, link]):
        made[rows] = upper_quantile(family, a[rows], b[rows], tail[rows], predictor.tables)
    rows, shape, scale = _own_rates(predictor, lanes, link, a)
    made[rows] = scale * np.expm1(-np.log(np.maximum(tail[rows], _LEAST)) / shape)
    return np.maximum(made, lanes.silent)


def _own_rates(predictor: Predictor, lanes: _Lanes, link: Ints, a: Floats) -> tuple[Ints, Floats, Floats]:
    """Return the customers whose link is taken at a rate of their own, with shape and scale of its Pareto dwell."""
    rows = np.flatnonzero(lanes.rated[lanes.place] & ~predictor.silent[link])
    if predictor.rate_frailty is None or lanes.repeats is None:
        return rows[:0], np.empty(0), np.empty(0)
    r, (times, exposed) = (
        predictor.rate_frailty[lanes.draw[rows], lanes.place[rows]],
        lanes.repeats[lanes.customer[rows]].T,
    )
    return rows, r + times, r * a[rows] + exposed


def upper_quantile(  # noqa: PLR0911  one line per family
    family: Family, a: Floats, b: Floats, tail: Floats, tables: Floats | None = None
) -> Floats:
    """Return the dwell that is exceeded with probability `tail`, without cancellation far out."""
    tail = np.maximum(tail, _LEAST)
    match family:
        case Family.FIXED:
            return a + 0.0 * tail
        case Family.EXPONENTIAL:
            return np.asarray(-a * np.log(tail))
        case Family.GAMMA:
            return np.asarray(a * special.gammainccinv(b, tail))
        case Family.WEIBULL:
            return np.asarray(a * (-np.log(tail)) ** (1 / b))
        case Family.LOGNORMAL:
            return np.asarray(a * np.exp(-b * special.ndtri(tail)))
        case Family.EMPIRICAL if tables is not None:
            return np.asarray(a * from_tables(tables, b, 1.0 - tail))
        case _:
            return np.asarray(a * ((1 - tail) / tail) ** (1 / b))
