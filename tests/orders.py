"""The order data as an event log and a map of its six steps, written into a folder of the test's own."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.quantity import Fixed

#: Moves that at least 50 of the 8,135 orders make; every order is closed after its last step.
MOVES = {
    "purchase": {"approved": 0.97, "shipped": 0.01, "review_sent": 0.01},
    "approved": {"shipped": 0.77, "review_sent": 0.21, "delivered": 0.01},
    "shipped": {"delivered": 0.8, "review_sent": 0.17, "approved": 0.01},
    "delivered": {"review_sent": 0.95},
    "review_sent": {"review_answered": 0.97},
    "review_answered": {},
}
STEPS = tuple(MOVES)
COLUMNS = {"weight": "weight"}


def order_map() -> JourneyMap:
    """Return the map of the six steps; shares as guesses, dwells of a few days."""
    days = Dwell(Family.EXPONENTIAL, Fixed(3.0))
    steps = tuple(
        Touchpoint(name, (*(Link(to, Fixed(share), days) for to, share in targets.items()), Link("closed", None)))
        for name, targets in MOVES.items()
    )
    return JourneyMap("orders", steps, (Outcome("closed"),), (("purchase", Fixed(1.0)),))


def write_order_log(data: Path, target: Path) -> Path:
    """Write the events with the promised date on the delivery, and every order closed after its last event.

    The survey goes out when the promise is due, so one order in twenty is reviewed on its way. Its review is put right
    after its delivery: the wait for an order then is one move, as it is for all others.
    """
    with gzip.open(data / "cases.csv.gz", "rt") as stream:
        cases = {row["order_id"]: row for row in csv.DictReader(stream)}
    with gzip.open(data / "events.csv.gz", "rt") as stream, target.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["customer", "touchpoint", "time", "value", "rating", "due", "weight", "outcome"])
        rows = sorted(csv.DictReader(stream), key=lambda row: STEPS.index(row["activity"]))
        for row in rows:
            case = cases[row["case_id"]]
            due = case["order_estimated_delivery_date"] if row["activity"] == "delivered" else ""
            review = row["activity"].startswith("review")
            time = max(row["timestamp"], case["order_delivered_customer_date"]) if review else row["timestamp"]
            writer.writerow([row["case_id"], row["activity"], time, row["value"], row["score"], due, case["weight"],
                             "closed"])  # fmt: skip
    return target
