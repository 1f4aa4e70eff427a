"""Two forecasts that know nothing of the journey: as in the last period, and as on average so far.

Both get an honest spread, so that their CRPS can stand beside the model's. With y_1 … y_k the periods so far:

    last      y_k + e,   var e the larger of the mean square of past changes over as many periods, and of two counts
    average   mean + e sqrt(1 + 1/k),   var e the larger of the sample variance and of one count; Student-t with k - 1

("of a count": Poisson, a variance of max(y, 1) for a figure that counts customers; nothing for others).
"""

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats

_DRAWS = 400
_PROBABILITIES = (np.arange(_DRAWS) + 0.5) / _DRAWS


def last_period(past: Floats, ahead: int, *, counts: bool) -> Floats | None:
    """Return a sample of the forecast by the last period, `ahead` periods on; None without a past."""
    seen = past[np.isfinite(past)]
    if len(past) == 0 or not np.isfinite(past[-1]) or (len(seen) < 2 and not counts):
        return None
    changes = past[ahead:] - past[:-ahead]
    changes = changes[np.isfinite(changes)]
    if len(changes) == 0:
        changes = np.diff(seen)
    square = float(np.mean(changes**2)) if len(changes) else 0.0
    sd = np.sqrt(max(square, 2 * max(float(past[-1]), 1.0) if counts else 0.0))
    return _sample(float(past[-1]), sd, max(len(changes), 1))


def observed_average(past: Floats, *, counts: bool) -> Floats | None:
    """Return a sample of the forecast by the average so far; None where there is too little past."""
    seen = past[np.isfinite(past)]
    k = len(seen)
    if k == 0 or (k < 2 and not counts):
        return None
    mean = float(seen.mean())
    spread = float(seen.var(ddof=1)) if k > 1 else 0.0
    sd = np.sqrt(max(spread, max(mean, 1.0) if counts else 0.0) * (1 + 1 / k))
    return _sample(mean, sd, max(k - 1, 1))


def _sample(centre: float, sd: float, freedom: int) -> Floats:
    """Return evenly spaced quantiles of a Student-t around the centre, nothing below 0."""
    from scipy import special

    scale = special.stdtrit(max(freedom, 3), _PROBABILITIES)
    return np.asarray(np.maximum(centre + sd * scale, 0.0))
