"""Draws of a link's dwell when its family is in doubt: every draw has a family, drawn by its posterior probability.

With evidence Z_f, the marginal likelihood of everything seen on the link, and all candidates equally likely beforehand,

    P(family f) = Z_f / sum of Z        (Kass and Raftery 1995, Bayes factors)

What the map states is not preferred: a range of days is read as a log-normal because that is how ranges are written, not
because anybody knows the tail. Families that are not hopeless get a fiftieth of the draws at least, with weights that
take it back: where open spells are spread over links by the leading families, a rival's evidence is a little too low.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.choice import FamilyChoice, choice_of, left_out
from journeysim.calibrate.dwells.families import CANDIDATES, bin_probability, survival
from journeysim.calibrate.dwells.fit import fit_dwell
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.dwells.tables import Curves, TableFit, draw_tables, fit_tables
from journeysim.calibrate.numerics.student import log_mean
from journeysim.model.addresses import uniforms
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats

Data = Sequence[tuple[Bins, Bins]]
#: What a dwell may be: a family, or quantiles where none fits.
POSSIBLE: Final = (*CANDIDATES, Family.EMPIRICAL)
#: Families further behind than this (log evidence) are not drawn.
_HOPELESS: Final = 8.0
_FEWEST: Final = 0.02
#: Draws, and centres of tables, that are enough to tell a family's evidence; and centres behind tables that are kept.
_FIRST: Final = 400
_FIRST_CENTRES: Final = 200
_CENTRES: Final = 1200


@final
@dataclass(frozen=True, slots=True, eq=False)
class FamilyDraws:
    """Draws of a link's dwell: family (draw,), scale and shape (draw, persona), and the curves of empirical ones.

    Of an empirical draw the shape is the row of its curve, and `tables` is what curves were drawn from. `logs` (draw,) are
    log weights that make the draws those of the posterior; `effective` is the effective number of draws behind scale and
    shape.
    """

    families: NDArray[np.int8]
    a: Floats
    b: Floats
    curves: Curves | None
    tables: TableFit | None
    logs: Floats
    choice: FamilyChoice
    effective: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Draws of one family; `logs` (draw,) are log weights whose mean is the evidence."""

    family: Family
    a: Floats
    b: Floats
    curves: Curves | None
    logs: Floats
    effective: float


def evidence_by_family(
    belief: DwellBelief, data: Data, *, seed: int, name: str, possible: Sequence[Family]
) -> dict[Family, float]:
    """Return the log evidence of each family, the likeliest first; `data` is (completed, open with weights) by persona."""
    if len(possible) == 1:
        return dict.fromkeys(possible, 0.0)
    found = {family: _evidence(family, belief, data, seed, name) for family in possible}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _evidence(family: Family, belief: DwellBelief, data: Data, seed: int, name: str) -> float:
    if family is not Family.EMPIRICAL:
        return fit_dwell(family, belief, data, seed=seed, draws=_FIRST, name=name).evidence
    fit = fit_tables(belief, data, seed=seed, centres=_FIRST_CENTRES, name=name)
    if not any(still.size for _, still in data):
        return fit.evidence
    return fit.evidence + log_mean(draw_tables(fit, seed=seed, draws=_FIRST, name=name).logs)


