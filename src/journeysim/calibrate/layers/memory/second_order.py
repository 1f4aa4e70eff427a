"""Order-2 rows of a touchpoint: where customers go next by where they came from, shrunk towards a common row.

    P2[g, c, .] ~ Dirichlet(kappa2 * t_g)          c: the touchpoint before, or "(enter)"
    t_g = theta * P_g / P, divided by its sum      P_g: the persona's order-1 row, P: their mean; t = theta with one persona
    theta ~ Dirichlet(seen * m)                    m: the map's row, the prior of order 1
    log kappa2 ~ Normal(log 20, 1.5)               one for all personas and all c: 90 % of it in 1.7 … 236 customers
    n_gc ~ Multinomial(P2_gc)

Rows are conjugate and integrated out: theta and kappa2 are drawn from their Dirichlet-multinomial posterior
(`student`), then the rows given both. (With theta fixed at the order-1 row, which is made of the same counts, 90 %
intervals held the truth in 86 of 100 cases: rows are drawn to themselves.) How personas differ comes from order 1, where
they are pooled, so one with few customers has no row of its own making. Open spells belong to the link they will take:
links are drawn for them given the row and the draw's own dwells, the row given those, in turn (Gibbs; Tanner and Wong
1987, data augmentation). The order-1 rows stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy import special

from journeysim.calibrate.gates import Gate
from journeysim.calibrate.layers.memory.scores import base_rows
from journeysim.calibrate.layers.memory.seen import Seen
from journeysim.calibrate.numerics.addressed import dirichlet
from journeysim.calibrate.numerics.student import draw_points
from journeysim.calibrate.pooled import KAPPA_SPREAD
from journeysim.calibrate.silence.points import contrasts
from journeysim.model.addresses import name_key
from journeysim.model.quantity import Floats

#: Lower than between personas: rows are drawn only where leaving customers out has shown that they differ.
KAPPA2_MEDIAN: Final = 20.0
_SWEEPS: Final = 10
_AT_ONCE: Final = 500
_LEAST: Final = 1e-300


@final
@dataclass(frozen=True, slots=True, eq=False)
class SecondOrderDraws:
    """Draws of the rows, shape (draw, G, C, J), and of kappa2 (draw,)."""

    rows: Floats
    kappa: Floats
    gates: tuple[Gate, ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class CentreTarget:
    """Log density on flat coordinates: contrasts of log theta, then the standard score of log kappa2."""

    counts: Floats  # (G, C, J)
    ratio: Floats  # (G, J): persona's order-1 row over the personas' mean, 0 where it does not have the link
    alpha: Floats  # (J,)

    def parts(self, at: Floats) -> tuple[Floats, Floats]:
        """Return log theta (point, J) and kappa2 (point,)."""
        raw = at[:, :-1] @ contrasts(len(self.alpha)).T
        return raw - special.logsumexp(raw, axis=-1, keepdims=True), KAPPA2_MEDIAN * np.exp(KAPPA_SPREAD * at[:, -1])

    def log_density(self, at: Floats) -> Floats:
        """Return the log of prior times likelihood, rows integrated out, shape (point,)."""
        return np.concatenate([self._some(at[k : k + _AT_ONCE]) for k in range(0, len(at), _AT_ONCE)])

    def _some(self, at: Floats) -> Floats:
        logs, kappa = self.parts(at)
        pseudo = np.maximum(kappa[:, None, None] * tilted(np.exp(logs)[:, None], self.ratio), _LEAST)[:, :, None]
        size = self.counts.sum(axis=-1)
        whole = kappa[:, None, None]
        rows = np.sum(special.gammaln(pseudo + self.counts) - special.gammaln(pseudo), axis=(1, 2, 3))
        rows += np.sum(special.gammaln(whole) - special.gammaln(whole + size), axis=(1, 2))
        return np.asarray(rows + logs @ self.alpha - 0.5 * at[:, -1] ** 2)


def tilted(theta: Floats, ratio: Floats) -> Floats:
    """Return theta leaned to each persona, over the last axis."""
    raw = theta * ratio
    return np.asarray(raw / raw.sum(axis=-1, keepdims=True))


def draw_second_order(
    seen: Seen, shares: Floats, curves: Floats, kappa: float, personas: tuple[str, ...], seed: int
) -> SecondOrderDraws:
    """Return draws of the order-2 rows.

    `seen` is of all customers; `shares` are the order-1 rows (draw, G, J), `curves` P(dwell > time) (draw, G, B, J);
    `kappa` is where the open spells' first guess comes from.
    """
    counts = seen.done[0] + seen.spread(seen.settle(base_rows(seen), kappa))[0]
    ratio = shares / np.maximum(shares.mean(axis=1, keepdims=True), _LEAST)
    target = CentreTarget(counts, ratio.mean(axis=0), seen.alpha)
    centre = np.log((seen.alpha + counts.sum(axis=(0, 1))) / (seen.alpha.sum() + counts.sum()))
    start = np.append(centre @ contrasts(len(centre)), 0.0)
    what = f'order 2 at "{seen.touchpoint}"'
    at, gates = draw_points(target.log_density, start, draws=len(shares), seed=seed, what=what)
    logs, kappas = target.parts(at)
    prior = kappas[:, None, None] * tilted(np.exp(logs)[:, None], ratio)
    rows = np.zeros((len(shares), *counts.shape))
    for g, persona in enumerate(personas):
        for c, before in enumerate(seen.before):
            names = ("order 2", seen.touchpoint, persona, before)
            if np.any(seen.still[0, g, c]):
                rows[:, g, c] = _with_open(prior[:, g], seen, (g, c), counts[g, c], curves[:, g], names, seed)
            else:
                rows[:, g, c] = _row(prior[:, g] + seen.done[0, g, c], seed, names, seen)
    return SecondOrderDraws(rows, kappas, gates)


def _row(weights: Floats, seed: int, names: tuple[str, ...], seen: Seen) -> Floats:
    return dirichlet(weights, seed, len(weights), [(*names, target) for target in seen.targets])


def _with_open(
    prior: Floats, seen: Seen, at: tuple[int, int], guess: Floats, curves: Floats, names: tuple[str, ...], seed: int
) -> Floats:
    """Return the row where open spells wait: their links and the row, drawn in turn."""
    done, still = seen.done[0][at], seen.still[0][at].astype(np.int64)
    stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, name_key(*names, "open spells")]))
    row = _row(prior + guess, seed, (*names, "start"), seen)
    for sweep in range(_SWEEPS):
        joint = np.maximum(row[:, None] * curves, _LEAST)
        taken = stream.multinomial(still, joint / joint.sum(axis=-1, keepdims=True)).sum(axis=1)
        row = _row(prior + done + taken, seed, (*names, f"sweep {sweep}"), seen)
    return row
