"""Shares of a touchpoint's links: one persona (Dirichlet), and three that borrow from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from journeysim.calibrate import calibrate
from journeysim.calibrate.pooled import KAPPA_MEDIAN, KAPPA_SPREAD
from journeysim.model.journey import JourneyMap, Link, Outcome, Persona, Row, Touchpoint
from journeysim.model.quantity import Fixed, Floats
from validation.sbc import RANKED, Worlds
from validation.tables import entered, moved, table

SEEN: Final = 8.0
OUTCOMES: Final = ("buy", "ask", "wait", "leave")
STATED: Final = np.array([0.5, 0.3, 0.15, 0.05])
ONE_SIZES: Final = (3, 30, 300)
OWN: Final = np.array([0.2, 0.2, 0.2, 0.4])
PERSONAS: Final = {"few": (0.1, 12), "many": (0.6, 300), "own": (0.3, 60)}


def links(shares: Floats) -> tuple[Link, ...]:
    """Return links to the outcomes, without a dwell."""
    return tuple(Link(name, Fixed(float(share))) for name, share in zip(OUTCOMES, shares, strict=True))


def journey(count: int, personas: tuple[Persona, ...], own: tuple[tuple[str, Row], ...] = ()) -> JourneyMap:
    """Return a map of `count` touchpoints, all stated alike."""
    touchpoints = tuple(Touchpoint(f"t{i}", links(STATED), seen=SEEN, by_persona=own) for i in range(count))
    entry = tuple((tp.name, Fixed(1 / count)) for tp in touchpoints)
    return JourneyMap("worlds", touchpoints, tuple(Outcome(name) for name in OUTCOMES), entry, personas)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Truth and data of a map's touchpoints: shares and counts, both of shape (world, persona, link)."""

    personas: tuple[str, ...]
    truth: Floats
    counts: Floats

    def fitted(self, journey: JourneyMap, seed: int) -> Floats:
        """Return posterior draws of all shares, shape (draw, world, persona, link)."""
        rows = [
            row
            for i, by_persona in enumerate(self.counts)
            for persona, counts in zip(self.personas, by_persona, strict=True)
            for row in (
                entered(persona, f"t{i}", counts.sum()),
                *(
                    r
                    for name, n in zip(OUTCOMES, counts, strict=True)
                    for r in moved(persona, f"t{i}", name, np.ones(int(n)))
                ),
            )
        ]
        draws = calibrate(journey, table(rows), seed=seed, draws=RANKED).draws
        at = [[draws.links.index(f"t{i} -> {name}") for name in OUTCOMES] for i in range(len(self.counts))]
        return np.moveaxis(draws.values("share")[:, :, 0][:, :, at], 1, 2)

    def likelihood(self, shares: Floats) -> Floats:
        """Return the log likelihood of the counts of every world, shape (…, world)."""
        return np.asarray(np.sum(self.counts * np.log(np.maximum(shares, 1e-300)), axis=(-2, -1)))


def draw_rows(stated: Floats, importance: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Draw rows from the prior of `calibrate.shares`, shape (count, persona, link), given the map's rows (persona, link)."""
    mean = importance @ stated
    theta = rng.dirichlet(SEEN * mean, count)
    kappa = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * rng.normal(size=count))
    tilted = theta[:, None] * (stated / mean)
    tilted /= tilted.sum(axis=-1, keepdims=True)
    return np.array([[rng.dirichlet(k * row) for row in rows] for k, rows in zip(kappa, tilted, strict=True)])


def one_persona(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of one persona, with 3, 30 or 300 customers."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(SEEN * STATED, (count, 1))
    sizes = np.resize(ONE_SIZES, (count, 1))
    data = Rows(("all customers",), truth, rng.multinomial(sizes, truth).astype(np.float64))
    draws = data.fitted(journey(count, (Persona("all customers", Fixed(1.0)),)), seed)
    return {
        "share of a common link": Worlds(truth[:, 0, 0], draws[:, :, 0, 0]),
        "share of a rare link": Worlds(truth[:, 0, 3], draws[:, :, 0, 3]),
        "likelihood of the counts": Worlds(data.likelihood(truth), data.likelihood(draws)),
    }


def pooled(count: int, seed: int) -> dict[str, Worlds]:
    """Return worlds of three personas with 12, 300 and 60 customers; the map has a row of its own for the last."""
    rng = np.random.default_rng(seed)
    importance = np.array([share for share, _ in PERSONAS.values()])
    truth = draw_rows(np.array([STATED, STATED, OWN]), importance, count, rng)
    sizes = np.array([n for _, n in PERSONAS.values()])
    data = Rows(tuple(PERSONAS), truth, rng.multinomial(sizes, truth).astype(np.float64))
    personas = tuple(Persona(name, Fixed(share)) for name, (share, _) in PERSONAS.items())
    draws = data.fitted(journey(count, personas, (("own", Row(links=links(OWN))),)), seed)
    found = {
        f"share of a {kind} link, persona {name}": Worlds(truth[:, g, j], draws[:, :, g, j])
        for g, name in enumerate(PERSONAS)
        for kind, j in (("common", 0), ("rare", 3))
    }
    apart = Worlds(truth[:, 0, 0] - truth[:, 1, 0], draws[:, :, 0, 0] - draws[:, :, 1, 0])
    return found | {
        "difference of two personas": apart,
        "likelihood of the counts": Worlds(data.likelihood(truth), data.likelihood(draws)),
    }
