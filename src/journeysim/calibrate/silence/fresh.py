"""Curves of dwells that no family describes, drawn anew with open spells spread over links as chains spread them.

Were it known which link an open spell belongs to, curves would be drawn in one go, hazard after hazard (`dwells.tables`). Where
chains are says how likely it is each link's. So spells are given to links by chance, as every chain would, and curves are
drawn for each such giving e_k of them:

    proposal of a curve S = mean over k of  prior x completed moves x prod of S(t)^e_k / Z_k

with Z_k the evidence of the completed moves and these open spells. That is the posterior, had the chains got there (Tanner
and Wong 1987, The calculation of posterior distributions by data augmentation); until then it is a proposal whose density,
over prior and completed moves, is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.dwells.tables import Curves, TableFit, draw_tables
from journeysim.calibrate.numerics.student import log_mean, resample
from journeysim.calibrate.silence.open_spells import LinkDwell
from journeysim.model.event_log import Ints
from journeysim.model.quantity import Floats

_LEAST: Final = 1e-300
#: Centres of log-normals that evidence and curves rest on.
_CENTRES: Final = 200


@final
@dataclass(frozen=True, slots=True, eq=False)
class FreshCurves:
    """Open spells of a link (giving, spell), and the log evidence of the completed moves with them (giving,)."""

    given: Floats
    evidence: Floats

    def log_density(self, still: Floats) -> Floats:
        """Return log(proposal / (prior x completed moves)) of curves by their P(longer than each spell), (curve, spell)."""
        logs = np.log(np.maximum(still, _LEAST)) @ self.given.T - self.evidence
        return np.asarray(special.logsumexp(logs, axis=1) - np.log(len(self.evidence)))


def give(part: Floats, count: Floats, rng: np.random.Generator) -> Floats:
    """Return how many of so many spells (spell,) are a link's, by the part of each that chains say is, (chain, spell)."""
    whole = np.maximum(np.round(count), 1.0)
    taken = rng.binomial(whole.astype(np.int64), np.clip(part, 0.0, 1.0))
    return np.asarray(taken * (count / whole))


def fresh_curves(
    link: LinkDwell, known: TableFit, given: Floats, silent: Sequence[Bins], count: int, rng: np.random.Generator
) -> tuple[FreshCurves, LinkDwell, Ints]:
    """Return the proposal, the link with about `count` of its curves beside those it has, and their rows (curve, persona)."""
    old, seed, each = link.curves, int(rng.integers(2**63)), -(-count // len(given))
    first, evidence, rows = 0 if old is None else len(old.still), [], []
    found = [] if old is None else [old.still]
    sizes = np.cumsum([len(bins.count) for bins in silent])[:-1]
    by_some = known.some(_CENTRES)
    for k, spells in enumerate(given):
        by_persona = zip(silent, np.split(spells, sizes), strict=True)
        data = [(done, replace(bins, count=own)) for done, (bins, own) in zip(link.done, by_persona, strict=True)]
        fit = by_some.told(data)
        drawn = draw_tables(fit, seed=seed, draws=each, name=f"{link.name}, {k}")
        evidence.append(fit.evidence + log_mean(drawn.logs))
        rows.append(first + drawn.rows[resample(drawn.logs, each, float(rng.uniform()))])
        found.append(drawn.curves.still)
        first += len(drawn.curves.still)
    curves = Curves(known.sums[0][0].cells.edges, np.concatenate(found))
    return FreshCurves(given, np.array(evidence)), replace(link, curves=curves), np.concatenate(rows)
