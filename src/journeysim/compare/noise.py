"""Monte Carlo error beside the exact engine: of metrics that rest on walked customers all the same."""

from __future__ import annotations

import numpy as np

from journeysim.model.quantity import Floats
from journeysim.simulate.tally import Tally


def walked_error(tally: Tally, metric: str, values: Floats, share: Floats) -> float:
    """Return the standard error of a metric's mean over draws; 0 where it is exact, NaN where no error is known.

    Parameters
    ----------
    tally
        With a persona axis of length 1.
    metric
        Its name, with the place in brackets where it has one.
    values
        The metric in every draw, (D,).
    share
        Which part of a draw's customers is of this persona, (D,).

    Notes
    -----
    A share p of n customers has the variance p (1 - p) / n, the Net Promoter Score (in points) of promoters p and
    detractors d that of 10,000 (p + d - (p - d)^2) / n. Satisfied visits count as if by different customers.
    """
    kind, paths = metric.partition("[")[0], tally.paths
    if paths is None or kind not in paths.walked:
        return 0.0
    promoters, detractors = paths.promoters[:, 0], paths.detractors[:, 0]
    if kind == "nps":
        single = 1e4 * (promoters + detractors - (promoters - detractors) ** 2)
    elif kind in {"bounce", "reach", "csat", "abandonment"}:
        single = values * (1.0 - values)
    else:
        return float("nan")
    count = paths.walkers * share * _asked(tally, metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(single > 0, single / count, 0.0 * single)
    known = variance[np.isfinite(variance)]
    return float(np.sqrt(known.sum()) / len(known)) if len(known) else float("nan")


def _asked(tally: Tally, metric: str) -> Floats:
    """Return how many of a customer's visits or stages a metric is a share of, (D,); 1 where it is one of customers."""
    kind, _, place = metric.removesuffix("]").partition("[")
    if tally.paths is not None and kind == "abandonment":
        return np.asarray(tally.paths.staged[:, 0, tally.paths.stages.index(place)])
    if kind == "csat":
        return np.asarray(tally.visits[:, 0, tally.touchpoints.index(place)])
    return np.ones(len(tally.converted))
