"""Customers who differ for good in what they spend, from a log of their payments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from journeysim.calibrate.rewards.gamma_gamma import Payers, fit_spend, spend_log_likelihood
from journeysim.model.dwell import Dwell, Family
from journeysim.model.journey import JourneyMap, Link, Outcome, Touchpoint
from journeysim.model.observations import observe
from journeysim.model.observed.values import Repeats
from journeysim.model.quantity import Fixed, Floats
from logs import event_log
from validation.sbc import RANKED, Worlds

CUSTOMERS: Final = 200
#: Means and sds of log p, log q and log (p gamma / q). The last is centred on the data where it is learned; at this sd the
#: centre says next to nothing beside 200 customers.
PRIOR: Final = np.array([[np.log(4.0), 1.5], [np.log(4.0), 1.0], [np.log(40.0), 2.0]])
PAYS_AGAIN: Final = 0.6
NAMES: Final = ("log p", "log q", "log of p gamma / q")


def spend(count: int, seed: int) -> Mapping[str, Worlds]:
    """Return worlds of 200 customers with one payment or more; every world is a touchpoint of one log."""
    rng = np.random.default_rng(seed)
    touchpoints = tuple(
        Touchpoint(f"t{i}", tuple(Link(to, Fixed(0.5), Dwell(Family.FIXED, Fixed(1.0))) for to in (f"t{i}", "end")))
        for i in range(count)
    )
    entry = tuple((tp.name, Fixed(1 / count)) for tp in touchpoints)
    journey = JourneyMap("worlds", touchpoints, (Outcome("end"),), entry)
    truth = rng.normal(*PRIOR.T, (count, 3))
    events, amounts = [], []
    for i, at in enumerate(truth):
        for c, paid in enumerate(_payments(at, rng)):
            events += [(f"{i} {c}", f"t{i}", float(day)) for day in range(len(paid))]
            amounts.append(paid)
    log = replace(event_log(events), value=np.concatenate(amounts))
    values = observe(log, journey).values
    assert values is not None
    worlds = [_world(values.repeats, i, at, 1000 * seed + i) for i, at in enumerate(truth)]
    return {
        name: Worlds(np.array([own[k] for own, _ in worlds]), np.stack([draws[k] for _, draws in worlds], axis=1))
        for k, name in enumerate((*NAMES, "likelihood of the payments"))
    }


def _payments(at: Floats, rng: np.random.Generator) -> list[Floats]:
    """Return every customer's payments."""
    p, q = np.exp(at[:2])
    gamma = np.exp(at[2]) * q / p
    rates = rng.gamma(q, 1 / gamma, CUSTOMERS)
    return [rng.gamma(p, 1 / rate, rng.geometric(1 - PAYS_AGAIN)) for rate in rates]


def _world(table: Repeats, place: int, truth: Floats, seed: int) -> tuple[Floats, Floats]:
    """Return the truth and draws of the three logs and of the likelihood, shapes (4,) and (4, draw)."""
    rows = table.place == place
    payers = Payers(
        *(column[rows] for column in (table.visits, table.mean, table.mean_log, table.variance, table.customers))
    )
    found = fit_spend(payers, seed=seed, draws=RANKED, name=f"t{place}")
    assert found is not None
    logs = np.log(found.parameters)
    own = np.array([truth[0], truth[1], truth[2] + truth[1] - truth[0]])
    fits = [spend_log_likelihood(x, payers) @ payers.customers for x in (own, logs)]
    learned = np.stack([logs[:, 0], logs[:, 1], logs[:, 2] + logs[:, 0] - logs[:, 1], fits[1]])
    return np.append(truth, fits[0]), learned
