"""Value of a visit: a chance of zero, and a log-normal or gamma amount."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from journeysim.calibrate import calibrate
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.layers.values import FAMILIES
from journeysim.model.dwell import Dwell, Family, ppf
from journeysim.model.dwell import mean as mean_amount
from journeysim.model.journey import JourneyMap, Link, Outcome, Reward, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.quantity import Fixed, Floats
from logs import event_log
from validation.models.dwells import draw_dwells
from validation.sbc import RANKED, Worlds

SEEN, VISITS, MEAN, SPREAD = 8.0, 120, 40.0, 30.0
#: Above, next to nobody pays, and with fewer than five payments the map's value is kept.
MOST_ZEROS: Final = 0.9


def values(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of 120 visits each; the family is one of two at random, and `calibrate` has to choose it."""
    rng = np.random.default_rng(seed)
    touchpoints = tuple(
        Touchpoint(f"t{i}", (Link("end", Fixed(1.0), Dwell(Family.FIXED, Fixed(1.0))),), seen=SEEN,
                   value=Reward(Fixed(MEAN), SPREAD)) for i in range(count)
    )  # fmt: skip
    entry = tuple((tp.name, Fixed(1 / count)) for tp in touchpoints)
    journey = JourneyMap("worlds", touchpoints, (Outcome("end"),), entry)
    zero = rng.beta(0.5, 0.5, 4 * count + 50)
    zero = zero[zero < MOST_ZEROS][:count]
    worlds = [_one_world(part, rng) for part in zero]
    events = [
        (f"{i} {c}", place, day)
        for i in range(count)
        for c in range(VISITS)
        for place, day in ((f"t{i}", 0.0), ("end", 1.0))
    ]
    paid = np.full((count, VISITS, 2), np.nan)
    paid[..., 0] = [amounts for _, amounts in worlds]
    log = replace(event_log(events), value=paid.ravel())
    draws = calibrate(journey, observe(log, journey), seed=seed, draws=RANKED).draws
    at = [draws.places.index(tp.name) for tp in touchpoints]
    return {
        "value of a visit": Worlds(np.array([mean for mean, _ in worlds]), draws.values("visit_value")[:, 0, 0][:, at]),
        "chance of zero": Worlds(zero, draws.values("value_zero")[:, 0][:, at]),
    }


def _one_world(zero: float, rng: np.random.Generator) -> tuple[float, Floats]:
    """Return the expected value of a visit, and the values of all visits."""
    family, sd = FAMILIES[rng.integers(2)], float(np.sqrt(np.log1p((SPREAD / MEAN) ** 2)))
    level = float(np.log(MEAN / (1 - zero))) - sd**2 / 2
    belief = DwellBelief(Family.LOGNORMAL, level, sd, sd / np.sqrt(SEEN), SEEN, ("all customers",), (0.0,))
    a, b = (float(x[0]) for x in draw_dwells(belief, family, rng))
    amounts = ppf(family, a, b, rng.uniform(size=VISITS)) * (rng.uniform(size=VISITS) > zero)
    return float((1 - zero) * mean_amount(family, a, b)), amounts
