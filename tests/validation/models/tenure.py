"""Shares that differ by time since entry: two tenure periods, which borrow from each other like personas."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.calibrate import calibrate
from journeysim.model.journey import JourneyMap, Outcome, Row, Tenure, Touchpoint
from journeysim.model.observations import Observations
from journeysim.model.observed.by_tenure import ByTenure
from journeysim.model.quantity import Fixed
from validation.models.shares import OUTCOMES, OWN, SEEN, STATED, draw_rows, links
from validation.sbc import RANKED, Worlds
from validation.tables import entered, moved, table

WHO: Final = "all customers"
FIRST_DAYS: Final = 30.0
SIZES: Final = {"early": 100, "late": 12}


def by_tenure(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds with 100 visits in the first 30 days and 12 later ones; the map has a row of its own for the first."""
    rng = np.random.default_rng(seed)
    truth = draw_rows(np.array([OWN, STATED]), np.array([0.5, 0.5]), count, rng)
    early = (Tenure(FIRST_DAYS, Row(links=links(OWN))),)
    touchpoints = tuple(Touchpoint(f"t{i}", links(STATED), seen=SEEN, by_tenure=early) for i in range(count))
    entry = tuple((tp.name, Fixed(1 / count)) for tp in touchpoints)
    journey = JourneyMap("worlds", touchpoints, tuple(Outcome(name) for name in OUTCOMES), entry)
    counts = rng.multinomial(np.array(list(SIZES.values())), truth)
    rows = [
        [
            row
            for i, n in enumerate(counts[:, p])
            for name, k in zip(OUTCOMES, n, strict=True)
            for row in moved(WHO, f"t{i}", name, np.ones(k))
        ]
        for p in range(len(SIZES))
    ]
    whole = table([*(entered(WHO, tp.name, 1.0) for tp in touchpoints), *rows[0], *rows[1]])
    observed = Observations(whole, by_tenure=ByTenure(journey.tenure_ends, tuple(table(part) for part in rows)))
    draws = calibrate(journey, observed, seed=seed, draws=RANKED).draws
    share, found = draws.values("share")[:, 0], {}
    for p, when in enumerate(SIZES):
        for kind, j in (("common", 0), ("rare", 3)):
            at = [draws.links.index(f"t{i} -> {OUTCOMES[j]}") for i in range(count)]
            found[f"share of a {kind} link, {when}"] = Worlds(truth[:, p, j], share[:, p][:, at])
    return found
