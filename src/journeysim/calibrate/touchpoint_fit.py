"""Rows and dwells of every observed touchpoint: families chosen, open spells spread, working draws of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.account import DwellAccount
from journeysim.calibrate.counts import (
    Bins,
    Counts,
    observed_touchpoints,
    share_rows,
    silent_outcomes,
)
from journeysim.calibrate.dwells.beliefs import dwell_belief
from journeysim.calibrate.dwells.choice import worth_trying
from journeysim.calibrate.dwells.doubt import POSSIBLE, FamilyDraws, draw_families, evidence_by_family
from journeysim.calibrate.gates import ESS_LIMIT, Gate
from journeysim.calibrate.shares import LEAST_WEIGHT, ShareRows, fit_shares
from journeysim.calibrate.silence.open_spells import LinkDwell, Spread, silent_link, spread_open, tempering
from journeysim.calibrate.silence.settle import SilentFit, Story, settle_silent
from journeysim.model.draws import Draws, tables_of
from journeysim.model.dwell import Family
from journeysim.model.journey import JourneyMap, Touchpoint, link_id
from journeysim.model.quantity import Floats

#: Draws the fit works with before some of them are kept; enough for the gates on effective sizes.
WORKING_DRAWS: Final = 4000


@final
@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Everything fitted, before open spells are put right: working draws of shares and of the dwells of every link."""

    touchpoints: tuple[Touchpoint, ...]
    rows: ShareRows
    links: tuple[list[LinkDwell], ...]
    spreads: tuple[tuple[Spread, ...], ...]
    factors: tuple[float, ...]
    shares: Floats  # (draw, touchpoint, persona, link)
    theta: Floats  # (draw, touchpoint, link), what pools the personas
    kappa: Floats  # (draw, touchpoint)
    stories: tuple[tuple[Story, ...], ...]
    doubts: tuple[float, ...]  # how far families disagree, in posterior sds
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


def fit_touchpoints(journey: JourneyMap, counts: Counts, prior: Draws, seed: int) -> Fit:
    """Return families, working draws and gates of every touchpoint that the observations say something about."""
    touchpoints = observed_touchpoints(counts, journey)
    rows = share_rows(counts, journey, touchpoints)
    started = [_links_of(journey, counts, prior, tp, rows.targets[i]) for i, tp in enumerate(touchpoints)]
    links, spreads, choices, stories, doubts = [], [], {}, [], []
    for i, (touchpoint, dwells) in enumerate(zip(touchpoints, started, strict=True)):
        to_tell_apart = len(dwells) > 1 and any(link.silent for link in dwells)  # the only way out needs no telling
        if to_tell_apart and any(counts.silent(g, touchpoint.name).size for g in rows.personas):
            found = _settle_silent(counts, touchpoint, dwells, rows, i)
            settled, spread, chosen = found.links, found.spreads, found.choices
        else:
            found = None
            (settled, spread), chosen = _settle(counts, touchpoint, dwells, rows, i, seed), {}
        stories.append(found.stories if found else ())
        doubts.append(found.disagreement if found else 0.0)
        links.append(settled)
        spreads.append(_possible(spread, rows.tilt[i][:, rows.present[i]] > 0))
        choices.update(chosen)
    factors = tuple(tempering(row, spread) for row, spread in zip(rows.counts, spreads, strict=True))
    full = replace(rows, counts=_with_open(rows, spreads) * np.reshape(factors, (-1, 1, 1)))
    fitted = fit_shares(full, seed=seed, draws=prior.count)
    drawn, sizes = [], {}
    for dwells, spread, factor in zip(links, spreads, factors, strict=True):
        finished, fits = _draw_dwells(dwells, spread, factor, seed, len(fitted.shares))
        drawn.append(finished)
        sizes.update({name: fit.effective for name, fit in fits.items()})
        choices = {name: fit.choice for name, fit in fits.items()} | choices
    gates = [*fitted.gates]
    if sizes:
        gates.append(Gate("effective draws of a dwell", min(sizes.values()), ESS_LIMIT, "at least"))
    accounts = tuple(
        DwellAccount.of(link.name, sum(bins.size for bins in link.done), _family(prior, link), choices.get(link.name))
        for dwells in drawn for link in dwells
    )  # fmt: skip
    return Fit(touchpoints, rows, tuple(drawn), tuple(spreads), factors, fitted.shares,
               fitted.theta, fitted.kappa, tuple(stories), tuple(doubts), tuple(gates), accounts)  # fmt: skip


def _family(prior: Draws, link: LinkDwell) -> Family:
    return Family(int(prior.data["family"].values[0, prior.links.index(link.name)])) if link.silent else link.family


