"""The loan log as it came: 24 activities as touchpoints, no outcome named, so that whoever stops has left silently."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from journeysim.model.dwell import Dwell, Family
from journeysim.model.event_log import EventLog, Names
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.quantity import Fixed
from journeysim.model.transitions import Transitions, to_transitions

SHARED = Path(os.environ.get("JOURNEYSIM_SHARED", Path(__file__).parents[2] / "shared"))
FOLDER = SHARED / "data" / "loan_application"
GONE = "gone"
#: A link is a move that this many customers made.
SUPPORT = 10
BELIEVED = Dwell(Family.LOGNORMAL, Fixed(1.0), Fixed(2.0))


def raw_log() -> EventLog:
    """Return the log: arrivals at activities, in whatever state of their work, and the persona by amount asked for."""
    with gzip.open(FOLDER / "customers.csv.gz", "rt", newline="") as file:
        large = {row["customer"]: float(row["amount_requested"]) > 10_000 for row in csv.DictReader(file)}
    with gzip.open(FOLDER / "events.csv.gz", "rt", newline="") as file:
        rows = [(row["customer"], row["touchpoint"], row["timestamp"]) for row in csv.DictReader(file)]
    customer, touchpoint, time = zip(*rows, strict=True)
    times = np.array([text.rstrip("Z") for text in time], dtype="datetime64[us]")
    personas = ["large loans" if large[name] else "small loans" for name in customer]
    return EventLog(Names.of(customer), Names.of(touchpoint), times, times.max(), Names.of(personas))


def raw_journey(log: EventLog) -> JourneyMap:
    """Return a map of the moves that the log has often enough, each touchpoint with a silent exit, shares all alike."""
    moves: Counter[tuple[int, int]] = Counter()
    order = np.lexsort((np.arange(len(log.time)), log.time, log.customer.codes))
    pairs = zip(log.customer.codes[order].tolist(), log.touchpoint.codes[order].tolist(), strict=True)
    for (who, source), (same, target) in pairwise(pairs):
        if who == same and source != target:
            moves[source, target] += 1
    names = log.touchpoint.labels
    touchpoints = []
    for i, name in enumerate(names):
        targets = [names[j] for (source, j), count in sorted(moves.items()) if source == i and count >= SUPPORT]
        share = Fixed(1.0 / (len(targets) + 1))
        links = (*(Link(target, share, BELIEVED) for target in targets), Link(GONE, share))
        touchpoints.append(Touchpoint(name, links, seen=8.0))
    personas = Persona("small loans", Fixed(0.59)), Persona("large loans", Fixed(0.41))
    return JourneyMap(
        "raw loans", tuple(touchpoints), (Outcome(GONE, silent=True),), (("A_SUBMITTED", Fixed(1.0)),), personas
    )


def raw_loans() -> tuple[JourneyMap, Transitions]:
    """Return map and transition table."""
    log = raw_log()
    journey = raw_journey(log)
    return journey, to_transitions(log, journey)[0]
