"""A fit -> draws in the dataset: open spells put right, shares, dwells, entries and persona shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.beliefs import normalised
from journeysim.calibrate.counts import Counts
from journeysim.calibrate.dwells.families import to_scale_shape
from journeysim.calibrate.gates import ESS_LIMIT, PARETO_LIMIT, Gate, pareto_tail, weight_size
from journeysim.calibrate.numerics.addressed import dirichlet
from journeysim.calibrate.numerics.student import resample
from journeysim.calibrate.silence.open_spells import LinkDwell, log_weights
from journeysim.calibrate.silence.points import Observed, Points, coordinates
from journeysim.calibrate.silence.sampling import LEAST_DRAWS, near_draws, sample_jointly, starting_points
from journeysim.calibrate.silence.target import joint_target
from journeysim.calibrate.touchpoint_fit import Fit
from journeysim.model.addresses import uniforms
from journeysim.model.journey import JourneyMap, Touchpoint
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr


def write_touchpoint(data: xr.Dataset, fit: Fit, i: int, touchpoint: Touchpoint, seed: int) -> list[Gate]:
    """Write the posterior of one touchpoint into the data; return the gates on its open spells, if it has any."""
    found = _put_right(fit, i, touchpoint.name, max(data.sizes["draw"], LEAST_DRAWS), seed)
    positions = resample(found.logs, data.sizes["draw"], _uniform(seed, touchpoint.name))
    chosen = _shuffled(positions, seed, touchpoint.name)
    labels = [str(label) for label in data["link"].values]
    for j, link in enumerate(found.links):
        at = labels.index(link.name)
        data["share"].values[..., at] = found.shares[chosen, :, j][:, :, None]
        if link.silent:
            continue
        data["family"].values[:, at] = link.families[chosen]
        data["dwell_a"].values[..., at] = link.a[chosen][:, :, None]
        data["dwell_b"].values[..., at] = link.b[chosen][:, :, None]
    return list(found.gates)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Exact:
    """Draws of a touchpoint from the exact posterior: links, shares (draw, persona, link), log weights, gates."""

    links: list[LinkDwell]
    shares: Floats
    logs: Floats
    gates: tuple[Gate, ...]


def _put_right(fit: Fit, i: int, name: str, draws: int, seed: int) -> _Exact:
    """Weight the surrogate's draws to the exact posterior, or, where the weights are poor, sample that."""
    links, live = fit.links[i], fit.rows.present[i]
    shares, tilt = fit.shares[:, i][..., live], fit.rows.tilt[i][:, live]
    logs = log_weights(links, fit.spreads[i], shares, fit.factors[i])
    if _poor(logs) and np.all(tilt > 0):
        silent = tuple(spread.silent for spread in fit.spreads[i])
        observed, alpha = Observed(tuple(links), silent, fit.rows.counts[i][:, live]), fit.rows.alpha[i, live]
        near = near_draws(shares, coordinates(observed.links, len(tilt), len(shares)))
        starts = starting_points(observed, alpha, near)
        found = sample_jointly(joint_target(observed, alpha, tilt), starts, draws=draws, seed=seed, name=name)
        shares = np.exp(found.points.logs)
        return _Exact(_from_points(observed, found.points), shares, np.zeros(len(shares)), found.gates)
    if not any(spread.silent.size for spread in fit.spreads[i]):
        return _Exact(links, shares, logs, ())
    gates = (
        Gate(f'effective draws at "{name}" (open spells)', weight_size(logs), ESS_LIMIT, "at least"),
        Gate(f'Pareto k at "{name}" (open spells)', pareto_tail(logs), PARETO_LIMIT),
    )
    return _Exact(links, shares, logs, gates)


def _poor(logs: Floats) -> bool:
    return weight_size(logs) < ESS_LIMIT or pareto_tail(logs) > PARETO_LIMIT


def _from_points(observed: Observed, at: Points) -> list[LinkDwell]:
    """Return the links with the dwells of the points as their draws."""
    found = []
    for j, link in enumerate(observed.links):
        if link.learned:
            phi = at.phi[:, :, observed.learned.index(j)]
            a, b = to_scale_shape(link.family, phi[..., 0], phi[..., 1])
            families = np.full(len(phi), link.family, dtype=np.int8)
        else:
            rows = at.row % len(link.a)
            a, b, families = link.a[rows], link.b[rows], link.families[rows]
        found.append(replace(link, a=a, b=b, families=families))
    return found


def _uniform(seed: int, name: str) -> float:
    return float(uniforms(seed, 1, "open spells", name)[0])


def _shuffled(positions: NDArray[np.intp], seed: int, name: str) -> NDArray[np.intp]:
    """Return the positions in an addressed order, so that chains and touchpoints do not line up."""
    return positions[np.argsort(uniforms(seed, len(positions), "order of draws", name))]


def write_arrivals(data: xr.Dataset, journey: JourneyMap, counts: Counts, seed: int) -> dict[str, frozenset[str]]:
    """Write entry and persona shares; return the names that rest more on data than on the map."""
    draws, seen = data.sizes["draw"], journey.seen_entry
    entered = counts.entered
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
