"""Make the invented event logs of the examples: `python build.py` writes events.csv into each example's folder.

The log of an example is lived by customers of one prior draw of its own map: close to what the map says, but not the
same, as with real data. Times are to the second, silent outcomes leave no event, and the log ends while the last
customers are still on their way. The same bytes every time.
"""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

import journeysim as js
from journeysim.model.draws import Draws
from journeysim.model.dwell import Family, ppf
from journeysim.model.journey import JourneyMap, link_id

EXAMPLES = Path(__file__).parents[2] / "src" / "journeysim" / "examples"
CUSTOMERS = {
    "aida": 1500, "linear": 300, "loop": 150, "online_shop": 500, "spiral": 250, "subscription": 250,
    "telephone_advice": 400,
}  # fmt: skip
START = datetime(2026, 1, 5)  # noqa: DTZ001 - written without a zone
ARRIVE_FOR, RECORD_FOR = 90.0, 120.0  # days
SEED = 5


def main() -> None:
    """Write every example's log."""
    for number, (name, customers) in enumerate(sorted(CUSTOMERS.items())):
        journey = js.read_journey(EXAMPLES / name / "journey.yaml")
        truth = js.prior_draws(journey, draws=1, seed=SEED)
        rng = np.random.default_rng([SEED, number])
        lives = (row for who in range(customers) for row in life(journey, truth, who, rng))
        rows = sorted(lives, key=lambda row: row[:2])  # events of one moment keep their order
        with (EXAMPLES / name / "events.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["customer", "touchpoint", "time", "persona"])
            for day, who, place, persona in rows:
                when = START + timedelta(seconds=round(day * 86_400))
                writer.writerow([f"c{who:04d}", place, when.strftime("%Y-%m-%dT%H:%M:%S"), persona])
        print(f"{name}: {len(rows)} events of {customers} customers")


def life(journey: JourneyMap, truth: Draws, who: int, rng: np.random.Generator) -> list[tuple[float, int, str, str]]:
    """Return one customer's events (day, customer, place, persona) up to the end of the record."""
    persona = rng.choice(len(truth.personas), p=truth.values("persona_share")[0])
    place = truth.places[rng.choice(len(truth.places), p=truth.values("entry")[0, persona])]
    day, found = rng.uniform(0, ARRIVE_FOR), []
    while day < RECORD_FOR:
        ended = place in journey.outcome_names
        if not (ended and journey.outcome(place).silent):
            found.append((day, who, place, truth.personas[persona]))
        if ended:
            break
        place, dwell = move(truth, int(persona), place, rng)
        day += dwell
    return found


def move(truth: Draws, persona: int, place: str, rng: np.random.Generator) -> tuple[str, float]:
    """Return where a customer goes next, and after how many days."""
    at = [k for k, link in enumerate(truth.links) if link.startswith(link_id(place, ""))]
    shares = truth.values("share")[0, persona, -1, at]
    chosen = at[rng.choice(len(at), p=shares / shares.sum())]
    a, b = (float(truth.values(name)[0, persona, -1, chosen]) for name in ("dwell_a", "dwell_b"))
    dwell = ppf(Family(int(truth.values("family")[0, chosen])), a, b, rng.uniform())
    return truth.links[chosen].removeprefix(link_id(place, "")), float(dwell)


if __name__ == "__main__":
    main()
