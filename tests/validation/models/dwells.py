"""Dwell of one link with its family given: two personas that borrow from each other, some customers still there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from journeysim.calibrate.binning import Merged, merge_moves, merge_open
from journeysim.calibrate.counts import NO_BINS, Bins
from journeysim.calibrate.dwells.families import dimensions, log_likelihood, to_location, to_scale_shape
from journeysim.calibrate.dwells.fit import TAU_VALUES, fit_dwell, tau_log_weights
from journeysim.calibrate.dwells.mode import DwellBelief, prior_normal
from journeysim.model.dwell import Family, ppf
from journeysim.model.quantity import Floats
from validation.sbc import RANKED, Worlds
from validation.tables import Row, moved

SEEN, MEAN_LOG, SD_LOG, CUT_OFF = 4.0, 0.3, 1.1, 6.0
SIZES: Final = {"few": 6, "many": 60}
#: What `calibrate` fits with; every twentieth of them is kept.
WORKING: Final = 4000


def family_given(family: Family) -> Callable[[int, int], Mapping[str, Worlds]]:
    """Return the worlds of a family; half of the customers arrived within the last six days, so many are still there."""

    def worlds(count: int, seed: int) -> dict[str, Worlds]:
        rng = np.random.default_rng(seed)
        belief = DwellBelief(family, MEAN_LOG, SD_LOG, SD_LOG / np.sqrt(SEEN), SEEN, tuple(SIZES), (0.0, 0.0))
        found = [_one_world(belief, rng, 1000 * seed + i) for i in range(count)]
        return {name: Worlds(np.array([world[name][0] for world in found]),
                             np.stack([world[name][1] for world in found], axis=1)) for name in found[0]}  # fmt: skip

    return worlds


def spread_of_personas(rng: np.random.Generator) -> float:
    """Draw tau, how far personas lie apart."""
    weights = np.exp(tau_log_weights())
    return float(rng.choice(TAU_VALUES, p=weights / weights.sum()))


def draw_dwells(belief: DwellBelief, family: Family, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw (a, b) of every persona from the prior of `calibrate.dwells`, shapes (persona,)."""
    prior, personas = prior_normal(belief, family), len(belief.personas)
    at = prior.mean + rng.normal(size=len(prior.mean)) / np.sqrt(np.diag(prior.precision))
    points = np.tile(at, (personas, 1))
    if personas > 1:
        points = points + spread_of_personas(rng) * rng.normal(size=points.shape)
    points[:, 0] += belief.apart
    return to_scale_shape(family, points[:, 0], points[:, 1] if points.shape[1] > 1 else np.zeros(personas))


def _one_world(belief: DwellBelief, rng: np.random.Generator, seed: int) -> dict[str, tuple[float, Floats]]:
    family = belief.family
    a, b = draw_dwells(belief, family, rng)
    data = [_observe(family, a[g], b[g], n, rng) for g, n in enumerate(SIZES.values())]
    fit = fit_dwell(family, belief, data, seed=seed, draws=WORKING, name="link")
    rows = np.linspace(0, WORKING, RANKED, endpoint=False).astype(int)
    truth, drawn = to_location(family, a, b), to_location(family, fit.a[rows], fit.b[rows])
    found = {}
    for k, what in enumerate(("location", "log shape")[: dimensions(family)]):
        for g, name in enumerate(SIZES):
            found[f"{what}, persona {name}"] = float(truth[k][g]), drawn[k][:, g]
    fits = [sum(log_likelihood(family, *(x[..., g] for x in at), *pair) for g, pair in enumerate(data))
            for at in ((a[None], b[None]), (fit.a[rows], fit.b[rows]))]  # fmt: skip
    return found | {"likelihood of the dwells": (float(np.asarray(fits[0])[0]), np.asarray(fits[1]))}


def _observe(family: Family, a: float, b: float, customers: int, rng: np.random.Generator) -> tuple[Bins, Bins]:
    dwell, age = ppf(family, a, b, rng.uniform(size=customers)), rng.uniform(0, CUT_OFF, customers)
    age[: customers // 2] = np.inf
    done, still = moved("", "", "", dwell[dwell < age]), moved("", "", "", age[dwell >= age])
    return bins_of(done, merge_moves), bins_of(still, merge_open)


def bins_of(rows: list[Row], merge: Callable[[Floats, Floats, Floats], Merged]) -> Bins:
    """Return rows of a table as a calibration takes them."""
    return Bins(*merge(*np.array([row[3:] for row in rows]).T)) if rows else NO_BINS
