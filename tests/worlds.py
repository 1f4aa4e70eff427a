"""Invented logs of known worlds, for tests of what is learned from a log and predicted with it."""

from __future__ import annotations

import numpy as np

from journeysim.calibrate import stated_draws
from journeysim.calibrate.predict import Start, predictor_of, steps
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap

CUT_OFF = np.datetime64("2025-04-01T00:00:00", "us")


def world_log(
    journey: JourneyMap, customers: int, days: float, *, seed: int, cut_off: np.datetime64 = CUT_OFF
) -> EventLog:
    """Return the log of customers who entered evenly over `days`, in a world that is as the map states it."""
    rng = np.random.default_rng(seed)
    data = stated_draws(journey).data
    silent = frozenset(outcome.name for outcome in journey.outcomes if outcome.silent)
    model = predictor_of(journey, data, silent)
    persona = rng.choice(len(journey.personas), size=customers, p=model.persona_share[0])
    entry = np.array([rng.choice(model.touchpoints, p=model.entry[0, g]) for g in persona])
    start = Start.entering(persona, entry, rng.uniform(-days, 0.0, customers), model.touchpoints)
    who, place, day = [np.arange(customers)], [entry], [start.entered]
    for step in steps(model, start, np.zeros(customers, dtype=np.int64), end=0.0, rng=rng):
        who, place, day = [*who, step.customer], [*place, step.target], [*day, step.day]
    return event_log(journey, persona, np.concatenate(who), np.concatenate(place), np.concatenate(day), cut_off)


def event_log(
    journey: JourneyMap,
    persona: np.ndarray,
    who: np.ndarray,
    place: np.ndarray,
    day: np.ndarray,
    cut_off: np.datetime64,
) -> EventLog:
    """Return events in time order; `persona` has one entry per customer, `day` counts from the cut-off."""
    order = np.lexsort((np.arange(len(day)), day))
    who, place, day = who[order], place[order], day[order]
    times = cut_off + (day * 86_400e6).astype("timedelta64[us]")
    return EventLog(
        Names(who.astype(np.int64), tuple(f"c{k}" for k in range(len(persona)))),
        Names(place.astype(np.int64), journey.place_names), times, cut_off,
        Names(persona[who].astype(np.int64), journey.persona_names),
    )  # fmt: skip
