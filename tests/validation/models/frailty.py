"""Customers who differ: how much (kappa), and the shares of an average new customer."""

from __future__ import annotations

from typing import Final

import numpy as np

from journeysim.calibrate import calibrate
from journeysim.calibrate.counts import count_transitions
from journeysim.calibrate.differing.polya_target import DIFFER_MEDIAN, DIFFER_SPREAD
from journeysim.calibrate.layers.frailty import Place, draw_place, place_at
from journeysim.model.draws import Draws
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint, link_id
from journeysim.model.observations import Observations, observe
from journeysim.model.quantity import Fixed, Floats
from logs import event_log
from validation.sbc import RANKED, Worlds

SEEN, CUSTOMERS, MOST_VISITS = 8.0, 150, 30
ENDS: Final = ("buy", "leave")
A_DAY: Final = Dwell(Family.FIXED, Fixed(1.0))
STATED: Final = np.array([0.6, 0.25, 0.15])
Event = tuple[str, str, float]


def journey_of(count: int) -> JourneyMap:
    """Return touchpoints to which customers come back, a day later each time, until they buy or leave."""
    names = [f"t{i}" for i in range(count)]
    touchpoints = tuple(
        Touchpoint(
            name, tuple(Link(t, Fixed(float(s)), A_DAY) for t, s in zip((name, *ENDS), STATED, strict=True)), seen=SEEN
        )
        for name in names
    )
    entry = tuple((name, Fixed(1 / count)) for name in names)
    return JourneyMap("worlds", touchpoints, tuple(Outcome(end) for end in ENDS), entry)


def drawn(count: int, seed: int) -> tuple[JourneyMap, Observations, Floats, Floats]:
    """Return map, observations, true log kappa (world,) and true rows (world, link)."""
    rng = np.random.default_rng(seed)
    log_kappa = np.log(DIFFER_MEDIAN) + DIFFER_SPREAD * rng.normal(size=count)
    rows = rng.dirichlet(SEEN * STATED, count)
    events = [e for i in range(count) for e in _one_world(f"t{i}", np.exp(log_kappa[i]), rows[i], rng)]
    journey = journey_of(count)
    return journey, observe(event_log(events, cut_off=MOST_VISITS - 0.5), journey), log_kappa, rows


def kappa_given(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds in which differing customers are taken for granted."""
    journey, observed, log_kappa, rows = drawn(count, seed)
    assert observed.patterns is not None
    draws = calibrate(journey, Observations(observed.transitions), seed=seed, draws=RANKED).draws
    found = [draw_place(place, draws=RANKED, seed=seed) for place in _places(journey, observed, draws)]
    kappa = np.log(np.stack([each.kappa for each in found], axis=1))
    again, leave = (np.stack([each.rows[:, 0, j] for each in found], axis=1) for j in (0, 2))
    return {
        "log kappa": Worlds(log_kappa, kappa),
        "share of coming back": Worlds(rows[:, 0], again),
        "share of leaving": Worlds(rows[:, 2], leave),
    }


def chosen(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds in which `calibrate` decides whether customers differ."""
    journey, observed, _, rows = drawn(count, seed)
    draws = calibrate(journey, observed, seed=seed, draws=RANKED).draws
    share, found = draws.values("share")[:, 0, 0], {}
    for what, j, target in (("coming back", 0, ""), ("leaving", 2, "leave")):
        at = [draws.links.index(link_id(f"t{i}", target or f"t{i}")) for i in range(count)]
        found[f"share of {what}"] = Worlds(rows[:, j], share[:, at])
    return found


def _one_world(name: str, kappa: float, row: Floats, rng: np.random.Generator) -> list[Event]:
    found = []
    for c, own in enumerate(rng.dirichlet(np.maximum(kappa * row, 1e-3), CUSTOMERS)):
        went = rng.choice(3, size=MOST_VISITS - 1, p=own)
        last = int(np.argmax(went > 0)) if np.any(went > 0) else MOST_VISITS - 1
        found += [(f"{name} {c}", name, float(day)) for day in range(last + 1)]
        if last < MOST_VISITS - 1:
            found.append((f"{name} {c}", ENDS[went[last] - 1], last + 1.0))
    return found


def _places(journey: JourneyMap, observed: Observations, draws: Draws) -> list[Place]:
    """Return every touchpoint as `places_of` would, without asking whether customers differ there."""
    counts, patterns = count_transitions(observed.transitions, journey), observed.patterns
    assert patterns is not None
    return [place_at(tp, patterns.at(i), counts, journey, draws.data) for i, tp in enumerate(journey.touchpoints)]
