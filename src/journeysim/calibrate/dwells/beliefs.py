"""What the map believes about the dwell of a link, in the terms that fitting uses."""

from __future__ import annotations

import numpy as np
from scipy import special

from journeysim.calibrate.beliefs import fallback_link, links_at, sd_of_log
from journeysim.calibrate.dwells.mode import DwellBelief
from journeysim.calibrate.prior import seen_on_link
from journeysim.model.draws import TABLE_SIZE
from journeysim.model.dwell import Dwell, Family, quantile_table
from journeysim.model.journey import JourneyMap, Touchpoint
from journeysim.model.quantity import Floats, Quantity

_SHORTEST = 1e-6
_PROBABILITIES = (np.arange(200) + 0.5) / 200


def dwell_belief(journey: JourneyMap, touchpoint: Touchpoint, target: str) -> DwellBelief:
    """Return the belief about a link that is not fixed; personas with a statement of their own are set apart."""
    base = fallback_link(touchpoint, target).belief
    seen = seen_on_link(touchpoint, base)
    sd = max(sd_of_log(base.dwell, base.dwell.shape.mean), 0.05)
    logs = _log_values(base.dwell.scale)
    spread = sd / np.sqrt(seen) if base.dwell.scale.certain else float(np.std(logs))
    mean = mean_of_log(base.dwell)
    apart = tuple(_persona_mean(journey, touchpoint, target, persona, mean) - mean for persona in journey.persona_names)
    return DwellBelief(base.dwell.family, mean, sd, max(spread, 1e-3), seen, journey.persona_names, apart)


def _persona_mean(journey: JourneyMap, touchpoint: Touchpoint, target: str, persona: str, default: float) -> float:
    links = {link.target: link for link in links_at(touchpoint, persona, journey.tenure_ends[-1]).belief}
    return mean_of_log(links[target].dwell) if target in links else default


def mean_of_log(dwell: Dwell) -> float:
    """Return the expected log (days) of a stated dwell that is not fixed."""
    centre, b = float(np.mean(_log_values(dwell.scale))), dwell.shape.mean
    match dwell.family:
        case Family.EXPONENTIAL:
            return centre - float(np.euler_gamma)
        case Family.GAMMA:
            return centre + float(special.digamma(b))
        case Family.WEIBULL:
            return centre - float(np.euler_gamma) / b
        case Family.EMPIRICAL:
            return centre + float(np.mean(np.log(np.maximum(quantile_table(dwell, TABLE_SIZE), _SHORTEST))))
        case _:
            return centre


def _log_values(scale: Quantity) -> Floats:
    return np.asarray(np.log(np.maximum(scale.ppf(_PROBABILITIES), _SHORTEST)))
