"""Mean and mean square of a positive value: those of the fitted family, corrected by the values themselves.

No family has the tail of real payments, and the mean, which money hangs on, lives in the tail. So the values behind a
visit are a Dirichlet process with the fitted family as its base and `weight` observations to it (Ferguson 1973): with
few values the mean is the family's, with many it is that of the values, each weighed by the Bayesian bootstrap (Rubin
1981). Per draw, with w ~ Beta(weight, n) and g_b ~ Gamma(count_b) over bins b with middle x_b:

    E[x^k] = w E_family[x^k] + (1 - w) sum g_b x_b^k / sum g_b

Both parts come from the same values, so their draws are put in the same order: an error of one is an error of the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from journeysim.calibrate.counts import Bins
from journeysim.calibrate.numerics.addressed import log_gamma_ppf
from journeysim.model.addresses import uniforms
from journeysim.model.dwell import Family
from journeysim.model.quantity import Floats


def family_moments(family: Family, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return mean and mean square of a log-normal (a median, b sd of the log) or a gamma (a scale, b shape)."""
    if family is Family.GAMMA:
        return a * b, a**2 * b * (1 + b)
    return a * np.exp(b**2 / 2), a**2 * np.exp(2 * b**2)


def value_moments(
    moments: tuple[Floats, Floats], data: Sequence[Bins], *, weight: float, seed: int, names: Sequence[str]
) -> tuple[Floats, Floats]:
    """Return corrected mean and mean square, shape (draw, persona); `names` address the personas' values."""
    first, second = (part.copy() for part in moments)
    draws = len(first)
    for g, (bins, name) in enumerate(zip(data, names, strict=True)):
        if bins.size:
            own_first, own_second = _bootstrap(bins, draws, seed, name)
            order = np.argsort(own_first)[np.argsort(np.argsort(first[:, g]))]
            u = uniforms(seed, draws, "value", name, "family")
            w = special.betaincinv(weight, bins.size, u)
            first[:, g] = w * first[:, g] + (1 - w) * own_first[order]
            second[:, g] = w * second[:, g] + (1 - w) * own_second[order]
    return first, second


def _bootstrap(bins: Bins, draws: int, seed: int, name: str) -> tuple[Floats, Floats]:
    """Return mean and mean square of the values themselves under the Bayesian bootstrap, shape (draw,)."""
    whole, one, two = np.zeros(draws), np.zeros(draws), np.zeros(draws)
    for middle, count in zip(bins.middle.tolist(), bins.count.tolist(), strict=True):
        part = np.exp(log_gamma_ppf(count, uniforms(seed, draws, "value", name, f"{middle:.6e}")))
        whole, one, two = whole + part, one + part * middle, two + part * middle**2
    return one / whole, two / whole
