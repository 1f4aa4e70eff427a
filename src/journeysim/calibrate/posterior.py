"""Journey map + observations -> posterior draws, with gates and an account of where every number comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.account import DwellAccount, TouchpointAccount, notes_on, notes_on_gone
from journeysim.calibrate.addressed import dirichlet
from journeysim.calibrate.beliefs import normalised
from journeysim.calibrate.counts import (
    Bins,
    Counts,
    count_transitions,
    learnable,
    observed_touchpoints,
    share_rows,
    silent_outcomes,
)
from journeysim.calibrate.dwell_families import to_scale_shape
from journeysim.calibrate.dwells import FamilyChoice, choose_family, fit_dwell, resample
from journeysim.calibrate.gates import DISAGREEMENT_LIMIT, ESS_LIMIT, PARETO_LIMIT, Gate, pareto_tail, weight_size
from journeysim.calibrate.joint import Observed, Points
from journeysim.calibrate.joint_draws import joint_target, sample_jointly
from journeysim.calibrate.layers import Choice, joined, learn_layers
from journeysim.calibrate.ledger import assumptions_of
from journeysim.calibrate.map_dwells import dwell_belief
from journeysim.calibrate.open_spells import LinkDwell, Spread, log_weights, silent_link, spread_open, tempering
from journeysim.calibrate.prior import prior_draws
from journeysim.calibrate.shares import LEAST_WEIGHT, ShareRows, fit_shares
from journeysim.calibrate.silent_dwells import book_silent_exits, gone_silently
from journeysim.calibrate.silent_exits import SilentFit, settle_silent
from journeysim.model.addresses import uniforms
from journeysim.model.draws import Draws
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, Touchpoint, link_id
from journeysim.model.observations import Observations
from journeysim.model.quantity import Floats
from journeysim.model.transitions import Transitions

if TYPE_CHECKING:
    import xarray as xr

#: Draws the fit works with before `draws` of them are kept; enough for the gates on effective sizes.
WORKING_DRAWS: Final = 4000


@final
@dataclass(frozen=True, slots=True)
class Calibration:
    """What a calibration leaves: draws, gates, the account of rows and dwells, and the models chosen for its layers.

    `manifest` says what it was made from and with (versions, seed, content of the inputs), as (name, text) pairs.
    """

    draws: Draws
    gates: tuple[Gate, ...]
    touchpoints: tuple[TouchpointAccount, ...]
    dwells: tuple[DwellAccount, ...]
    notes: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    manifest: tuple[tuple[str, str], ...] = ()

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)


def calibrate(
    journey: JourneyMap,
    observed: Observations | Transitions,
    *,
    seed: int,
    draws: int = 1000,
    chains: int = 4,
    tune: int = 500,
) -> Calibration:
    """Return posterior draws of everything the observations say something about; the rest is as in `prior_draws`.

    A silent outcome leaves no event: its link gets its share from the open spells, its dwell from the map, or, where
    the map states none, the 95th percentile of the touchpoint's other dwells.

    Shares: hierarchical Dirichlet-multinomial over personas (`shares`). Dwells: family by leave-one-out predictive
    density, then location and shape with partial pooling over personas (`dwells`). Open spells belong to the joint
    likelihood of both (`open_spells`). Entry and persona shares: Dirichlet(seen_entry x share + observed). A
    touchpoint nobody was seen to leave, and one whose links differ by tenure (the table has no time since entry),
    keeps its prior; so does a dwell that the map fixes or that was never observed. `notes` says which. Everything else
    is a layer (`layers`) and needs more than a transition table.

    Raises BadInput when the table names something the map does not have.
    """
    observed = Observations(observed) if isinstance(observed, Transitions) else observed
    counts = count_transitions(observed.transitions, journey)
    prior = prior_draws(journey, draws=max(draws, WORKING_DRAWS), seed=seed)
    fit = _fit(journey, counts, prior, seed, chains, tune)
    data = prior_draws(journey, draws=draws, seed=seed).data.copy(deep=True)
    gates = list(fit.gates)
    for i, touchpoint in enumerate(fit.touchpoints):
        gates += _write_touchpoint(data, fit, i, touchpoint, seed)
    measured = _write_arrivals(data, journey, counts, seed) | fit.measured
    silent = silent_outcomes(counts, journey)
    booked = book_silent_exits(data, journey, silent)
    data, layers = learn_layers(journey, observed, data, seed=seed)
    measured = joined([measured, *(layer.measured for layer in layers)])
    posterior = Draws(data, "posterior", assumptions_of(journey, data, measured))
    accounts = tuple(_account(journey, counts, touchpoint) for touchpoint in journey.touchpoints)
    gone = {tp.name: gone_silently(data, counts, tp, silent) for tp in fit.touchpoints}
    notes = [*notes_on(journey, counts, accounts, fit.accounts, silent), *booked, *notes_on_gone(gone)]
    gates += [gate for layer in layers for gate in layer.gates]
    notes += [note for layer in layers for note in layer.notes]
    choices = tuple(choice for layer in layers for choice in layer.choices)
    return Calibration(posterior, tuple(gates), accounts, fit.accounts, tuple(notes), choices)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Everything fitted, before open spells are put right: working draws of shares and of the dwells of every link."""

    touchpoints: tuple[Touchpoint, ...]
    rows: ShareRows
    links: tuple[list[LinkDwell], ...]
    spreads: tuple[tuple[Spread, ...], ...]
    factors: tuple[float, ...]
    shares: Floats  # (draw, touchpoint, persona, link)
    gates: tuple[Gate, ...]
    accounts: tuple[DwellAccount, ...]

    @property
    def measured(self) -> dict[str, frozenset[str]]:
        """Links whose share, and whose dwell, rest on more observed customers than the map's weight."""
        more = self.rows.counts.sum(axis=(1, 2)) > self.rows.alpha.sum(axis=1)
        rows = zip(self.rows.touchpoints, self.rows.targets, more, strict=True)
        shares = frozenset(link_id(name, target) for name, targets, is_more in rows for target in targets if is_more)
        seen = {link.name: link.belief.seen for links in self.links for link in links}
        return {"share": shares, "dwell": frozenset(a.link for a in self.accounts if a.observed > seen[a.link])}