def draw_families(
    belief: DwellBelief,
    data: Data,
    evidence: Mapping[Family, float],
    *,
    seed: int,
    draws: int,
    name: str,
    factor: float = 1.0,
) -> FamilyDraws:
    """Return draws from the posterior of family, scale and shape.

    `evidence` is that of `evidence_by_family`, and says how many draws a family gets. All counts of the families are
    multiplied by `factor`, and their `logs` lack the rest of the likelihood. Of empirical dwells only open spells are, so
    that curves lie as far apart as what is known lets them, and their `logs` have all of it.
    """
    best = max(evidence.values())
    tried = {family: logs for family, logs in evidence.items() if logs >= best - _HOPELESS}
    chance = special.softmax(list(tried.values()))
    part = np.maximum(chance, _FEWEST) / np.maximum(chance, _FEWEST).sum()
    counts = np.diff(np.round(np.cumsum(part) * draws).astype(np.int64), prepend=0)
    likely = (*tried, *list(evidence)[:2])
    told = [(done, still.times(factor)) for done, still in data]
    tables = fit_tables(belief, told, seed=seed, centres=_CENTRES, name=name) if Family.EMPIRICAL in likely else None
    given = _Given(belief, data, seed, name, tables)
    found = [_draw(family, given, count, factor) for family, count in zip(tried, counts, strict=True)]
    effective = float(1.0 / np.sum(chance**2 / [each.effective for each in found]))
    weights = np.concatenate([each.logs - np.log(share) for each, share in zip(found, part, strict=True)])
    choice = _choice(evidence, given)
    return _joined(
        found, weights, choice, effective, tables, uniforms(seed, draws, "posterior dwell", name, "order of families")
    )


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What the draws of a link's families are made from; `tables` where quantiles are among the families."""

    belief: DwellBelief
    data: Data
    seed: int
    name: str
    tables: TableFit | None


def _draw(family: Family, given: _Given, count: int, factor: float) -> _Drawn:
    """Return so many draws of one family."""
    if family is Family.EMPIRICAL and given.tables is not None:
        made = draw_tables(given.tables, seed=given.seed, draws=count, name=given.name, data=given.data)
        logs, shape = given.tables.evidence + made.logs, made.rows.astype(np.float64)
        return _Drawn(family, np.ones(shape.shape), shape, made.curves, logs, given.tables.effective)
    fewer = [(done.times(factor), still.times(factor)) for done, still in given.data]
    fit = fit_dwell(family, given.belief, fewer, seed=given.seed, draws=max(count, _FIRST), name=given.name)
    rows = ((np.arange(count) + 0.5) * len(fit.a) / max(count, 1)).astype(np.intp)
    return _Drawn(family, fit.a[rows], fit.b[rows], None, np.full(count, fit.evidence), fit.effective)


def _joined(
    parts: list[_Drawn], logs: Floats, choice: FamilyChoice, effective: float, tables: TableFit | None, u: Floats
) -> FamilyDraws:
    """Return the families' draws as one set in the order of u, so that families and other links do not line up."""
    families = np.repeat([int(part.family) for part in parts], [len(part.logs) for part in parts]).astype(np.int8)
    a, b = (np.concatenate([getattr(part, name) for part in parts]) for name in ("a", "b"))
    curves = next((part.curves for part in parts if part.curves is not None), None)
    order = np.argsort(u)
    return FamilyDraws(
        families[order], a[order], b[order], curves, tables, (logs - logs.max())[order], choice, effective
    )


def _choice(evidence: Mapping[Family, float], given: _Given) -> FamilyChoice:
    """Return the two likeliest families, and how far the first is ahead in predicting a customer left out."""
    first, *others = evidence
    if not others:
        return FamilyChoice(first, None, 0.0, 0.0)
    points = [_pointwise(_draw(family, given, _FIRST, 1.0), given.data) for family in (first, others[0])]
    counts = np.concatenate([part.count for done, still in given.data for part in (done, still) if part.size])
    return choice_of((first, others[0]), (points[0], points[1]), counts)


def _pointwise(drawn: _Drawn, data: Data) -> Floats:
    """Return the log predictive density of one customer of each bin given all others, personas joined."""
    found, even = [], np.full(len(drawn.logs), 1.0 / len(drawn.logs))
    for g, (done, still) in enumerate(data):
        if done.size:
            found.append(left_out(even, _density(drawn, g, done)))
        if still.size:
            found.append(left_out(even, _longer(drawn, g, still.middle)))
    return np.concatenate(found)


def _density(drawn: _Drawn, g: int, done: Bins) -> Floats:
    if drawn.curves is None:
        return bin_probability(drawn.family, drawn.a[:, g], drawn.b[:, g], done.low, done.high)
    return _longer(drawn, g, done.low) - _longer(drawn, g, done.high)


def _longer(drawn: _Drawn, g: int, times: Floats) -> Floats:
    if drawn.curves is None:
        return survival(drawn.family, drawn.a[:, g, None], drawn.b[:, g, None], times)
    return drawn.curves.at(drawn.b[:, g].astype(np.intp), times)
