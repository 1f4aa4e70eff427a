"""Event logs for tests: from rows, and lived by customers of a known map until a cut-off."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from journeysim.model.dwell import ppf
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link

START = np.datetime64("2026-01-01", "us")
DAY = 86_400_000_000


def log_of(rows: Iterable[tuple[str, str, float]], cut_off: float | None = None, **columns: object) -> EventLog:
    """Return a log of (customer, touchpoint, day) rows, recorded until the last one or until `cut_off` days."""
    customer, touchpoint, day = zip(*rows, strict=True)
    time = START + np.round(np.array(day) * DAY).astype("timedelta64[us]")
    end = time.max() if cut_off is None else START + np.timedelta64(round(cut_off * DAY), "us")
    return EventLog(Names.of(customer), Names.of(touchpoint), time, end, **columns)  # type: ignore[arg-type]


def lived(journey: JourneyMap, customers: int, days: float, seed: int) -> EventLog:
    """Return what customers who arrive evenly over `days` leave in the log; silent outcomes leave nothing."""
    rng = np.random.default_rng(seed)
    silent = {outcome.name for outcome in journey.outcomes if outcome.silent}
    rows = []
    for n in range(customers):
        at, day = _one(journey.entry, rng), float(rng.uniform(0, days))
        while day <= days and at not in silent:
            rows.append((f"c{n}", at, day))
            if at in journey.outcome_names:
                break
            link = _link(journey.touchpoint(at).links, rng)
            dwell = link.dwell
            day += float(ppf(dwell.family, dwell.scale.mean, dwell.shape.mean, rng.uniform()))
            at = link.target
    return log_of(rows, cut_off=days)


def _one(entry, rng: np.random.Generator) -> str:
    names, shares = zip(*entry, strict=True)
    return str(rng.choice(names, p=[share.mean for share in shares]))


def _link(links: tuple[Link, ...], rng: np.random.Generator) -> Link:
    return links[rng.choice(len(links), p=[link.share.mean for link in links])]
