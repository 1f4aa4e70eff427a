"""Shares and dwells together, with customers still there at the cut-off, and with a silent exit: `calibrate` throughout.

Every link's true family is one of several at random, of none of them perhaps, and `calibrate` has to find out; or all
are of one family, which it is told. The quantities are those every family has: the median and the time by which nine in
ten have moved; their logs, for a true dwell of years would be so many posterior sds away that it alone made the mean bias.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Final, final
from unittest.mock import patch

import numpy as np

from journeysim.calibrate import calibrate, touchpoint_fit
from journeysim.calibrate.dwells.beliefs import dwell_belief
from journeysim.calibrate.dwells.families import CANDIDATES
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.calibrate.silence import settle
from journeysim.model.draws import Draws, tables_of
from journeysim.model.dwell import Dwell, Family, quantile_by_draw
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Touchpoint
from journeysim.model.quantity import Fixed, Floats
from validation.models.truths import TrueDwell, draw_true_dwell
from validation.sbc import RANKED, Worlds
from validation.tables import Row, entered, moved, still_there, table

SEEN: Final = 8.0
BUY, ASK, GONE = "buy", "ask", "gone"
STATED: Final = {BUY: (0.5, Dwell(Family.LOGNORMAL, Fixed(4.0), Fixed(1.0))),
                 ASK: (0.3, Dwell(Family.GAMMA, Fixed(6.0), Fixed(1.5)))}  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """What the worlds are like: customers by persona, days of log, whether some leave silently, and are families told.

    `possible` are the families that a true dwell may be of, `EMPIRICAL` none of them.
    """

    customers: Mapping[str, int]
    cut_off: float
    silent: bool
    told: bool
    possible: tuple[Family, ...] = CANDIDATES

    @property
    def targets(self) -> tuple[str, ...]:
        """Where the links lead."""
        return (BUY, ASK, GONE) if self.silent else (BUY, ASK)

    def journey(self, count: int) -> JourneyMap:
        """Return a map of `count` touchpoints, all stated alike."""
        links = [
            Link(name, Fixed(share if self.silent else share / 0.8), dwell) for name, (share, dwell) in STATED.items()
        ]
        links += [Link(GONE, Fixed(0.2))] if self.silent else []
        touchpoints = tuple(Touchpoint(f"t{i}", tuple(links), seen=SEEN) for i in range(count))
        outcomes = tuple(Outcome(name, silent=name == GONE) for name in self.targets)
        personas = tuple(Persona(name, Fixed(1 / len(self.customers))) for name in self.customers)
        return JourneyMap(
            "worlds", touchpoints, outcomes, tuple((tp.name, Fixed(1 / count)) for tp in touchpoints), personas
        )


@final
@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One touchpoint's truth: shares (persona, link), and every link's dwell."""

    shares: Floats
    dwells: Mapping[str, TrueDwell]


def spells(setting: Setting) -> Callable[[int, int], Mapping[str, Worlds]]:
    """Return the worlds of a setting; where families are told, the seed says which of them a map has."""

    def worlds(count: int, seed: int) -> dict[str, Worlds]:
        rng, journey = np.random.default_rng(seed), setting.journey(count)
        truths, one = draw_truths(setting, journey, rng, seed)
        rows = [row for i, truth in enumerate(truths) for row in observed_rows(setting, truth, f"t{i}", rng)]
        with told(one) if setting.told else nullcontext():
            draws = calibrate(journey, table(rows), seed=seed, draws=RANKED).draws
        return _quantities(setting, truths, draws)

    return worlds


def draw_truths(
    setting: Setting, journey: JourneyMap, rng: np.random.Generator, seed: int
) -> tuple[list[Truth], Family]:
    """Return a truth for every touchpoint, and the family of all dwells where it is told: the seed says which."""
    one = CANDIDATES[seed % len(CANDIDATES)]
    possible = (one,) if setting.told else setting.possible
    return [_draw_truth(journey, touchpoint, possible, rng) for touchpoint in journey.touchpoints], one


def told(family: Family) -> AbstractContextManager[object]:
    """Leave `calibrate` one family to choose from."""
    stack = ExitStack()
    stack.enter_context(patch.object(touchpoint_fit, "POSSIBLE", (family,)))
    stack.enter_context(patch.object(settle, "CANDIDATES", (family, family)))  # a family and its runner-up
    stack.enter_context(patch.object(settle, "worth_trying", lambda _evidence: (family, family)))
    return stack


def _draw_truth(
    journey: JourneyMap, touchpoint: Touchpoint, families: tuple[Family, ...], rng: np.random.Generator
) -> Truth:
    personas = len(journey.personas)
    shares = rng.dirichlet([SEEN * link.share.mean for link in touchpoint.links if link.share is not None])[None]
    if personas > 1:
        kappa = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * rng.normal())
        shares = rng.dirichlet(kappa * shares[0], personas)
    dwells = {}
    for name in STATED:
        family = families[rng.integers(len(families))]
        dwells[name] = draw_true_dwell(dwell_belief(journey, touchpoint, name), family, rng)
    return Truth(shares, dwells)


def observed_rows(setting: Setting, truth: Truth, name: str, rng: np.random.Generator) -> list[Row]:
    """Return what a log of the setting shows of a touchpoint."""
    return list(_observe(setting, truth, name, rng))


def _observe(setting: Setting, truth: Truth, name: str, rng: np.random.Generator) -> Iterator[Row]:
    for g, (persona, customers) in enumerate(setting.customers.items()):
        link = rng.choice(len(setting.targets), size=customers, p=truth.shares[g])
        u, age = rng.uniform(size=customers), rng.uniform(0, setting.cut_off, customers)
        days = np.full(customers, np.inf)
        for j, dwell in enumerate(truth.dwells.values()):
            days[link == j] = dwell.days(u[link == j], g)
        yield entered(persona, name, customers)
        for j, target in enumerate(truth.dwells):
            yield from moved(persona, name, target, days[(link == j) & (days < age)])
        yield from still_there(persona, name, age[days >= age])


def _quantities(setting: Setting, truths: list[Truth], draws: Draws) -> dict[str, Worlds]:
    found = {}
    for g, persona in enumerate(setting.customers):
        whose = f", persona {persona}" if len(setting.customers) > 1 else ""
        for j, target in enumerate(setting.targets):
            at = [draws.links.index(f"t{i} -> {target}") for i in range(len(truths))]
            shares = draws.values("share")[:, g, 0][:, at]
            if target != ASK:
                found[f'share of "{target}"{whose}'] = Worlds(np.array([t.shares[g, j] for t in truths]), shares)
            if target in STATED:
                family, tables = draws.data["family"].values[:, at], tables_of(draws.data)
                a, b = (draws.values(v)[:, g, 0][:, at] for v in ("dwell_a", "dwell_b"))
                for part, what in ((0.5, "median"), (0.9, "90 % point")):
                    u = np.array(part)
                    true = [float(t.dwells[target].days(u, g)) for t in truths]
                    days = [quantile_by_draw(family[:, i], a[:, i], b[:, i], u, tables) for i in range(len(at))]
                    found[f'log {what} of "{target}"{whose}'] = Worlds(np.log(true), np.log(np.stack(days, axis=1)))
    return found