def _fit(journey: JourneyMap, counts: Counts, prior: Draws, seed: int, chains: int, tune: int) -> _Fit:
    touchpoints = observed_touchpoints(counts, journey)
    rows = share_rows(counts, journey, touchpoints)
    started = [_links_of(journey, counts, prior, tp, rows.targets[i]) for i, tp in enumerate(touchpoints)]
    links, spreads, choices, silent_gates = [], [], {}, []
    for i, (touchpoint, dwells) in enumerate(zip(touchpoints, started, strict=True)):
        if any(link.silent for link in dwells) and any(counts.silent(g, touchpoint.name).size for g in rows.personas):
            found = _settle_silent(counts, touchpoint, dwells, rows, i)
            settled, spread, chosen = found.links, found.spreads, found.choices
            silent_gates.append(Gate(f'dwell families disagree on silent exits at "{touchpoint.name}" (in sd)',
                                     found.disagreement, DISAGREEMENT_LIMIT))  # fmt: skip
        else:
            settled, spread, chosen = _settle(counts, touchpoint, dwells, rows, i)
        links.append(settled)
        spreads.append(spread)
        choices.update(chosen)
    factors = tuple(tempering(row, spread) for row, spread in zip(rows.counts, spreads, strict=True))
    full = replace(rows, counts=_with_open(rows, spreads) * np.reshape(factors, (-1, 1, 1)))
    fitted = fit_shares(full, seed=seed, draws=prior.count, chains=chains, tune=tune)
    drawn, sizes = [], {}
    for dwells, spread, factor in zip(links, spreads, factors, strict=True):
        finished, effective = _draw_dwells(dwells, spread, factor, seed, len(fitted.shares))
        drawn.append(finished)
        sizes.update(effective)
    gates = [*fitted.gates, *silent_gates]
    if sizes:
        gates.append(Gate("effective draws of a dwell", min(sizes.values()), ESS_LIMIT, "at least"))
    accounts = tuple(
        DwellAccount.of(link.name, sum(bins.size for bins in link.done), _family(prior, link), choices.get(link.name))
        for dwells in drawn for link in dwells
    )  # fmt: skip
    return _Fit(touchpoints, rows, tuple(drawn), tuple(spreads), factors, fitted.shares, tuple(gates), accounts)


def _family(prior: Draws, link: LinkDwell) -> Family:
    return Family(int(prior.data["family"].values[prior.links.index(link.name)])) if link.silent else link.family


