"""Mean and mean square of a positive value: those of the fitted family, corrected by the values themselves.

No family has the tail of real payments, and the mean, which money hangs on, lives in the tail. So the values behind a
visit are a Dirichlet process with the fitted family as its base and `weight` observations to it (Ferguson 1973): with
few values the mean is the family's, with many it is that of the values, each weighed by the Bayesian bootstrap (Rubin
1981). Per draw, with G ~ Gamma(weight) and g_b ~ Gamma(count_b) over bins b with middle x_b:

    E[x^k] = (G E_family[x^k] + sum g_b x_b^k) / (G + sum g_b)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from journeysim.calibrate.addressed import log_gamma_ppf
from journeysim.calibrate.counts import Bins
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
        base = np.exp(log_gamma_ppf(weight, uniforms(seed, draws, "value", name, "family")))
        whole, one, two = base, base * first[:, g], base * second[:, g]
        for middle, count in zip(bins.middle.tolist(), bins.count.tolist(), strict=True):
            part = np.exp(log_gamma_ppf(count, uniforms(seed, draws, "value", name, f"{middle:.6e}")))
            whole, one, two = whole + part, one + part * middle, two + part * middle**2
        first[:, g], second[:, g] = one / whole, two / whole
    return first, second
