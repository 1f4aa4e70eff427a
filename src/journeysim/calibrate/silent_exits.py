"""Touchpoints with a link to a silent outcome: which dwell families, and where the open spells went.

What a customer does who has not been seen for long depends on the tail of the other links' dwells: families must be
compared under the likelihood of everything, open spells and silent link included. A family chosen on the completed
moves alone is fooled by the cut-off, which hides its tail. So families are compared by their evidence (Laplace's
method, personas one by one), link after link until none changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwell_families import CANDIDATES, from_log_moments, survival, to_scale_shape
from journeysim.calibrate.dwells import FamilyChoice
from journeysim.calibrate.joint import Observed, Points
from journeysim.calibrate.joint_mode import JointMode, Target, find_joint_mode
from journeysim.calibrate.open_spells import LinkDwell, Spread
from journeysim.model.dwell import Family, ppf
from journeysim.model.quantity import Floats

_PASSES: Final = 3
_PROBABILITIES: Final = (np.arange(50) + 0.5) / 50
_LEAST: Final = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Links with their families, and every persona's mode."""

    links: tuple[LinkDwell, ...]
    modes: tuple[JointMode, ...]

    @property
    def evidence(self) -> float:
        return float(sum(mode.evidence for mode in self.modes))


@final
@dataclass(frozen=True, slots=True, eq=False)
class SilentFit:
    """Links with families, spread of the open spells, choices by link, and the silent share by family choice.

    `rivals` are (log evidence behind the best, silent share of the persona with most customers) of every set of
    families tried; `within` is the posterior sd of that share.
    """

    links: list[LinkDwell]
    spreads: tuple[Spread, ...]
    choices: dict[str, FamilyChoice]
    rivals: tuple[tuple[float, float], ...]
    within: float

    @property
    def disagreement(self) -> float:
        """Spread of the silent share between families, each by its evidence, in posterior sds of the chosen ones."""
        behind, share = np.array(self.rivals).T
        weights = np.exp(behind - behind.max())
        weights /= weights.sum()
        return float(np.sqrt(weights @ (share - weights @ share) ** 2) / self.within)


def settle_silent(links: Sequence[LinkDwell], silent: tuple[Bins, ...], counts: Floats, alphas: Floats) -> SilentFit:
    """Return families and spread at the joint mode; `counts` and `alphas` have shape (persona, link)."""
    best = _fit(tuple(links), silent, counts, alphas, None)
    tried = {_families(best): best}
    choices: dict[str, FamilyChoice] = {}
    for _ in range(_PASSES):
        before = _families(best)
        for j, link in enumerate(links):
            if link.learned:
                found = [_with_family(best, j, family, (silent, counts, alphas), tried) for family in CANDIDATES]
                found.sort(key=lambda fit: -fit.evidence)
                best, second = found[:2]
                margin = best.evidence - second.evidence
                choices[link.name] = FamilyChoice(best.links[j].family, second.links[j].family, margin, 0.0)
        if _families(best) == before:
            break
    spreads = tuple(_spread(best, g, silent, counts) for g in range(len(silent)))
    rivals, within = _rivals(list(tried.values()), best, silent, counts, alphas)
    return SilentFit(list(best.links), spreads, choices, rivals, within)


Data = tuple[tuple[Bins, ...], Floats, Floats]


def _families(fit: _Fitted) -> tuple[Family, ...]:
    return tuple(link.family for link in fit.links)


def _with_family(fit: _Fitted, j: int, family: Family, data: Data, tried: dict[tuple[Family, ...], _Fitted]) -> _Fitted:
    links = tuple(replace(link, family=family) if k == j else link for k, link in enumerate(fit.links))
    key = tuple(link.family for link in links)
    if key not in tried:
        tried[key] = _fit(links, *data, fit)
    return tried[key]


def _observed(links: tuple[LinkDwell, ...], g: int, silent: tuple[Bins, ...], counts: Floats) -> Observed:
    one = (replace(link, done=link.done[g : g + 1], a=link.a[:, g : g + 1], b=link.b[:, g : g + 1],
                   belief=replace(link.belief, apart=link.belief.apart[g : g + 1])) for link in links)  # fmt: skip
    return Observed(tuple(one), silent[g : g + 1], counts[g : g + 1])


def _fit(
    links: tuple[LinkDwell, ...], silent: tuple[Bins, ...], counts: Floats, alphas: Floats, near: _Fitted | None
) -> _Fitted:
    modes = []
    for g in range(len(silent)):
        observed = _observed(links, g, silent, counts)
        target = Target.of(observed, alphas[g])
        starts = [_gone_start(target)]
        if near is None:
            starts.append(_slow_start(target))
        else:
            starts.append(
                _moved_start(target, Target.of(_observed(near.links, g, silent, counts), alphas[g]), near.modes[g])
            )
        modes.append(max((find_joint_mode(target, start) for start in starts), key=lambda mode: mode.evidence))
    return _Fitted(links, tuple(modes))


