"""Customers who differ and may leave without an event: kappa, shares and dwells together, after a whole calibration.

They come back to a touchpoint, buy, or stop without a word, and the log ends while many may only be slow. `calibrate` fits
alike customers first, as it always does; that they differ is then taken for granted, or decided as it always is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate import calibrate
from journeysim.calibrate.counts import count_transitions
from journeysim.calibrate.differing.polya_target import DIFFER_MEDIAN, DIFFER_SPREAD
from journeysim.calibrate.dwells.beliefs import dwell_belief
from journeysim.calibrate.dwells.families import CANDIDATES
from journeysim.calibrate.layers.frailty import Found, Place, draw_place, place_at
from journeysim.model.draws import Draws, tables_of
from journeysim.model.dwell import Dwell, Family, quantile_by_draw
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint, link_id
from journeysim.model.observations import Observations, observe
from journeysim.model.quantity import Fixed, Floats
from logs import event_log
from validation.models.spells import told
from validation.models.truths import TrueDwell, draw_true_dwell
from validation.sbc import RANKED, Worlds

SEEN, CUSTOMERS, CUT_OFF = 8.0, 300, 60.0
#: Draws of the fit with alike customers, which are weighted anew.
WORKING: Final = 1000
BUY, GONE = "buy", "gone"
STATED: Final = np.array([0.5, 0.3, 0.2])
BACK: Final = Dwell(Family.LOGNORMAL, Fixed(4.0), Fixed(1.0))
BOUGHT: Final = Dwell(Family.GAMMA, Fixed(6.0), Fixed(1.5))
#: What the links lead to, in their order.
WAYS: Final = ("coming back", "buying", "leaving silently")
Event = tuple[str, str, float]


def journey_of(count: int) -> JourneyMap:
    """Return touchpoints to which customers come back, until they buy or stop without a word."""
    again, buy, gone = (Fixed(float(share)) for share in STATED)
    touchpoints = tuple(
        Touchpoint(name, (Link(name, again, BACK), Link(BUY, buy, BOUGHT), Link(GONE, gone)), seen=SEEN)
        for name in (f"t{i}" for i in range(count))
    )
    outcomes = Outcome(BUY), Outcome(GONE, silent=True)
    return JourneyMap("worlds", touchpoints, outcomes, tuple((tp.name, Fixed(1 / count)) for tp in touchpoints))


@final
@dataclass(frozen=True, slots=True)
class Drawn:
    """Worlds of one map and what a log of them holds: true log kappa (world,), rows (world, link) and dwells by link."""

    journey: JourneyMap
    observed: Observations
    family: Family
    log_kappa: Floats
    rows: Floats
    dwells: list[list[TrueDwell]]


def drawn(count: int, seed: int) -> Drawn:
    """Return worlds whose dwells are all of one family, which the seed says."""
    rng, journey = np.random.default_rng(seed), journey_of(count)
    family = CANDIDATES[seed % len(CANDIDATES)]
    log_kappa = np.log(DIFFER_MEDIAN) + DIFFER_SPREAD * rng.normal(size=count)
    rows = rng.dirichlet(SEEN * STATED, count)
    dwells = [
        [draw_true_dwell(dwell_belief(journey, tp, target), family, rng) for target in (tp.name, BUY)]
        for tp in journey.touchpoints
    ]
    events = [e for i in range(count) for e in _one_world(f"t{i}", np.exp(log_kappa[i]) * rows[i], dwells[i], rng)]
    return Drawn(journey, observe(event_log(events, cut_off=CUT_OFF), journey), family, log_kappa, rows, dwells)


def with_dwells(count: int, seed: int, *, families_told: bool = True) -> dict[str, Worlds]:
    """Return worlds in which differing customers are taken for granted; `calibrate` is told the family, or finds out."""
    true = drawn(count, seed)
    with told(true.family) if families_told else nullcontext():
        draws = calibrate(true.journey, Observations(true.observed.transitions), seed=seed, draws=WORKING).draws
    places = _places(true.journey, true.observed, draws)
    found = [draw_place(place, draws=RANKED, seed=seed) for place in places]
    worlds = {"log kappa": Worlds(true.log_kappa, np.log(np.stack([each.kappa for each in found], axis=1)))}
    for j, what in enumerate(WAYS):
        worlds[f"share of {what}"] = Worlds(true.rows[:, j], np.stack([each.rows[:, 0, j] for each in found], axis=1))
    for j, what in enumerate(WAYS[:2]):
        for part, word in ((0.5, "median"), (0.9, "90 % point")):
            own = np.array([float(dwells[j].days(np.array(part))) for dwells in true.dwells])
            days = [_days(draws, place, each, j, part) for place, each in zip(places, found, strict=True)]
            worlds[f"log {word} of {what}"] = Worlds(np.log(own), np.log(np.stack(days, axis=1)))
    return worlds


def decided(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds in which `calibrate`, told the family, decides whether customers differ."""
    true = drawn(count, seed)
    with told(true.family):
        draws = calibrate(true.journey, true.observed, seed=seed, draws=WORKING).draws
    share = draws.values("share")[:: WORKING // RANKED][:RANKED, 0, 0]
    at = np.array(
        [[draws.links.index(link_id(tp.name, link.target)) for link in tp.links] for tp in true.journey.touchpoints]
    )
    return {f"share of {what}": Worlds(true.rows[:, j], share[:, at[:, j]]) for j, what in enumerate(WAYS)}


def _one_world(name: str, shapes: Floats, dwells: list[TrueDwell], rng: np.random.Generator) -> Iterator[Event]:
    """Yield the events of customers who entered at some time within the log."""
    logs = np.log(rng.standard_gamma(shapes + 1.0, (CUSTOMERS, 3))) + np.log(rng.uniform(size=(CUSTOMERS, 3))) / shapes
    for c, own in enumerate(special.softmax(logs, axis=1)):
        day, who = rng.uniform(0, CUT_OFF), f"{name} {c}"
        yield who, name, day
        for link in iter(lambda own=own: int(rng.choice(3, p=own)), 2):
            day += float(dwells[link].days(np.array(rng.uniform())))
            if day >= CUT_OFF:
                break
            yield who, (name, BUY)[link], day
            if link == 1:
                break


def _places(journey: JourneyMap, observed: Observations, draws: Draws) -> list[Place]:
    """Return every touchpoint as `places_of` would, without asking whether customers differ there."""
    counts, patterns = count_transitions(observed.transitions, journey), observed.patterns
    assert patterns is not None
    return [place_at(tp, patterns.at(i), counts, journey, draws.data) for i, tp in enumerate(journey.touchpoints)]


def _days(draws: Draws, place: Place, found: Found, j: int, part: float) -> Floats:
    """Return the days by which a part of the moves over a link is over, with the dwells that belong to the draws."""
    assert found.dwells is not None
    data, at = draws.data, place.links[j]
    a, b = (data[name].values[found.dwells, 0, 0, at] for name in ("dwell_a", "dwell_b"))
    return quantile_by_draw(data["family"].values[found.dwells, at], a, b, np.array(part), tables_of(data))
