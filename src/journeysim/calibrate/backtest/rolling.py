"""The verb: from every origin fit, foretell, and score against what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.calibrate.backtest.cut import DAY, cut_log, days_from, origins_of, shifted
from journeysim.calibrate.backtest.naive import last_period, observed_average
from journeysim.calibrate.backtest.predict import Entering, OnTheWay, entering, foretell, on_the_way
from journeysim.calibrate.backtest.ratings import Rated, raters_of, seen_ratings
from journeysim.calibrate.backtest.result import ALL, LEVELS, QUANTILES, Backtest, Forecast, Given, Rival, Step
from journeysim.calibrate.backtest.scores import chance_of_coverage, fair_crps, held, held_if_right
from journeysim.calibrate.backtest.summary import scores_of
from journeysim.calibrate.backtest.tally import ENTRANTS, Counter, Crowd, Tally, unit_of
from journeysim.calibrate.backtest.values import seen_values
from journeysim.calibrate.counts import count_transitions, silent_outcomes
from journeysim.calibrate.gates import Gate
from journeysim.calibrate.posterior import calibrate
from journeysim.errors import BadInput, Problem
from journeysim.model.addresses import name_key
from journeysim.model.event_log import Bools, EventLog, Ints
from journeysim.model.journey import JourneyMap
from journeysim.model.observations import observe
from journeysim.model.observed.paths import conversions
from journeysim.model.quantity import Floats
from journeysim.model.visits import MICROSECONDS_PER_DAY, Visits, visits_of

#: Periods foretold from each origin, at most.
MOST_AHEAD: Final = 6
#: A right model's coverage is called off once in a hundred backtests, at each level.
COVERAGE_LIMIT: Final = 0.01
_TRIALS: Final = 20_000
_FEWEST: Final = 50


def backtest(
    log: EventLog,
    journey: JourneyMap,
    start: np.datetime64,
    *,
    until: np.datetime64 | None = None,
    step: Step = "month",
    given: Given = "known",
    seed: int = 0,
    draws: int = 400,
) -> Backtest:
    """Return forecasts from every origin between `start` and `until`, and their scores.

    At each origin (start, start + step, …) the map is fitted to the events before it and nothing else (`cut_log`).
    Those on the way at the origin are continued, each given how long nothing was heard; those who enter later are
    either known (when, where, which persona; nothing of what they did then) or, with `given="forecast"`, drawn from the
    fitted arrivals. Up to MOST_AHEAD whole periods are foretold; two naive forecasts and their spread are scored beside.

    Gates: the coverage of the 50, 80 and 90 % intervals one period ahead, over all metrics, personas and origins. Each
    fails where a right model would be as far off once in a hundred backtests or less; how far that may be follows from
    the joint draws, in which metrics and personas depend on each other as they do in the world.

    Raises BadInput when no whole period lies between `start` and `until`, or nothing before `start`.
    """
    until = log.cut_off if until is None else min(until.astype("datetime64[us]"), log.cut_off)
    start = start.astype("datetime64[us]")
    _require_periods(log, start, until, step)
    whole = _seen(log, journey)
    found = [
        _from_origin(log, journey, whole, origin, (until, step, given), seed, draws)
        for origin in origins_of(start, until, step)
    ]
    forecasts = tuple(item for each in found for item in each.forecasts)
    notes = tuple(dict.fromkeys(note for each in found for note in each.notes))
    return Backtest(
        journey.name, step, given, tuple(_text(each.origin) for each in found), _text(until), seed, draws, forecasts,
        scores_of(forecasts), tuple(_gates(found, forecasts, seed)), notes,
    )  # fmt: skip


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """One origin: its forecasts, and what a right model would score one period ahead (level, draw)."""

    origin: np.datetime64
    forecasts: tuple[Forecast, ...]
    world: Floats
    notes: tuple[str, ...]


def _require_periods(log: EventLog, start: np.datetime64, until: np.datetime64, step: Step) -> None:
    if len(log.time) == 0 or not np.any(log.time < start):
        raise BadInput([Problem("B001", f"the log has no event before {_text(start)}, so there is nothing to fit; "
                                        "give a later date")])  # fmt: skip
    if not origins_of(start, until, step):
        raise BadInput([Problem("B002", f"no whole {step} lies between {_text(start)} and {_text(until)}, the end of "
                                        "the log (--until); start earlier or take shorter steps")])  # fmt: skip


def _text(date: np.datetime64) -> str:
    """Return a date, with its time of day where that is not midnight."""
    midnight = date == date.astype("datetime64[D]")
    return str(date.astype("datetime64[D]" if midnight else "datetime64[s]"))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A log as visits, what each is worth, and the ratings given."""

    visits: Visits
    values: Floats | None
    rated: Rated | None


