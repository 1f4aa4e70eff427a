"""Shares of the links of every touchpoint, pooled over personas; persona rows are integrated out.

For touchpoint i with links j and personas g (MODEL section 4):

    theta_i ~ Dirichlet(seen_i * m_i)              pooled shares; m_i is the map's row, averaged over its personas
    log kappa_i ~ Normal(log 100, 1.5)             how alike personas are: 90 % of kappa in 8 … 1,180 customers
    P_gi ~ Dirichlet(kappa_i * t_gi)               t_gi is theta_i tilted to the persona's own row of the map, if any
    n_gi ~ Multinomial(P_gi)

The persona rows are conjugate, so (theta, kappa) are drawn with the Dirichlet-multinomial likelihood (`pooled`, by
importance weights, touchpoint by touchpoint), and P_gi from Dirichlet(kappa_i t_gi + n_gi) for each of the draws. With
one persona there is nothing to pool and the row is Dirichlet(seen_i m_i + n_i) exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from journeysim.calibrate.gates import ESS_LIMIT, PARETO_LIMIT, Gate
from journeysim.calibrate.numerics.addressed import dirichlet
from journeysim.calibrate.numerics.student import resample
from journeysim.calibrate.pooled import Pooled, PooledTarget, draw_pooled
from journeysim.model.addresses import uniforms
from journeysim.model.quantity import Floats

#: Weight of a link that the map states at 0: it must stay possible when it is observed.
LEAST_WEIGHT: Final = 0.1


@final
@dataclass(frozen=True, slots=True, eq=False)
class ShareRows:
    """Counts and prior of all rows, padded to the longest one: n touchpoints, G personas, J links.

    `counts` may hold fractions (open spells, spread over the links they may still take).
    """

    touchpoints: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...]
    personas: tuple[str, ...]
    counts: Floats  # (n, G, J)
    weight: Floats  # (n, J) Dirichlet weights of the map; 0 where padded
    tilt: (
        Floats  # (n, G, J) persona's row over the pooled row; 1 where the map makes no difference, 0: has no such link
    )
    present: NDArray[np.bool_]  # (n, J)

    @property
    def alpha(self) -> Floats:
        """The prior's weights, shape (n, J); a tenth of a customer where the map states 0."""
        stated = np.where(self.weight > 0, self.weight, LEAST_WEIGHT)
        return np.where(self.present, stated, 0.0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ShareFit:
    """Draws of the persona rows, shape (draw, n, G, J), of theta (draw, n, J) and kappa (draw, n), and the gates on them.

    With one persona theta and kappa are not there to be learned: the map's row and weight, in every draw.
    """

    shares: Floats
    theta: Floats
    kappa: Floats
    gates: tuple[Gate, ...]


def fit_shares(rows: ShareRows, *, seed: int, draws: int) -> ShareFit:
    """Return so many equally weighted posterior draws of all persona rows, and the gates on the worst touchpoint."""
    n, personas, links = rows.counts.shape
    if n == 0:
        return ShareFit(np.zeros((draws, 0, personas, 0)), np.zeros((draws, 0, 0)), np.zeros((draws, 0)), ())
    if personas == 1:
        alpha = np.tile(rows.alpha, (draws, 1, 1))
        kappa = alpha.sum(axis=-1)
        return ShareFit(_persona_rows(rows, alpha[:, :, None], seed), alpha / kappa[..., None], kappa, ())
    theta, kappa, pseudo = np.zeros((draws, n, links)), np.zeros((draws, n)), np.zeros((draws, *rows.counts.shape))
    found = []
    for i, name in enumerate(rows.touchpoints):
        live = rows.present[i]
        target = PooledTarget(rows.alpha[i, live], rows.tilt[i][:, live], rows.counts[i][:, live])
        pooled = draw_pooled(target, draws=draws, seed=seed, name=name)
        chosen = _chosen(pooled, draws, seed, name)
        theta[:, i, live], kappa[:, i] = np.exp(pooled.log_theta[chosen]), np.exp(pooled.log_kappa[chosen])
        pseudo[:, i][:, :, live] = target.weights(theta[:, i, live], kappa[:, i])
        found.append(pooled)
    gates = (
        Gate("effective draws of pooled shares", min(each.effective for each in found), ESS_LIMIT, "at least"),
        Gate("Pareto k of pooled shares", max(each.tail for each in found), PARETO_LIMIT),
    )
    return ShareFit(_persona_rows(rows, pseudo, seed), theta, kappa, gates)


def _chosen(pooled: Pooled, draws: int, seed: int, name: str) -> NDArray[np.intp]:
    """Return positions drawn with the weights, in an addressed order so that touchpoints do not line up."""
    even, order = (
        uniforms(seed, count, "pooled shares", name, part) for count, part in ((1, "resample"), (draws, "order"))
    )
    return resample(pooled.logs, draws, float(even[0]))[np.argsort(order)]


def _persona_rows(rows: ShareRows, pseudo: Floats, seed: int) -> Floats:
    """Draw P_gi ~ Dirichlet(pseudo + counts), each component at its own address, shape (draw, n, G, J)."""
    draws = len(pseudo)
    shares = np.zeros((draws, *rows.counts.shape))
    for i, (touchpoint, targets) in enumerate(zip(rows.touchpoints, rows.targets, strict=True)):
        live = np.flatnonzero(rows.present[i])
        for g, persona in enumerate(rows.personas):
            weights = pseudo[:, i, g, live] + rows.counts[i, g, live]
            names = [("posterior share", touchpoint, persona, targets[j]) for j in live]
            shares[:, i, g, live] = dirichlet(weights, seed, draws, names)
    return shares
