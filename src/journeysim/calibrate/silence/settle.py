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
from journeysim.calibrate.dwells.choice import FamilyChoice, worth_trying
from journeysim.calibrate.dwells.families import CANDIDATES, from_log_moments, survival, to_scale_shape
from journeysim.calibrate.silence.mode import JointMode, find_joint_mode
from journeysim.calibrate.silence.open_spells import LinkDwell, Spread
from journeysim.calibrate.silence.points import Observed, Points, explained
from journeysim.calibrate.silence.target import JointTarget, joint_target, of_families
from journeysim.model.dwell import Family, ppf
from journeysim.model.quantity import Floats

_PASSES: Final = 3
_PROBABILITIES: Final = (np.arange(50) + 0.5) / 50
_LEAST: Final = 1e-300
_ROW: Final = np.zeros(1, dtype=np.intp)
#: Stories told: no more than these, none this far behind (a weight of 1 in 400).
_MOST_STORIES: Final = 12
_MATTERS: Final = 6.0
_DEGREES: Final = 5.0
#: Points of a dwell that families should agree on.
_POINTS: Final = (0.5, 0.9)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Links with their families, and every persona's posterior and its mode."""

    links: tuple[LinkDwell, ...]
    targets: tuple[JointTarget, ...]
    modes: tuple[JointMode, ...]

    @property
    def evidence(self) -> float:
        return float(sum(mode.evidence for mode in self.modes))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One explanation of the silences: families of the links, log evidence behind the best, every persona's mode."""

    families: tuple[Family, ...]
    behind: float
    modes: tuple[tuple[JointTarget, JointMode], ...]

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        """Return points around the modes: Student t's of their curvature, persona by persona."""
        found = []
        for target, mode in self.modes:
            size = (count, len(mode.at))
            wide = rng.standard_normal(size) / np.sqrt(rng.chisquare(_DEGREES, (count, 1)) / _DEGREES)
            found.append(target.points(mode.at + wide @ mode.root.T, rng.integers(0, 2**31, count)))
        logs, phi = (np.concatenate([getattr(points, part) for points in found], axis=1) for part in ("logs", "phi"))
        return Points(logs, phi, found[0].row)


@final
@dataclass(frozen=True, slots=True, eq=False)
class SilentFit:
    """Links with families, spread of the open spells, choices by link, what families differ on, and stories.

    `behind` (set,) is the log evidence behind the best of every set of families tried. `figures` (set, figure) are, for the
    persona with most customers, the silent share, and medians and 90 % points of the dwells on the log scale; `within`
    (figure,) are their posterior sds in the best set.
    """

    links: list[LinkDwell]
    spreads: tuple[Spread, ...]
    choices: dict[str, FamilyChoice]
    behind: Floats
    figures: Floats
    within: Floats
    stories: tuple[Story, ...]

    @property
    def disagreement(self) -> float:
        """Largest spread of a figure between families, each by its evidence, in posterior sds of the chosen ones."""
        weights = np.exp(self.behind - self.behind.max())
        weights /= weights.sum()
        spread = np.sqrt(weights @ (self.figures - weights @ self.figures) ** 2)
        return float(np.max(spread / self.within))


def settle_silent(links: Sequence[LinkDwell], silent: tuple[Bins, ...], counts: Floats, alphas: Floats) -> SilentFit:
    """Return families and spread at the joint mode; `counts` and `alphas` have shape (persona, link)."""
    bases = tuple(
        joint_target(_observed(tuple(links), g, silent, counts), alphas[g], np.ones((1, len(links))))
        for g in range(len(silent))
    )
    best = _fit(tuple(links), bases, None)
    tried = {_families(best): best}
    choices: dict[str, FamilyChoice] = {}
    candidates: dict[str, tuple[Family, ...]] = {link.name: CANDIDATES for link in links if link.learned}
    for _ in range(_PASSES):
        before = _families(best)
        for j, link in enumerate(links):
            if link.learned:
                families = candidates[link.name]
                found = [_with_family(best, j, family, bases, tried) for family in families]
                found.sort(key=lambda fit: -fit.evidence)
                best, second = found[:2]
                candidates[link.name] = worth_trying({fit.links[j].family: fit.evidence for fit in found})
                margin = best.evidence - second.evidence
                choices[link.name] = FamilyChoice(best.links[j].family, second.links[j].family, margin, 0.0)
        if _families(best) == before:
            break
    spreads = tuple(_spread(best, g) for g in range(len(bases)))
    most = int(np.argmax(counts.sum(axis=1) + [bins.size for bins in silent]))
    figures, within = _rivals(list(tried.values()), best, most)
    behind = np.array([fit.evidence - best.evidence for fit in tried.values()])
    ranked = sorted(tried.values(), key=lambda fit: -fit.evidence)[:_MOST_STORIES]
    matter = [fit for fit in ranked if fit.evidence > best.evidence - _MATTERS]
    stories = tuple(_story(fit, fit.evidence - best.evidence) for fit in matter)
    return SilentFit(list(best.links), spreads, choices, behind, figures, within, stories)