def _seen(log: EventLog, journey: JourneyMap) -> _Seen:
    visits = visits_of(log, journey)
    return _Seen(visits, seen_values(visits, log, journey), seen_ratings(visits, log, journey))


def _from_origin(
    log: EventLog, journey: JourneyMap, whole: _Seen, origin: np.datetime64,
    asked: tuple[np.datetime64, Step, Given], seed: int, draws: int,
) -> _Found:  # fmt: skip
    until, step, given = asked
    cut = cut_log(log, origin)
    observed = observe(cut, journey)
    fit = calibrate(journey, observed, seed=seed, draws=draws)
    silent = silent_outcomes(count_transitions(observed.transitions, journey), journey)
    dates = [origin]
    while len(dates) <= MOST_AHEAD and shifted(origin, step, len(dates)) <= until:
        dates.append(shifted(origin, step, len(dates)))
    edges = np.array([(date - origin) / DAY for date in dates], dtype=np.float64)
    before = _seen(cut, journey)
    waiting = on_the_way(before.visits, journey, before.values)
    after = replace(whole, visits=_from(whole.visits, days_from(origin, log)))
    arriving = entering(after.visits, journey, until=float(edges[-1]))
    rng = np.random.default_rng([seed % 2**63, name_key("backtest", _text(origin)) % 2**63])
    raters = raters_of(fit.draws, before.visits, before.rated, rng)
    entrants = arriving if given == "known" else _dated(fit.draws.values("arrivals"), origin)
    foretold = foretell(
        journey, fit.draws.data, waiting, entrants, edges, silent=silent, rng=rng, raters=raters
    )  # fmt: skip
    actual = _actual(journey, after, waiting, arriving, edges, silent)
    past = _past(journey, before, origin, step, silent)
    items, world = _scored(_Periods(tuple(dates), given), foretold, actual, past, journey)
    notes = tuple(f"fit at {_text(origin)}: {gate}" for gate in fit.failed)
    return _Found(origin, items, world, notes)


def _dated(arrivals: Floats, origin: np.datetime64) -> np.datetime64:
    if np.any(np.isnan(arrivals)):
        raise BadInput([Problem("B003", f"at {_text(origin)} the log is too short to say how many customers enter per "
                                        "day, and the map states no arrivals: they cannot be forecast")])  # fmt: skip
    return origin


def _from(visits: Visits, shift: float) -> Visits:
    return replace(visits, micro=visits.micro + round(shift * MICROSECONDS_PER_DAY), set_aside=())


def _actual(
    journey: JourneyMap, seen: _Seen, waiting: OnTheWay, entered: Entering, edges: Floats, silent: frozenset[str]
) -> Tally:
    """Count what those on the way, and those who entered later, did: nobody else, so that like stands beside like."""
    after, start = seen.visits, entered.start
    everybody = np.concatenate([waiting.customer, entered.customer])
    row = np.full(int(max(everybody.max(initial=-1), after.customer.max(initial=-1))) + 1, -1, dtype=np.int64)
    row[everybody] = np.arange(len(everybody))
    who = row[after.customer]
    used = (who >= 0) & (after.day >= 0) & ~after.first
    converted = np.concatenate([waiting.converted, _converted_on_entry(journey, after, entered.customer)])
    crowd = Crowd(
        np.zeros(len(everybody), dtype=np.int64), np.concatenate([waiting.start.persona, start.persona]),
        np.concatenate([waiting.start.entered, start.entered]), converted,
        np.concatenate([waiting.weight, entered.weight]),
    )  # fmt: skip
    counter = Counter(journey, crowd, edges, 1)
    _count(counter, seen, who, used)
    return counter.result(waiting.going(len(journey.personas))[None], silent=silent)


def _count(counter: Counter, seen: _Seen, who: Ints, used: Bools) -> None:
    """Count the visits that are used: their moves, values and ratings; `who` is the row of each in the crowd."""
    visits, values = seen.visits, seen.values
    counter.add(who[used], visits.place[used], visits.day[used], None if values is None else values[used])
    if seen.rated is not None:
        kept = used[seen.rated.visit]
        at = seen.rated.visit[kept]
        counter.rate(who[at], visits.day[at], seen.rated.answer[kept])