def _links_of(
    journey: JourneyMap, counts: Counts, prior: Draws, touchpoint: Touchpoint, targets: tuple[str, ...]
) -> list[LinkDwell]:
    found = []
    for target in targets:
        label = link_id(touchpoint.name, target)
        at = prior.links.index(label)
        family = Family(int(prior.data["family"].values[at]))
        done = tuple(counts.dwells(persona, (touchpoint.name, target)) for persona in journey.persona_names)
        if target in silent_outcomes(counts, journey):
            found.append(silent_link(label, dwell_belief(journey, touchpoint, target), done))
            continue
        found.append(
            LinkDwell(
                label, dwell_belief(journey, touchpoint, target), family, done,
                family is not Family.FIXED and any(bins.size for bins in done),
                prior.values("dwell_a")[:, :, -1, at], prior.values("dwell_b")[:, :, -1, at],
                prior.values("dwell_table")[at],
            )
        )  # fmt: skip
    return found


def _settle(
    counts: Counts, touchpoint: Touchpoint, dwells: list[LinkDwell], rows: ShareRows, i: int
) -> tuple[list[LinkDwell], tuple[Spread, ...], dict[str, FamilyChoice]]:
    """Choose families without open spells, spread the open spells, choose again with them, spread again."""
    silent = tuple(counts.silent(persona, touchpoint.name) for persona in rows.personas)
    live = rows.present[i]
    observed, alpha = rows.counts[i][:, live], rows.alpha[i, live]
    none = tuple(Bins(bins.low[:0], bins.high[:0], bins.count[:0]) for bins in silent)
    spreads = spread_open(dwells, none, observed, alpha)
    chosen: dict[str, FamilyChoice] = {}
    for _ in range(2 if any(bins.size for bins in silent) else 1):
        chosen = {link.name: _choose(link, j, spreads) for j, link in enumerate(dwells) if link.learned}
        dwells = [replace(link, family=chosen[link.name].family) if link.learned else link for link in dwells]
        spreads = spread_open(dwells, silent, observed, alpha)
    return dwells, spreads, chosen


def _settle_silent(
    counts: Counts, touchpoint: Touchpoint, dwells: list[LinkDwell], rows: ShareRows, i: int
) -> SilentFit:
    live = rows.present[i]
    alphas = np.maximum(rows.alpha[i, live] * rows.tilt[i][:, live], LEAST_WEIGHT)
    alphas *= rows.alpha[i].sum() / alphas.sum(axis=1, keepdims=True)
    silent = tuple(counts.silent(persona, touchpoint.name) for persona in rows.personas)
    return settle_silent(dwells, silent, rows.counts[i][:, live], alphas)


def _choose(link: LinkDwell, j: int, spreads: tuple[Spread, ...]) -> FamilyChoice:
    return choose_family(link.belief, [(done, spread.on(j)) for done, spread in zip(link.done, spreads, strict=True)])


def _with_open(rows: ShareRows, spreads: list[tuple[Spread, ...]]) -> Floats:
    counts = rows.counts.copy()
    for i, by_persona in enumerate(spreads):
        for g, spread in enumerate(by_persona):
            counts[i, g, rows.present[i]] += spread.by_link
    return counts


def _draw_dwells(
    dwells: list[LinkDwell], spreads: tuple[Spread, ...], factor: float, seed: int, draws: int
) -> tuple[list[LinkDwell], dict[str, float]]:
    finished, sizes = [], {}
    for j, link in enumerate(dwells):
        if not link.learned:
            rows = np.arange(draws) % len(link.a)
            finished.append(replace(link, a=link.a[rows], b=link.b[rows]))
            continue
        pairs = zip(link.done, spreads, strict=True)
        data = [(done.times(factor), spread.on(j).times(factor)) for done, spread in pairs]
        fit = fit_dwell(link.family, link.belief, data, seed=seed, draws=draws, name=link.name)
        finished.append(replace(link, a=fit.a, b=fit.b))
        sizes[link.name] = fit.effective
    return finished, sizes


def _write_touchpoint(data: xr.Dataset, fit: _Fit, i: int, touchpoint: Touchpoint, seed: int) -> list[Gate]:
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


def _write_arrivals(data: xr.Dataset, journey: JourneyMap, counts: Counts, seed: int) -> dict[str, frozenset[str]]:
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


def _account(journey: JourneyMap, counts: Counts, touchpoint: Touchpoint) -> TouchpointAccount:
    moves = sum(bins.size for (_, (source, _)), bins in counts.moves.items() if source == touchpoint.name)
    silent = sum(counts.silent(persona, touchpoint.name).size for persona in journey.persona_names)
    used = moves if learnable(touchpoint) else 0.0
    weight = touchpoint.seen
    return TouchpointAccount(touchpoint.name, moves, silent, weight, weight / (weight + used))