def _start(target: Target, weights: Floats, moments: Sequence[tuple[float, float]]) -> Floats:
    """Return flat coordinates of a row in proportion to the weights, and dwells with these moments of the log."""
    phi = np.zeros((1, 1, len(moments), 2))
    for index, (j, pair) in enumerate(zip(target.observed.learned, moments, strict=True)):
        phi[0, 0, index] = from_log_moments(target.observed.links[j].family, *pair)
    logs = np.log(weights / weights.sum())[None, None]
    return np.asarray(target.flat(Points(logs, phi, np.zeros(1, dtype=np.intp)))[0])


def _seen_moments(link: LinkDwell, stretch: float) -> tuple[float, float]:
    """Return mean and sd of the log of the observed dwells, the mean later by `stretch` sds."""
    done = link.done[0]
    if done.size < 2:
        return link.belief.mean_log + link.belief.apart[0], link.belief.sd_log
    logs = np.log(done.middle)
    mean = float(np.average(logs, weights=done.count))
    sd = max(float(np.sqrt(np.average((logs - mean) ** 2, weights=done.count))), 0.05)
    return mean + stretch * sd, sd


def _gone_start(target: Target) -> Floats:
    """Everyone still there took the silent link."""
    observed = target.observed
    exits = np.array([link.silent for link in observed.links], dtype=np.float64)
    weights = target.alpha + observed.counts[0] + observed.silent[0].size * exits / exits.sum()
    return _start(target, weights, [_seen_moments(observed.links[j], 0.0) for j in observed.learned])


def _slow_start(target: Target) -> Floats:
    """Half of those still there are only slow."""
    observed = target.observed
    exits = np.array([link.silent for link in observed.links], dtype=np.float64)
    weights = target.alpha + observed.counts[0] + 0.5 * observed.silent[0].size * exits / exits.sum()
    weights = weights + 0.5 * observed.silent[0].size * (1 - exits) / max(1.0, float(np.sum(1 - exits)))
    return _start(target, weights, [_seen_moments(observed.links[j], 1.0) for j in observed.learned])


def _moved_start(target: Target, old: Target, mode: JointMode) -> Floats:
    """Return another family's mode, with members of the new families of the same moments of the log."""
    points = old.points(mode.at[None])
    moments = []
    for index, j in enumerate(old.observed.learned):
        family = old.observed.links[j].family
        logs = np.log(np.maximum(ppf(family, *to_scale_shape(family, *points.phi[0, 0, index]), _PROBABILITIES), 1e-9))
        moments.append((float(logs.mean()), max(float(logs.std()), 0.05)))
    return _start(target, np.exp(points.logs[0, 0]), moments)


def _spread(fit: _Fitted, g: int, silent: tuple[Bins, ...], counts: Floats) -> Spread:
    observed = _observed(fit.links, g, silent, counts)
    points = Target.of(observed, np.ones(len(fit.links))).points(fit.modes[g].at[None])
    curves = []
    for j, link in enumerate(observed.links):
        if link.learned:
            a, b = to_scale_shape(link.family, *points.phi[0, 0, observed.learned.index(j)])
        else:
            a, b = np.asarray(np.median(link.a)), np.asarray(np.median(link.b))
        curves.append(survival(link.family, a, b, silent[g].middle, link.table))
    joint = np.exp(points.logs[0, 0]) * np.maximum(np.stack(curves, axis=1), _LEAST)
    return Spread(silent[g], joint / joint.sum(axis=1, keepdims=True))


def _rivals(
    fits: list[_Fitted], best: _Fitted, silent: tuple[Bins, ...], counts: Floats, alphas: Floats
) -> tuple[tuple[tuple[float, float], ...], float]:
    g = int(np.argmax(counts.sum(axis=1) + [bins.size for bins in silent]))
    exits = np.array([link.silent for link in best.links])

    def share(fit: _Fitted, at: Floats) -> Floats:
        points = Target.of(_observed(fit.links, g, silent, counts), alphas[g]).points(at)
        return np.asarray(np.exp(points.logs[:, 0])[:, exits].sum(axis=1))

    rivals = tuple((fit.evidence - best.evidence, float(share(fit, fit.modes[g].at[None])[0])) for fit in fits)
    mode, step = best.modes[g], 1e-4
    slope = (share(best, mode.at + step * np.eye(len(mode.at))) - share(best, mode.at[None])) / step
    return rivals, max(float(np.sqrt(slope @ mode.spread @ slope)), 1e-6)