def _converted_on_entry(journey: JourneyMap, after: Visits, codes: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    first = after.first
    place = dict(zip(after.customer[first].tolist(), after.place[first].tolist(), strict=True))
    marks = conversions(journey)
    return np.array([marks[place[code]] for code in codes.tolist()], dtype=bool)


def _past(journey: JourneyMap, known: _Seen, origin: np.datetime64, step: Step, silent: frozenset[str]) -> Tally:
    """Count the whole periods before the origin, back to the log's first event."""
    before = known.visits
    dates = [origin]
    while (shifted(origin, step, -len(dates)) - origin) / DAY >= before.day.min(initial=0.0):
        dates.append(shifted(origin, step, -len(dates)))
    edges = np.array([(date - origin) / DAY for date in reversed(dates)], dtype=np.float64)
    starts = before.first
    whose = np.cumsum(starts) - 1
    at_touchpoint = (before.place[starts] < len(journey.touchpoints))[whose]
    crowd = Crowd(
        np.zeros(int(starts.sum()), dtype=np.int64), before.persona[starts], before.day[starts],
        conversions(journey)[before.place[starts]], before.weight[starts],
    )  # fmt: skip
    counter = Counter(journey, crowd, edges, 1)
    used = ~starts & at_touchpoint
    _count(counter, known, whose, used)
    ended = used & (before.place >= len(journey.touchpoints)) & (before.day < edges[0])
    early = crowd.entered < edges[0]
    personas = len(journey.personas)
    going = np.bincount(crowd.persona[early], weights=crowd.weight[early], minlength=personas).astype(np.float64)
    going -= np.bincount(before.persona[ended], weights=before.weight[ended], minlength=personas)
    return counter.result(going[None], silent=silent)


@final
@dataclass(frozen=True, slots=True)
class _Periods:
    dates: tuple[np.datetime64, ...]
    given: Given


def _scored(
    periods: _Periods, foretold: Tally, actual: Tally, past: Tally, journey: JourneyMap
) -> tuple[tuple[Forecast, ...], Floats]:
    """Return the forecasts, and `held_if_right` of those one period ahead that are scored by persona."""
    personas = journey.persona_names if len(journey.personas) == 1 else (*journey.persona_names, ALL)
    found, cells = [], []
    for metric, draws in foretold.metrics.items():
        if (metric == ENTRANTS and periods.given == "known") or metric not in actual.metrics:
            continue
        for g, persona in enumerate(personas):
            for k in range(draws.shape[2]):
                sample, came = draws[:, g, k], float(actual.metrics[metric][0, g, k])
                sample = sample[np.isfinite(sample)]
                if not np.isfinite(came) or len(sample) < _FEWEST or (np.ptp(sample) == 0 and sample[0] == came):
                    continue
                rivals = _rivals(
                    past.metrics[metric][0, g] if metric in past.metrics else np.empty(0), k + 1, came, unit_of(metric)
                )
                found.append(_forecast(periods, metric, persona, k, sample, came, rivals))
                if k == 0 and persona != ALL:
                    cells.append(np.resize(sample, len(draws)))
    return tuple(found), held_if_right(np.stack(cells)) if cells else np.zeros((len(LEVELS), 1))


def _forecast(
    periods: _Periods, metric: str, persona: str, k: int, sample: Floats, came: float,
    rivals: tuple[Rival | None, Rival | None],
) -> Forecast:  # fmt: skip
    dates, own = periods.dates, _rival(sample, came)
    return Forecast(
        _text(dates[0]), _text(dates[k]), _text(dates[k + 1]), k + 1, metric, unit_of(metric), persona, came,
        tuple(float(value) for value in np.quantile(sample, QUANTILES)), own.held, own, *rivals,
    )  # fmt: skip


def _rival(sample: Floats, came: float) -> Rival:
    centre = float(np.median(sample))
    return Rival(centre, abs(centre - came), fair_crps(sample, came), tuple(map(float, held(sample, came))))


def _rivals(past: Floats, ahead: int, came: float, unit: str) -> tuple[Rival | None, Rival | None]:
    counts = unit == "count"
    both = (last_period(past, ahead, counts=counts), observed_average(past, counts=counts))
    one, other = (None if sample is None else _rival(sample, came) for sample in both)
    return one, other


def _gates(found: list[_Found], forecasts: tuple[Forecast, ...], seed: int) -> Iterator[Gate]:
    judged = [item for item in forecasts if item.ahead == 1 and item.persona != ALL]
    if not judged:
        return
    sums = np.sum([item.held for item in judged], axis=0)
    rng = np.random.default_rng([seed % 2**63, name_key("coverage") % 2**63])
    chances = chance_of_coverage(sums, [each.world for each in found], rng, trials=_TRIALS)
    for level, total, chance in zip(LEVELS, sums, chances, strict=True):
        name = f"coverage of {level:.0%} intervals ({total / len(judged):.1%} held; chance if the model were right)"
        yield Gate(name, float(chance), COVERAGE_LIMIT, "at least")
