"""The chance that a visit brings nothing, by persona, with partial pooling.

    m ~ Beta(1/2, 1/2)    log kappa ~ Normal(log 15, 1.5)    p_g ~ Beta(kappa m, kappa (1 - m))    z_g ~ Binomial(n_g, p_g)

(m, kappa) live on a grid, where the beta-binomial evidence is exact; with one persona p ~ Beta(1/2 + z, 1/2 + n - z).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import special

from journeysim.model.addresses import uniforms
from journeysim.model.quantity import Floats

_HALF: Final = 0.5
#: How alike personas are, in customers: less than in where they go, as some are invoiced and some are not.
KAPPA_MEDIAN, KAPPA_SPREAD = 15.0, 1.5
#: Equal steps of Beta(1/2, 1/2)'s own distribution function: the prior of m is flat on them.
_CENTRES: Final = np.sin(0.5 * np.pi * (np.arange(400) + 0.5) / 400) ** 2
_SPREADS: Final = np.linspace(-2.5, 2.5, 21)


def zero_chance(zeros: Floats, told: Floats, personas: tuple[str, ...], *, seed: int, draws: int, name: str) -> Floats:
    """Return posterior draws of the chance of zero, shape (draw, persona), given zeros among the told, both (persona,)."""
    u = np.stack([uniforms(seed, draws, "chance of zero", name, persona) for persona in personas], axis=1)
    if len(personas) == 1:
        return np.asarray(special.betaincinv(_HALF + zeros, _HALF + told - zeros, u))
    kappa = KAPPA_MEDIAN * np.exp(KAPPA_SPREAD * _SPREADS)
    a, b = np.outer(_CENTRES, kappa)[..., None], np.outer(1 - _CENTRES, kappa)[..., None]
    logs = np.sum(special.betaln(a + zeros, b + told - zeros) - special.betaln(a, b), axis=-1) - 0.5 * _SPREADS**2
    weights = np.cumsum(np.exp(logs - logs.max()).ravel())
    pick = np.searchsorted(weights, uniforms(seed, draws, "chance of zero", name, "pooled") * weights[-1])
    a, b = a.reshape(-1, 1)[pick], b.reshape(-1, 1)[pick]
    return np.asarray(special.betaincinv(a + zeros, b + told - zeros, u))
