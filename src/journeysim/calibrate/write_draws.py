"""A fit -> draws in the dataset: open spells put right, shares, dwells, entries and persona shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.beliefs import normalised
from journeysim.calibrate.counts import Counts
from journeysim.calibrate.gates import ESS_LIMIT, PARETO_LIMIT, Gate, pareto_tail, weight_size
from journeysim.calibrate.numerics.addressed import dirichlet
from journeysim.calibrate.numerics.student import resample
from journeysim.calibrate.silence.chains import LEAST_DRAWS, Given, sample_chains
from journeysim.calibrate.silence.open_spells import LinkDwell, log_weights
from journeysim.calibrate.silence.rows import Rows
from journeysim.calibrate.touchpoint_fit import Fit
from journeysim.model.addresses import uniforms
from journeysim.model.draws import TABLE_SIZE, tables_of, with_more_tables
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, Touchpoint
from journeysim.model.quantity import Floats

if TYPE_CHECKING:
    import xarray as xr


def write_touchpoint(
    data: xr.Dataset, fit: Fit, i: int, touchpoint: Touchpoint, seed: int
) -> tuple[xr.Dataset, list[Gate]]:
    """Return the data with the posterior of one touchpoint, and the gates on its open spells, if it has any."""
    found = _put_right(fit, i, touchpoint.name, max(data.sizes["draw"], LEAST_DRAWS), seed)
    positions = resample(found.logs, data.sizes["draw"], _uniform(seed, touchpoint.name))
    chosen = _shuffled(positions, seed, touchpoint.name)
    labels, first = [str(label) for label in data["link"].values], len(tables_of(data))
    tables: list[Floats] = []
    for j, link in enumerate(found.links):
        at = labels.index(link.name)
        data["share"].values[..., at] = found.shares[chosen, :, j][:, :, None]
        if link.silent:
            continue
        data["family"].values[:, at] = link.families[chosen]
        data["dwell_a"].values[..., at] = link.a[chosen][:, :, None]
        shape, more = _with_tables(link, chosen, first + sum(map(len, tables)))
        data["dwell_b"].values[..., at] = shape[:, :, None]
        tables.append(more)
    data = with_more_tables(data, np.concatenate([np.empty((0, TABLE_SIZE)), *tables]))
    return data, list(found.gates)


def _with_tables(link: LinkDwell, chosen: NDArray[np.intp], first: int) -> tuple[Floats, Floats]:
    """Return the shapes of the chosen draws, and the tables that they newly need, to stand from row `first` on."""
    shape, empirical = link.b[chosen], link.families[chosen] == Family.EMPIRICAL
    if link.curves is None or not empirical.any():
        return shape, np.empty((0, TABLE_SIZE))
    used, row = np.unique(shape[empirical], return_inverse=True)
    shape[empirical] = first + row.reshape(shape[empirical].shape)
    return shape, link.curves.quantiles(used.astype(np.intp))


#: Posterior sds that families disagree by on silent exits, or on a dwell's median or 90 % point, from where on all of them
#: are drawn from: at 0.2 sd a 90 % interval of the likeliest family alone still holds the truth 89.4 % of the time.
_DOUBT: Final = 0.2
#: Shape of the weights' tail from where on they have no variance. Where open spells may belong to a heavy tail that hardly
#: any draw has, shapes are 0.6 to 0.7: 90 % points of such a link reached to 36 days where they reach to 70.
_HEAVY: Final = 0.5


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Exact:
    """Draws of a touchpoint from the exact posterior: links, shares (draw, persona, link), log weights, gates."""

    links: list[LinkDwell]
    shares: Floats
    logs: Floats
    gates: tuple[Gate, ...]


def _put_right(fit: Fit, i: int, name: str, draws: int, seed: int) -> _Exact:
    """Weight the surrogate's draws to the exact posterior, or, where weights are poor or families in doubt, sample that."""
    links, live = fit.links[i], fit.rows.present[i]
    shares = fit.shares[:, i][..., live]
    logs = log_weights(links, fit.spreads[i], shares, fit.factors[i])
    if _poor(logs) or fit.doubts[i] > _DOUBT:
        found = sample_chains(_given(fit, i), draws=draws, seed=seed, name=name)
        return _Exact(list(found.links), found.shares, np.zeros(len(found.shares)), found.gates)
    if not any(spread.silent.size for spread in fit.spreads[i]):
        return _Exact(links, shares, logs, ())
    gates = (
        Gate(f'effective draws at "{name}" (open spells)', weight_size(logs), ESS_LIMIT, "at least"),
        Gate(f'Pareto k at "{name}" (open spells)', pareto_tail(logs), PARETO_LIMIT),
    )
    return _Exact(links, shares, logs, gates)


def _poor(logs: Floats) -> bool:
    """Return whether chains are needed: weights of infinite variance pass the gate on their tail, and miss slow customers."""
    return weight_size(logs) < ESS_LIMIT or pareto_tail(logs) > _HEAVY


def _given(fit: Fit, i: int) -> Given:
    """Return the surrogate of a touchpoint, for chains to start from."""
    live, spreads = fit.rows.present[i], fit.spreads[i]
    rows = Rows(
        fit.rows.alpha[i, live], fit.rows.tilt[i][:, live], fit.rows.counts[i][:, live],
        np.stack([spread.by_link for spread in spreads]), fit.factors[i], fit.theta[:, i][:, live], fit.kappa[:, i],
    )  # fmt: skip
    return Given(tuple(fit.links[i]), spreads, rows, fit.shares[:, i][..., live], fit.stories[i])


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
