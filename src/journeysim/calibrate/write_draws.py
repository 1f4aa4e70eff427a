"""A fit -> draws in the dataset: open spells put right, shares, dwells, entries and persona shares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.addressed import dirichlet
from journeysim.calibrate.beliefs import normalised
from journeysim.calibrate.counts import (
    Counts,
)
from journeysim.calibrate.dwell_families import to_scale_shape
from journeysim.calibrate.dwells import resample
from journeysim.calibrate.gates import ESS_LIMIT, PARETO_LIMIT, Gate, pareto_tail, weight_size
from journeysim.calibrate.joint import Observed, Points
from journeysim.calibrate.joint_draws import joint_target, sample_jointly
from journeysim.calibrate.open_spells import LinkDwell, log_weights
from journeysim.model.addresses import uniforms
from journeysim.model.journey import JourneyMap, Touchpoint
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr

from journeysim.calibrate.touchpoint_fit import Fit


def write_touchpoint(data: xr.Dataset, fit: Fit, i: int, touchpoint: Touchpoint, seed: int) -> list[Gate]:
    """Write the posterior of one touchpoint into the data; return the gate on its open spells, if it has any."""
    links, live = fit.links[i], fit.rows.present[i]
    shares = fit.shares[:, i][..., live]
    logs = log_weights(links, fit.spreads[i], shares, fit.factors[i])
    tilt = fit.rows.tilt[i][:, live]
    if _poor(logs) and np.all(tilt > 0):
        observed = Observed(
            tuple(links), tuple(spread.silent for spread in fit.spreads[i]), fit.rows.counts[i][:, live]
        )
        target = joint_target(observed, fit.rows.alpha[i, live], tilt)
        draws = len(shares) * (1 if len(tilt) == 1 else 2)  # several personas: more coordinates, poorer weights
        better = sample_jointly(target, shares, draws=draws, seed=seed, name=touchpoint.name)
        links, shares, logs = _from_points(observed, better.points), np.exp(better.points.logs), better.logs
    chosen = _shuffled(resample(logs, data.sizes["draw"], _uniform(seed, touchpoint.name)), seed, touchpoint.name)
    labels = [str(label) for label in data["link"].values]
    for j, link in enumerate(links):
        at = labels.index(link.name)
        data["share"].values[..., at] = shares[chosen, :, j][:, :, None]
        if link.silent:
            continue
        data["family"].values[at] = link.family
        data["dwell_a"].values[..., at] = link.a[chosen][:, :, None]
        data["dwell_b"].values[..., at] = link.b[chosen][:, :, None]
        if link.learned:
            data["dwell_table"].values[at] = np.nan
    if not any(spread.silent.size for spread in fit.spreads[i]):
        return []
    return [
        Gate(f'effective draws at "{touchpoint.name}" (open spells)', weight_size(logs), ESS_LIMIT, "at least"),
        Gate(f'Pareto k at "{touchpoint.name}" (open spells)', pareto_tail(logs), PARETO_LIMIT),
    ]


def _poor(logs: Floats) -> bool:
    return weight_size(logs) < ESS_LIMIT or pareto_tail(logs) > PARETO_LIMIT


def _from_points(observed: Observed, at: Points) -> list[LinkDwell]:
    """Return the links with the dwells of the points as their draws."""
    found = []
    for j, link in enumerate(observed.links):
        if link.learned:
            phi = at.phi[:, :, observed.learned.index(j)]
            a, b = to_scale_shape(link.family, phi[..., 0], phi[..., 1])
        else:
            a, b = link.a[at.row % len(link.a)], link.b[at.row % len(link.b)]
        found.append(replace(link, a=a, b=b))
    return found


def _uniform(seed: int, name: str) -> float:
    return float(uniforms(seed, 1, "open spells", name)[0])


def _shuffled(positions: NDArray[np.intp], seed: int, name: str) -> NDArray[np.intp]:
    """Return the positions in an addressed order, so that chains and touchpoints do not line up."""
    return positions[np.argsort(uniforms(seed, len(positions), "order of draws", name))]


def write_arrivals(data: xr.Dataset, journey: JourneyMap, counts: Counts, seed: int) -> dict[str, frozenset[str]]:
    """Write entry and persona shares; return the names that rest more on data than on the map."""
    draws, seen = data.sizes["draw"], journey.seen_entry
    entered = counts.entries.sum(axis=1)
    if not np.any(entered):
        return {}
    names = journey.persona_names
    stated = normalised(np.array([persona.share.mean for persona in journey.personas]))
    data["persona_share"].values[:] = dirichlet(
        seen * stated + entered, seed, draws, [("posterior persona share", name) for name in names]
    )
    by_persona = dict(journey.entry_by_persona)
    for g, persona in enumerate(names):
        entry = dict(by_persona.get(persona, journey.entry))
        shares = normalised(np.array([entry[tp].mean if tp in entry else 0.0 for tp in journey.touchpoint_names]))
        addresses = [("posterior entry", persona, tp) for tp in journey.touchpoint_names]
        weights = seen * shares + counts.entries[g]
        data["entry"].values[:, g, : len(shares)] = dirichlet(weights, seed, draws, addresses)
    if entered.sum() <= seen:
        return {}
    return {"entry": frozenset(journey.touchpoint_names), "persona share": frozenset(names)}