def _links_of(
    journey: JourneyMap, counts: Counts, prior: Draws, touchpoint: Touchpoint, targets: tuple[str, ...]
) -> list[LinkDwell]:
    found = []
    for target in targets:
        label = link_id(touchpoint.name, target)
        at = prior.links.index(label)
        families = prior.data["family"].values[:, at]
        family = Family(int(families[0]))
        done = tuple(counts.dwells(persona, (touchpoint.name, target)) for persona in journey.persona_names)
        if target in silent_outcomes(counts, journey):
            found.append(silent_link(label, dwell_belief(journey, touchpoint, target), done))
            continue
        learned = family is not Family.FIXED and any(bins.size for bins in done)
        family = Family.LOGNORMAL if learned and family is Family.EMPIRICAL else family  # to start from: it is chosen
        found.append(
            LinkDwell(
                label, dwell_belief(journey, touchpoint, target), family, done, learned,
                prior.values("dwell_a")[:, :, -1, at], prior.values("dwell_b")[:, :, -1, at],
                families, tables_of(prior.data),
            )
        )  # fmt: skip
    return found


def _settle(
    counts: Counts, touchpoint: Touchpoint, dwells: list[LinkDwell], rows: ShareRows, i: int, seed: int
) -> tuple[list[LinkDwell], tuple[Spread, ...]]:
    """Find likely families without open spells, spread the open spells, find them again with them, spread again."""
    silent = tuple(counts.silent(persona, touchpoint.name) for persona in rows.personas)
    live = rows.present[i]
    observed, alpha = rows.counts[i][:, live], rows.alpha[i, live]
    none = tuple(Bins(bins.low[:0], bins.high[:0], bins.count[:0]) for bins in silent)
    spreads = spread_open(dwells, none, observed, alpha)
    for _ in range(2 if any(bins.size for bins in silent) else 1):
        dwells = [_with_evidence(link, _data(link, j, spreads), seed) for j, link in enumerate(dwells)]
        spreads = spread_open(dwells, silent, observed, alpha)
    return dwells, spreads


def _with_evidence(link: LinkDwell, data: list[tuple[Bins, Bins]], seed: int) -> LinkDwell:
    """Return the link with its families' evidence; those that were hopeless before are not tried again."""
    if not link.learned:
        return link
    possible = worth_trying(link.evidence) if link.evidence else POSSIBLE
    found = evidence_by_family(link.belief, data, seed=seed, name=link.name, possible=possible)
    return replace(link, family=next(iter(found)), evidence=found)


def _settle_silent(
    counts: Counts, touchpoint: Touchpoint, dwells: list[LinkDwell], rows: ShareRows, i: int
) -> SilentFit:
    live = rows.present[i]
    alphas = np.maximum(rows.alpha[i, live] * rows.tilt[i][:, live], LEAST_WEIGHT)
    alphas *= rows.alpha[i].sum() / alphas.sum(axis=1, keepdims=True)
    silent = tuple(counts.silent(persona, touchpoint.name) for persona in rows.personas)
    return settle_silent(dwells, silent, rows.counts[i][:, live], alphas)


def _data(link: LinkDwell, j: int, spreads: tuple[Spread, ...]) -> list[tuple[Bins, Bins]]:
    """Return a link's completed dwells and its part of the open spells, by persona."""
    return [(done, spread.on(j)) for done, spread in zip(link.done, spreads, strict=True)]


def _possible(spreads: tuple[Spread, ...], possible: NDArray[np.bool_]) -> tuple[Spread, ...]:
    """Return the spreads with no open spell on a link that its persona does not have, shape (persona, link)."""
    weights = [spread.weights * row for spread, row in zip(spreads, possible, strict=True)]
    return tuple(
        Spread(spread.silent, kept / kept.sum(axis=1, keepdims=True)) if not np.all(row) else spread
        for spread, kept, row in zip(spreads, weights, possible, strict=True)
    )


def _with_open(rows: ShareRows, spreads: list[tuple[Spread, ...]]) -> Floats:
    counts = rows.counts.copy()
    for i, by_persona in enumerate(spreads):
        for g, spread in enumerate(by_persona):
            counts[i, g, rows.present[i]] += spread.by_link
    return counts


def _draw_dwells(
    dwells: list[LinkDwell], spreads: tuple[Spread, ...], factor: float, seed: int, draws: int
) -> tuple[list[LinkDwell], dict[str, FamilyDraws]]:
    finished, fits = [], {}
    for j, link in enumerate(dwells):
        if not link.learned:
            rows = np.arange(draws) % len(link.a)
            finished.append(replace(link, a=link.a[rows], b=link.b[rows], families=link.families[rows]))
            continue
        fit = draw_families(
            link.belief, _data(link, j, spreads), link.evidence or {link.family: 0.0}, seed=seed, draws=draws,
            name=link.name, factor=factor,
        )  # fmt: skip
        finished.append(replace(link, a=fit.a, b=fit.b, families=fit.families, curves=fit.curves, known=fit.tables,
                                logs=fit.logs))  # fmt: skip
        fits[link.name] = fit
    return finished, fits