#: What was observed of every persona, with the families that links began with.
Bases = tuple[JointTarget, ...]


def _families(fit: _Fitted) -> tuple[Family, ...]:
    return tuple(link.family for link in fit.links)


def _with_family(
    fit: _Fitted, j: int, family: Family, bases: Bases, tried: dict[tuple[Family, ...], _Fitted]
) -> _Fitted:
    links = tuple(replace(link, family=family) if k == j else link for k, link in enumerate(fit.links))
    key = tuple(link.family for link in links)
    if key not in tried:
        tried[key] = _fit(links, bases, fit)
    return tried[key]


def _observed(links: tuple[LinkDwell, ...], g: int, silent: tuple[Bins, ...], counts: Floats) -> Observed:
    one = (replace(link, done=link.done[g : g + 1], a=link.a[:, g : g + 1], b=link.b[:, g : g + 1],
                   belief=replace(link.belief, apart=link.belief.apart[g : g + 1])) for link in links)  # fmt: skip
    return Observed(tuple(one), silent[g : g + 1], counts[g : g + 1])


def _fit(links: tuple[LinkDwell, ...], bases: Bases, near: _Fitted | None) -> _Fitted:
    modes, targets = [], tuple(of_families(base, [link.family for link in links]) for base in bases)
    for g, target in enumerate(targets):
        starts = [_moved_start(target, near.targets[g], near.modes[g])] if near else [*_first_starts(target)]
        found = [find_joint_mode(target.value_and_gradient, start, target.gradients) for start in starts]
        best = max(found, key=lambda mode: mode.evidence)
        modes.append(replace(best, evidence=best.evidence + target.log_constant))
    return _Fitted(links, targets, tuple(modes))


def _story(fit: _Fitted, behind: float) -> Story:
    return Story(_families(fit), behind, tuple(zip(fit.targets, fit.modes, strict=True)))


def _first_starts(target: JointTarget) -> Floats:
    """Return where everyone still there took the silent link, and where half of them are only slow."""
    alpha = np.asarray(target.inputs["alpha"])
    return np.vstack([target.flat(explained(target.observed, alpha, *story)) for story in ((1.0, 0.0), (0.5, 1.0))])


def _moved_start(target: JointTarget, near: JointTarget, mode: JointMode) -> Floats:
    """Return the mode of other families; where a family is new, its member of the same moments of the log."""
    points = near.points(mode.at[None], _ROW)
    phi = points.phi.copy()
    for index, j in enumerate(target.observed.learned):
        old, new = near.observed.links[j].family, target.observed.links[j].family
        if new is not old:
            days = ppf(old, *to_scale_shape(old, *points.phi[0, 0, index]), _PROBABILITIES)
            logs = np.log(np.maximum(days, 1e-9))
            phi[0, 0, index] = from_log_moments(new, float(logs.mean()), max(float(logs.std()), 0.05))
    return np.asarray(target.flat(Points(points.logs, phi, _ROW))[0])


def _spread(fit: _Fitted, g: int) -> Spread:
    target = fit.targets[g]
    observed, points = target.observed, target.points(fit.modes[g].at[None], _ROW)
    silent = observed.silent[0]
    curves = []
    for j, link in enumerate(observed.links):
        if link.learned:
            a, b = to_scale_shape(link.family, *points.phi[0, 0, observed.learned.index(j)])
        else:
            a, b = np.asarray(np.median(link.a)), np.asarray(np.median(link.b))
        curves.append(survival(link.family, a, b, silent.middle, link.tables))
    joint = np.exp(points.logs[0, 0]) * np.maximum(np.stack(curves, axis=1), _LEAST)
    return Spread(silent, joint / joint.sum(axis=1, keepdims=True))


def _rivals(fits: list[_Fitted], best: _Fitted, g: int) -> tuple[Floats, Floats]:
    """Return the figures of every set of families at persona g's mode (set, figure), and their sds in the best one."""

    def figures(fit: _Fitted, at: Floats) -> Floats:
        return _figures(fit.links, fit.targets[g].points(at, np.zeros(len(at), np.intp)))

    found = np.concatenate([figures(fit, fit.modes[g].at[None]) for fit in fits])
    mode, step = best.modes[g], 1e-4
    slope = (figures(best, mode.at + step * np.eye(len(mode.at))) - figures(best, mode.at[None])) / step
    return found, np.maximum(np.linalg.norm(mode.root.T @ slope, axis=0), 1e-6)


def _figures(links: tuple[LinkDwell, ...], points: Points) -> Floats:
    """Return the silent share, and median and 90 % point of every learned dwell on the log scale, shape (point, figure)."""
    exits = np.array([link.silent for link in links])
    found = [np.exp(points.logs[:, 0])[:, exits].sum(axis=1)]
    for k, link in enumerate(link for link in links if link.learned):
        a, b = to_scale_shape(link.family, *points.phi[:, 0, k].T)
        found += [np.log(np.maximum(ppf(link.family, a, b, part), 1e-9)) for part in _POINTS]
    return np.stack(found, axis=1)
