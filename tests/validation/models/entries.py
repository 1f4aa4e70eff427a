"""Entry and persona shares: hundreds of small maps, of which only the first touchpoints were seen."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.calibrate import calibrate
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.quantity import Fixed
from validation.sbc import RANKED, Worlds
from validation.tables import entered, table

SEEN_ENTRY: Final = 8.0
ENTRY: Final = {"search": 0.6, "shop": 0.3, "friend": 0.1}
PERSONAS: Final = {"private": 0.8, "firm": 0.2}
CUSTOMERS: Final = 40


def entries(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of 40 customers each, of two personas, who enter at three touchpoints."""
    rng = np.random.default_rng(seed)
    touchpoints = tuple(Touchpoint(name, (Link("end", Fixed(1.0)),)) for name in ENTRY)
    entry = tuple((name, Fixed(share)) for name, share in ENTRY.items())
    personas = tuple(Persona(name, Fixed(share)) for name, share in PERSONAS.items())
    journey = JourneyMap("entries", touchpoints, (Outcome("end"),), entry, personas, seen_entry=SEEN_ENTRY)
    mix = rng.dirichlet(SEEN_ENTRY * np.array(list(PERSONAS.values())), count)
    where = rng.dirichlet(SEEN_ENTRY * np.array(list(ENTRY.values())), (count, len(PERSONAS)))
    mixes, places = [], []
    for i in range(count):
        counts = [rng.multinomial(n, where[i, g]) for g, n in enumerate(rng.multinomial(CUSTOMERS, mix[i]))]
        rows = [
            entered(p, tp, n) for p, row in zip(PERSONAS, counts, strict=True) for tp, n in zip(ENTRY, row, strict=True)
        ]
        draws = calibrate(journey, table(rows), seed=1000 * seed + i, draws=RANKED).draws
        mixes.append(draws.values("persona_share"))
        places.append(draws.values("entry"))
    mixed, placed = np.stack(mixes, axis=1), np.stack(places, axis=1)
    found = {"share of a persona": Worlds(mix[:, 0], mixed[:, :, 0])}
    for g, persona in enumerate(PERSONAS):
        found[f"entry at a touchpoint, persona {persona}"] = Worlds(where[:, g, 0], placed[:, :, g, 0])
        found[f"entry at a rare touchpoint, persona {persona}"] = Worlds(where[:, g, 2], placed[:, :, g, 2])
    return found
