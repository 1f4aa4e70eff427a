"""Customers on the way at an origin, and those who enter after it, foretold from posterior draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np

from journeysim.calibrate.backtest.ratings import Raters
from journeysim.calibrate.backtest.tally import Counter, Crowd, Tally
from journeysim.calibrate.backtest.values import Payments, paid_before
from journeysim.calibrate.layers.swings.series import FREEDOM
from journeysim.calibrate.predict import Predictor, Start, arrival_factors, daily_factors, predictor_of, steps
from journeysim.model.event_log import Bools, Ints
from journeysim.model.journey import JourneyMap, all_links
from journeysim.model.observed.by_visit import earlier_visits
from journeysim.model.observed.paths import conversions
from journeysim.model.quantity import Floats
from journeysim.model.transitions import moves_of
from journeysim.model.visits import Visits

if TYPE_CHECKING:
    import xarray as xr

#: Customers walked at once, over draws.
_LANES: Final = 200_000
_YEAR: Final = 365.25


@final
@dataclass(frozen=True, slots=True, eq=False)
class OnTheWay:
    """Customers who had not ended at an origin (day 0): where they are, their code in the log, and who has converted.

    `weight` says how many each stands for, `paid` (customer, place, 2) how many payments each has made, and their sum.
    """

    start: Start
    customer: Ints
    converted: Bools
    weight: Floats
    paid: Floats

    def going(self, personas: int) -> Floats:
        """Return how many they are, by persona."""
        return np.bincount(self.start.persona, weights=self.weight, minlength=personas).astype(np.float64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Entering:
    """Customers who enter after an origin: where and when, their code in the log, and how many each stands for."""

    start: Start
    customer: Ints
    weight: Floats


def on_the_way(visits: Visits, journey: JourneyMap, values: Floats | None = None) -> OnTheWay:
    """Return everybody whose last arrival is at a touchpoint; days of the visits count from the origin.

    `values` are those of the visits (`values.seen_values`).
    """
    n = len(journey.touchpoints)
    starts = np.flatnonzero(visits.first)
    ends = np.append(starts[1:], len(visits.place))[: len(starts)] - 1
    going = visits.place[ends] < n
    last, first = ends[going], starts[going]
    previous = np.where(last > first, visits.place[np.maximum(last - 1, 0)], n)
    who = np.flatnonzero(going)
    whose = np.cumsum(visits.first) - 1
    row = np.full(len(starts), -1, dtype=np.int64)
    row[who] = np.arange(len(who))
    earlier, taken = _history(visits, journey, row[whose], len(who))
    start = Start(
        visits.persona[last], visits.place[last], visits.day[first], visits.day[last], -visits.day[last], previous,
        earlier, taken,
    )  # fmt: skip
    converted = np.zeros(len(who), dtype=bool)
    buyers = row[whose[conversions(journey)[visits.place]]]
    converted[buyers[buyers >= 0]] = True
    paid = paid_before(visits, values, visits.customer[last], len(journey.place_names))
    return OnTheWay(start, visits.customer[last], converted, visits.weight[last], paid)


def _history(visits: Visits, journey: JourneyMap, row: Ints, customers: int) -> tuple[Ints, Ints]:
    """Return visits by touchpoint and moves by link of every customer on the way; `row` is -1 for the others."""
    n = len(journey.touchpoints)
    earlier = np.zeros((customers, n), dtype=np.int64)
    used = (row >= 0) & (visits.place < n)
    count = earlier_visits(visits) + 1
    np.maximum.at(earlier, (row[used], visits.place[used]), count[used])
    moves = moves_of(visits, journey)
    link = _link_index(journey)[moves.source, moves.target]
    done = (moves.target >= 0) & (row[moves.arrival] >= 0)
    taken = np.zeros((customers, int(_link_index(journey).max()) + 1), dtype=np.int64)
    np.add.at(taken, (row[moves.arrival][done], link[done]), 1)
    return earlier, taken


def _link_index(journey: JourneyMap) -> Ints:
    """Return the position of each link by (touchpoint, place), -1 where there is none."""
    places = {name: i for i, name in enumerate(journey.place_names)}
    found = np.full((len(journey.touchpoints), len(places)), -1, dtype=np.int64)
    position = 0
    for i, touchpoint in enumerate(journey.touchpoints):
        for link in all_links(touchpoint):
            found[i, places[link.target]] = position
            position += 1
    return found


def entering(visits: Visits, journey: JourneyMap, *, until: float) -> Entering:
    """Return those whose first arrival, at a touchpoint, lies in [0, until)."""
    rows = np.flatnonzero(visits.first & (visits.day >= 0) & (visits.day < until))
    rows = rows[visits.place[rows] < len(journey.touchpoints)]
    start = Start.entering(visits.persona[rows], visits.place[rows], visits.day[rows], len(journey.touchpoints))
    return Entering(start, visits.customer[rows], visits.weight[rows])


def joined(one: Start, other: Start, links: int) -> Start:
    """Return both groups as one; those who enter have no history but their entry."""
    whole = Start(
        np.concatenate([one.persona, other.persona]), np.concatenate([one.place, other.place]),
        np.concatenate([one.entered, other.entered]), np.concatenate([one.arrived, other.arrived]),
        np.concatenate([one.silent, other.silent]), np.concatenate([one.previous, other.previous]),
    )  # fmt: skip
    if one.earlier is None or one.taken is None:
        return whole
    earlier = np.zeros((other.size, one.earlier.shape[1]), dtype=np.int64)
    earlier[np.arange(other.size), other.place] = 1
    taken = np.zeros((other.size, links), dtype=np.int64)
    return replace(
        whole, earlier=np.concatenate([one.earlier, earlier]), taken=np.concatenate([one.taken, taken])
    )  # fmt: skip


@final
@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """What all draws of one prediction share: the map, the draws, factors of days, who answers what, and the periods."""

    journey: JourneyMap
    predictor: Predictor
    data: xr.Dataset
    silent: frozenset[str]
    edges: Floats
    factors: Floats | None
    raters: Raters | None

    @property
    def end(self) -> float:
        """The day on which the last period ends."""
        return float(self.edges[-1])


def foretell(
    journey: JourneyMap,
    data: xr.Dataset,
    waiting: OnTheWay,
    arriving: Entering | np.datetime64,
    edges: Floats,
    *,
    silent: frozenset[str],
    rng: np.random.Generator,
    raters: Raters | None = None,
) -> Tally:
    """Return the tally of every draw; who enters is known or drawn too (the origin's date)."""
    predictor = predictor_of(journey, data, silent)
    factors = daily_factors(data, int(np.ceil(edges[-1])), rng)
    world = _World(journey, predictor, data, silent, edges, factors, raters)
    going = np.tile(waiting.going(len(journey.personas)), (predictor.draws, 1))
    size = waiting.start.size + (arriving.start.size if isinstance(arriving, Entering) else 0)
    per_chunk = max(1, _LANES // max(size, 1))
    parts = []
    for low in range(0, predictor.draws, per_chunk):
        draws = np.arange(low, min(low + per_chunk, predictor.draws))
        parts.append(_counted(world, _lanes(world, waiting, arriving, draws, rng), going[draws], draws, rng))
    whole = {name: np.concatenate([part.metrics[name] for part in parts]) for name in parts[0].metrics}
    return Tally(whole)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Starting customers of several draws, their draws, who has converted, what each counts for and has paid."""

    start: Start
    draw: Ints
    converted: Bools
    weight: Floats
    paid: Floats


def _lanes(
    world: _World, waiting: OnTheWay, arriving: Entering | np.datetime64, draws: Ints, rng: np.random.Generator
) -> _Known:
    count, times = waiting.start.size, len(draws)
    start = waiting.start.take(np.tile(np.arange(count), times))
    if isinstance(arriving, Entering):
        new = arriving.start.take(np.tile(np.arange(arriving.start.size), times))
        whose, weight = np.repeat(draws, arriving.start.size), np.tile(arriving.weight, times)
    else:
        new, whose = drawn_arrivals(world.predictor, world.data, arriving, world.end, draws, rng)
        weight = np.ones(new.size)
    return _Known(
        joined(start, new, len(world.predictor.source)),
        np.concatenate([np.repeat(draws, count), whose]),
        np.concatenate([np.tile(waiting.converted, times), np.zeros(new.size, dtype=bool)]),
        np.concatenate([np.tile(waiting.weight, times), weight]),
        np.concatenate([np.tile(waiting.paid, (times, 1, 1)), np.zeros((new.size, *waiting.paid.shape[1:]))]),
    )


def _counted(world: _World, known: _Known, going: Floats, draws: Ints, rng: np.random.Generator) -> Tally:
    start = known.start
    converted = known.converted | ((start.entered >= 0) & conversions(world.journey)[start.place])
    crowd = Crowd(known.draw - draws[0], start.persona, start.entered, converted, known.weight)
    counter = Counter(world.journey, crowd, world.edges, len(draws))
    pays = "value_a" in world.data
    payments = Payments(world.data, known.draw, start.persona, known.paid) if pays else None
    walk = steps(world.predictor, start, known.draw, end=world.end, rng=rng, factors=world.factors)
    for step in walk:
        who = step.customer
        counter.add(
            who, step.target, step.day, None if payments is None else payments.drawn(who, step.target, rng)
        )  # fmt: skip
        if world.raters is not None:
            counter.rate(who, step.day, world.raters.drawn(known.draw[who], start.persona[who], step.target, rng))
    return counter.result(going, silent=world.silent)


def _of_days(data: xr.Dataset, draws: Ints) -> Floats:
    """Return the dispersion of days, without what whole weeks have in common where that is there already."""
    dispersion = np.asarray(data["arrivals_dispersion"].values)[draws]
    if "swing_arrivals" not in data:
        return dispersion
    lasting, weekly = data["swing_arrivals"].values[draws][:, [2, 4]].T
    return np.asarray((1.0 + dispersion) / np.exp(lasting**2 + FREEDOM / (FREEDOM - 2.0) * weekly**2) - 1.0)


def drawn_arrivals(
    predictor: Predictor, data: xr.Dataset, origin: np.datetime64, end: float, draws: Ints, rng: np.random.Generator
) -> tuple[Start, Ints]:
    """Return customers who enter in [0, end), drawn day by day: rate, weekly season, trend, overdispersion of each draw.

    Days count from the origin; who enters, and where, follows the draw's persona and entry shares.
    """
    days = int(np.ceil(end))
    since = np.arange(days)
    mean = np.asarray(data["arrivals"].values)[draws][:, None] * np.ones(days)
    if "arrivals_weekday" in data:
        monday = np.datetime64("1970-01-05", "D")
        weekday = ((origin.astype("datetime64[D]") - monday).astype(np.int64) + since) % 7
        mean = mean * np.asarray(data["arrivals_weekday"].values)[draws][:, weekday]
    swing = arrival_factors(data, draws, days, rng)
    if swing is not None:
        mean = mean * swing
    elif "arrivals_trend" in data:
        mean = mean * np.exp(np.asarray(data["arrivals_trend"].values)[draws][:, None] * (since + 0.5) / _YEAR)
    if "arrivals_dispersion" in data:
        r = np.maximum(_of_days(data, draws)[:, None], 1e-9)
        mean = rng.gamma(1 / r * np.ones_like(mean), r * mean)
    count = rng.poisson(mean)
    draw, day = (np.repeat(each, count.ravel()) for each in (np.repeat(draws, days), np.tile(since, len(draws))))
    when = day + rng.random(len(day))
    draw, when = draw[when < end], when[when < end]
    persona = _chosen(predictor.persona_share[draw], rng)
    place = _chosen(predictor.entry[draw, persona], rng)
    return Start.entering(persona, place, when, predictor.touchpoints), draw


def _chosen(shares: Floats, rng: np.random.Generator) -> Ints:
    level = rng.random(len(shares)) * shares.sum(axis=1)
    chosen = (np.cumsum(shares, axis=1) <= level[:, None]).sum(axis=1)
    return np.asarray(np.minimum(chosen, shares.shape[1] - 1), dtype=np.int64)
